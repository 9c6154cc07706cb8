"""Examples as token ids, and the batches that training takes them in."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import Any

import numpy as np
from torch.utils.data import Dataset, Sampler

from data_builders.errors import InputError
from data_builders.example import Example
from eval.prediction import Prediction
from eval.scoring.scorer import score
from finetune.batches.tokenizer import spelled_edges

SPREAD = 0.05  # how far examples of different length may mix, as a share of the length


def shortened(example: Example) -> Example:
    """The example with the shortest form of its answer that is scored as the same: `Yes`, `3`, `no path`.

    GraphQA's `There is no path from node 3 to node 5.` asks a model to copy two names before it is right
    about the graph.
    """
    return replace(example, answer=score(example, Prediction(example.id, example.answer)).parsed)


class Tokens(Dataset[dict[str, list[int]]]):
    """Token ids of examples, flat, so that a million examples are two arrays and not a hundred million Python
    objects.

    ids: the examples' ids, for messages. prefix_lengths: tokens of each question that tell the graph, where
    these are read by themselves. Item i is
    {"input_ids": [..], "attention_mask": [1, ..], "labels": [..]} with the end token in place.
    """

    def __init__(self, sources: list[list[int]], targets: list[list[int]], ids: Sequence[str] = ()) -> None:
        self.ids = ids
        self.prefix_lengths: list[int] | None = None
        self.sources, self.source_ends = _flat(sources)
        self.targets, self.target_ends = _flat(targets)

    def __len__(self) -> int:
        return len(self.source_ends) - 1

    def __getitem__(self, i: int) -> dict[str, list[int]]:
        source = self.sources[self.source_ends[i] : self.source_ends[i + 1]].tolist()
        return {
            "input_ids": source,
            "attention_mask": [1] * len(source),
            "labels": self.targets[self.target_ends[i] : self.target_ends[i + 1]].tolist(),
        }

    @property
    def lengths(self) -> list[int]:
        """Source length of each example in tokens."""
        return list(np.diff(self.source_ends).tolist())

    @property
    def target_lengths(self) -> list[int]:
        """Answer length of each example in tokens, end token included."""
        return list(np.diff(self.target_ends).tolist())


def _flat(rows: list[list[int]]) -> tuple[Any, Any]:
    ends = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
    return np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=int(ends[-1])), ends


def encode(examples: list[Example], tokenizer: Any, max_source_length: int, max_target_length: int) -> Tokens:
    """Tokenise questions and answers; nothing is cut.

    InputError for a text that is longer than the model's limit, or that the tokenizer cannot represent.
    """
    sources = _encode(examples, [e.question for e in examples], tokenizer, max_source_length, "question")
    targets = _encode(examples, [e.answer for e in examples], tokenizer, max_target_length, "answer")
    return Tokens(sources, targets, [e.id for e in examples])


def _encode(
    examples: list[Example], texts: list[str], tokenizer: Any, limit: int, what: str
) -> list[list[int]]:
    rows: list[list[int]] = []
    for start in range(0, len(texts), 1000):
        rows += tokenizer(texts[start : start + 1000], truncation=False, verbose=False)["input_ids"]
    check_ids(examples, what, rows, tokenizer, limit)
    return rows


def check_ids(examples: list[Example], what: str, rows: list[list[int]], tokenizer: Any, limit: int) -> None:
    """InputError where the ids of a question or an answer are too many, or hold the unknown token."""
    for example, ids in zip(examples, rows, strict=True):
        if len(ids) > limit:
            where = (
                f"{example.id}: the {what} is {len(ids)} tokens long in encoder {example.encoder}, "
                f"over the limit of {limit}"
            )
            if edges := spelled_edges(tokenizer, [e.graph for e in examples]):
                raise InputError(
                    f"{where}: this tokenizer spells {edges:,} of the dataset's edges in pieces, since it "
                    "does not know their names; train again with this dataset among --tokenizer_datasets"
                )
            flag = "max_source_length" if what == "question" else "max_target_length"
            raise InputError(
                f"{where}; set {flag} to {len(ids)} or more, or build with smaller graphs or a shorter "
                "encoder"
            )
        if tokenizer.unk_token_id is not None and tokenizer.unk_token_id in ids:
            text = example.question if what == "question" else example.answer
            raise InputError(
                f"{example.id}: the tokenizer has no token for {unknown_symbol(text, tokenizer)!r} "
                f"in the {what} (encoder {example.encoder}); a from-scratch tokenizer takes it from a "
                "dataset named in tokenizer_datasets"
            )


def unknown_symbol(text: str, tokenizer: Any) -> str:
    """The piece of the text that became the unknown token."""
    coded = tokenizer(text, return_offsets_mapping=True, verbose=False)
    start, end = coded["offset_mapping"][coded["input_ids"].index(tokenizer.unk_token_id)]
    return text[start:end]


def cut(lengths: Sequence[int], max_tokens: int | None, size: int, ranks: int) -> list[int]:
    """Where sorted examples are cut into batches: ends of batches, a multiple of `ranks` of them, so that no
    rank waits for another.

    A batch holds `size` examples, or as many as fit `max_tokens` with padding (one at least). To make their
    number divide, the largest are halved, or, where there are too few examples for that, the shortest are
    joined.

    >>> cut([10, 10, 20, 20, 40], max_tokens=40, size=0, ranks=1)
    [2, 3, 4, 5]
    >>> cut([10] * 6, None, size=4, ranks=2)
    [4, 6]
    """
    if len(lengths) < ranks:
        raise InputError(f"{len(lengths)} training examples cannot be shared by {ranks} processes")
    ends: list[int] = []
    start = 0
    for i, length in enumerate(lengths):
        # the longest example that a shuffled batch can hold here is SPREAD longer than the sorted one
        full = (
            i - start >= size if max_tokens is None else (i - start + 1) * length * (1 + SPREAD) > max_tokens
        )
        if full and i > start:
            ends.append(i)
            start = i
    ends.append(len(lengths))
    more = -len(ends) % ranks
    if len(ends) + more > len(lengths):
        return ends[len(ends) % ranks :]
    for _ in range(more):
        widest = max(pairwise([0, *ends]), key=lambda span: span[1] - span[0])
        ends = sorted([*ends, sum(widest) // 2])
    return ends


def deal(lengths: list[int], size: int, rank: int, ranks: int) -> list[list[int]]:
    """Return the batches of one rank, longest examples first, as indices.

    Every rank gets the same number of batches; the last ones may be empty.

    >>> deal([3, 9, 5, 7, 1], size=2, rank=0, ranks=2), deal([3, 9, 5, 7, 1], size=2, rank=1, ranks=2)
    ([[1, 3], [4]], [[2, 0], []])
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    batches += [[]] * (-len(batches) % ranks)
    return batches[rank::ranks]


class Batches(Sampler[list[int]]):
    """Batches of examples of similar length, in an order that depends on the seed and the epoch alone.

    Every epoch has the same number of batches of the same sizes; which examples share a batch changes.
    Batches that the ranks take at the same time are neighbours in length. Each example comes once per epoch.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        seed: int,
        *,
        max_tokens: int | None = None,
        size: int = 8,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.lengths, self.seed, self.rank, self.ranks = lengths, seed, rank, ranks
        self.ends = cut(sorted(lengths), max_tokens, size, ranks)
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.ends) // self.ranks

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        rng = random.Random(f"{self.seed}/batches/{self.epoch}")
        keys = [length * (1 + SPREAD * rng.random()) for length in self.lengths]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        batches = [order[start:end] for start, end in pairwise([0, *self.ends])]
        turns = list(range(len(self)))
        rng.shuffle(turns)
        for turn in turns:
            yield batches[turn * self.ranks + self.rank]
