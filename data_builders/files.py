"""Files and folders that appear whole or not at all, YAML files, sha256, and the one progress bar."""

import hashlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self

from data_builders.errors import InputError, one_line


@contextmanager
def atomic_file(path: Path, sync: bool = True) -> Iterator[BinaryIO]:
    """Open a new binary file that takes the place of `path` when the block ends without an error.

    Until then it has a fresh random name in the same folder, which ends in `.part`. It is removed when the
    block fails; after a kill it stays, and nothing reads it. A writer that wants a name instead of a file
    gets `file.name`. Several processes may write the same path: the last one wins.

    The mode `x` opens with O_EXCL, which fails on any file or link that is there already and follows none,
    so that nobody can plant a file that is written through. A `path` that is a link is itself replaced.

    sync: wait until the content is on the disk, so that a power cut cannot leave an empty file under the
        final name. Leave it out for files whose sha256 is checked before they are used.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "notes.txt"
    >>> with atomic_file(path) as file:
    ...     _ = file.write(b"whole")
    ...     path.exists()
    False
    >>> path.read_bytes(), len(list(path.parent.iterdir()))
    (b'whole', 1)
    """
    part = _part(path)
    with part.open("xb") as file:
        try:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
            file.close()  # Windows replaces no file that is open
            part.replace(path)
        except BaseException as error:
            part.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename is None:
                error.filename = str(path)  # A full disk does not say which file it was.
            raise


def write_text(path: Path, text: str, sync: bool = True) -> None:
    """Write a UTF-8 text file that appears whole or not at all; see `atomic_file`."""
    with atomic_file(path, sync) as file:
        file.write(text.encode())


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Make a new folder that gets the name `path` when the block ends without an error, else is removed.

    `path` must not exist, or be an empty folder; otherwise OSError, and what it holds stays.
    """
    part = _part(path)
    part.mkdir(parents=True)
    try:
        yield part
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        part.rename(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")


def file_sha256(path: Path) -> str:
    """The sha256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inside(folder: Path, name: str) -> Path:
    """The path `folder`/`name`; InputError where a link in the folder leads out of it.

    A folder from a stranger may hold a link to any file of the user's, which must be neither read nor shown.
    The folder itself may be a link, since the user named it.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{path}: a link that leads out of {folder}; put the file itself there")
    return path


def check_links(folder: Path) -> None:
    """InputError for a link anywhere in a folder that leads out of it, see `inside`.

    The files of a model in the Hub's cache are links to the `blobs` beside their folder `snapshots`.
    """
    within = folder.resolve()
    within = within.parents[1] if within.parent.name == "snapshots" else within
    for path in folder.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(within):
            raise InputError(f"{path}: a link that leads out of {folder}; put the file itself there")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; InputError, in one line that names the file, for anything else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({str(error)[:200]})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: damaged, a JSON {type(content).__name__} and no object")
    return content


def read_yaml(path: Path, keys: Collection[str] | None = None) -> dict[str, Any]:
    """The mapping in a YAML file; an empty file is an empty mapping.

    keys: the keys that are accepted; any by default.
    Raises InputError, in one line that names the file, for one that cannot be read, is no YAML, holds no
    mapping, or has another key.
    """
    import yaml

    accepted = "" if keys is None else f"; accepted keys are {', '.join(keys)}"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be read ({why}); give a YAML file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; give a YAML file") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{path}: line {line}: not YAML ({error.problem})") from None
    except RecursionError:
        raise InputError(f"{path}: not YAML that can be read (nested too deep)") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: not YAML ({one_line(error, 200)})") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected `key: value` lines, not a {type(content).__name__}{accepted}")
    for key in content:
        if keys is not None and key not in keys:
            raise InputError(f"{path}: unknown key {key!r}{accepted}")
    return content


class ProgressBar:
    """A bar on standard error with count, rate and time left; nothing at all where that is not a terminal.

    Use it in a `with`, or call `start` and `stop`. total: how many there will be; None while unknown.
    """

    def __init__(self, description: str, total: int | None = None) -> None:
        from rich import progress  # takes a tenth of a second, which `--help` need not wait for
        from rich.console import Console

        class Rate(progress.ProgressColumn):
            def render(self, task: progress.Task) -> str:
                return f"{task.speed:,.{0 if task.speed >= 10 else 1}f}/s" if task.speed else ""

        self._progress = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            Rate(),
            progress.TextColumn("{task.fields[note]}"),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task(description, total=total, note="")

    @property
    def is_shown(self) -> bool:
        """Whether standard error is a terminal."""
        return not self._progress.disable

    def start(self) -> None:
        """Show the bar."""
        self._progress.start()

    def stop(self) -> None:
        """Leave the bar as it is now."""
        self._progress.stop()

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more."""
        self._progress.advance(self._task, steps)

    def update(self, completed: int, total: int | None = None, note: str = "") -> None:
        """Set the count, and the total where it is known by now; `note` is shown after the rate."""
        self._progress.update(self._task, completed=completed, total=total, note=note)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
