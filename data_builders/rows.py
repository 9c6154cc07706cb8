"""From a config and an index to the rows of a dataset: draw the graph, ask every task about it, write it in every encoder.

Each thing that is drawn has a stream of its own, named by what it is for: `{seed}/{split}/{source}/{index}` for the graph,
`{seed}/{split}/{source}/{task}/{index}` for a query, `.../weights/...` for capacities, `.../{encoder}/names/...` for names.
So neither another task, encoder or generator nor the number of workers changes any other row.
"""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pyarrow as pa

from data_builders.config import BuildConfig
from data_builders.encoders import ENCODERS
from data_builders.errors import InputError
from data_builders.example import SCHEMA
from data_builders.generators import GENERATORS, draw_size
from data_builders.graph import Graph, graph_to_json
from data_builders.graph_files import GraphFile, read_graph_file, sample
from data_builders.names import node_names
from data_builders.tasks import TASKS, Query

CAPACITIES = (1, 10)  # of edges that have none of their own, uniform

Files = Mapping[str, GraphFile]  # source -> graph file
Drawn = tuple[Graph, list[str] | None]  # a graph, and its nodes' own names where they have any
Columns = dict[str, list[Any]]  # column -> values, for the columns that differ from row to row

VARYING = [name for name in SCHEMA.names if name not in ("task", "task_class", "answer_kind", "split")]


def open_files(config: BuildConfig) -> dict[str, GraphFile]:
    """The graph files of a config, by source name."""
    return {path.stem: read_graph_file(path, config.directed) for path in config.graphs}


def draw_graph(config: BuildConfig, files: Files, source: str, rng: Random) -> Drawn:
    """The next graph of a stream: its size, then itself."""
    n = draw_size(rng, config.min_nodes, config.max_nodes)
    return _draw_of_size(config, files, source, rng, n)


def _draw_of_size(config: BuildConfig, files: Files, source: str, rng: Random, n: int) -> Drawn:
    if source in files:
        graph, labels = sample(files[source], rng, n, config.sampling)
        return graph, labels if config.names == "labels" else None
    generator = GENERATORS[source]
    asked = {"directed": config.directed, "self_loops": config.self_loops}
    return generator.draw(rng, n, **{key: True for key, value in asked.items() if value and key in generator.options}), None


def check_smallest(config: BuildConfig, files: Files) -> None:
    """InputError where a task cannot ask about the smallest graphs of a source: tasks know best what they need."""
    for source in config.drawn:
        graph, _ = _draw_of_size(config, files, source, Random(0), config.smallest)
        for task in config.tasks_of(source):
            try:
                TASKS[task].draw(_with_capacities(graph, Random(0)), Random(0))
            except InputError as error:
                raise InputError(f"task {task!r} cannot ask about the smallest graphs of {source!r}: {error}") from None


def ask(config: BuildConfig, split: str, source: str, index: int, drawn: Drawn, columns: Mapping[str, Columns]) -> None:
    """Append one row per task and encoder about a graph to `columns` (task -> columns)."""
    graph, labels = drawn
    stream = f"{config.seed}/{split}/{source}"
    tasks = [TASKS[name] for name in config.tasks_of(source)]
    forms = {False: graph if graph.weights is None else Graph(graph.adjacency, graph.directed), True: graph}
    if graph.weights is None and any(task.weighted for task in tasks):
        forms[True] = _with_capacities(graph, Random(f"{stream}/weights/{index}"))
    asked = []
    for task in tasks:
        form = forms[task.weighted]
        query = task.draw(form, Random(f"{stream}/{task.name}/{index}"))
        asked.append((task, form, query, task.solve(form, query)))
    for encoder in config.encoders:
        names = labels or node_names(ENCODERS[encoder].names, graph.n, Random(f"{stream}/{encoder}/names/{index}"))
        weighted = {task.weighted for task in tasks}
        texts = {w: ENCODERS[encoder].text(forms[w], names) for w in weighted}
        stored = {w: graph_to_json(forms[w], names) for w in weighted}
        for task, form, query, solution in asked:
            row = columns[task.name]
            row["id"].append(f"{task.name}/{source}/{encoder}/{split}/{index}")
            row["question"].append(texts[task.weighted] + task.ask(names, query))
            row["answer"].append(task.say(solution, names, query))
            row["rationale"].append(task.explain(form, names, query, solution) if config.rationales else "")
            row["encoder"].append(encoder)
            row["generator"].append(source)
            row["graph"].append(_with_classes(form, names, query) if query.classes else stored[task.weighted])
            row["graph_id"].append(f"{source}/{split}/{index}")
            row["num_nodes"].append(graph.n)
            row["num_edges"].append(graph.m)
            row["query"].append(query.nodes)


def _with_capacities(graph: Graph, rng: Random) -> Graph:
    return replace(graph, weights={edge: rng.randint(*CAPACITIES) for edge in graph.edges})


def _with_classes(graph: Graph, names: list[str], query: Query) -> str:
    labels = {str(node): word for node, word in query.labels.items()}
    return graph_to_json(graph, names, classes=list(query.classes), labels=labels)


def to_table(task: str, split: str, columns: Columns) -> pa.Table:
    """The rows of one task in the schema of Example."""
    size = len(columns["id"])
    constant = {"task": task, "task_class": TASKS[task].task_class, "answer_kind": TASKS[task].answer_kind, "split": split}
    arrays = [pa.array([constant[f.name]] * size if f.name in constant else columns[f.name], f.type) for f in SCHEMA]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)
