"""The one error that a user is meant to see, and the check that names the choices."""

import re
from collections.abc import Iterable
from importlib import metadata


class InputError(ValueError):
    """Something the user gave cannot be used; the message is one line and says what would be accepted.

    The command line prints it without a traceback and exits with code 2.
    """


def file_error(error: OSError) -> str:
    """A failure to read or write as one line: the file, and why.

    >>> file_error(PermissionError(13, "Permission denied", "runs/a/scores.parquet"))
    'runs/a/scores.parquet: permission denied'
    """
    return f"{error.filename or 'a file'}: {(error.strerror or str(error)).lower()}"


def one_line(text: object, most: int | None = None) -> str:
    """A text, such as what another library says in an error, with single spaces instead of line breaks; of a
    long one the first `most` characters.

    >>> one_line(ValueError("no such\\n    layer"), 11)
    'no such lay'
    """
    return " ".join(str(text).split())[:most]


def missing_extra(error: ModuleNotFoundError) -> InputError:
    """Return what to install for a module that only an extra brings; raise `error` itself for any other."""
    extras = extras_with(error.name or "")
    if not extras:
        raise error
    choices = " or ".join(f"'.[{extra}]'" for extra in extras)
    return InputError(f"{error.name} is not installed; in the clone, pip install -e {choices}")


def extras_with(module: str) -> list[str]:
    """The extras of pyproject.toml that install a module.

    >>> extras_with("ctranslate2"), extras_with("trl.trainer"), extras_with("no_such_module")
    (['ctranslate2'], ['finetune'], [])
    """
    name = module.partition(".")[0].replace("_", "-")
    pattern = re.compile(rf"{re.escape(name)}\b(?!-).*extra == ['\"]([\w-]+)['\"]")
    found = map(pattern.match, metadata.requires("graphtalk") or [])
    return [match[1] for match in found if match and match[1] != "dev"]


def check_choice(kind: str, name: str, choices: Iterable[str]) -> str:
    """Return `name` if it is one of `choices`, else raise InputError that lists them.

    >>> check_choice("task", "nodecount", ["node_count", "edge_count"])
    Traceback (most recent call last):
        ...
    data_builders.errors.InputError: unknown task 'nodecount'; choose from edge_count, node_count
    """
    choices = sorted(choices)
    if name not in choices:
        raise InputError(f"unknown {kind} {name!r}; choose from {', '.join(choices)}")
    return name
