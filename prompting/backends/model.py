"""What a language model is to the rest of this folder, and how its name on the command line becomes one."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from data_builders.errors import InputError, check_choice
from data_builders.options import Option
from prompting.budget import Budget

STOP_STRINGS = ("\nQ:", "\nExample:")
"""Where a completion has begun to invent the next question; the scorer reads only what stands before."""


@dataclass(frozen=True, slots=True)
class Request:
    """One completion that is wanted: the whole prompt, and which of its samples (0 where one is enough)."""

    prompt: str
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said to one prompt.

    finish_reason: `stop` (the model, or a stop string, ended it), `length`, `refusal` (the server withheld or
        declined an answer), or `error`: there is none, and the text is the error's name and what was said
            about it.
    prompt_tokens: as the model saw the prompt, chat template included. output_tokens: without the end-of-text
        token, with the reasoning tokens, as servers bill them. Both are 0 where a server does not say.
    seconds: this completion's wall time; of a batch, its share.
    reasoning: what a reasoning model thought before it answered, where the server tells it apart; never
        scored.
    confidence: the probability that the model gave to the completion, where it is greedy and its tokens' were
        told; else None.
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
    """How to run a model; None leaves the choice to the backend. The help of each field says what it means."""

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
        tuple[str, ...],
        Option(
            r'JSON list of texts that end a completion; by default ["\nQ:", "\nExample:"], the next question.',
            json=True,
        ),
    ] = STOP_STRINGS
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
        float, Option("Served: seconds that a request waits for rate limits in all; 900 by default.")
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
            if (value := getattr(self, name)) is not None and value < 1:
                raise InputError(f"--{name.replace('_', '-')} is {value}; it is a whole number of at least 1")
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

    def sampling(self) -> dict[str, Any]:
        """What decides the text besides model and prompt, as a part of an identity; only what is not plain
        greedy.
        """
        drawn = (
            {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
            if self.temperature
            else {}
        )
        told = {"system": self.system, "extra": dict(self.extra)}
        return {**drawn, **{key: value for key, value in told.items() if value}}


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


def _hf(name: str, options: ModelOptions) -> Model:
    from prompting.backends.hf import HfModel

    return HfModel(name, options)


def _openai(name: str, options: ModelOptions) -> Model:
    from prompting.backends.openai import OpenAIModel

    return OpenAIModel(name, options)


def _batch(name: str, options: ModelOptions) -> Model:
    from prompting.backends.batch import BatchModel

    return BatchModel(name, options)


BACKENDS: dict[str, Callable[[str, ModelOptions], Model]] = {"hf": _hf, "openai": _openai, "batch": _batch}
"""Prefix of --model -> how to open such a model. Each imports its library when it is called."""


def parse_model(model: str) -> tuple[str, str]:
    """Backend and name.

    >>> parse_model("hf:models/smollm2-135m-instruct")
    ('hf', 'models/smollm2-135m-instruct')
    >>> parse_model("gpt:5")
    Traceback (most recent call last):
        ...
    data_builders.errors.InputError: unknown model backend 'gpt'; choose from batch, hf, openai
    """
    backend, colon, name = model.partition(":")
    if not colon or not name:
        raise InputError(
            f"model {model!r} does not say where it runs; write BACKEND:NAME, with one of the backends {', '.join(BACKENDS)}"
        )
    return check_choice("model backend", backend, BACKENDS), name


def split_server(name: str) -> tuple[str, str]:
    """Name and base URL of a served model, `NAME@BASE_URL`; OpenAI's own where no URL is given.

    >>> split_server("qwen@http://localhost:8000/v1/")
    ('qwen', 'http://localhost:8000/v1')
    """
    model, at, rest = name.partition("@http")
    url = f"http{rest}".rstrip("/") if at else "https://api.openai.com/v1"
    host = url.partition("://")[2]
    if not model or not host.partition("/")[0]:
        raise InputError(f"served model {name!r}: write NAME@BASE_URL, e.g. qwen@http://localhost:8000/v1")
    if not url.startswith(("http://", "https://")):
        raise InputError(f"served model {name!r}: its base URL starts with http:// or https://")
    if "@" in host or "?" in host:
        raise InputError(
            f"model {model}: its base URL carries a name, a password or a query; keys belong in the environment"
        )
    return model, url


def same_model(one: str, other: str) -> bool:
    """Whether two --model mean the same model: the address of a server may change.

    >>> same_model("openai:qwen@http://a:1/v1", "openai:qwen@http://b:2/v1"), same_model("hf:a", "hf:b")
    (True, False)
    """
    return one.partition("@http")[0] == other.partition("@http")[0]


def priced_name(model: str) -> str:
    """What a price table calls a model: its name, without backend and address.

    >>> priced_name("openai:gpt-x@http://localhost:1/v1")
    'gpt-x'
    """
    backend, name = parse_model(model)
    if backend == "batch" and "@http" not in name:
        return name.rpartition("@")[0] or name
    return name if backend == "hf" else split_server(name)[0]


def open_model(model: str, options: ModelOptions) -> Model:
    """The model that `BACKEND:NAME` names, loaded and ready; InputError where it cannot be."""
    backend, name = parse_model(model)
    return BACKENDS[backend](name, options)
