"""The one error that a user is meant to see, and the check that names the choices."""

from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave cannot be used; the message is one line and says what would be accepted.

    The command line prints it without a traceback and exits with code 2.
    """


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
