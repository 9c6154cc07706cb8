"""Config -> dataset folder, by several processes or machines, and in spite of being killed.

The work is cut into shards (a range of graph indexes of one split, all tasks) whose borders depend on the
config alone, and no shard depends on another: a graph's split is a function of the graph (`draws`).
Whoever makes a shard streams it to its parquet files, a chunk at a time, and then writes
`.build/DIGEST/SPLIT-NUMBER.json`, which says that the shard is done, with the files' sha256. DIGEST names the
config, the graph files' contents and the library versions. A second start skips the shards that are done and
whole; the lock is written last, and `.build` removed. Every file is renamed into place.
"""

import gc
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from data_builders.building.card import card, label, report
from data_builders.building.config import BuildConfig
from data_builders.building.draws import Draws
from data_builders.building.floors import dataset_floors
from data_builders.building.folder import (
    BUILDING,
    LOCK,
    acquire_folder,
    fingerprint,
    remove_stale,
    write_lock,
)
from data_builders.building.processes import ctrl_c_later, process_pool
from data_builders.building.rows import Chunk, Files, check_sizes, open_files
from data_builders.building.tokens import count_tokens, load_tokenizer
from data_builders.errors import InputError
from data_builders.example import SCHEMA, SPLITS, read_lock
from data_builders.files import atomic_file, file_sha256, write_text
from data_builders.graphs.splits import RULE
from data_builders.readers.graph_files import source_name

SHARD_ROWS = (
    10_000  # rows of one task in one file: bounds the work that a kill can lose, and what workers can share
)
CHUNK_GRAPHS = 2_000  # in memory at once, and in one row group; fewer where the graphs are large
CHUNK_CHARACTERS = 8_000_000
ROWS_PER_WORKER = 50_000  # below that, starting another process takes longer than it saves
REPEATED = [
    "task",
    "task_class",
    "answer",
    "solution",
    "answer_kind",
    "encoder",
    "generator",
    "split",
    "num_nodes",
    "num_edges",
]
PARQUET: dict[str, Any] = {"compression": "zstd", "use_dictionary": REPEATED, "write_statistics": REPEATED}

Record = dict[str, Any]  # what `.build/DIGEST/SPLIT-NUMBER.json` says
Advance = Callable[[int, bool], None]


@dataclass(frozen=True)
class Shard:
    """The graph indexes start .. stop-1 of a split, the `number`-th of its `count` shards."""

    split: str
    number: int
    count: int
    start: int
    stop: int

    @property
    def record(self) -> str:
        return f"{self.split}-{self.number:05d}.json"

    def file(self, task: str) -> str:
        return f"{task}/{self.split}-{self.number:05d}-of-{self.count:05d}.parquet"


def build(
    config: BuildConfig,
    out: Path,
    overwrite: bool = False,
    advance: Advance = lambda rows, new: None,
    part: tuple[int, int] | None = None,
    locked: bool = False,
    tokenizer: Path | None = None,
) -> Record | None:
    """Write the dataset of `config` into the folder `out` and return its lock; what is there already is kept.

    advance: told a number of rows, and whether they are new or were there, whenever some are done.
    part: (k, n) writes the k-th of n parts only (1-based, any machine, same folder) and returns None; once
        all parts are there, a build without `part` adds the lock.
    tokenizer: count the tokens of the examples for it, see `tokens`; the counts stand in the lock's report
        and on the card.
    locked: `out` has a dataset.lock, which the files must come to, byte for byte.
    Raises InputError, before anything is written, for a folder that holds something else or a config that
    cannot be built.
    """
    files = open_files(config)
    for split in SPLITS:
        check_sizes(config.of_split(split), files)
        for source in config.of_split(split).all_sources if config.size(split) else ():
            next(Draws(config.of_split(split), files, split, source).choices([0]))
    if tokenizer is not None:
        load_tokenizer(tokenizer)
    identity = _identity(config, files)
    with acquire_folder(out, identity, overwrite, part) as done:
        lock = _complete(out)
        if lock is not None:
            advance(config.rows, False)
        else:
            shards = _shards(config)
            if part is None:
                remove_stale(out, {shard.file(task) for shard in shards for task in config.tasks})
            mine = shards if part is None else shards[part[0] - 1 :: part[1]]
            records = _write_shards(config, out, done, mine, advance)
            if part is None:
                lock = _finish(config, out, identity, files, records, locked)
        if part is None and tokenizer is not None and lock is not None:
            lock["report"]["tokens"] = count_tokens(out, tokenizer)
            _write_lock(out, lock)
        if part is None or lock is not None:  # several parts of a finished dataset may get here at once
            shutil.rmtree(out / BUILDING, ignore_errors=part is not None)
    return None if part else lock


def _identity(config: BuildConfig, files: Files) -> Record:
    """Everything that the bytes of the dataset depend on."""
    # How graph files are read is named where it is not the default, as in the locks of earlier versions.
    new = ("unit", "weight", "weights", "header")
    defaults = [name for name in new if getattr(config, name) == BuildConfig.model_fields[name].default]
    settings = config.model_dump(mode="json", exclude={"workers", "max_bytes", *defaults})
    settings["generators"] = list(config.families)
    settings["graphs"] = {
        name: {"file": path.name, "sha256": files[name].sha256}
        for path in config.graphs
        for name in [source_name(path)]
    }
    versions = {name: metadata.version(name) for name in ("networkx", "pyarrow", "graphtalk")}
    return {"config": settings, "versions": versions, "splits": RULE}


def _complete(out: Path) -> Record | None:
    """The lock of a finished dataset whose files are all whole, else None."""
    if not (out / LOCK).is_file():
        return None
    lock: Record = read_lock(out)
    return lock if _whole(out, lock["files"]) else None


def _whole(out: Path, files: dict[str, str]) -> bool:
    return all((out / name).is_file() and file_sha256(out / name) == sha256 for name, sha256 in files.items())


def _shards(config: BuildConfig) -> list[Shard]:
    out = []
    for split in SPLITS:
        own = config.of_split(split)
        size = max(
            1, int(SHARD_ROWS // (len(own.encoders) * len(own.all_sources)) / max(1, own.largest / 20))
        )
        starts = range(0, config.size(split), size)
        out += [
            Shard(split, k, len(starts), start, min(start + size, config.size(split)))
            for k, start in enumerate(starts)
        ]
    return out


def _write_shards(
    config: BuildConfig, out: Path, done: Path, shards: list[Shard], advance: Advance
) -> list[Record]:
    """Write the shards that are not there yet, and return the records of all, in order."""
    records: dict[Shard, Record] = {}
    for shard in shards:
        if (done / shard.record).is_file():
            record = json.loads((done / shard.record).read_text(encoding="utf-8"))
            if _whole(out, record["files"]):
                records[shard] = record
                advance(_rows(record), False)
    todo = [shard for shard in shards if shard not in records]
    workers = _workers(config, len(todo))
    if workers <= 1:
        for shard in todo:
            records[shard] = write_shard(config, out, done, shard, lambda rows: advance(rows, True))
    else:
        with process_pool(workers) as run:
            for shard, record in zip(todo, run(partial(write_shard, config, out, done), todo), strict=True):
                records[shard] = record
                advance(_rows(record), True)
    return [records[shard] for shard in shards]


def _rows(record: Record) -> int:
    return sum(sum(counts.values()) for counts in record["labels"].values())


def write_shard(
    config: BuildConfig,
    out: Path,
    done: Path,
    shard: Shard,
    advance: Callable[[int], None] = lambda rows: None,
) -> Record:
    """Draw the graphs of a shard and ask about them; runs in any process, with the same result."""
    counts: dict[str, Counter[str]] = {task: Counter() for task in config.tasks}
    graphs: dict[str, list[int]] = {source: [] for source in config.of_split(shard.split).all_sources}
    with ExitStack() as files:
        parts = {}
        for task in config.tasks:
            (out / task).mkdir(exist_ok=True)
            part = files.enter_context(atomic_file(out / shard.file(task), sync=False))
            parts[task] = Path(part.name)
        with _few_collections(), _writers(parts) as writers:
            for chunk in _chunks(config, done, shard, graphs):
                tables = chunk.tables()
                for task, table in tables.items():
                    writers[task].write_table(table)
                    for entry in table["solution"].value_counts().to_pylist():
                        counts[task][label(json.loads(entry["values"]))] += entry["counts"]
                advance(sum(table.num_rows for table in tables.values()))
        hashes = {shard.file(task): file_sha256(path) for task, path in parts.items()}
    labels = {task: dict(counted.most_common()) for task, counted in counts.items()}
    record = {"split": shard.split, "files": hashes, "labels": labels, "graphs": graphs}
    write_text(done / shard.record, json.dumps(record))
    return record


@contextmanager
def _writers(parts: dict[str, Path]) -> Iterator[dict[str, pq.ParquetWriter]]:
    """A writer per task, all of them closed and gone at the end."""
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        for task, path in parts.items():
            writers[task] = pq.ParquetWriter(path, SCHEMA, **PARQUET)
        yield writers
    finally:
        with ctrl_c_later(), ExitStack() as stack:
            stack.callback(writers.clear)
            for task in writers:
                stack.callback(writers[task].close)


@contextmanager
def _few_collections() -> Iterator[None]:
    before = (
        gc.get_threshold()
    )  # rows are strings and tuples without cycles, which the collector would walk over every few graphs
    gc.set_threshold(200_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _chunks(config: BuildConfig, done: Path, shard: Shard, graphs: dict[str, list[int]]) -> Iterator[Chunk]:
    """The rows of a shard, a few graphs at a time; the invariants of its graphs are added to `graphs`."""
    split, own = shard.split, config.of_split(shard.split)
    files = _files(config, done)
    indices = range(shard.start, shard.stop)
    choices = {source: Draws(own, files, split, source).choices(indices) for source in own.all_sources}
    chunk = Chunk(own, split)
    for index in indices:
        for source, of_source in choices.items():
            for choice in next(of_source):
                graphs[source].append(choice.invariant)
                chunk.add(source, index, choice.graph, choice.nth, choice.tasks)
        if index + 1 == shard.stop or chunk.graphs >= CHUNK_GRAPHS or chunk.characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk = Chunk(own, split)


@lru_cache(maxsize=2)
def _files(config: BuildConfig, done: Path) -> Files:
    return open_files(config)  # once per process and build: `done` names the files' contents


def _finish(
    config: BuildConfig, out: Path, identity: Record, files: Files, records: list[Record], locked: bool
) -> Record:
    hashes = dict(sorted((name, sha256) for record in records for name, sha256 in record["files"].items()))
    lock = {"name": config.name, **identity, "files": hashes, "fingerprint": fingerprint(hashes)}
    if locked:
        _compare(out, hashes)
    lock["report"] = report(config, files, records)
    lock["report"]["floors"] = dataset_floors(out, config.tasks)
    if locked:
        write_text(out / "README.md", card(lock))
    else:
        _write_lock(out, lock)
    return lock


def _write_lock(out: Path, lock: Record) -> None:
    """The card first: the lock says that all is there."""
    write_text(out / "README.md", card(lock))
    write_lock(out, lock)


def _compare(out: Path, hashes: dict[str, str]) -> None:
    wanted: dict[str, str] = read_lock(out)["files"]  # type: ignore[assignment]
    wrong = [name for name in sorted(wanted.keys() | hashes.keys()) if wanted.get(name) != hashes.get(name)]
    if wrong:
        raise InputError(
            f"{out}: {len(wrong)} of {len(wanted)} files are not those of dataset.lock; the first is"
            f" {wrong[0]}"
        )


def _workers(config: BuildConfig, shards: int) -> int:
    """As many processes as asked for; by default one per usable core, fewer for little work."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    work = config.rows * max(1.0, config.largest / 20) ** 2
    return min(config.workers or min(cores, int(work // ROWS_PER_WORKER)), shards)
