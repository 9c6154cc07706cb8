"""The `graphtalk` command line: one app that mounts each folder's commands."""

import os
import re
import sys
from importlib import metadata

import typer
from typer.exceptions import Abort, TyperException

from data_builders import commands as data_commands
from data_builders.errors import InputError
from eval import commands as eval_commands
from finetune import commands as finetune_commands
from graph_models import commands as graph_model_commands
from prompting import commands as prompting_commands

app = typer.Typer(name="graphtalk", add_completion=False, help=__doc__, pretty_exceptions_enable=False)
for folder in (data_commands, finetune_commands, graph_model_commands, prompting_commands, eval_commands):
    for name, command, settings in folder.COMMANDS:
        app.command(name, **settings)(command)


def extras_with(module: str) -> list[str]:
    """The extras of pyproject.toml that install a module.

    >>> extras_with("ctranslate2"), extras_with("torch.nn"), extras_with("no_such_module")
    (['ctranslate2'], ['prompting', 'finetune'], [])
    """
    name = module.partition(".")[0].replace("_", "-")
    pattern = re.compile(rf"{re.escape(name)}\b(?!-).*extra == ['\"](\w+)['\"]")
    found = map(pattern.match, metadata.requires("graphtalk") or [])
    return [match[1] for match in found if match and match[1] != "dev"]


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
        print(f"graphtalk: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        extras = extras_with(error.name or "")
        if not extras:
            raise
        choices = " or ".join(f"'.[{extra}]'" for extra in extras)
        print(
            f"graphtalk: {error.name} is not installed; in the clone, pip install -e {choices}",
            file=sys.stderr,
        )
        sys.exit(2)
    except TyperException as error:
        print(f"graphtalk: {error.format_message()}", file=sys.stderr)
        sys.exit(2)
    except Abort:
        print("graphtalk: interrupted; start the same command again to continue", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # `graphtalk ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
