"""What a language model is to the rest of prompting: requests in, completions out, and its options."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from data_builders.errors import InputError
from data_builders.options import Option
from prompting.budget import Budget

STOP_STRINGS = ("\nQ:", "\nExample:")
"""Where a completion has begun to invent the next question; the scorer reads only what stands before.

They are for plain completions after examples. A chat model ends by itself, and a model that thinks may write
a question down again, where these would cut it.
"""


MOST_CONCURRENT = 100_000  # requests at a time, each of which takes a connection
MOST_TOKENS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """One completion that is wanted: the whole prompt, and which of its samples (0 where one is enough)."""

    prompt: str
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer to one prompt.

    finish_reason: `stop` (the model, or a stop string, ended it), `length`, `refusal` (the server withheld or
        declined an answer), or `error`: there is no answer, and the text is the error's name and message.
    prompt_tokens: as the model saw the prompt, chat template included. output_tokens: without the end-of-text
        token, with the reasoning tokens, as servers bill them. Both are 0 where a server does not say.
    seconds: this completion's wall time; of a batch, its share.
    reasoning: what a reasoning model thought before it answered, where the server keeps it apart; it is
        never scored.
    confidence: the probability that the model gave to the completion, where decoding is greedy and the
        probabilities of its tokens are known; else None.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    output_tokens: int
    seconds: float
    reasoning: str = ""
    reasoning_tokens: int = 0
    confidence: float | None = None


@dataclass(frozen=True)
class ModelOptions:
    """How to run a model; None leaves the choice to the backend. The help of each field says what it
    means.
    """

    max_new_tokens: Annotated[int, Option("Longest completion, in tokens; by default as the method needs.")]
    batch_tokens: Annotated[
        int, Option("Local: most tokens in a batch, padding and completions included.")
    ] = 16384
    batch_size: Annotated[int, Option("Local: most prompts in a batch.")] = 32
    dtype: Annotated[
        str | None,
        Option("Local: float32, bfloat16 or float16; by default as stored, where the device has it."),
    ] = None
    device: Annotated[
        str | None, Option("Local: cpu, cuda, cuda:1, ...; by default a GPU where there is one.")
    ] = None
    chat: Annotated[bool | None, Option("Use the chat template or endpoint; by default if there is one.")] = (
        None
    )
    context: Annotated[
        int | None, Option("Local: tokens that the model holds, where its config says too little.")
    ] = None
    cache: Annotated[
        str | None,
        Option("Local: static, offloaded, ...; by default a dynamic cache that rows leave when done."),
    ] = None
    stop: Annotated[
        tuple[str, ...] | None,
        Option(
            r'JSON list of texts that end a completion; by default ["\nQ:", "\nExample:"] where examples are '
            "shown without a chat, else none.",
            json=True,
        ),
    ] = None
    system: Annotated[str | None, Option("System prompt.")] = None
    temperature: Annotated[float, Option("0 is greedy, the default; 0.7 for self_consistency.")] = 0.0
    top_p: Annotated[float | None, Option("Sample from the likeliest tokens of this share only.")] = None
    seed: int = 0  # the flag is that of `PromptRun`, whose seed it is, too
    concurrency: Annotated[int, Option("Served: most requests at a time; 32 by default.")] = 32
    timeout: Annotated[float, Option("Served: seconds for one attempt; 120 by default.")] = 120.0
    attempts: Annotated[
        int, Option("Served: attempts of a request that fails; rate limits do not count.")
    ] = 6
    patience: Annotated[
        float, Option("Served: most seconds that a request waits for a busy server; 900 by default.")
    ] = 900.0
    poll: Annotated[float, Option("Batch files: seconds between looks; 30 by default.")] = 30.0
    api_key_env: Annotated[
        str, Option("Served: environment variable with the key; OPENAI_API_KEY by default.")
    ] = "OPENAI_API_KEY"
    extra: Annotated[
        Mapping[str, Any],
        Option(
            'JSON of further request keys, e.g. {"reasoning_effort": "low"}; null removes one.', json=True
        ),
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        whole = ("max_new_tokens", "batch_tokens", "batch_size", "context", "concurrency", "attempts")
        for name in whole:
            limit = MOST_CONCURRENT if name == "concurrency" else MOST_TOKENS
            if (value := getattr(self, name)) is not None and not 1 <= value <= limit:
                right = "at least 1" if value < 1 else f"at most {limit:,}"
                raise InputError(f"--{name.replace('_', '-')} is {value}; it is a whole number of {right}")
        for name, least, most in (
            ("temperature", 0.0, 10.0),
            ("top_p", 0.0, 1.0),
            ("timeout", 0.001, 1e6),
            ("poll", 0.0, 1e5),
            ("patience", 0.0, 1e6),
        ):
            if (value := getattr(self, name)) is not None and not least <= value <= most:
                raise InputError(
                    f"--{name.replace('_', '-')} is {value}; it is a number from {least:g} to {most:g}"
                )

    def stop_strings(self, chat: bool) -> tuple[str, ...]:
        """The strings that end a completion: those that were given, else STOP_STRINGS for plain completions.

        A method that shows no examples gives none, so its settings hold an empty tuple.
        """
        return self.stop if self.stop is not None else () if chat else STOP_STRINGS

    def sampling(self) -> dict[str, Any]:
        """What decides the text besides model and prompt, as a part of an identity; empty for plain greedy
        decoding.
        """
        sampled = (
            {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
            if self.temperature
            else {}
        )
        others = {"system": self.system, "extra": dict(self.extra)}
        return {**sampled, **{key: value for key, value in others.items() if value}}


class Model(Protocol):
    """Requests in, completions out, as they are done.

    identity: everything besides the request that decides the text (weights, template, sampling settings), as
        JSON values. Two models of one identity may share completions, so the journal is keyed by it.
    """

    @property
    def identity(self) -> Mapping[str, Any]: ...  # pragma: no cover

    def complete(
        self, requests: Sequence[Request], done: Container[int], budget: Budget
    ) -> Iterator[list[tuple[int, Completion]]]:
        """Complete every request whose index is not in `done`; each list that is yielded is done for good,
        and can be stored.

        Every index comes back exactly once, with a completion or an `error`, unless the budget ends, which
        raises `Stopped` after all that was sent has come back. A model that works in batches plans them from
        all the requests, so that a second start with some of them done batches the others as the first start
        did. InputError for a prompt that the model cannot hold, before any work.
        """
        ...  # pragma: no cover


def split_server(name: str) -> tuple[str, str]:
    """Name and base URL of a served model, `NAME@BASE_URL`; OpenAI's own where no URL is given.

    A URL that ends in the route of a request is cut back to its base. Raises InputError for an address that
    could send prompts, or the key, to another server than the one that was meant: one without its scheme, or
    with a name or a password in it. No message repeats an address, since it may hold a password.

    >>> split_server("qwen@HTTP://localhost:8000/v1/chat/completions")
    ('qwen', 'http://localhost:8000/v1')
    >>> split_server("qwen@localhost:8000/v1")
    Traceback (most recent call last):
        ...
    data_builders.errors.InputError: served model without http:// or https://: write NAME@http://HOST:PORT/v1
    """
    model, scheme, rest = split_address(name)
    if not scheme:
        if "@" in name:
            raise InputError("served model without http:// or https://: write NAME@http://HOST:PORT/v1")
        return name, OPENAI_URL
    if scheme not in ("http", "https"):
        raise InputError(f"served model {model}: its base URL starts with http:// or https://")
    if not model:
        raise InputError(
            "served model without a name: write NAME@BASE_URL, e.g. qwen@http://localhost:8000/v1"
        )
    if any(mark in model + rest for mark in "@?#\\") or "://" in rest:
        raise InputError(
            f"model {model.partition('@')[0]}: its base URL carries a name, a password or a query; keys "
            "belong in the environment"
        )
    parts = _ADDRESS.fullmatch(rest.rstrip("/"))
    if parts is None or not 0 < int(parts["port"] or 80) < 65536:
        raise InputError(
            f"model {model}: its base URL is no address of a server; write NAME@BASE_URL, "
            "e.g. qwen@http://localhost:8000/v1"
        )
    return model, f"{scheme}://{_ROUTE.sub('', rest.rstrip('/'))}"


OPENAI_URL = "https://api.openai.com/v1"
_SCHEME = re.compile(r"@([A-Za-z][A-Za-z0-9+.-]*)://")
_ADDRESS = re.compile(r"(?P<host>[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?(?P<path>/[!-~]*)?")
_ROUTE = re.compile(r"(/chat)?/completions$")


def split_address(name: str) -> tuple[str, str, str]:
    """Name, scheme in lower case and rest of `NAME@SCHEME://REST`; scheme and rest are empty without one.

    >>> split_address("qwen@HTTP://localhost:8000/v1"), split_address("gpt-x")
    (('qwen', 'http', 'localhost:8000/v1'), ('gpt-x', '', ''))
    """
    match = _SCHEME.search(name)
    return (name[: match.start()], match[1].lower(), name[match.end() :]) if match else (name, "", "")


def is_openai(url: str) -> bool:
    """Whether a base URL is OpenAI's own server."""
    return "://api.openai.com/" in f"{url.lower()}/"
