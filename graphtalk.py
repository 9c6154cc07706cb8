"""The `graphtalk` command line, one app that mounts each folder's commands, and the few names that
programs import.
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import Abort, TyperException

from data_builders import commands as data_commands
from data_builders.errors import InputError, file_error, missing_extra
from data_builders.plugins import VARIABLE, load_plugins
from eval import commands as eval_commands
from eval.escape import visible
from finetune import commands as finetune_commands
from graph_models import commands as graph_model_commands
from prompting import commands as prompting_commands

if TYPE_CHECKING:  # for type checkers and editors; at run time see __getattr__
    from data_builders.building.build import build as build
    from data_builders.building.config import BuildConfig as BuildConfig
    from data_builders.example import Example as Example
    from data_builders.example import load_examples as load_examples
    from data_builders.readers.graph_files import read_graph as read_graph
    from eval.api import evaluate as evaluate
    from eval.api import graph_reward as reward  # noqa: F401
    from eval.prediction import Prediction as Prediction
    from eval.scoring import score as score

app = typer.Typer(name="graphtalk", add_completion=False, help=__doc__, pretty_exceptions_enable=False)
for folder in (data_commands, finetune_commands, graph_model_commands, prompting_commands, eval_commands):
    for name, command, settings in folder.COMMANDS:
        app.command(name, **settings)(command)


DOOR = {  # what programs import (docs/python.md) -> its module, and its name there where that is another
    "BuildConfig": "data_builders.building.config",
    "Example": "data_builders.example",
    "InputError": "data_builders.errors",
    "Prediction": "eval.prediction",
    "build": "data_builders.building.build",
    "evaluate": "eval.api",
    "load_examples": "data_builders.example",
    "read_graph": "data_builders.readers.graph_files",
    "reward": "eval.api:graph_reward",
    "score": "eval.scoring",
}


@app.callback()
def plugins_option(
    plugins: Annotated[
        list[str] | None,
        typer.Option(help="Module that adds tasks, encoders or generators; repeatable.", metavar="MODULE"),
    ] = None,
) -> None:
    if plugins:
        os.environ[VARIABLE] = ",".join(plugins)
    load_plugins()


def main() -> None:
    """Run the command line: 2 for input that cannot be used, 130 for Ctrl-C, one line and no traceback for
    either.
    """
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
        if code == 130:  # what typer makes of Ctrl-C while a command runs, without a word
            raise Abort
        sys.exit(code)
    except InputError as error:
        print(visible(f"graphtalk: {error}"), file=sys.stderr)
        sys.exit(2)
    except UnicodeEncodeError as error:
        text = error.object[error.start : error.end].encode("ascii", "backslashreplace").decode()
        why = "no characters of this locale; set LC_ALL=C.UTF-8 and start again"
        print(f"graphtalk: {text}: {why}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        print(f"graphtalk: {missing_extra(error)}", file=sys.stderr)
        sys.exit(2)
    except TyperException as error:
        print(f"graphtalk: {error.format_message()}", file=sys.stderr)
        sys.exit(2)
    except Abort:
        print("graphtalk: interrupted; start the same command again to continue", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # `graphtalk ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a full disk, a quota, a folder that may not be written
        print(visible(f"graphtalk: {file_error(error)}"), file=sys.stderr)
        sys.exit(2)


def __getattr__(name: str) -> Any:
    """What programs import, loaded on first use: `graphtalk.score`, `from graphtalk import read_graph`."""
    if name not in DOOR:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, own = DOOR[name].partition(":")
    return getattr(import_module(module), own or name)


def __dir__() -> list[str]:
    return sorted([*globals(), *DOOR])


if __name__ == "__main__":
    main()
