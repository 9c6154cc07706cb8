"""Greedy decoding of a batch of prompts by a decoder-only model: rows leave when they are done, and a common
beginning is read once.
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import DynamicCache

from language_models.confidence import picked

_SHARED, _FEWEST = (
    0.4,
    32,
)  # share of a prompt, and tokens, from which on a common beginning is worth a pass of its own
_LEAVE = 0.25  # share of rows that are done, from which on the others are worth a smaller batch


@torch.inference_mode()
def read_prefix(model: Any, prefix: Sequence[int]) -> Any:
    """Keys and values, of one row, of tokens that many prompts begin with; None where there are none."""
    if not prefix:
        return None
    return model(input_ids=torch.tensor([list(prefix)], device=model.device), use_cache=True).past_key_values


@torch.inference_mode()
def greedy(
    model: Any,
    rows: Sequence[Sequence[int]],
    shared: int,
    prefix: Any,
    new: int,
    ends: Callable[[Sequence[int]], bool],
    never: int | None,
    pad: int,
) -> list[tuple[list[int], float]]:
    """The likeliest new tokens of each row, at most `new`, up to and with the one at which it `ends`, and
    their probability.

    shared, prefix: how many tokens all rows begin with, and what `read_prefix` made of them. never: a token
    that is not generated. The rest of each prompt is padded on the left, so a row is [prefix, padding, rest];
    the mask hides the padding, and positions are counted by the mask.
    """
    device = model.device
    longest = max(len(row) for row in rows) - shared
    tokens = torch.tensor(
        [[pad] * (longest - len(row) + shared) + list(row[shared:]) for row in rows], device=device
    )
    mask = torch.tensor(
        [[1] * shared + [0] * (longest - len(row) + shared) + [1] * (len(row) - shared) for row in rows],
        device=device,
    )
    cache = DynamicCache(config=model.config) if prefix is None else copy.deepcopy(prefix)
    if prefix is not None:
        cache.batch_repeat_interleave(len(rows))
    positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, shared:]
    last = {"logits_to_keep": 1} if model._supports_logits_to_keep() else {}
    written: list[list[int]] = [[] for _ in rows]
    sure = [0.0] * len(rows)  # logarithms
    alive, done = list(range(len(rows))), [False] * len(rows)
    while True:
        out = model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            **last,
        )
        scores = out.logits[:, -1].float()
        if never is not None:
            scores[:, never] = -torch.inf
        chosen = scores.argmax(-1)
        for row, token, added in zip(alive, chosen.tolist(), picked(scores).tolist(), strict=True):
            if not done[row]:
                written[row].append(token)
                sure[row] += added
                done[row] = len(written[row]) >= new or ends(written[row])
        left = [i for i, row in enumerate(alive) if not done[row]]
        if not left:
            return [(tokens, math.exp(logarithm)) for tokens, logarithm in zip(written, sure, strict=True)]
        if len(left) <= (1 - _LEAVE) * len(alive):
            keep = torch.tensor(left, device=device)
            cache.batch_select_indices(keep)
            chosen, mask, positions, alive = (
                chosen[keep],
                mask[keep],
                positions[keep],
                [alive[i] for i in left],
            )
        tokens, positions = chosen[:, None], positions[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones(len(alive), 1)], 1)


def can_decode(model: Any) -> bool:
    """Whether `greedy` knows the model's cache: keys and values of all tokens, one row per prompt."""
    config = model.config.get_text_config()
    plain = not config.is_encoder_decoder and not getattr(config, "sliding_window", None)
    return plain and all(kind == "full_attention" for kind in getattr(config, "layer_types", None) or ())


def shared_prefixes(ids: Sequence[Sequence[int]]) -> list[tuple[tuple[int, ...], list[int]]]:
    """Groups of rows, each with the tokens that all of them begin with; the rows that share nothing
    worthwhile come last, with ().

    Neighbors in the order of their tokens are of one group if they share at least _SHARED of the longer one,
    and _FEWEST tokens.

    >>> rows = [[7] * 40 + [1, 2], [5], [7] * 40 + [3]]
    >>> [(len(prefix), group) for prefix, group in shared_prefixes(rows)]
    [(40, [0, 2]), (0, [1])]
    """
    groups: list[tuple[int, list[int]]] = []  # tokens in common, and rows
    for index in sorted(range(len(ids)), key=lambda i: tuple(ids[i])):
        if groups:
            length, group = groups[-1]
            same = _common(ids[group[-1]], ids[index])
            if same >= max(_FEWEST, _SHARED * len(ids[index]), _SHARED * len(ids[group[-1]])):
                groups[-1] = (min(length, same), [*group, index])
                continue
        groups.append((len(ids[index]), [index]))
    together = [
        (min(length, min(len(ids[i]) for i in group) - 1), group)
        for length, group in groups
        if len(group) > 1
    ]
    alone = sorted(group[0] for _, group in groups if len(group) == 1)
    found = [(tuple(ids[group[0]][:length]), sorted(group)) for length, group in together]
    return [*found, ((), alone)] if alone else found


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two rows begin with alike."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
