"""A local transformers model, decoder-only or encoder-decoder, which answers in batches of similar length."""

import hashlib
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import torch

from data_builders.errors import InputError
from language_models.decode import Decoding, generate, has_own_loop, read_prefix, shared_prefixes
from language_models.folder import model_identity
from language_models.load import choose_device, load_model
from language_models.shared_graphs import encode_questions, reads_graphs_alone
from language_models.text import context_length, is_decoder_only, prompt_ids, uses_chat
from prompting.backends.model import Completion, ModelOptions, Request
from prompting.budget import Budget, Stopped


class HfModel:
    """Complete prompts with a model from a folder or from the Hub.

    Decoding is greedy unless the options give a temperature; what the folder's generation_config says about
    sampling, penalties or beams is ignored.

    Float sums depend on a batch's shape, so the next token may differ in another batch where two are almost
    equally likely. The batches are therefore planned from all prompts, and a run that continues computes what
    an undisturbed run does.
    """

    def __init__(self, name: str, options: ModelOptions) -> None:
        if options.extra:
            raise InputError("--extra is for servers; a local model reads no request")
        self._name, self._options = name, options
        self._model, self._tokenizer = load_model(
            name, dtype=options.dtype, device=choose_device(options.device), merge=True
        )
        self._model.eval()
        self._decoder_only = is_decoder_only(self._model)
        self._graphs_alone = reads_graphs_alone(self._model)
        self._chat = uses_chat(self._tokenizer, options.chat)
        self._decoding = Decoding(
            options.max_new_tokens,
            options.stop_strings(self._chat),
            temperature=options.temperature,
            top_p=options.top_p,
            cache=options.cache,
        )
        self.identity = self._identity(name)

    def _identity(self, name: str) -> Mapping[str, Any]:
        return {
            "backend": "hf",
            **model_identity(name),
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "chat": self._chat,
            **({"share_graphs": True} if self._graphs_alone else {}),
            "max_new_tokens": self._options.max_new_tokens,
            "stop": list(self._options.stop_strings(self._chat)),
            "sampling": "sampled" if self._options.temperature else "greedy",
            **self._options.sampling(),
        }

    def complete(
        self, requests: Sequence[Request], done: Container[int], budget: Budget
    ) -> Iterator[list[tuple[int, Completion]]]:
        """See `prompting.backends.model.Model`; one list per batch.

        Raises InputError that names the first prompt that is too long for the model.
        """
        ids, prefix_lengths = self._encode([request.prompt for request in requests])
        self._check_lengths(ids)
        prefix: tuple[int, ...] = ()
        cache = None
        for shared, batch in self._plan(ids):
            missing = [index for index in batch if index not in done]
            if missing:
                if shared != prefix:
                    prefix, cache = shared, read_prefix(self._model, shared)
                if budget.over():
                    raise Stopped(budget.stop_message())
                self._seed(requests, batch)
                completions = self._generate(
                    [ids[index] for index in missing],
                    len(prefix),
                    cache,
                    prefix_lengths and [prefix_lengths[index] for index in missing],
                )
                for c in completions:
                    budget.spend(c.prompt_tokens, c.output_tokens)
                yield list(zip(missing, completions, strict=True))

    def _seed(self, requests: Sequence[Request], batch: Sequence[int]) -> None:
        """Seed the sampling by the run's seed and the batch, so that a rerun samples the same."""
        if self._options.temperature:
            keys = [(requests[index].prompt, requests[index].sample) for index in batch]
            digest = hashlib.sha256(repr((self._options.seed, keys)).encode()).digest()
            torch.manual_seed(int.from_bytes(digest[:7]))

    def _encode(self, prompts: Sequence[str]) -> tuple[list[list[int]], list[int] | None]:
        """Token ids of each prompt, and how many of them are the graph's, for a T5 that reads it alone."""
        if self._graphs_alone:
            system = f"{self._options.system}\n\n" if self._options.system else ""
            return encode_questions([system + prompt for prompt in prompts], self._tokenizer)
        return prompt_ids(
            prompts,
            self._tokenizer,
            chat=self._chat,
            decoder_only=self._decoder_only,
            system=self._options.system,
        ), None

    def _check_lengths(self, ids: Sequence[Sequence[int]]) -> None:
        limit = self._options.context or context_length(self._model, self._tokenizer)
        # An encoder-decoder's answer takes none of its prompt's room.
        room = self._options.max_new_tokens if self._decoder_only else 0
        for index, tokens in enumerate(ids):
            if limit is not None and len(tokens) + room > limit:
                answer = f" and its answer up to {room}" if room else ""
                raise InputError(
                    f"model {self._name}: prompt {index + 1} of {len(ids)} is {len(tokens)} tokens "
                    f"long{answer}, "
                    f"the model holds {limit}; ask about smaller graphs, use fewer --shots or a shorter "
                    f"encoder, "
                    "or say --context if the model holds more"
                )

    def _plan(self, ids: Sequence[Sequence[int]]) -> list[tuple[tuple[int, ...], list[int]]]:
        """Batches of indices, each with the tokens that all prompts of its group begin with."""
        shares = has_own_loop(self._model, self._decoding)
        groups = shared_prefixes(ids) if shares else [((), list(range(len(ids))))]
        return [
            (prefix, [group[i] for i in batch])
            for prefix, group in groups
            for batch in plan_batches([len(ids[index]) for index in group], self._options)
        ]

    def _generate(
        self,
        ids: Sequence[Sequence[int]],
        shared: int = 0,
        prefix: Any = None,
        prefix_lengths: Sequence[int] | None = None,
    ) -> list[Completion]:
        """shared, prefix: how many tokens all rows begin with, and what `read_prefix` made of them."""
        begin = time.perf_counter()
        answers = generate(
            self._model,
            self._tokenizer,
            ids,
            self._decoding,
            prefix_lengths=prefix_lengths,
            shared=shared,
            prefix=prefix,
        )
        seconds = (time.perf_counter() - begin) / len(ids)
        return [
            Completion(a.text, a.finish_reason, len(prompt), a.tokens, seconds, confidence=a.confidence)
            for a, prompt in zip(answers, ids, strict=True)
        ]


def plan_batches(lengths: Sequence[int], options: ModelOptions) -> list[list[int]]:
    """Return indices in batches of similar length, the longest first, so that a lack of memory shows at once.

    A batch holds at most `batch_size` prompts and `batch_tokens` tokens, which are rows x (longest prompt +
    new tokens), and at least one prompt.

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
