"""A T5 that reads a graph by itself, before it sees the question: where its text is split, and its mask.

Such a model was trained on rows of several questions about one graph (`finetune.batches.shared_rows`). The
graph's tokens do not see a question; each question sees the graph and itself. The model is asked in the same
way, since a plain T5 lets the graph's tokens see the question. Its folder says so: `share_graphs` in
config.json.
"""

from collections.abc import Sequence
from typing import Any

import torch

GRAPH, PADDING = 0, -1  # segment ids of a row; its questions are 1, 2, ...


def reads_graphs_alone(model: Any) -> bool:
    """Return whether a model was trained to read graphs by themselves."""
    return bool(getattr(model.config, "share_graphs", False))


def split_question(text: str) -> tuple[str, str]:
    r"""Return a question's text as the graph and what is asked about it.

    >>> split_question("G has nodes 0, 1.\nQ: Is there a cycle?\nA: ")
    ('G has nodes 0, 1.\n', 'Q: Is there a cycle?\nA: ')
    """
    start = text.rfind("\nQ: ") + 1
    return text[:start], text[start:]


def encode_questions(texts: Sequence[str], tokenizer: Any) -> tuple[list[list[int]], list[int]]:
    """Return each text's token ids, graph and question coded apart, and the graphs' lengths in tokens."""
    graphs: dict[str, list[int]] = {}
    ids, prefix_lengths = [], []
    for text in texts:
        graph, question = split_question(text)
        if graph not in graphs:
            graphs[graph] = tokenizer(graph, add_special_tokens=False, verbose=False)["input_ids"]
        ids.append(graphs[graph] + tokenizer(question, verbose=False)["input_ids"])
        prefix_lengths.append(len(graphs[graph]))
    return ids, prefix_lengths


def block_mask(
    queries: torch.Tensor, segment_ids: torch.Tensor, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Return the additive mask (rows, 1, queries, keys) in which every segment sees the graph and itself.

    queries, segment_ids: (rows, tokens) segment ids of the tokens that look, and of those that are seen.
    """
    keys = segment_ids[:, None, :]
    return additive_mask((keys == GRAPH) | ((keys == queries[:, :, None]) & (keys != PADDING)), dtype)


def additive_mask(visible: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return 0 where (rows, queries, keys) is visible and the dtype's least number elsewhere, per head."""
    lowest = torch.finfo(dtype).min
    return torch.zeros_like(visible, dtype=dtype).masked_fill(~visible, lowest)[:, None]


def prefix_mask(mask: torch.Tensor, prefix_lengths: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """Return the encoder's mask for rows of one question each.

    mask: (rows, tokens), 1 where a token is. prefix_lengths: tokens of each row's graph.
    """
    position = torch.arange(mask.shape[1], device=mask.device)[None]
    question = (position >= torch.tensor(prefix_lengths, device=mask.device)[:, None]).long()
    segment_ids = torch.where(mask.bool(), question, PADDING)
    return block_mask(segment_ids, segment_ids, dtype)
