"""Who owns an output folder: nothing is mixed, nothing that is not a dataset of ours is touched."""

import hashlib
import json
import shutil
from collections.abc import Container, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from data_builders.files import write_text
from data_builders.graphs.splits import RULE
from data_builders.locks import exclusive
from data_builders.tasks import TASKS

LOCK, BUILDING = "dataset.lock", ".build"


def fingerprint(files: Mapping[str, str]) -> str:
    """sha256 over the names and sha256 of a dataset's files, in the order of their names."""
    return hashlib.sha256(
        "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files.items())).encode()
    ).hexdigest()


def digest(identity: Mapping[str, Any]) -> str:
    """Short name of an identity: the config, the graph files' contents and the library versions."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def acquire_folder(
    out: Path, identity: dict[str, Any], overwrite: bool = False, part: tuple[int, int] | None = None
) -> Iterator[Path]:
    """Make `out` the folder of this build, for this process alone; gives its `.build/DIGEST`, which lasts
    until the build is complete.

    An empty folder is taken; so is one that holds this very build, finished or not. One that holds another
    dataset is
    taken only with `overwrite`, and one that holds anything else never, nor one in which a build is running:
    InputError. Builds of different parts may run side by side.
    """
    if set(str(out.absolute())) & set("*?[]"):  # `datasets` takes them for a pattern, and finds nothing
        raise InputError(
            f"{out}: load_dataset opens no folder with any of * ? [ ] in its path; choose another --out"
        )
    mine = out / BUILDING / digest(identity)
    other = _other(out, identity)
    if other is not None and not overwrite and not mine.is_dir():
        raise InputError(
            f"{out}: holds another dataset ({other}); choose another --out, or give --overwrite to replace it"
        )
    if other is None and not mine.is_dir() and not (out / LOCK).is_file() and _foreign_files(out):
        raise InputError(
            f"{out}: not empty and not a dataset of graphtalk ({_foreign_files(out)[0]}); "
            "choose another --out"
        )
    with ExitStack() as held:
        held.enter_context(exclusive(out, f"{BUILDING}/running", shared=part is not None))
        if part is not None:
            held.enter_context(exclusive(out, f"{BUILDING}/running-{part[0]}-of-{part[1]}"))
        mine.mkdir(exist_ok=True)
        write_text(mine / "identity.json", json.dumps(identity, indent=2))
        if other is not None:
            (out / LOCK).unlink(missing_ok=True)
        for folder in (out / BUILDING).iterdir():
            if folder != mine and folder.is_dir() and part is None:
                shutil.rmtree(folder)
        yield mine


def write_lock(folder: Path, lock: Mapping[str, Any]) -> None:
    """Write dataset.lock, as `read_lock` reads it."""
    write_text(folder / LOCK, json.dumps(lock, indent=2, ensure_ascii=False) + "\n")


def remove_stale(out: Path, expected: Container[str]) -> None:
    """Remove the parquet files of an earlier or killed build that the present one does not write."""
    for task in TASKS:
        for path in [*(out / task).glob("*.parquet"), *(out / task).glob("*.part")]:
            if f"{task}/{path.name}" not in expected:
                path.unlink()
        if (out / task).is_dir() and not any((out / task).iterdir()):
            (out / task).rmdir()


def _foreign_files(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if path.name != BUILDING) if out.is_dir() else []


def _other(out: Path, identity: dict[str, Any]) -> str | None:
    """How the dataset in a folder differs from the asked one; None where it is the same or where there is
    none.
    """
    lock = out / LOCK
    for path in [lock] * lock.is_file() + sorted((out / BUILDING).glob("*/identity.json")):
        try:
            there = json.loads(path.read_text(encoding="utf-8"))
            have, want = _flat(there), _flat(identity)
        except (ValueError, AttributeError):
            return f"{path.name} cannot be read"
        if there.get("splits") != identity["splits"]:
            return f"{of_another_rule(there)}, so it cannot be continued and must start anew"
        for key in want:
            if have.get(key) != want[key]:
                return f"{key} is {have.get(key)} there, {want[key]} here"
    return None


def of_another_rule(lock: Mapping[str, Any]) -> str:
    """What to say of a dataset whose graphs were sent to their splits otherwise than now."""
    return f"its graphs were split by rule {lock.get('splits', 1)}, here they are by rule {RULE}"


def _flat(identity: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{part} {key}": value
        for part in ("config", "versions")
        for key, value in identity.get(part, {}).items()
    }
