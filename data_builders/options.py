"""Command-line options made from the fields of a settings class, so that each stands once, with its help."""

import inspect
import json
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError

from data_builders.errors import InputError

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Option:
    """Marks a field of a settings class (pydantic model or dataclass) as an option of the command line.

    flag: another spelling than `--name`, or for a truth value `--name/--no-name`. json: the flag takes JSON.
    """

    help: str
    flag: str | None = None
    json: bool = False


def fields_of(settings: type) -> dict[str, tuple[Any, Option]]:
    """Name -> type and option, of the fields that are options, in their order."""
    hints = typing.get_type_hints(settings, include_extras=True)
    marked = {name: (hint.__origin__, hint.__metadata__) for name, hint in hints.items() if _marks(hint)}
    return {name: (kind, next(filter(_is_option, marks))) for name, (kind, marks) in marked.items()}


def _is_option(mark: Any) -> bool:
    return isinstance(mark, Option)


def _marks(hint: Any) -> list[Any]:
    return [mark for mark in getattr(hint, "__metadata__", ()) if _is_option(mark)]


def options_of(*settings: type, only: Collection[str] | None = None) -> Callable[[Command], Command]:
    """Give a typer command, in place of its `**flags`, an option for each field of some settings classes.

    The command gets the value of each flag by the field's name, None where it is not given. Text, numbers,
    paths and truth values come as such, several paths as a list; everything else as the text that was typed,
    which the settings class reads.

    >>> @dataclass
    ... class Size:
    ...     max_nodes: Annotated[int, Option("Largest graph.")] = 20
    >>> @options_of(Size)
    ... def draw(out: Path, **flags: Any) -> None: ...
    >>> list(inspect.signature(draw).parameters)
    ['out', 'max_nodes']
    """

    def decorate(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True)
        parameters = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        for kind in settings:
            for name, (hint, option) in fields_of(kind).items():
                if only is None or name in only:
                    parameters.append(_parameter(name, hint, option))
        command.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return decorate


def _parameter(name: str, hint: Any, option: Option) -> inspect.Parameter:
    kinds = [kind for kind in typing.get_args(hint) or (hint,) if kind is not type(None)]
    several = typing.get_origin(hint) is tuple and kinds[0] is Path
    plain = len(kinds) == 1 and kinds[0] in (int, float, bool, Path)
    kind: Any = list[Path] if several else kinds[0] if plain else str
    flags = [option.flag] if option.flag else []
    annotation = Annotated[kind | None, typer.Option(*flags, help=option.help)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def from_json(key: str, text: str, example: str) -> Any:
    """The value of a flag that takes JSON; InputError that shows an example."""
    try:
        return json.loads(text)
    except ValueError:
        raise InputError(f"{as_flag(key)} is {text!r}; it is JSON, e.g. '{example}'") from None


def validate(
    settings: type, values: Mapping[str, Any], path: Path | None, flags: Collection[str] = ()
) -> Any:
    """The settings that these values make; InputError that names the first wrong one by its flag or key.

    path: the file that the values come from, but for those named in `flags`.
    """
    try:
        return TypeAdapter(settings).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, InputError):
            raise cause from None
        key, message = str(first["loc"][0]), first["msg"]
        where = as_flag(key) if key in flags or path is None else f"{path}: {key}"
        raise InputError(f"{where}: {message[0].lower()}{message[1:]}, not {first['input']!r}") from None


def as_flag(key: str) -> str:
    """
    >>> as_flag("max_cost")
    '--max-cost'
    """
    return f"--{key.replace('_', '-')}"


def parse_shard(text: str) -> tuple[int, int]:
    """K/N of --shard as two numbers.

    >>> parse_shard("3/64")
    (3, 64)
    """
    k, _, n = text.partition("/")
    if not (k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise InputError(f"--shard: expected K/N with 1 <= K <= N, such as 3/64, not {text!r}")
    return int(k), int(n)
