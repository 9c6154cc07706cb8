"""Answers of a model to examples, on all ranks, each example once."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from accelerate.utils import gather_object
from transformers import LogitsProcessorList

from data_builders.errors import InputError
from data_builders.example import Example
from data_builders.files import ProgressBar
from eval.prediction import Prediction
from finetune.batches.completions import end_tokens
from finetune.batches.data import Tokens
from finetune.batches.shared_rows import head_mask
from language_models.confidence import Likelihood

MAX_NEW_TOKENS = 128  # of an answer, where the run does not say


def deal(lengths: list[int], size: int, rank: int, ranks: int) -> list[list[int]]:
    """The batches of one rank, longest examples first; every rank gets the same number, the last ones may be
    empty.

    >>> deal([3, 9, 5, 7, 1], size=2, rank=0, ranks=2), deal([3, 9, 5, 7, 1], size=2, rank=1, ranks=2)
    ([[1, 3], [4]], [[2, 0], []])
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    turns = -(-len(batches) // ranks)
    return [
        batches[turn * ranks + rank] if turn * ranks + rank < len(batches) else [] for turn in range(turns)
    ]


def predict(
    model: Any, tokenizer: Any, examples: list[Example], tokens: Tokens, *, size: int, device: Any, rank: int = 0, ranks: int = 1,
    sharded: bool = False, max_new_tokens: int = MAX_NEW_TOKENS, num_beams: int = 1, translator: Any = None,
) -> list[Prediction]:  # fmt: skip
    """Predictions for the examples, in their order, the same list on every rank. Greedy decoding unless
    `num_beams` says otherwise.

    sharded: the weights are spread over the ranks (ZeRO-3), so that all must take part in every step of each
        other's generation.
    translator: a `finetune.run.fast_predict.Translator` that answers instead of the model.
    finish_reason is `stop` where the model ended its answer, `length` where `max_new_tokens` did.
    """
    model.eval()
    own: list[tuple[int, Prediction]] = []
    lengths = tokens.lengths
    batches = deal(lengths, size, rank, ranks)
    for batch in _progress(batches, len(examples), ranks) if rank == 0 else batches:
        if not batch and not sharded:
            continue
        start = time.perf_counter()
        asked = batch or [0]
        heads = tokens.heads and [tokens.heads[i] for i in asked]
        sources = [tokens[i]["input_ids"] for i in asked]
        try:
            if translator is None:
                answers = generate(
                    model, tokenizer, sources, device, max_new_tokens, num_beams, sharded, heads
                )
            else:
                answers = translator.generate(sources, max_new_tokens)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            what = f"{len(sources)} questions of up to {max(map(len, sources))} tokens at once"
            raise InputError(f"out of memory answering {what}; lower --per_device_eval_batch_size") from None
        seconds = (time.perf_counter() - start) / max(len(batch), 1)
        for i, (text, stopped, count, sure) in zip(
            batch, answers, strict=False
        ):  # a rank that only takes part keeps nothing
            reason = "stop" if stopped else "length"
            own.append((i, Prediction(examples[i].id, text, reason, lengths[i], count, seconds, sure)))
    found = dict(gather_object(own))
    return [found[i] for i in range(len(examples))]


class Said(NamedTuple):
    """A text, whether the model ended it, its tokens without the end mark, and how sure the model was of it
    (see Prediction).
    """

    text: str
    stopped: bool
    tokens: int
    confidence: float | None


def generate(
    model: Any, tokenizer: Any, sources: list[list[int]], device: Any, max_new_tokens: int, num_beams: int = 1, sharded: bool = False,
    heads: list[int] | None = None,
) -> list[Said]:  # fmt: skip
    """What the model says to each list of source ids.

    heads: how many tokens of each tell the graph, for a model that reads these by themselves
        (`finetune.batches.shared_rows`).
    """
    decoder_only = (
        not model.config.is_encoder_decoder
    )  # it writes on where the question ends, so the padding stands before it
    ends = {tokenizer.eos_token_id, *(end_tokens(model, tokenizer) if decoder_only else [])}
    width = max(map(len, sources))

    def padded(row: list[int], value: int) -> list[int]:
        padding = [value] * (width - len(row))
        return padding + row if decoder_only else row + padding

    ids = torch.tensor([padded(row, tokenizer.pad_token_id) for row in sources], device=device)
    mask = torch.tensor([padded([1] * len(row), 0) for row in sources], device=device)
    with torch.inference_mode():
        read = (
            {"input_ids": ids}
            if heads is None
            else {"encoder_outputs": model.get_encoder()(ids, attention_mask=head_mask(mask, heads))}
        )
        sure = Likelihood() if num_beams == 1 else None
        out = model.generate(
            **read, attention_mask=mask, max_new_tokens=max_new_tokens, num_beams=num_beams, do_sample=False, synced_gpus=sharded,
            logits_processor=LogitsProcessorList([sure] if sure else []),
        )  # fmt: skip
    rows = out[
        :, width if decoder_only else 1 :
    ].tolist()  # an encoder-decoder's first token is the decoder's start
    counts = [next((i for i, token in enumerate(row) if token in ends), len(row)) for row in rows]
    confidences = (
        sure.rows([min(n + 1, len(row)) for row, n in zip(rows, counts, strict=True)])
        if sure
        else [None] * len(rows)
    )
    return [
        Said(tokenizer.decode(row[:n], skip_special_tokens=True), n < len(row), n, confidence)
        for row, n, confidence in zip(rows, counts, confidences, strict=True)
    ]


def is_out_of_memory(error: RuntimeError) -> bool:
    """On a GPU it has a class of its own, on a CPU only words."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _progress(batches: list[list[int]], total: int, ranks: int) -> Iterator[list[int]]:
    """The batches of this rank, with a bar that counts those of all ranks."""
    with ProgressBar("predict", total) as bar:
        done = 0
        for batch in batches:
            yield batch
            done = min(total, done + len(batch) * ranks)
            bar.update(done)
