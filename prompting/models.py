"""What a language model is to the rest of this folder, and how its name on the command line becomes one."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from data_builders.errors import InputError, check_choice

STOP_STRINGS = ("\nQ:", "\nExample:")
"""Where a completion has begun to invent the next question; the scorer reads only what stands before."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said to one prompt.

    finish_reason: `stop` (the model, or a stop string, ended it) or `length`.
    prompt_tokens: as the model saw the prompt, chat template included. output_tokens: without the end-of-text token.
    seconds: this completion's share of its batch's wall time.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    output_tokens: int
    seconds: float


@dataclass(frozen=True)
class ModelOptions:
    """How to run a model; None leaves the choice to the backend.

    max_new_tokens: longest completion, in tokens. batch_tokens: most tokens, padding and completion included, that one batch
    holds. batch_size: most prompts in one batch. chat: wrap the prompt as a user's turn. context: tokens that the model can hold.
    """

    max_new_tokens: int
    batch_tokens: int = 16384
    batch_size: int = 32
    dtype: str | None = None
    device: str | None = None
    chat: bool | None = None
    context: int | None = None
    stop: tuple[str, ...] = STOP_STRINGS


class Model(Protocol):
    """Prompts in, completions out, as they are done.

    identity: everything besides the prompt that decides the text (weights, template, sampling settings), as JSON values. Two
        models of one identity may share completions, so the journal is keyed by it.
    """

    @property
    def identity(self) -> Mapping[str, Any]: ...  # pragma: no cover

    def complete(self, prompts: Sequence[str], done: Container[int]) -> Iterator[list[tuple[int, Completion]]]:
        """Complete every prompt whose index is not in `done`; each list that is yielded is done for good, and can be stored.

        A model that works in batches plans them from all the prompts, so that a second start with some of them done
        batches the others as the first start did. InputError for a prompt that the model cannot hold, before any work.
        """
        ...  # pragma: no cover


def _hf(name: str, options: ModelOptions) -> Model:
    from prompting.hf_model import HfModel

    return HfModel(name, options)


BACKENDS: dict[str, Callable[[str, ModelOptions], Model]] = {"hf": _hf}
"""Prefix of --model -> how to open such a model. Each imports its library when it is called."""


def parse_model(model: str) -> tuple[str, str]:
    """Backend and name.

    >>> parse_model("hf:models/smollm2-135m-instruct")
    ('hf', 'models/smollm2-135m-instruct')
    >>> parse_model("gpt:5")
    Traceback (most recent call last):
        ...
    data_builders.errors.InputError: unknown model backend 'gpt'; choose from hf
    """
    backend, colon, name = model.partition(":")
    if not colon or not name:
        raise InputError(f"model {model!r} does not say where it runs; write BACKEND:NAME, with one of the backends {', '.join(BACKENDS)}")
    return check_choice("model backend", backend, BACKENDS), name


def open_model(model: str, options: ModelOptions) -> Model:
    """The model that `BACKEND:NAME` names, loaded and ready; InputError where it cannot be."""
    backend, name = parse_model(model)
    return BACKENDS[backend](name, options)
