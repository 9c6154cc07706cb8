"""How `--model BACKEND:NAME` becomes a model: the backends by name, and what is read out of a model's
name.
"""

from collections.abc import Callable

from data_builders.errors import InputError, check_choice
from prompting.backends.model import Model, ModelOptions, split_address, split_server


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
            f"model {model!r} does not say where it runs; write BACKEND:NAME, with one of the backends "
            f"{', '.join(BACKENDS)}"
        )
    return check_choice("model backend", backend, BACKENDS), name


def same_model(one: str, other: str) -> bool:
    """Whether two --model mean the same model: the address of a server, or a folder of batches, may change.

    >>> same_model("openai:qwen@http://a:1/v1", "openai:qwen@http://b:2/v1"), same_model("hf:a", "hf:b")
    (True, False)
    >>> same_model("batch:me/qwen@handover/1", "batch:me/qwen@handover/2")
    True
    """
    return _without_address(one) == _without_address(other)


def _without_address(model: str) -> str:
    name, scheme, _ = split_address(model)
    folder = not scheme and model.startswith("batch:") and "@" in model
    return model.rpartition("@")[0] if folder else name


def priced_name(model: str) -> str:
    """What a price table calls a model: its name, without backend and address.

    >>> priced_name("openai:gpt-x@http://localhost:1/v1")
    'gpt-x'
    """
    backend, name = parse_model(model)
    if backend == "batch" and not split_address(name)[1]:
        return name.rpartition("@")[0] or name
    return name if backend == "hf" else split_server(name)[0]


def open_model(model: str, options: ModelOptions) -> Model:
    """The model that `BACKEND:NAME` names, loaded and ready; InputError where it cannot be."""
    backend, name = parse_model(model)
    return BACKENDS[backend](name, options)
