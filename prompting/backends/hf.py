"""A local transformers model, decoder-only or encoder-decoder: in batches planned by length."""

import hashlib
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from data_builders.errors import InputError
from language_models.confidence import Likelihood
from language_models.decode import can_decode, greedy, read_prefix, shared_prefixes
from prompting.backends.hf_load import load, model_revision, prompt_ids, wants_chat
from prompting.backends.model import Completion, ModelOptions, Request
from prompting.budget import Budget, Stopped

_TAIL = 16  # tokens that surely hold a stop string, even where each byte is a token


class HfModel:
    """Complete prompts with a model from a folder or from the Hub.

    The text is plain: greedy unless a temperature is asked for; what the folder's generation_config says
    about sampling, penalties or beams is left out.
    Float sums depend on a batch's shape, so near-ties may fall otherwise in another batch; the batches are
    therefore planned from all prompts, and a continued run computes what an undisturbed one does.
    """

    def __init__(self, name: str, options: ModelOptions) -> None:
        self._name, self._options = name, options
        self._model, self._tokenizer = load(name, options)
        self._seq2seq = bool(self._model.config.is_encoder_decoder)
        self._chat = wants_chat(name, self._tokenizer, options.chat)
        self._tokenizer.padding_side = "right" if self._seq2seq else "left"
        self._own_loop = can_decode(self._model) and not options.temperature and options.cache is None
        self._eos = _eos_ids(self._model, self._tokenizer)
        pad = self._tokenizer.pad_token_id
        self._pad = int(self._eos[0] if pad is None else pad)
        self._model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=self._options.temperature > 0,
            num_beams=1,
            **self._sampling(),
            eos_token_id=self._eos,
            pad_token_id=self._pad,
            bos_token_id=getattr(self._model.config.get_text_config(), "bos_token_id", None),
            decoder_start_token_id=self._decoder_start(),
            # a pad in the text could not be told from the filling of a row that a stop string ended
            suppress_tokens=None if self._pad in self._eos else [self._pad],
        )
        self.identity = self._identity(name)

    def _sampling(self) -> dict[str, Any]:
        if not self._options.temperature:
            return {}
        return {"temperature": self._options.temperature, "top_p": self._options.top_p or 1.0, "top_k": 0}

    def _decoder_start(self) -> int | None:
        if not self._seq2seq:
            return None
        start = self._model.generation_config.decoder_start_token_id
        return int(self._pad if start is None else start)

    def _identity(self, name: str) -> Mapping[str, Any]:
        return {
            "backend": "hf",
            **model_revision(name),
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "chat": self._chat,
            "max_new_tokens": self._options.max_new_tokens,
            "stop": list(self._options.stop),
            "sampling": "sampled" if self._options.temperature else "greedy",
            **self._options.sampling(),
        }

    def complete(
        self, requests: Sequence[Request], done: Container[int], budget: Budget
    ) -> Iterator[list[tuple[int, Completion]]]:
        """See `prompting.backends.model.Model`; one list per batch. InputError names the first prompt that is
        too long for the model.
        """
        ids = [self._encode(request.prompt) for request in requests]
        self._check_lengths(ids)
        prefix: tuple[int, ...] = ()
        read = None
        for shared, batch in self._plan(ids):
            missing = [index for index in batch if index not in done]
            if missing:
                if shared != prefix:
                    prefix, read = shared, read_prefix(self._model, shared)
                if why := budget.over():
                    raise Stopped(
                        f"{why}; what was answered is kept: start the same command again to continue"
                    )
                self._seed(requests, batch)
                completions = self._generate([ids[index] for index in missing], len(prefix), read)
                for c in completions:
                    budget.spend(c.prompt_tokens, c.output_tokens)
                yield list(zip(missing, completions, strict=True))

    def _seed(self, requests: Sequence[Request], batch: Sequence[int]) -> None:
        """Samples depend on the seed and on the batch, which the journal keeps whole; so a second start
        continues the first.
        """
        if self._options.temperature:
            asked = [(requests[index].prompt, requests[index].sample) for index in batch]
            digest = hashlib.sha256(repr((self._options.seed, asked)).encode()).digest()
            torch.manual_seed(int.from_bytes(digest[:7]))

    def _encode(self, prompt: str) -> list[int]:
        return prompt_ids(self._tokenizer, prompt, self._chat, self._options.system, self._seq2seq)

    def _check_lengths(self, ids: Sequence[Sequence[int]]) -> None:
        limit = self._options.context or _context(self._model, self._tokenizer)
        room = (
            0 if self._seq2seq else self._options.max_new_tokens
        )  # an encoder-decoder's answer has a length of its own
        for index, tokens in enumerate(ids):
            if limit is not None and len(tokens) + room > limit:
                answer = f" and its answer up to {room}" if room else ""
                raise InputError(
                    f"model {self._name}: prompt {index + 1} of {len(ids)} is {len(tokens)} tokens long{answer}, the model holds {limit}; "
                    "ask about smaller graphs, use fewer --shots or a shorter encoder, or say --context if the model holds more"
                )

    def _plan(self, ids: Sequence[Sequence[int]]) -> list[tuple[tuple[int, ...], list[int]]]:
        """Batches of indices, each with the tokens that all prompts of its group begin with."""
        groups = shared_prefixes(ids) if self._own_loop else [((), list(range(len(ids))))]
        return [
            (prefix, [group[i] for i in batch])
            for prefix, group in groups
            for batch in plan_batches([len(ids[index]) for index in group], self._options)
        ]

    def _generate(
        self, ids: Sequence[Sequence[int]], shared: int = 0, prefix: Any = None
    ) -> list[Completion]:
        """shared, prefix: how many tokens all rows begin with, and what `read_prefix` made of them."""
        begin = time.perf_counter()
        if self._own_loop:
            never = None if self._pad in self._eos else self._pad
            rows: Sequence[tuple[list[int], float | None]] = greedy(
                self._model, ids, shared, prefix, self._options.max_new_tokens, self._ends, never, self._pad
            )
        else:
            rows = self._generate_plainly(ids)
        seconds = (time.perf_counter() - begin) / len(ids)
        return [
            self._completion(row, len(prompt), seconds, sure)
            for (row, sure), prompt in zip(rows, ids, strict=True)
        ]

    def _ends(self, row: Sequence[int]) -> bool:
        if row[-1] in self._eos:
            return True
        tail = self._tokenizer.decode(row[-_TAIL:], skip_special_tokens=True)
        return any(stop in tail for stop in self._options.stop)

    @torch.inference_mode()
    def _generate_plainly(self, ids: Sequence[Sequence[int]]) -> list[tuple[list[int], float | None]]:
        """As `greedy`, by transformers: encoder-decoders, samples (whose probability is not told), and caches
        of other kinds.
        """
        filled = self._tokenizer.pad({"input_ids": [list(i) for i in ids]}, return_tensors="pt").to(
            self._model.device
        )
        prompt_length = 1 if self._seq2seq else filled["input_ids"].shape[1]
        sure = None if self._options.temperature else Likelihood()
        # [rows, prompt + new] for a decoder-only model, [rows, 1 + new] for an encoder-decoder
        generated = self._model.generate(
            input_ids=filled["input_ids"],
            attention_mask=filled["attention_mask"],
            max_new_tokens=self._options.max_new_tokens,
            cache_implementation=self._options.cache,
            stopping_criteria=StoppingCriteriaList(
                [_StopText(self._tokenizer, self._options.stop, prompt_length)]
            ),
            logits_processor=LogitsProcessorList([] if sure is None else [sure]),
        )
        rows: list[list[int]] = generated[:, prompt_length:].tolist()
        if sure is None:
            return [(row, None) for row in rows]
        return list(zip(rows, sure.rows([self._generated(row) for row in rows]), strict=True))

    def _generated(self, row: list[int]) -> int:
        """How many tokens of a row the model chose, its end included; what fills a row after a stop string
        may look like an end.
        """
        end = self._end(row)
        text = self._tokenizer.decode(row[:end], skip_special_tokens=True)
        return end + (
            end < len(row) and row[end] in self._eos and not any(stop in text for stop in self._options.stop)
        )

    def _end(self, row: list[int]) -> int:
        """How many tokens of a row stand before its end and the padding after it."""
        return next((i for i, token in enumerate(row) if token in self._eos or token == self._pad), len(row))

    def _completion(
        self, row: list[int], prompt_tokens: int, seconds: float, confidence: float | None
    ) -> Completion:
        """A row of new token ids, which may go on after its end with padding."""
        end = self._end(row)
        text = self._tokenizer.decode(row[:end], skip_special_tokens=True)
        stopped = end < self._options.max_new_tokens or any(stop in text for stop in self._options.stop)
        return Completion(
            text, "stop" if stopped else "length", prompt_tokens, end, seconds, confidence=confidence
        )


class _StopText(StoppingCriteria):
    """Ends a row once a stop string stands in what it generated.

    transformers' own `stop_strings` also look at the prompt, so a template that ends with a newline and an
    answer that begins with `Q:` would look like a stop.
    """

    def __init__(self, tokenizer: Any, stop: Sequence[str], prompt_length: int) -> None:
        self._tokenizer, self._stop, self._prompt_length = tokenizer, stop, prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        start = max(self._prompt_length, input_ids.shape[1] - _TAIL)
        tails = self._tokenizer.batch_decode(input_ids[:, start:], skip_special_tokens=True)
        ended = [any(stop in tail for stop in self._stop) for tail in tails]
        return torch.tensor(ended, dtype=torch.bool, device=input_ids.device)


def plan_batches(lengths: Sequence[int], options: ModelOptions) -> list[list[int]]:
    """Indices in batches of like length, longest first, so that memory that does not suffice fails at once.

    A batch holds at most `batch_size` prompts, and `batch_tokens` tokens: rows x (longest prompt + new
        tokens); always one prompt.

    >>> plan_batches([3, 9, 4, 8], ModelOptions(max_new_tokens=1, batch_tokens=20))
    [[1, 3], [2, 0]]
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        batch = batches[-1] if batches else []
        longest = lengths[batch[0]] if batch else 0
        fits = (len(batch) + 1) * (longest + options.max_new_tokens) <= options.batch_tokens
        if batch and fits and len(batch) < options.batch_size:
            batch.append(index)
        else:
            batches.append([index])
    return batches


def _eos_ids(model: Any, tokenizer: Any) -> list[int]:
    """Every token that ends a text: the model's own, then the tokenizer's (chat models often end a turn with
    another one).
    """
    stated = model.generation_config.eos_token_id
    ids = list(stated) if isinstance(stated, list) else [stated]
    found = list(dict.fromkeys(int(i) for i in [*ids, tokenizer.eos_token_id] if i is not None))
    if not found:
        raise InputError(
            f"model {model.config.name_or_path}: neither its generation config nor its tokenizer names an end-of-text token"
        )
    return found


def _context(model: Any, tokenizer: Any) -> int | None:
    """Tokens that the model can hold: its number of positions; where it has none (T5), what its tokenizer
    says, if anything.
    """
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if positions is not None:
        return int(positions)
    said = tokenizer.model_max_length
    return int(said) if said < 10**9 else None  # transformers writes 10**30 for "not said"
