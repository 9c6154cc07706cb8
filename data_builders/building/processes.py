"""Processes: workers, the ranks of a run, and Ctrl-C, which is the parent's business and is never lost."""

import atexit
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, TypeVar

from data_builders.errors import InputError, missing_extra
from data_builders.plugins import load_plugins

T = TypeVar("T")
R = TypeVar("R")


@contextmanager
def ctrl_c_later() -> Iterator[None]:
    """Python drops a KeyboardInterrupt that lands in a `__del__`, which pyarrow's writers have: the build
    would go on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # where no signal lands
        return
    pressed: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)
        if pressed and callable(before):
            before(*pressed[0])


@contextmanager
def process_pool(workers: int) -> Iterator[Callable[[Callable[[T], R], list[T]], Iterator[R]]]:
    """A `map` over processes, with its results in order."""
    # spawn, because forking a process that has threads (pyarrow's, a progress bar's) can hang the child
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker)

    def run(function: Callable[[T], R], items: list[T]) -> Iterator[R]:
        # Workers start here and inherit the mask: Ctrl-C reaches the whole process group, but is the parent's
        # business.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return pool.map(function, items)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        yield run
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown(wait=False)  # they have nothing left to do, and take a third of a second to end


def run_rank(program: str, main: Callable[[list[str]], None]) -> NoReturn:
    """Run `main` on this process's arguments, as one of the processes that torchrun or another launcher
    started, and end: with 2 after one line for input that cannot be used, else with 0.
    """
    try:
        load_plugins()
        try:
            main(sys.argv[1:])
        except ModuleNotFoundError as error:
            raise missing_extra(error) from None
    except InputError as error:
        # All ranks read the same input, so one of them reports what is wrong with it. A subclass such as
        # TrainingStopped or NotANumber means that this rank alone may know.
        if os.environ.get("RANK", "0") == "0" or type(error) is not InputError:
            print(f"{program}: {error}", file=sys.stderr)
        leave(2)
    leave(0)


def leave(code: int) -> NoReturn:
    """End this process; one of several ends without Python's own end.

    There gloo's threads may hold tensors still, and abort a process whose Python is gone before they let go
    of them (pytorch/pytorch#179291); destroy_process_group does not end them where a library's default
    arguments hold the group.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _start_worker() -> None:
    load_plugins()
    _die_with_the_parent()


def _die_with_the_parent() -> None:
    """In a worker: a killed parent cannot tell its workers, which would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
