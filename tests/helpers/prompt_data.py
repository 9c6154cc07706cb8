"""A small dataset to prompt, a server to ask in a process of its own, and the command line in a forked child:
as fast as a call, and it can be killed.
"""

import os
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import graphtalk
from data_builders.building.build import build
from data_builders.building.config import BuildConfig
from eval.scoring.run import score_run
from prompting.backends.openai import OpenAIModel

_READY = (score_run, OpenAIModel)  # imported before a fork, so that children start at once

TASKS = ("cycle_check", "node_count")


def make_data(folder: Path, test: int = 5, train: int = 12) -> Path:
    """Two tasks, one encoder, one generator."""
    build(
        BuildConfig(
            tasks=TASKS,
            encoders=("adjacency",),
            generators=("er",),
            train=train,
            validation=0,
            test=test,
            workers=1,
        ),
        folder,
    )
    return folder


def forked(arguments: list[str], log: Path, before: Callable[[], None] = lambda: None) -> int:
    """Start `graphtalk` in a child that writes what it prints to `log`; its process id comes back."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        before()
        sys.argv = ["graphtalk", *arguments]
        graphtalk.main()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def stored(journal: Path) -> set[str]:
    """The prompts that a journal holds; none while there is no table."""
    if not journal.exists():
        return set()
    connection = sqlite3.connect(journal, timeout=60)
    try:
        return {prompt for (prompt,) in connection.execute("SELECT prompt FROM completions")}
    except sqlite3.OperationalError:
        return set()
    finally:
        connection.close()


@contextmanager
def server_process(delay: float, log: Path | None = None) -> Iterator[str]:
    """A fake server in a process of its own, which no fork of this one can disturb; its URL."""
    command = [sys.executable, "-m", "prompting.backends.fake_server", "--port", "0", "--delay", str(delay)]
    command += ["--log", str(log)] if log else []
    server = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().split()[0]
    finally:
        server.kill()
        server.communicate()
