"""Example: the record that everything downstream of a dataset reads, and how it lies on disk."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data_builders.errors import InputError, check_choice
from data_builders.files import atomic_file

SPLITS = ("train", "validation", "test")

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("task", pa.string()),
        ("task_class", pa.string()),
        ("question", pa.string()),
        ("answer", pa.string()),
        ("answer_kind", pa.string()),
        ("rationale", pa.string()),
        ("encoder", pa.string()),
        ("generator", pa.string()),
        ("graph", pa.string()),
        ("graph_id", pa.string()),
        ("num_nodes", pa.int32()),
        ("num_edges", pa.int32()),
        ("query", pa.list_(pa.int32())),
        ("split", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Example:
    """One question about one graph.

    id: unique in its dataset, `task/generator/encoder/split/index`.
    task_class: the paper's hierarchy: retrieval, parallelizable, search or counting (arXiv 2405.18512,
        section 3).
    question: the whole prompt, up to and including `A: `.
    answer: the GraphQA target, byte for byte (some have a leading space).
    answer_kind: how eval reads a free-text answer: yes_no, integer, distance, node_set, label, ...
    rationale: what a chain-of-thought exemplar says after its answer; empty where the build left it out.
    graph: JSON, see `data_builders.graphs.graph.graph_to_json`.
    graph_id: shared by all questions about one drawn graph, whatever the task or encoder.
    query: ids of the nodes that the question names.
    """

    id: str
    task: str
    task_class: str
    question: str
    answer: str
    answer_kind: str
    rationale: str
    encoder: str
    generator: str
    graph: str
    graph_id: str
    num_nodes: int
    num_edges: int
    query: list[int]
    split: str


def write_examples(examples: list[Example], path: Path) -> None:
    """Write one parquet file; it appears whole or not at all."""
    table = pa.Table.from_pylist([asdict(e) for e in examples], schema=SCHEMA)
    with atomic_file(path) as file:
        pq.write_table(table, file, compression="zstd")


def read_lock(folder: Path) -> dict[str, object]:
    """The dataset.lock of a built dataset: name, config, versions, sha256 per file, fingerprint of the
    whole.
    """
    path = Path(folder) / "dataset.lock"
    if not path.is_file():
        raise InputError(
            f"{folder}: not a dataset folder (no dataset.lock); make one with `graphtalk build --out {folder}`"
        )
    lock: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return lock


def dataset_tasks(folder: Path) -> list[str]:
    """Names of the tasks in a dataset folder."""
    read_lock(folder)
    return sorted(p.name for p in Path(folder).iterdir() if p.is_dir() and any(p.glob("*.parquet")))


def read_examples(folder: Path, task: str, split: str) -> list[Example]:
    """The examples of one task and split, in order. InputError names what the folder does have."""
    check_choice(f"task in {folder}", task, dataset_tasks(folder))
    files = sorted((Path(folder) / task).glob(f"{split}-*.parquet"))
    if not files:
        have = sorted({p.name.split("-")[0] for p in (Path(folder) / task).glob("*.parquet")})
        raise InputError(f"{folder}: task {task} has no split {split!r}; it has {', '.join(have)}")
    names = [f.name for f in fields(Example)]
    rows = pa.concat_tables([pq.read_table(f, schema=SCHEMA) for f in files]).to_pylist()
    return [Example(**{name: row[name] for name in names}) for row in rows]


def load_examples(
    folder: Path, tasks: Sequence[str] | None, split: str, limit: int | None = None
) -> list[Example]:
    """The first `limit` examples of each task (all tasks: None) of one split, task by task."""
    have = dataset_tasks(folder)
    chosen = have if tasks is None else [check_choice(f"task in {folder}", task, have) for task in tasks]
    return [e for task in chosen for e in read_examples(folder, task, split)[:limit]]
