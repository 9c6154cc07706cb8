"""Who owns an output folder: nothing is mixed, nothing that is not a dataset of ours is touched."""

import hashlib
import json
import shutil
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from data_builders.tasks import TASKS

LOCK, BUILDING = "dataset.lock", ".build"


def write_text(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(files: Mapping[str, str]) -> str:
    """sha256 over the names and sha256 of a dataset's files, in the order of their names."""
    return hashlib.sha256("".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files.items())).encode()).hexdigest()


def digest(identity: Mapping[str, Any]) -> str:
    """Short name of an identity: the config, the graph files' contents and the library versions."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def claim(out: Path, identity: dict[str, Any], overwrite: bool = False) -> Path:
    """Make `out` the folder of this build and return its `.build/DIGEST` folder, which survives until the build is complete.

    An empty folder is taken; so is one that holds this very build, finished or not. One that holds another dataset is
    taken only with `overwrite`, and one that holds anything else never: InputError.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: not a folder; choose another --out")
    mine = out / BUILDING / digest(identity)
    other = _other(out, identity)
    if other is not None and not overwrite and not mine.is_dir():
        raise InputError(f"{out}: holds another dataset ({other}); choose another --out, or give --overwrite to replace it")
    if other is None and not mine.is_dir() and not (out / LOCK).is_file() and _strangers(out):
        raise InputError(f"{out}: not empty and not a dataset of graphtalk ({_strangers(out)[0]}); choose another --out")
    try:
        mine.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({(error.strerror or str(error)).lower()}); choose another --out") from None
    write_text(mine / "identity.json", json.dumps(identity, indent=2))
    if other is not None:
        (out / LOCK).unlink(missing_ok=True)
    for folder in (out / BUILDING).iterdir():
        if folder != mine:
            shutil.rmtree(folder)
    return mine


def sweep(out: Path, expected: Container[str]) -> None:
    """Remove the parquet files of an earlier or killed build that the present one does not write."""
    for task in TASKS:
        for path in [*(out / task).glob("*.parquet"), *(out / task).glob("*.parquet.part")]:
            if f"{task}/{path.name}" not in expected:
                path.unlink()
        if (out / task).is_dir() and not any((out / task).iterdir()):
            (out / task).rmdir()


def _strangers(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir() if path.name != BUILDING) if out.is_dir() else []


def _other(out: Path, identity: dict[str, Any]) -> str | None:
    """How the dataset in a folder differs from the asked one; None where it is the same or where there is none."""
    lock = out / LOCK
    for path in [lock] * lock.is_file() + sorted((out / BUILDING).glob("*/identity.json")):
        try:
            have, want = _flat(json.loads(path.read_text(encoding="utf-8"))), _flat(identity)
        except (ValueError, AttributeError):
            return f"{path.name} cannot be read"
        for key in want:
            if have.get(key) != want[key]:
                return f"{key} is {have.get(key)} there, {want[key]} here"
    return None


def _flat(identity: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{part} {key}": value for part in ("config", "versions") for key, value in identity.get(part, {}).items()}
