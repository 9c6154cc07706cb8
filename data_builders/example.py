"""Example: the record that everything downstream of a dataset reads, and how it lies on disk."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_builders.errors import InputError, check_choice
from data_builders.files import atomic_file, file_sha256, inside, read_json

SPLITS = ("train", "validation", "test")

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("task", pa.string()),
        ("task_class", pa.string()),
        ("question", pa.string()),
        ("answer", pa.string()),
        ("solution", pa.string()),
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
    solution: the answer as a JSON value (true, 7, null for no path, "golf", [2, 0] for nodes, by their ids);
        '' in an example made without one, whose answer then says it, see `truth`.
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
    solution: str = ""


def truth(example: Example) -> Any:
    """The right answer as a value: a bool, an int, a word, a list of node ids, or None (no path, no such
    order).

    >>> blank = Example("i", "shortest_path", "", "", " 7.", "distance", "", "", "", "{}", "", 0, 0, [], "")
    >>> truth(blank), truth(replace(blank, solution="null"))
    (7, None)
    """
    solution = example.solution
    if solution in _PLAIN:  # parsing JSON takes longer than judging a short answer
        return _PLAIN[solution]
    return json.loads(solution) if solution else _solution_of_answer(example)


_PLAIN = {"true": True, "false": False, "null": None, **{str(n): n for n in range(1000)}}


def solution_key(example: Example) -> str:
    """The solution as JSON, one text for equal ones: a set of nodes in the order of their ids.

    >>> columns = ("i", "connected_nodes", "", "", "", "node_set", "", "", "", "{}", "", 0, 0, [], "test")
    >>> blank = Example(*columns, "[2, 0]")
    >>> solution_key(blank)
    '[0, 2]'
    """
    solution = truth(example)
    return json.dumps(sorted(solution) if example.answer_kind == "node_set" else solution)


def _solution_of_answer(example: Example) -> Any:
    """The solution of an example that was written before there was such a column, out of GraphQA's wording.

    This is the only place that reads a right answer from its text. Solving the graph once more would cost far
    more, and could not serve an example whose task is not known here or whose graph lacks what it was solved
    from (the blocks of node_classification).
    """
    text = example.answer.strip()
    plain = text.removesuffix(".")
    match example.answer_kind:
        case "yes_no" if plain.lower().startswith(("yes", "no")):
            return plain.lower().startswith("yes")
        case "distance" | "path" | "order" if plain.lower().startswith(("there is no", "no ")):
            return None
        case "integer" | "distance" if plain.lstrip("+-").isdecimal():
            return int(plain)
        case "label":
            return plain
        case "node_set" | "path" | "order":
            names = [str(name) for name in json.loads(example.graph)["nodes"]]
            for listed in (plain, text):  # a name may end in a full stop itself
                nodes = _nodes_of_list(listed.split(", "), {name: u for u, name in enumerate(names)})
                if nodes is not None:
                    return nodes
            if plain.lower() in ("no nodes", ""):
                return []
            raise InputError(f"{example.id}: the answer {text!r} names nodes that the graph does not have")
    raise InputError(f"{example.id}: cannot score against the answer {text!r} of kind {example.answer_kind}")


def _nodes_of_list(parts: Sequence[str], ids: dict[str, int]) -> list[int] | None:
    """The nodes that the parts of a list name, where a name may hold commas; None where something is no
    name.
    """
    nodes: list[int] = []
    start = 0
    while start < len(parts):
        ends = range(len(parts), start, -1)
        end = next((end for end in ends if ", ".join(parts[start:end]) in ids), None)
        if end is None:
            return None
        nodes.append(ids[", ".join(parts[start:end])])
        start = end
    return nodes


def write_examples(examples: list[Example], path: Path) -> None:
    """Write one parquet file; it appears whole or not at all."""
    table = pa.Table.from_pylist([asdict(complete(e)) for e in examples], schema=SCHEMA)
    with atomic_file(path) as file:
        pq.write_table(table, file, compression="zstd")


def read_lock(folder: Path) -> dict[str, object]:
    """The dataset.lock of a built dataset: name, config, versions, sha256 per file, fingerprint of the
    whole.
    """
    path = inside(Path(folder), "dataset.lock")
    if not path.is_file():
        raise InputError(
            f"{folder}: not a dataset folder (no dataset.lock); make one with `graphtalk build --out"
            f" {folder}`"
        )
    return read_json(path)


def dataset_tasks(folder: Path) -> list[str]:
    """Names of the tasks in a dataset folder."""
    read_lock(folder)
    return sorted(p.name for p in Path(folder).iterdir() if p.is_dir() and any(p.glob("*.parquet")))


def read_examples(folder: Path, task: str, split: str) -> list[Example]:
    """The examples of one task and split, in order. InputError names what the folder does have.

    A dataset that was written before there was a column `solution` reads the same: it is filled in.
    """
    check_choice(f"task in {folder}", task, dataset_tasks(folder))
    files = sorted((Path(folder) / task).glob(f"{split}-*.parquet"))
    if not files:
        have = sorted({p.name.split("-")[0] for p in (Path(folder) / task).glob("*.parquet")})
        raise InputError(f"{folder}: task {task} has no split {split!r}; it has {', '.join(have)}")
    verify(Path(folder), [file.relative_to(folder).as_posix() for file in files])
    try:
        rows = pa.concat_tables([pq.read_table(f, schema=SCHEMA) for f in files]).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{files[0]}: cannot be read as examples ({str(error).splitlines()[0]})") from None
    return [complete(Example(**row)) for row in rows]


def verify(folder: Path, names: Iterable[str]) -> None:
    """InputError where a file is not the one that the folder's dataset.lock was written for."""
    name = changed_file(folder, names)
    if name is not None:
        raise InputError(
            f"{folder / name}: not the file that dataset.lock was written for; build the dataset again"
        )


def changed_file(folder: Path, names: Iterable[str]) -> str | None:
    """The first of the files that is missing or is not the one of the folder's dataset.lock, None without
    one; InputError for a link that leads out of the folder.

    A file is read for this once, and again only where its size or time has changed. Files that the lock does
    not list are not checked.
    """
    files = read_lock(folder).get("files")
    for name in names:
        path = inside(folder, name)
        sha256 = files.get(name) if isinstance(files, dict) else None
        if not path.is_file():
            return name
        status = path.stat()
        if sha256 and _sha256_of(path.resolve(), status.st_size, status.st_mtime_ns) != sha256:
            return name
    return None


@lru_cache(maxsize=4096)
def _sha256_of(path: Path, size: int, time: int) -> str:
    return file_sha256(path)


def complete(example: Example) -> Example:
    """The example, with its solution where its dataset was written before there was such a column."""
    return example if example.solution else replace(example, solution=json.dumps(truth(example)))


def load_examples(
    folder: Path, tasks: Sequence[str] | None, split: str, limit: int | None = None
) -> list[Example]:
    """The first `limit` examples of each task (all tasks: None) of one split, task by task."""
    have = dataset_tasks(folder)
    chosen = have if tasks is None else [check_choice(f"task in {folder}", task, have) for task in tasks]
    return [e for task in chosen for e in read_examples(folder, task, split)[:limit]]
