"""Worker processes, and Ctrl-C: it is the parent's business, and is never lost."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

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
