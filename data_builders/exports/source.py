"""The dataset that an export reads, its examples one by one, and JSON lines to write."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from data_builders.errors import InputError, check_choice
from data_builders.example import (
    SCHEMA,
    SPLITS,
    Example,
    changed_file,
    complete,
    dataset_tasks,
    read_lock,
)

BATCH = 1000  # rows in memory at a time


@dataclass(frozen=True)
class Source:
    """A built dataset, or the part of it that is exported.

    limit: how many examples of each task and split, from the first; None for all.
    model: the model that request files are addressed to; None where none was named.
    """

    folder: Path
    name: str
    lock: dict[str, Any]
    tasks: tuple[str, ...]
    splits: tuple[str, ...]
    limit: int | None = None
    model: str | None = None

    def examples(self, split: str, *tasks: str) -> Iterator[Example]:
        """The examples of one split, task by task (all tasks by default), read batch by batch."""
        for task in tasks or self.tasks:
            yield from islice(self._examples(task, split), self.limit)

    def _examples(self, task: str, split: str) -> Iterator[Example]:
        for path in sorted((self.folder / task).glob(f"{split}-*.parquet")):
            with pq.ParquetFile(path) as file:
                columns = [name for name in SCHEMA.names if name in file.schema_arrow.names]
                for batch in file.iter_batches(BATCH, columns=columns):
                    yield from (complete(Example(**row)) for row in batch.to_pylist())


def open_source(
    folder: Path, tasks: Iterable[str] | None = None, limit: int | None = None, model: str | None = None
) -> Source:
    """Open a dataset folder; InputError for a folder without a lock, an unknown task, or files that are not
    those of its lock.
    """
    lock: Any = read_lock(folder)
    have = dataset_tasks(folder)
    chosen = have if tasks is None else [check_choice(f"task in {folder}", task, have) for task in tasks]
    if (name := changed_file(folder, lock["files"])) is not None:
        raise InputError(f"{folder}: {name} is not the file of dataset.lock; build the dataset again")
    splits = tuple(split for split in SPLITS if lock["config"][split])
    return Source(folder, lock["name"], lock, tuple(chosen), splits, limit, model)


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """One JSON value a line, UTF-8; folders above `path` are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def chat(example: Example) -> list[dict[str, str]]:
    """The question as a user's turn and the answer as the assistant's."""
    return [
        {"role": "user", "content": example.question},
        {"role": "assistant", "content": example.answer.strip()},
    ]


def row(example: Example) -> dict[str, Any]:
    """Every column of an example, from which `graphtalk.Example(**row)` makes it again."""
    return asdict(example)
