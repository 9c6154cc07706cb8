"""Answers of a language model: batches of token ids in; texts, how they ended, and their confidence out.

Greedy answers of most decoder-only models come from a loop of our own: rows leave the batch when they are
done, and a beginning that all prompts share is read once. transformers' `generate` does the rest.
"""

import copy
import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from transformers import DynamicCache, LogitsProcessorList, StoppingCriteriaList

from language_models.confidence import TokenLogprobs, check_number, token_logprob
from language_models.shared_graphs import prefix_mask
from language_models.text import end_tokens, is_decoder_only

# A common beginning is worth a pass of its own from this share of a prompt on, and this many tokens.
_SHARED, _FEWEST = 0.4, 32
_LEAVE = 0.25  # share of rows that are done from which on the others are worth a smaller batch
_TAIL = 16  # tokens that surely hold a stop string, even where each byte is a token


@dataclass(frozen=True)
class Decoding:
    """How answers are made; greedy unless it says otherwise.

    max_new_tokens: longest answer. stop: strings that end one; they stay in its text. num_beams: beams of a
    beam search. temperature, top_p: of sampling; 0 is greedy. cache: of keys and values, as `generate` calls
    it (static, offloaded). sharded: the weights are spread over processes (ZeRO-3, FSDP), so that all of them
    must take part in every step of each other's.
    """

    max_new_tokens: int
    stop: tuple[str, ...] = ()
    num_beams: int = 1
    temperature: float = 0.0
    top_p: float | None = None
    cache: str | None = None
    sharded: bool = False


class Generation(NamedTuple):
    """An answer: its text, `stop` or `length`, its tokens without the end token, and its confidence.

    confidence: the probability of all its tokens, the end included; None for samples and beams.
    """

    text: str
    finish_reason: str
    tokens: int
    confidence: float | None


def generate(
    model: Any,
    tokenizer: Any,
    rows: Sequence[Sequence[int]],
    decoding: Decoding,
    *,
    device: Any = None,
    prefix_lengths: Sequence[int] | None = None,
    shared: int = 0,
    prefix: Any = None,
) -> list[Generation]:
    """Return the model's answer to each row of token ids.

    prefix_lengths: tokens of each row's graph, for a T5 that reads it alone (`shared_graphs`).
    shared, prefix: how many tokens all rows begin with, and what `read_prefix` made of them.
    Raises NotANumber where the model gives NaN instead of probabilities.

    A padding token is never generated: it could not be told from the filling of a row that is done.
    """
    ends = end_tokens(model, tokenizer)
    pad = ends[0] if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)
    never = None if pad in ends else pad

    stops = _StopStrings(tokenizer, decoding.stop, rows)

    def is_done(index: int, row: Sequence[int]) -> bool:
        return row[-1] in ends or stops.ends(index, row)

    def length(row: Sequence[int]) -> int:  # tokens before the end and the padding after it
        return next((i for i, token in enumerate(row) if token in ends or token == pad), len(row))

    logprobs = None
    confidences: Sequence[float | None] = [None] * len(rows)
    if has_own_loop(model, decoding):
        pairs = greedy(model, rows, shared, prefix, decoding.max_new_tokens, is_done, never, pad)
        answers, confidences = [row for row, _ in pairs], [confidence for _, confidence in pairs]
    else:
        logprobs = TokenLogprobs(model)
        answers = _generate(model, rows, decoding, logprobs, stops, ends, pad, device, prefix_lengths)
    lengths = [length(row) for row in answers]
    texts = [
        tokenizer.decode(row[:n], skip_special_tokens=True) for row, n in zip(answers, lengths, strict=True)
    ]
    has_stop = [stops.stands_in(row, text) for row, text in enumerate(texts)]
    if logprobs is not None and decoding.num_beams == 1 and not decoding.temperature:
        # What fills a row after a stop string may look like the model's end, and is not its own.
        ended = [
            n < len(row) and row[n] in ends and not stopped
            for row, n, stopped in zip(answers, lengths, has_stop, strict=True)
        ]
        confidences = logprobs.confidences([n + end for n, end in zip(lengths, ended, strict=True)])
    return [
        Generation(text, "stop" if stopped or n < decoding.max_new_tokens else "length", n, confidence)
        for text, stopped, n, confidence in zip(texts, has_stop, lengths, confidences, strict=True)
    ]


@torch.inference_mode()
def _generate(
    model: Any, rows: Sequence[Sequence[int]], decoding: Decoding, logprobs: TokenLogprobs,
    stops: "_StopStrings", ends: list[int], pad: int, device: Any, prefix_lengths: Sequence[int] | None,
) -> list[list[int]]:  # fmt: skip
    """The new token ids of each row by transformers, padded to the longest."""
    device = model.device if device is None else device
    decoder_only = is_decoder_only(model)
    ids = torch.tensor(_padded(rows, pad, left=decoder_only), device=device)
    mask = torch.tensor(_padded([[1] * len(row) for row in rows], 0, left=decoder_only), device=device)
    inputs: dict[str, Any] = {"input_ids": ids}
    if prefix_lengths is not None:
        blocks = prefix_mask(mask, prefix_lengths, model.dtype)
        inputs = {"encoder_outputs": model.get_encoder()(ids, attention_mask=blocks)}
    start = ids.shape[1] if decoder_only else 1  # an encoder-decoder begins with the decoder's start token
    if decoding.temperature:
        inputs |= {"temperature": decoding.temperature, "top_p": decoding.top_p or 1.0, "top_k": 0}
    # (rows, prompt + new) for a decoder-only model, (rows, 1 + new) for an encoder-decoder
    out = model.generate(
        **inputs,
        attention_mask=mask,
        max_new_tokens=decoding.max_new_tokens,
        num_beams=decoding.num_beams,
        do_sample=decoding.temperature > 0,
        eos_token_id=ends,
        pad_token_id=pad,
        suppress_tokens=None if pad in ends else [pad],
        cache_implementation=decoding.cache,
        synced_gpus=decoding.sharded,
        stopping_criteria=StoppingCriteriaList(
            [partial(stops.ended_rows, start=start)] if decoding.stop else []
        ),
        logits_processor=LogitsProcessorList([logprobs]),
    )
    new: list[list[int]] = out[:, start:].tolist()
    return new


def _padded(rows: Sequence[Sequence[int]], value: int, left: bool) -> list[list[int]]:
    """Rows of one length. A decoder-only model goes on where its prompt ends, so padding stands before it."""
    width = max(map(len, rows))
    fill = [[value] * (width - len(row)) for row in rows]
    return [[*(f if left else ()), *row, *(() if left else f)] for row, f in zip(rows, fill, strict=True)]


class _StopStrings:
    """Ends a row once a stop string stands in what it generated, outside of thinking.

    transformers' own `stop_strings` also look at the prompt, so a template that ends with a newline and an
    answer that begins with `Q:` would look like a stop.

    prompts: token ids of each row's prompt; a template may open the thinking there.
    """

    def __init__(self, tokenizer: Any, stop: Sequence[str], prompts: Sequence[Sequence[int]]) -> None:
        self._tokenizer, self._stop = tokenizer, stop
        ends = [tokenizer.decode(prompt[-_TAIL:]) for prompt in prompts] if stop else []
        self._opened = [end.rstrip().endswith("<think>") for end in ends]

    def ended_rows(self, input_ids: torch.Tensor, scores: Any, *, start: int, **kwargs: Any) -> torch.Tensor:
        """Return (rows,) booleans, as a stopping criterion of transformers; start: where new tokens begin."""
        beams = len(input_ids) // max(1, len(self._opened))
        ended = [self.ends(row // beams, ids[start:]) for row, ids in enumerate(input_ids.tolist())]
        return torch.tensor(ended, dtype=torch.bool, device=input_ids.device)

    def ends(self, row: int, tokens: Sequence[int]) -> bool:
        """Return whether the new tokens of a row have just come to a stop string."""
        if not self._stop:
            return False
        tail = self._tokenizer.decode(tokens[-_TAIL:], skip_special_tokens=True)
        # The whole text is read only where it may matter, which is seldom.
        return any(stop in tail for stop in self._stop) and self.stands_in(
            row, self._tokenizer.decode(tokens, skip_special_tokens=True)
        )

    def stands_in(self, row: int, text: str) -> bool:
        """Return whether a stop string stands in the text of a row, outside of its thinking."""
        opened, closed = text.rfind("<think>"), text.rfind("</think>")
        if opened > closed or (self._opened and self._opened[row] and closed < 0):
            return False
        return any(stop in text[closed + 1 :] for stop in self._stop)


def base_model(model: Any) -> Any:
    """Return the model under its adapters, or a model without adapters as it is."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def has_own_loop(model: Any, decoding: Decoding) -> bool:
    """Return whether `greedy` makes such answers: it knows one cache, keys and values of all tokens."""
    if decoding.temperature or decoding.num_beams > 1 or decoding.cache or decoding.sharded:
        return False
    config = model.config.get_text_config()
    if config.is_encoder_decoder or getattr(config, "sliding_window", None):
        return False
    layers = getattr(config, "layer_types", None) or ()
    positions = "position_ids" in inspect.signature(type(base_model(model)).forward).parameters
    return positions and all(layer == "full_attention" for layer in layers)


@torch.inference_mode()
def read_prefix(model: Any, prefix: Sequence[int]) -> Any:
    """Return one row's keys and values of tokens that many prompts begin with; None without such tokens."""
    if not prefix:
        return None
    return model(input_ids=torch.tensor([list(prefix)], device=model.device), use_cache=True).past_key_values


@torch.inference_mode()
def greedy(
    model: Any,
    rows: Sequence[Sequence[int]],
    shared: int,
    prefix: Any,
    max_new_tokens: int,
    is_done: Callable[[int, Sequence[int]], bool],
    never: int | None,
    pad: int,
) -> list[tuple[list[int], float]]:
    """Return each row's likeliest new tokens, the one at which it is done included, and their probability.

    shared, prefix: how many tokens all rows begin with, and what `read_prefix` made of them. never: a token
    that is not generated. The rest of each prompt is padded on the left, so a row is [prefix, padding, rest];
    the mask hides the padding, and positions are counted by the mask.
    """
    device = model.device
    rest = [row[shared:] for row in rows]
    tokens = torch.tensor(_padded(rest, pad, left=True), device=device)
    own = torch.tensor(_padded([[1] * len(row) for row in rest], 0, left=True), device=device)
    mask = torch.cat([own.new_ones(len(rows), shared), own], 1)
    cache = DynamicCache(config=model.config) if prefix is None else copy.deepcopy(prefix)
    if prefix is not None:
        cache.batch_repeat_interleave(len(rows))
    positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, shared:]
    last = {"logits_to_keep": 1} if model._supports_logits_to_keep() else {}
    answers: list[list[int]] = [[] for _ in rows]
    logprobs = [0.0] * len(rows)
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
        for row, token, logprob in zip(alive, chosen.tolist(), token_logprob(scores).tolist(), strict=True):
            if not done[row]:
                check_number(logprob, model)
                answers[row].append(token)
                logprobs[row] += logprob
                done[row] = len(answers[row]) >= max_new_tokens or is_done(row, answers[row])
        left = [i for i, row in enumerate(alive) if not done[row]]
        if not left:
            return [(answer, math.exp(logprob)) for answer, logprob in zip(answers, logprobs, strict=True)]
        if len(left) <= (1 - _LEAVE) * len(alive):
            keep = torch.tensor(left, device=device)
            cache.batch_select_indices(keep)
            chosen, mask, positions = chosen[keep], mask[keep], positions[keep]
            alive = [alive[i] for i in left]
        tokens, positions = chosen[:, None], positions[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones(len(alive), 1)], 1)


def shared_prefixes(ids: Sequence[Sequence[int]]) -> list[tuple[tuple[int, ...], list[int]]]:
    """Return groups of rows with the tokens that all of a group begin with; rows that share none come last.

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
            same = _common_length(ids[group[-1]], ids[index])
            if same >= max(_FEWEST, _SHARED * len(ids[index]), _SHARED * len(ids[group[-1]])):
                groups[-1] = (min(length, same), [*group, index])
                continue
        groups.append((len(ids[index]), [index]))
    # Every row keeps a token of its own, from which its answer goes on.
    together = [
        (tuple(ids[group[0]][: min(length, min(len(ids[i]) for i in group) - 1)]), sorted(group))
        for length, group in groups
        if len(group) > 1
    ]
    alone = sorted(group[0] for _, group in groups if len(group) == 1)
    return [*together, ((), alone)] if alone else together


def _common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two rows begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether memory did not suffice: on a GPU that is a class of its own, on a CPU only words."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
