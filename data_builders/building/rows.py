"""From a config and an index to the rows of a dataset: draw the graph, ask every task about it, write it in
every encoder.

Each thing that is drawn has a stream of its own, named by what it is for: `{seed}/{split}/{source}/{index}`
for the graph, `{seed}/{split}/{source}/{task}/{index}` for a query, `.../{transform}/...` for weights or
directions, `.../{encoder}/names/...` for names. So neither another task, encoder or generator nor the number
of workers changes any other row.

What all tasks of a graph share (its text, its JSON, its sizes) is written once, and joined to the tasks'
questions column by column.
"""

import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import accumulate, chain
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_builders.building.config import BuildConfig
from data_builders.errors import InputError
from data_builders.example import SCHEMA
from data_builders.graphs.generators import GENERATORS, draw_size
from data_builders.graphs.graph import Graph, from_edges, graph_to_json
from data_builders.graphs.names import RANDOM, fixed_names, node_names
from data_builders.graphs.streams import Stream
from data_builders.readers.graph_files import GraphFile, read_graph_file, source_name
from data_builders.readers.sampling import sample
from data_builders.readers.source import OPTIONS
from data_builders.tasks import GRAPH_TRANSFORMS, TASKS, Query, Task
from data_builders.text.encoders import Encoder, get_encoder

Files = Mapping[str, GraphFile]  # source -> graph file
TransformKey = tuple[str, str]  # a task's transform, and what it calls the weight of an edge
Named = Sequence[tuple[Encoder, Sequence[str]]]  # encoder, and the names that it calls the nodes by
LabelledGraph = tuple[Graph, list[str] | None]  # a graph, and its nodes' own names where they have any


def open_files(config: BuildConfig) -> dict[str, GraphFile]:
    """The graph files of a config, by source name."""
    return {
        source_name(path): read_graph_file(path, **{name: getattr(config, name) for name in OPTIONS})
        for path in config.graphs
    }


def graph_source(
    config: BuildConfig, files: Files, source: str
) -> tuple[Random, Callable[[Random], int], Callable[[Random, int], LabelledGraph]]:
    """How a source is drawn from: a stream of the kind that suits it, the number of nodes, and a graph of
    that many.
    """
    low, high = config.smallest, config.largest
    if source in files and config.unit == "graph":
        whole, names = _sorted(files[source].graph), files[source].names if config.names == "labels" else None
        return Random(""), lambda rng: whole.n, lambda rng, n: (whole, names)
    if source in files:

        def subgraph(rng: Random, n: int) -> LabelledGraph:
            graph, labels = sample(files[source], rng, n, config.sampling)
            return graph, labels if config.names == "labels" else None

        return Random(""), lambda rng: draw_size(rng, low, high), subgraph
    generator = GENERATORS[source]
    options = {"directed": config.directed, "self_loops": config.self_loops, "density": config.density}
    draw = partial(
        generator.draw, **{key: value for key, value in options.items() if value and key in generator.options}
    )
    return generator.stream(""), lambda rng: draw_size(rng, low, high), lambda rng, n: (draw(rng, n), None)


WHOLE = "whole"  # ends the graph_id of a graph that all questions of a file are about


def _sorted(graph: Graph) -> Graph:
    """The graph with its edges in the order of its nodes, which is also that of its JSON."""
    edges = sorted(graph.edges if graph.directed else [(min(edge), max(edge)) for edge in graph.edges])
    if graph.weights is None:
        return from_edges(graph.n, edges, graph.directed)
    return from_edges(graph.n, [(u, v, graph.weight(u, v)) for u, v in edges], graph.directed)


def numbered(index: int, nth: int) -> str:
    """What the streams and the graph_id of the `nth` graph drawn for an index are called.

    >>> numbered(7, 0), numbered(7, 3)
    ('7', '7.3')
    """
    return f"{index}.{nth}" if nth else f"{index}"


def against_weights(task: Task, file: GraphFile | None) -> str | None:
    """Why a task cannot ask about the weights of a graph file: no real network gets random ones."""
    if file is None or not task.weighted:
        return None
    if file.weights_left_out:
        return f"asks about the {task.quantity} of edges, and the weights of {file.path.name} are left out"
    if file.graph.weights is None:
        what = {"capacity": "capacities", "weight": "weights"}[task.quantity]
        return (
            f"needs a graph with edge {what}; {file.path.name} has none, and random ones would not be its own"
        )
    least = min(file.graph.weights.values())
    return None if least > 0 else f"needs positive weights; {file.path.name} has an edge of weight {least}"


def check_sizes(config: BuildConfig, files: Files) -> None:
    """InputError where a task cannot ask about the smallest or the largest graphs of a source: tasks know
    best what they need.
    """
    for source in config.all_sources:
        nodes = files[source].graph.n if source in files else config.largest
        for key, wanted in (("min_nodes", config.min_nodes), ("max_nodes", config.max_nodes)):
            if wanted is not None and wanted > nodes:
                raise InputError(f"{key} {wanted}: {source!r} has subgraphs of at most {nodes} nodes")
        rng, _, draw = graph_source(config, files, source)
        tasks = [TASKS[name] for name in config.tasks_of(source)]
        for size, n in (("smallest", config.smallest), ("largest", config.largest)):
            graph, _ = draw(rng, n)
            for task in tasks:
                reason = against_weights(task, files.get(source)) or task.fits(
                    GRAPH_TRANSFORMS[task.transform](graph, Random(0))
                )
                if reason is not None:
                    raise InputError(
                        f"task {task.name!r} cannot ask about the {size} graphs of {source!r}: it {reason}"
                    )


Shared = tuple[
    str, str, str, str, str, str, int, int
]  # text, encoder, generator, graph, place, index, num_nodes, num_edges
COLUMNS = ("text", "encoder", "generator", "graph", "place", "index", "num_nodes", "num_edges")


@dataclass
class TaskColumns:
    """What the rows of one task have to themselves, and the list of what they share with those of other
    tasks.
    """

    shared: list[Shared]
    ask: list[str] = field(default_factory=list)
    answer: list[str] = field(default_factory=list)
    solution: list[str] = field(default_factory=list)
    rationale: list[str] = field(default_factory=list)
    query: list[tuple[int, ...]] = field(default_factory=list)
    graph: list[str] = field(default_factory=list)  # only where the task adds to the graph


class Chunk:
    """The rows of some graphs of one split, growing graph by graph."""

    def __init__(self, config: BuildConfig, split: str) -> None:
        self.split, self.rationales = split, config.rationales
        self._whole = (
            config.unit == "graph"
        )  # all questions about a file share one graph, and so its graph_id
        self.graphs = self.characters = 0  # how large it has grown: graphs, and characters of their texts
        self._rng = Stream()
        self._encoders = [get_encoder(name) for name in config.encoders]
        self._streams = {source: f"{config.seed}/{split}/{source}" for source in config.all_sources}
        self._columns: dict[str, TaskColumns] = {}
        self._of: dict[str, list[tuple[TransformKey, list[Shared], list[Task]]]] = {
            source: [] for source in config.all_sources
        }
        alike: dict[tuple[tuple[str, ...], TransformKey, str], list[Task]] = {}
        for name in config.tasks:
            alone = "" if config.balance == "none" else name  # balanced tasks have graphs of their own
            alike.setdefault(
                (config.sources_of(name), (TASKS[name].transform, TASKS[name].quantity), alone), []
            ).append(TASKS[name])
        for (sources, transform, _), tasks in alike.items():
            shared: list[Shared] = []
            self._columns |= {task.name: TaskColumns(shared) for task in tasks}
            for source in sources:
                self._of[source].append((transform, shared, tasks))

    def add(
        self,
        source: str,
        index: int,
        labelled: LabelledGraph,
        nth: int = 0,
        only: Container[str] | None = None,
    ) -> None:
        """Append one row per task (of `only`) and encoder about the `nth` graph that was drawn for an
        index.
        """
        graph, labels = labelled
        self.graphs += 1
        rng, stream, place = self._rng, self._streams[source], numbered(index, nth)
        named: Named = [(e, labels or _names(e, graph.n, stream, place)) for e in self._encoders]
        for (transform, quantity), shared, tasks in self._of[source]:
            if only is not None and tasks[0].name not in only:
                continue
            rng.seed(f"{stream}/{transform}/{place}")
            transformed = GRAPH_TRANSFORMS[transform](graph, rng)
            for encoder, names in named:
                text = encoder.text(transformed, names, quantity)
                self.characters += len(text)
                shared.append(
                    (
                        text,
                        encoder.name,
                        source,
                        graph_to_json(transformed, names),
                        WHOLE if self._whole else place,
                        str(index),
                        transformed.n,
                        transformed.m,
                    )
                )
            for task in tasks:
                rng.seed(f"{stream}/{task.name}/{place}")
                self._ask(task, transformed, named)

    def _ask(self, task: Task, graph: Graph, named: Named) -> None:
        out = self._columns[task.name]
        query = task.draw(graph, self._rng)
        solution = task.solve(graph, query)
        value = _json(solution)
        for encoder, names in named:
            out.ask.append(encoder.ask(task, names, query))
            out.answer.append(task.say(solution, names, query))
            out.solution.append(value)
            if self.rationales:
                out.rationale.append(task.explain(graph, names, query, solution))
            out.query.append(query.nodes)
            if query.classes:
                out.graph.append(_with_classes(graph, names, query))

    def tables(self) -> dict[str, pa.Table]:
        """The rows of each task in the schema of Example."""
        columns: dict[int, dict[str, pa.Array]] = {}
        for column in self._columns.values():
            if id(column.shared) not in columns:
                columns[id(column.shared)] = self._shared_columns(column.shared)
        return {
            name: self._table(TASKS[name], column, columns[id(column.shared)])
            for name, column in self._columns.items()
        }

    def _shared_columns(self, shared: list[Shared]) -> dict[str, pa.Array]:
        values = zip(*shared, strict=True) if shared else [()] * len(COLUMNS)
        out = {
            name: pa.array(column, pa.int32() if name.startswith("num_") else pa.string())
            for name, column in zip(COLUMNS, values, strict=True)
        }
        out["graph_id"] = pc.binary_join_element_wise(out["generator"], self.split, out["place"], "/")
        out["tail"] = pc.binary_join_element_wise(
            out["generator"], out["encoder"], self.split, out["index"], "/"
        )
        return out

    def _table(self, task: Task, column: TaskColumns, shared: Mapping[str, pa.Array]) -> pa.Table:
        size = len(column.ask)
        offsets = [0, *accumulate(map(len, column.query))]
        columns: dict[str, Any] = {
            **shared,
            "id": pc.binary_join_element_wise(task.name, shared["tail"], "/"),
            "task": pa.repeat(task.name, size),
            "task_class": pa.repeat(task.task_class, size),
            "question": pc.binary_join_element_wise(shared["text"], pa.array(column.ask, pa.string()), ""),
            "answer": pa.array(column.answer, pa.string()),
            "solution": pa.array(column.solution, pa.string()),
            "answer_kind": pa.repeat(task.answer_kind, size),
            "rationale": pa.array(column.rationale, pa.string()) if self.rationales else pa.repeat("", size),
            "query": pa.ListArray.from_arrays(
                pa.array(offsets, pa.int32()), pa.array(list(chain.from_iterable(column.query)), pa.int32())
            ),
            "split": pa.repeat(self.split, size),
        }
        if column.graph:
            columns["graph"] = pa.array(column.graph, pa.string())
        return pa.Table.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _names(encoder: Encoder, n: int, stream: str, place: str) -> Sequence[str]:
    if encoder.names not in RANDOM:
        return fixed_names(encoder.names, n)
    return node_names(encoder.names, n, Stream(f"{stream}/{encoder.name}/names/{place}"))


def _json(solution: Any) -> str:
    """`json.dumps(solution)`, which alone takes as long as to answer most questions."""
    if isinstance(solution, list):
        integers = {int}.issuperset(map(type, solution))  # True is an integer, but is not written as one
        return repr(solution) if integers else json.dumps(solution)
    return _scalar(solution)


@lru_cache(maxsize=4096, typed=True)
def _scalar(solution: object) -> str:
    return json.dumps(solution)


def _with_classes(graph: Graph, names: Sequence[str], query: Query) -> str:
    labels = {str(node): word for node, word in query.labels.items()}
    return graph_to_json(graph, names, classes=list(query.classes), labels=labels)
