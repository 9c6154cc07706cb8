"""Several questions about one graph in one row, so that the graph is read once.

The graph's tokens do not see a question, each question sees the graph and itself, each answer the graph, its
question and itself; every question stands where it would stand alone, right after the graph. So its loss is
the same as alone, and a row of K questions costs one graph and K questions instead of K of both. A model that
learned so is also asked so (`config.share_graphs`), since a plain T5 lets the graph's tokens see the
question.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers.models.t5.modeling_t5 import T5Attention

from data_builders.example import Example
from finetune.batches.data import Tokens, check_ids
from finetune.batches.loss import IGNORED

MOST = 16  # questions in a row
GRAPH, PADDING = 0, -1  # parts of a row; its questions are 1, 2, ...
LAYOUT = ("parts", "positions", "answer_parts", "answer_positions")


def split_question(text: str) -> tuple[str, str]:
    r"""A question's text as the graph and what is asked about it.

    >>> split_question("G has nodes 0, 1.\nQ: Is there a cycle?\nA: ")
    ('G has nodes 0, 1.\n', 'Q: Is there a cycle?\nA: ')
    """
    start = text.rfind("\nQ: ") + 1
    return text[:start], text[start:]


def encode_shared(
    examples: list[Example], tokenizer: Any, max_source_length: int, max_target_length: int
) -> Tokens:
    """As `finetune.batches.data.encode`, with the graph's text and the question coded apart; `heads` of the
    tokens says where.
    """
    graphs: dict[str, list[int]] = {}
    sources, heads = [], []
    for example in examples:
        graph, asked = split_question(example.question)
        if graph not in graphs:
            graphs[graph] = tokenizer(graph, add_special_tokens=False, verbose=False)["input_ids"]
        ids = graphs[graph] + tokenizer(asked, verbose=False)["input_ids"]
        check_ids(example, "question", ids, tokenizer, max_source_length)
        sources.append(ids)
        heads.append(len(graphs[graph]))
    targets = tokenizer([e.answer for e in examples], verbose=False)["input_ids"]
    for example, ids in zip(examples, targets, strict=True):
        check_ids(example, "answer", ids, tokenizer, max_target_length)
    tokens = Tokens(sources, targets, [e.id for e in examples])
    tokens.heads = heads
    return tokens


class SharedRows(Dataset[dict[str, list[int]]]):
    """Rows of up to MOST questions that share a graph's text, each example in one row; graphs come in the
    order of their first example.

    Item i: input_ids, parts (GRAPH, or the number of the question), positions, and the same of the answers:
    labels, decoder_input_ids, answer_parts, answer_positions. lengths: tokens of graph and questions of each
    row; target_lengths: those of the answers.
    """

    def __init__(self, tokens: Tokens, start: int) -> None:
        heads = tokens.heads or []
        self.tokens, self.heads, self.start = tokens, heads, start
        groups: dict[bytes, list[int]] = {}
        for i, head in enumerate(heads):
            first = tokens.source_ends[i]
            groups.setdefault(tokens.sources[first : first + head].tobytes(), []).append(i)
        self.rows = [group[k : k + MOST] for group in groups.values() for k in range(0, len(group), MOST)]
        sources, targets = tokens.lengths, tokens.target_lengths
        self.lengths = [heads[row[0]] + sum(sources[i] - heads[i] for i in row) for row in self.rows]
        self.target_lengths = [sum(targets[i] for i in row) for row in self.rows]
        self.ids = [" + ".join(tokens.ids[i] for i in row) for row in self.rows]
        self.questions = len(heads)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> dict[str, list[int]]:
        row = self.rows[i]
        head = self.heads[row[0]]
        out: dict[str, list[int]] = {
            "input_ids": self.tokens[row[0]]["input_ids"][:head],
            "parts": [GRAPH] * head,
        }
        out["positions"] = list(range(head))
        out.update({key: [] for key in ("labels", "decoder_input_ids", "answer_parts", "answer_positions")})
        for part, k in enumerate(row, start=1):
            question, answer = self.tokens[k]["input_ids"][head:], self.tokens[k]["labels"]
            out["input_ids"] += question
            out["parts"] += [part] * len(question)
            out["positions"] += range(head, head + len(question))
            out["labels"] += answer
            out["decoder_input_ids"] += [self.start, *answer[:-1]]
            out["answer_parts"] += [part] * len(answer)
            out["answer_positions"] += range(len(answer))
        return out


def collate(rows: list[dict[str, list[int]]], pad: int) -> dict[str, torch.Tensor]:
    """A batch: (rows, longest row) of each key, padded at the end."""
    fill = {
        "input_ids": pad,
        "decoder_input_ids": pad,
        "labels": IGNORED,
        "parts": PADDING,
        "answer_parts": PADDING,
    }
    batch = {}
    for key in rows[0]:
        width = max(len(row[key]) for row in rows)
        batch[key] = torch.tensor([row[key] + [fill.get(key, 0)] * (width - len(row[key])) for row in rows])
    return {**batch, "attention_mask": batch["parts"].ne(PADDING).long()}


def reads(asking: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
    """Additive mask (rows, 1, asking, parts): every part reads the graph and itself."""
    key = parts[:, None, :]
    return additive((key == GRAPH) | ((key == asking[:, :, None]) & (key != PADDING)))


def additive(visible: torch.Tensor) -> torch.Tensor:
    return torch.where(visible, 0.0, torch.finfo(torch.float32).min)[:, None]


def head_mask(mask: torch.Tensor, heads: Sequence[int]) -> torch.Tensor:
    """The encoder's mask for rows of one question each. mask: (rows, tokens), 1 where a token is; heads:
    tokens of each row's graph.
    """
    place = torch.arange(mask.shape[1], device=mask.device)[None]
    asked = (place >= torch.tensor(heads, device=mask.device)[:, None]).long()
    parts = torch.where(mask.bool(), asked, PADDING)
    return reads(parts, parts)


def reads_graphs_alone(model: Any) -> bool:
    """Whether a model was trained so, and is to be asked so."""
    return bool(getattr(model.config, "share_graphs", False))


def share(model: Any) -> None:
    """Teach a T5, in place, to take rows of SharedRows. Other batches are taken as before, so it can be
    called on any T5, once.
    """
    layout: dict[str, torch.Tensor] = {}

    def before(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        layout.clear()
        if "parts" in kwargs:
            parts, layout["encoder"], answers, layout["decoder"] = (kwargs.pop(key) for key in LAYOUT)
            layout["mask"] = layout["asked"] = reads(parts, parts)
            own = (answers[:, :, None] == answers[:, None, :]) & (
                layout["decoder"][:, :, None] >= layout["decoder"][:, None, :]
            )
            kwargs |= {"attention_mask": reads(answers, parts), "decoder_attention_mask": additive(own)}
        return args, kwargs

    def before_encoder(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        if layout.pop("asked", None) is None:  # called for generation, not by `before`'s model
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
    """T5's bias by distance (rows or 1, heads, tokens, tokens), where a row's positions are not 0, 1, 2,
    ...
    """
    if name not in layout:
        plain: torch.Tensor = T5Attention.compute_bias(attention, *args, **kwargs)  # type: ignore[no-untyped-call]
        return plain
    places = layout[name]
    bucket = attention._relative_position_bucket(
        places[:, None, :] - places[:, :, None],
        bidirectional=not attention.is_decoder,
        num_buckets=attention.relative_attention_num_buckets,
        max_distance=attention.relative_attention_max_distance,
    )
    bias: torch.Tensor = attention.relative_attention_bias(bucket)
    return bias.permute(0, 3, 1, 2)
