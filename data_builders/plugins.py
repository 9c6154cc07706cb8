"""Tasks, encoders and generators of other packages, so that nobody needs a fork (docs/add_a_task.md).

Two ways lead here. An installed package names its objects in the entry point groups `graphtalk.tasks`,
`graphtalk.encoders` and `graphtalk.generators`. A module that is named by `graphtalk --plugins my_module ...`
is imported, and adds to TASKS, SECOND, ENCODERS and so on what it likes.
"""

import os
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from data_builders.errors import InputError

VARIABLE = "GRAPHTALK_PLUGINS"  # the modules of --plugins, with commas: worker processes inherit it


def load_plugins() -> None:
    """Add what installed packages and the modules of GRAPHTALK_PLUGINS bring; a second call changes nothing.

    Every process that builds, prompts, trains or scores calls this once, at its start.

    Raises InputError that names the plugin where it cannot be imported, is not what its group holds, or takes
    the name of something else.
    """
    for module in filter(None, os.environ.get(VARIABLE, "").split(",")):
        # The working directory comes last: a folder of the user's must not hide one of the project's.
        if str(Path.cwd()) not in sys.path:
            sys.path.append(str(Path.cwd()))
        _imported(f"--plugins {module}", lambda module=module: import_module(module))
    for kind in ("task", "encoder", "generator"):
        for entry in entry_points(group=f"graphtalk.{kind}s"):
            source = f"entry point {entry.name!r} of {entry.dist.name if entry.dist else entry.value}"
            _add(kind, entry.name, _imported(source, entry.load), source)


def _imported(source: str, load: Any) -> Any:
    try:
        return load()
    except Exception as error:  # whatever the code of another package raises
        raise InputError(f"{source}: cannot be imported ({type(error).__name__}: {error})") from error


def _add(kind: str, name: str, value: Any, source: str) -> None:
    from data_builders.graphs.generators import GENERATORS, Generator
    from data_builders.tasks import TASKS, Task
    from data_builders.text.encoders import ENCODERS, Encoder

    tables: dict[str, tuple[dict[str, Any], type]] = {
        "task": (TASKS, Task),
        "encoder": (ENCODERS, Encoder),
        "generator": (GENERATORS, Generator),
    }
    table, record = tables[kind]
    if not isinstance(value, record):
        raise InputError(f"{source}: expected {record.__name__}, not {type(value).__name__}")
    own = getattr(value, "name", name)
    if own != name:
        raise InputError(f"{source}: the {kind} is called {own!r}; both names must be the same")
    if table.setdefault(name, value) is not value:
        raise InputError(
            f"{source}: there already is {'an' if kind == 'encoder' else 'a'} {kind} of this name"
        )
