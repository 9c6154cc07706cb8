"""Config -> dataset folder, by several processes, and in spite of being killed.

The work is cut into shards (a range of graph indexes of one split, all tasks) whose borders depend on the config alone,
and a shard into chunks, which worker processes answer. Only this process writes: first the shard's parquet files, then
`.build/DIGEST/SPLIT-NUMBER.json`, which says that the shard is done, with the files' sha256. DIGEST names the config,
the graph files' contents and the library versions. A second start skips the shards that are done and whole; the lock is
written last, and `.build` removed. Every file is renamed into place.
"""

import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_builders.card import card, label, report
from data_builders.config import BuildConfig
from data_builders.example import read_lock
from data_builders.folder import BUILDING, LOCK, claim, file_sha256, fingerprint, sweep, write_text
from data_builders.rows import VARYING, Files, ask, check_smallest, draw_graph, open_files, to_table
from data_builders.splits import draw_apart
from data_builders.tasks import TASKS

ORDER = ("test", "validation", "train")  # test is drawn as it comes; the others stay away from what is there
SHARD_ROWS = 20_000  # rows of one task in one file: bounds the memory, and the work that a kill can lose
CHUNK_GRAPHS = 200  # what a worker gets at once
CHUNKS_PER_WORKER = 16  # below that, starting another process takes longer than it saves

Record = dict[str, Any]  # what `.build/DIGEST/SPLIT-NUMBER.json` says
Range = tuple[str, int, int]  # split, start, stop
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


@dataclass(frozen=True)
class Answers:
    """What a worker makes of a chunk: a table per task, and per source each graph's class and the number of redraws."""

    tables: dict[str, pa.Table]
    classes: dict[str, list[str]]
    redrawn: dict[str, int]


Run = Callable[[Callable[[Range], Answers], Iterable[Range]], Iterator[Answers]]


def build(config: BuildConfig, out: Path, overwrite: bool = False, advance: Advance = lambda rows, new: None) -> Record:
    """Write the dataset of `config` into the folder `out` and return its lock; what is there already is kept.

    advance: told a number of rows, and whether they are new or were there, whenever some are done.
    Raises InputError, before anything is written, for a folder that holds something else or a config that cannot be built.
    """
    files = open_files(config)
    check_smallest(config, files)
    identity = _identity(config, files)
    done = claim(out, identity, overwrite)
    lock = _complete(out)
    if lock is not None:
        advance(config.rows, False)
    else:
        shards = _shards(config)
        sweep(out, {shard.file(task) for shard in shards for task in config.tasks})
        records = _write_shards(config, out, done, shards, advance)
        lock = _finish(config, out, identity, files, records)
    shutil.rmtree(out / BUILDING)
    return lock


def _identity(config: BuildConfig, files: Files) -> Record:
    """Everything that the bytes of the dataset depend on."""
    asked = config.model_dump(mode="json", exclude={"workers"})
    asked["generators"] = list(config.families)
    asked["graphs"] = {path.stem: {"file": path.name, "sha256": files[path.stem].sha256} for path in config.graphs}
    versions = {name: metadata.version(name) for name in ("networkx", "igraph", "pyarrow", "graphtalk")}
    return {"config": asked, "versions": versions}


def _complete(out: Path) -> Record | None:
    """The lock of a finished dataset whose files are all whole, else None."""
    if not (out / LOCK).is_file():
        return None
    lock: Record = read_lock(out)
    return lock if _whole(out, lock["files"]) else None


def _whole(out: Path, files: dict[str, str]) -> bool:
    return all((out / name).is_file() and file_sha256(out / name) == sha256 for name, sha256 in files.items())


def _shards(config: BuildConfig) -> list[Shard]:
    size = max(1, SHARD_ROWS // (len(config.encoders) * len(config.drawn)))
    out = []
    for split in ORDER:
        starts = range(0, config.size(split), size)
        out += [Shard(split, k, len(starts), start, min(start + size, config.size(split))) for k, start in enumerate(starts)]
    return out


def _chunks(config: BuildConfig, shard: Shard) -> list[Range]:
    size = max(1, CHUNK_GRAPHS // len(config.drawn))
    return [(shard.split, start, min(start + size, shard.stop)) for start in range(shard.start, shard.stop, size)]


def _write_shards(config: BuildConfig, out: Path, done: Path, shards: list[Shard], advance: Advance) -> list[Record]:
    """Write the shards that are not there yet, in order, and return the records of all."""
    records: dict[Shard, Record] = {}
    for shard in shards:
        if (done / shard.record).is_file():
            record = json.loads((done / shard.record).read_text(encoding="utf-8"))
            if _whole(out, record["files"]):
                records[shard] = record
                advance(sum(sum(counts.values()) for counts in record["labels"].values()), False)
    chunks = {shard: _chunks(config, shard) for shard in shards if shard not in records}
    with _workers(config, sum(map(len, chunks.values()))) as run:
        for shard in chunks:
            answers = []
            for answer in run(partial(answer_chunk, config, done), chunks[shard]):
                answers.append(answer)
                advance(sum(table.num_rows for table in answer.tables.values()), True)
            records[shard] = _write_shard(config, out, shard, answers)
            write_text(done / shard.record, json.dumps(records[shard]))
    return [records[shard] for shard in shards]


def _write_shard(config: BuildConfig, out: Path, shard: Shard, answers: list[Answers]) -> Record:
    files, labels = {}, {}
    for task in config.tasks:
        table = pa.concat_tables([answer.tables[task] for answer in answers]).combine_chunks()
        path = out / shard.file(task)
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(path.name + ".part")
        pq.write_table(table, part, compression="zstd")
        files[shard.file(task)] = file_sha256(part)
        part.replace(path)
        counts: Counter[str] = Counter()
        for entry in table["answer"].value_counts().to_pylist():
            counts[label(TASKS[task].answer_kind, entry["values"])] += entry["counts"]
        labels[task] = dict(counts.most_common())
    classes = {source: [c for answer in answers for c in answer.classes[source]] for source in config.drawn}
    redrawn = {source: sum(answer.redrawn[source] for answer in answers) for source in config.drawn}
    return {"split": shard.split, "files": files, "classes": classes, "redrawn": redrawn, "labels": labels}


def _finish(config: BuildConfig, out: Path, identity: Record, files: Files, records: list[Record]) -> Record:
    hashes = dict(sorted((name, sha256) for record in records for name, sha256 in record["files"].items()))
    lock = {
        "name": config.name,
        **identity,
        "files": hashes,
        "fingerprint": fingerprint(hashes),
        "report": report(config, files, records),
    }
    write_text(out / "README.md", card(lock))
    write_text(out / LOCK, json.dumps(lock, indent=2, ensure_ascii=False) + "\n")
    return lock


def answer_chunk(config: BuildConfig, done: Path, chunk: Range) -> Answers:
    """Draw the graphs of a chunk (split, start, stop) and ask about them; runs in any process, with the same result."""
    split, start, stop = chunk
    files, taken = _files(config, done), _taken(config, done, split)
    sources = config.drawn
    columns: dict[str, dict[str, list[Any]]] = {task: {name: [] for name in VARYING} for task in config.tasks}
    classes: dict[str, list[str]] = {source: [] for source in sources}
    redrawn = dict.fromkeys(sources, 0)
    for index in range(start, stop):
        for source in sources:
            draw = partial(draw_graph, config, files, source, Random(f"{config.seed}/{split}/{source}/{index}"))
            drawn, drawn_class, redraws = draw_apart(draw, lambda drawn: drawn[0], taken[source])
            classes[source].append(drawn_class)
            redrawn[source] += redraws > 0
            ask(config, split, source, index, drawn, columns)
    return Answers({task: to_table(task, split, columns[task]) for task in config.tasks}, classes, redrawn)


@lru_cache(maxsize=2)
def _files(config: BuildConfig, done: Path) -> Files:
    return open_files(config)  # once per process and build: `done` names the files' contents


@lru_cache(maxsize=4)
def _taken(config: BuildConfig, done: Path, split: str) -> dict[str, frozenset[str]]:
    """Per source the classes that a split must avoid: those of the splits before it, of every source that shares a task."""
    before = ORDER[: ORDER.index(split)]
    records = [json.loads(path.read_text(encoding="utf-8")) for name in before for path in sorted(done.glob(f"{name}-*.json"))]
    return {
        source: frozenset(c for record in records for other in config.rivals(source) for c in record["classes"][other])
        for source in config.drawn
    }


@contextmanager
def _workers(config: BuildConfig, chunks: int) -> Iterator[Run]:
    """A `map` over as many processes as asked for, in order; by default one per usable core, fewer for little work."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(config.workers or min(cores, chunks // CHUNKS_PER_WORKER), chunks)
    if workers <= 1:
        yield map
        return
    # spawn, because forking a process that has threads (pyarrow's, a progress bar's) can hang the child
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _die_with_the_parent)

    def run(function: Callable[[Range], Answers], ranges: Iterable[Range]) -> Iterator[Answers]:
        # Workers start here and inherit the mask: Ctrl-C reaches the whole process group, but is the parent's business.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return pool.map(function, ranges)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        yield run
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _die_with_the_parent() -> None:
    """In a worker: a killed parent cannot tell its workers, which would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
