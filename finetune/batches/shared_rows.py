"""Several questions about one graph in one row, so that the graph is read once.

The graph's tokens do not see a question, each question sees the graph and itself, each answer the graph, its
question and itself; every question stands where it would stand alone, right after the graph. So its loss is
the same as alone, and a row of K questions costs one graph and K questions instead of K of both. A model that
learned so is also asked so (`language_models.shared_graphs`).
"""

from functools import partial
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers.models.t5.modeling_t5 import T5Attention

from data_builders.example import Example
from finetune.batches.data import Tokens, check_ids
from finetune.batches.loss import IGNORED
from language_models.shared_graphs import GRAPH, PADDING, additive_mask, block_mask, encode_questions

MAX_QUESTIONS_PER_ROW = 16
# What a row's hook takes out of a batch before the model's own arguments.
LAYOUT = ("segment_ids", "positions", "answer_segment_ids", "answer_positions")


def encode_shared(
    examples: list[Example], tokenizer: Any, max_source_length: int, max_target_length: int
) -> Tokens:
    """Return what `finetune.batches.data.encode` does, with graph and question coded apart.

    `prefix_lengths` of the tokens says where the question begins.
    """
    sources, prefix_lengths = encode_questions([e.question for e in examples], tokenizer)
    targets = tokenizer([e.answer for e in examples], verbose=False)["input_ids"]
    check_ids(examples, "question", sources, tokenizer, max_source_length)
    check_ids(examples, "answer", targets, tokenizer, max_target_length)
    tokens = Tokens(sources, targets, [e.id for e in examples])
    tokens.prefix_lengths = prefix_lengths
    return tokens


class SharedRows(Dataset[dict[str, list[int]]]):
    """Rows of up to MAX_QUESTIONS_PER_ROW questions that share a graph's text, each example in one row.

    Graphs come in the order of their first example. Item i holds input_ids, segment_ids (GRAPH, or the number
    of the question) and positions, and the same of the answers: labels, decoder_input_ids,
    answer_segment_ids, answer_positions.
    lengths: tokens of graph and questions of each row; target_lengths: those of the answers.
    """

    def __init__(self, tokens: Tokens, start: int) -> None:
        prefixes = tokens.prefix_lengths or []
        self.tokens, self.prefix_lengths, self.start = tokens, prefixes, start
        groups: dict[bytes, list[int]] = {}
        for i, length in enumerate(prefixes):
            first = tokens.source_ends[i]
            groups.setdefault(tokens.sources[first : first + length].tobytes(), []).append(i)
        most = MAX_QUESTIONS_PER_ROW
        self.rows = [group[k : k + most] for group in groups.values() for k in range(0, len(group), most)]
        sources, targets = tokens.lengths, tokens.target_lengths
        self.lengths = [prefixes[row[0]] + sum(sources[i] - prefixes[i] for i in row) for row in self.rows]
        self.target_lengths = [sum(targets[i] for i in row) for row in self.rows]
        self.ids = [" + ".join(tokens.ids[i] for i in row) for row in self.rows]
        self.questions = len(prefixes)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> dict[str, list[int]]:
        row = self.rows[i]
        graph = self.prefix_lengths[row[0]]
        out: dict[str, list[int]] = {
            "input_ids": self.tokens[row[0]]["input_ids"][:graph],
            "segment_ids": [GRAPH] * graph,
            "positions": list(range(graph)),
        }
        out |= {key: [] for key in ("labels", "decoder_input_ids", "answer_segment_ids", "answer_positions")}
        for segment, k in enumerate(row, start=1):
            question, answer = self.tokens[k]["input_ids"][graph:], self.tokens[k]["labels"]
            out["input_ids"] += question
            out["segment_ids"] += [segment] * len(question)
            out["positions"] += range(graph, graph + len(question))
            out["labels"] += answer
            out["decoder_input_ids"] += [self.start, *answer[:-1]]
            out["answer_segment_ids"] += [segment] * len(answer)
            out["answer_positions"] += range(len(answer))
        return out


def collate(rows: list[dict[str, list[int]]], pad: int, multiple: int = 1) -> dict[str, torch.Tensor]:
    """Return a batch: (rows, longest row, rounded up to a multiple) of each key, padded at the end."""
    fill = {"input_ids": pad, "decoder_input_ids": pad, "labels": IGNORED}
    fill |= {"segment_ids": PADDING, "answer_segment_ids": PADDING}
    batch = {}
    for key in rows[0]:
        width = -(-max(len(row[key]) for row in rows) // multiple) * multiple
        batch[key] = torch.tensor([row[key] + [fill.get(key, 0)] * (width - len(row[key])) for row in rows])
    return {**batch, "attention_mask": batch["segment_ids"].ne(PADDING).long()}


def accept_shared_rows(model: Any) -> None:
    """Let a T5, in place, take batches of SharedRows; other batches are taken as before.

    It can be called on any T5, once.
    """
    layout: dict[str, torch.Tensor] = {}

    def before(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        layout.clear()
        if "segment_ids" in kwargs:
            segments, layout["encoder"], answers, layout["decoder"] = (kwargs.pop(key) for key in LAYOUT)
            layout["mask"] = layout["is_row"] = block_mask(segments, segments)
            same = answers[:, :, None] == answers[:, None, :]
            causal = layout["decoder"][:, :, None] >= layout["decoder"][:, None, :]
            kwargs |= {
                "attention_mask": block_mask(answers, segments),
                "decoder_attention_mask": additive_mask(same & causal),
            }
        return args, kwargs

    def before_encoder(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        if layout.pop("is_row", None) is None:  # called for generation, and not by the model's own forward
            layout.clear()
            return args, kwargs
        return args, {**kwargs, "attention_mask": layout["mask"]}

    model.register_forward_pre_hook(before, with_kwargs=True)
    model.encoder.register_forward_pre_hook(before_encoder, with_kwargs=True)
    for name in ("encoder", "decoder"):
        attention = getattr(model, name).block[0].layer[0].SelfAttention
        attention.compute_bias = partial(position_bias, attention, layout, name)


def position_bias(
    attention: Any, layout: dict[str, torch.Tensor], name: str, *args: Any, **kwargs: Any
) -> torch.Tensor:
    """Return T5's bias by distance, (rows or 1, heads, tokens, tokens), for any positions of tokens."""
    if name not in layout:
        plain: torch.Tensor = T5Attention.compute_bias(attention, *args, **kwargs)  # type: ignore[no-untyped-call]
        return plain
    positions = layout[name]
    bucket = attention._relative_position_bucket(
        positions[:, None, :] - positions[:, :, None],
        bidirectional=not attention.is_decoder,
        num_buckets=attention.relative_attention_num_buckets,
        max_distance=attention.relative_attention_max_distance,
    )
    bias: torch.Tensor = attention.relative_attention_bias(bucket)
    return bias.permute(0, 3, 1, 2)
