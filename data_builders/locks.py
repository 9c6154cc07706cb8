"""One process at a time in an output folder, by a lock file that ends with its process, however that ends."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from data_builders.errors import InputError

try:
    import fcntl
except ImportError:  # Windows has no flock; there, nothing stops two processes in one folder
    fcntl = None  # type: ignore[assignment]

RUNNING = ".running"


@contextmanager
def exclusive(out: Path, name: str = RUNNING, shared: bool = False) -> Iterator[None]:
    """Make the folder `out` if need be, and hold a lock on it for the block.

    name: of the lock file in the folder. The last who holds it removes it, and the folder where nothing was
        put into it. shared: several may hold it that say so.
    Raises InputError, which says who holds it, while another process does, and where the folder cannot be
    written.

    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "run"
    >>> with exclusive(out), exclusive(out):  # doctest: +ELLIPSIS
    ...     pass
    Traceback (most recent call last):
        ...
    data_builders.errors.InputError: .../run: process ... is at work there; wait for it, or ...
    >>> with exclusive(out, shared=True), exclusive(out, shared=True):
    ...     [path.name for path in out.iterdir()]
    ['.running']
    >>> out.exists()
    False
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: not a folder; choose another --out")
    if fcntl is None:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        yield
        return
    try:
        file = _locked(out, out / name, shared)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(f"{out}: cannot be written ({why}); choose another --out") from None
    with file:
        try:
            yield
        finally:
            with suppress(OSError):  # others hold it, too; rmdir removes no folder that holds something
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                (out / name).unlink()
                out.rmdir()


def _locked(out: Path, path: Path, shared: bool) -> IO[str]:
    """The lock file, open and locked, with the name of this process in it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        # O_NOFOLLOW: a link that a stranger put there would have its target overwritten.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        file = os.fdopen(os.open(path, flags, 0o644), "r+", encoding="utf-8", errors="replace")
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = file.read(200).strip() or "another process"
            file.close()
            raise InputError(
                f"{out}: {owner} is at work there; wait for it, or choose another --out"
            ) from None
        if _is_same(file, path):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
            return file
        file.close()  # its last holder removed it between our opening and our locking


def _is_same(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
