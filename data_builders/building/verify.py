"""verify: does a stored dataset still say what its graphs say?

Every row is taken apart and made again from its `graph` column alone: the text by the encoder (and read back
by its decoder), the question, answer and reason by the task, and the answer once more by a second
implementation (`second_opinion`). Files are held against the hashes in dataset.lock. The first row that
differs is named. Every row's graph must be on the side of its split and, tested exactly by rustworkx,
isomorphic to none of another split. An imported row has a text of another program: it is read once more, and
its answer is held against the same two implementations.
"""

import json
import re
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, combinations, product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import rustworkx as rx

from data_builders.building.folder import fingerprint
from data_builders.building.rows import WHOLE
from data_builders.errors import InputError
from data_builders.example import SCHEMA, read_lock
from data_builders.files import file_sha256
from data_builders.graphs.graph import Graph, graph_from_record
from data_builders.graphs.splits import RULE, split_of
from data_builders.tasks import TASKS, Query, Task
from data_builders.tasks.second_opinion import SECOND, WITNESS
from data_builders.text.decoders import decode
from data_builders.text.encoders import get_encoder
from data_builders.text.questions import FORMS, imported_difference

NTH = re.compile(r"\.\d+$")  # of a graph_id: the third graph drawn for an index ends in `.2`
WORD = re.compile(r"\w+")
BATCH = 1000  # rows in memory at a time

Row = Mapping[str, Any]
Alike = dict[
    str, dict[bytes, str]
]  # split -> edges -> the id of a row: graphs of one number of nodes and one list of degrees


@dataclass
class Verdict:
    """What was looked at.

    rows: rows that agree. difference: the first thing that does not, None if all does.
    unchecked: tasks without a second implementation, whose answers were only made again by their own solver.
    graphs: sizes and degrees -> the graphs that share them, None for a dataset of an older rule of splits.
    pairs: how many pairs of graphs of two splits, with the same degrees, were tested for isomorphism.
    """

    rows: int = 0
    difference: str | None = None
    unchecked: list[str] = field(default_factory=list)
    graphs: dict[tuple[int, bytes], Alike] | None = None
    pairs: int = 0


def verify(folder: Path, advance: Callable[[int], None] = lambda rows: None) -> Verdict:
    """Check the dataset in `folder` up to its first difference; `advance` is told the rows as they are done.

    Raises InputError where the folder has no dataset.lock.
    """
    lock: Any = read_lock(folder)
    verdict = Verdict(unchecked=sorted(set(lock["config"]["tasks"]) - set(SECOND) - set(WITNESS)))
    whole = lock["config"].get("unit") == "graph"  # one question set, which is on no side
    verdict.graphs = {} if lock.get("splits") == RULE and not whole else None
    for difference in _differences(Path(folder), lock, verdict, advance):
        verdict.difference = difference
        break
    return verdict


def _differences(folder: Path, lock: Any, verdict: Verdict, advance: Callable[[int], None]) -> Iterator[str]:
    files: dict[str, str] = lock["files"]
    if lock["fingerprint"] != fingerprint(files):
        yield "dataset.lock: the fingerprint is not that of the files that it lists"
    stored = {str(path.relative_to(folder)) for path in folder.glob("*/*.parquet")}
    for name in sorted(stored ^ files.keys()):
        yield f"{name}: {'missing' if name in files else 'not listed in dataset.lock'}"
    for name, sha256 in files.items():
        whole = file_sha256(folder / name) == sha256
        try:
            yield from _file_differences(folder / name, name, verdict, advance)
        except (pa.ArrowInvalid, OSError) as error:
            yield f"{name}: cannot be read as parquet ({str(error).splitlines()[0]})"
        if not whole:
            yield f"{name}: its sha256 is not that in dataset.lock, although every row agrees with its graph"
    counted = sum(by_split["n"] for task in lock["report"]["tasks"].values() for by_split in task.values())
    if verdict.rows != counted:
        yield f"dataset.lock: counts {counted:,} examples, the files have {verdict.rows:,}"
    for (n, _), alike in (verdict.graphs or {}).items():
        yield from _isomorphic(n, alike, verdict)


def _isomorphic(n: int, alike: Alike, verdict: Verdict) -> Iterator[str]:
    """The pairs of isomorphic graphs, directions ignored, in two splits; a sound dataset has none."""
    for one, other in combinations(alike, 2):
        of_one, of_other = (
            [(_rustworkx(n, edges), row) for edges, row in alike[split].items()] for split in (one, other)
        )
        for (graph, row), (second, second_row) in product(of_one, of_other):
            verdict.pairs += 1
            if rx.is_isomorphic(graph, second):
                yield f"the graphs of {row} and {second_row} are isomorphic"


def _rustworkx(n: int, edges: bytes) -> "rx.PyGraph[None, None]":
    graph: rx.PyGraph[None, None] = rx.PyGraph()
    graph.add_nodes_from([None] * n)
    ends = array("I", edges)
    graph.extend_from_edge_list(list(zip(ends[::2], ends[1::2], strict=True)))
    return graph


def _side_difference(row: Row, verdict: Verdict) -> str | None:
    """Whether a row's graph is of another split; it is noted for the exact test."""
    if verdict.graphs is None:
        return None
    graph, _, _ = _graph(row["graph"])
    if split_of(graph) != row["split"]:
        return f"the graph belongs to {split_of(graph)}"
    ends = array("I", chain.from_iterable(graph.edges))
    degrees = array("I", [0] * graph.n)
    for u in ends:
        degrees[u] += 1
    alike = verdict.graphs.setdefault((graph.n, array("I", sorted(degrees)).tobytes()), {})
    alike.setdefault(row["split"], {}).setdefault(ends.tobytes(), row["id"])
    return None


def _file_differences(
    path: Path, name: str, verdict: Verdict, advance: Callable[[int], None]
) -> Iterator[str]:
    with pq.ParquetFile(path) as file:
        before = SCHEMA.remove(SCHEMA.get_field_index("solution"))  # datasets that are older than this column
        if not any(file.schema_arrow.equals(schema) for schema in (SCHEMA, before)):
            yield f"{name}: its columns are not those of an example"
            return
        seen: set[str] = set()
        number = 0
        for batch in file.iter_batches(BATCH):
            for row in batch.to_pylist():
                difference = "the id occurs twice" if row["id"] in seen else row_difference(row, Path(name))
                difference = difference or _side_difference(row, verdict)
                if difference:
                    yield f"{name}: row {number} ({row['id']}): {difference}"
                seen.add(row["id"])
                number += 1
            verdict.rows += batch.num_rows
            advance(batch.num_rows)


def row_difference(row: Row, file: Path) -> str | None:
    """What is wrong with a row of the file TASK/SPLIT-.., in words; None if nothing is."""
    if row["task"] not in TASKS:
        return f"unknown task {row['task']!r}"
    try:
        graph, names, query = _opened(row["graph"], tuple(row["query"] or ()))
        if TASKS[row["task"]].weighted and not graph.m:
            graph = Graph(
                graph.adjacency, graph.directed, {}
            )  # an edgeless graph cannot show that it has capacities
        expected = _expected(row, graph, names, query, file)
    except InputError as error:
        return str(error)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        return f"graph and query do not fit together ({type(error).__name__}: {str(error)[:80]})"
    for column, value in expected.items():
        if column in row and row[column] != value:
            return (
                f"{column} is {_short(row[column], value)}, but the graph gives {_short(value, row[column])}"
            )
    imported = row["encoder"] in FORMS
    text = imported_difference(row) if imported else _text_difference(row, graph, names, query)
    return text or _second_difference(row, graph, names, query)


def _text_difference(row: Row, graph: Graph, names: list[str], query: Query) -> str | None:
    """What a reader of the text alone would take for another graph; GraphQA does not quote, so names of
    several words are left out.
    """
    if not all(WORD.fullmatch(name) for name in names):
        return None
    text = row["question"].removesuffix(get_encoder(row["encoder"]).ask(TASKS[row["task"]], names, query))
    try:
        read, called = decode(row["encoder"], text, graph.directed)
    except InputError as error:
        return f"the text cannot be read back: {str(error)[:100]}"
    if (read.n, read.directed, called, _edges(read)) != (graph.n, graph.directed, names, _edges(graph)):
        return "the text, read back, is another graph"
    return None


def _edges(graph: Graph) -> set[tuple[int, int, int]]:
    ends = graph.edges if graph.directed else [(min(edge), max(edge)) for edge in graph.edges]
    return {(u, v, graph.weight(*edge)) for (u, v), edge in zip(ends, graph.edges, strict=True)}


@lru_cache(maxsize=256)
def _graph(text: str) -> tuple[Graph, list[str], Any]:
    record = json.loads(text)
    return graph_from_record(record), record["nodes"], record


def _opened(text: str, nodes: tuple[int, ...]) -> tuple[Graph, list[str], Query]:
    graph, names, stored = _graph(text)
    if len(set(names)) < len(names):
        raise ValueError("two nodes have one name")
    labels = {int(node): word for node, word in stored.get("labels", {}).items()}
    return graph, names, Query(nodes, tuple(stored.get("classes", ())), labels)


def _expected(row: Row, graph: Graph, names: list[str], query: Query, file: Path) -> dict[str, Any]:
    task, split = TASKS[row["task"]], file.name.split("-")[0]
    solution = task.solve(graph, query)
    nth = NTH.search(str(row["graph_id"]))
    index = str(row["id"]).rsplit("/", 1)[-1]
    place = WHOLE if str(row["graph_id"]).endswith(f"/{WHOLE}") else f"{index}{nth[0] if nth else ''}"
    ours: dict[str, Any] = {}  # of an imported row these are another program's
    if row["encoder"] not in FORMS:
        ours["graph_id"] = f"{row['generator']}/{split}/{place}"
        ours["question"] = _question(row["encoder"], task, graph, names, query)
    return {
        "task": file.parent.name,
        "split": split,
        "task_class": task.task_class,
        "answer_kind": task.answer_kind,
        "id": f"{row['task']}/{row['generator']}/{row['encoder']}/{split}/{index}",
        "num_nodes": graph.n,
        "num_edges": graph.m,
        **ours,
        "answer": task.say(solution, names, query),
        "solution": json.dumps(solution),
        **({"rationale": task.explain(graph, names, query, solution)} if row["rationale"] else {}),
    }


def _question(encoder: str, task: Task, graph: Graph, names: list[str], query: Query) -> str:
    written = get_encoder(encoder)
    return written.text(graph, names, task.quantity) + written.ask(task, names, query)


def _second_difference(row: Row, graph: Graph, names: list[str], query: Query) -> str | None:
    task = TASKS[row["task"]]
    if task.name in SECOND:
        answer = task.say(SECOND[task.name](graph, query), names, query)
        if answer != row["answer"]:
            return f"answer is {row['answer']!r}, but a second implementation finds {answer!r}"
    if task.name in WITNESS and not WITNESS[task.name](graph, query, task.solve(graph, query)):
        return f"answer {row['answer']!r} is not right, says a second implementation"
    return None


def _short(value: Any, other: Any) -> str:
    """The value, or the part of a long text around the first character that differs."""
    if not isinstance(value, str) or len(value) <= 60:
        return repr(value)
    start = next(
        (i for i, (a, b) in enumerate(zip(value, str(other), strict=False)) if a != b),
        min(len(value), len(str(other))),
    )
    start = max(0, start - 20)
    before, after = ".." * (start > 0), ".." * (start + 40 < len(value))
    return f"{before}{value[start : start + 40]!r}{after} (from character {start})"
