"""One question about the user's own graph: its text, and the true answer."""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from data_builders.building.rows import against_weights
from data_builders.errors import InputError, check_choice
from data_builders.example import Example
from data_builders.graphs.graph import graph_to_json
from data_builders.readers.graph_files import GraphFile, read_graph_file, source_name
from data_builders.tasks import TASKS, Query
from data_builders.text.encoders import get_encoder


def question_about(
    graph_file: Path | GraphFile, task: str, nodes: list[str], encoder: str = "adjacency", **options: Any
) -> Example:
    """The example that asks `task` about the whole graph in a file, with its true answer.

    nodes: names of the nodes that the question is about, source first; as many as the task names. Any
        spelling that `GraphFile.find` knows.
    options: those of `read_graph_file`, for a path.
    Raises InputError for a name that the graph does not have, or a graph that cannot carry the task.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "roads.txt"
    >>> _ = file.write_text("Ulm Bonn\\nBonn Jena\\n")
    >>> example = question_about(file, "shortest_path", ["Ulm", "Jena"])
    >>> example.answer, example.query
    ('2.', [0, 2])
    >>> question_about(file, "shortest_path", ["Ulm"])
    Traceback (most recent call last):
        ...
    data_builders.errors.InputError: shortest_path is about 2 nodes, and 1 is given; use --from and --to
    """
    chosen = TASKS[check_choice("task", task, TASKS)]
    if chosen.generator is not None:
        raise InputError(
            f"{task} needs graphs of the generator {chosen.generator}, which a file does not give"
        )
    read = graph_file if isinstance(graph_file, GraphFile) else read_graph_file(graph_file, **options)
    file, names = read.path, read.names
    # Texts of other tasks show no weights, which would make of a shortest path a lightest one.
    graph = read.graph if chosen.weighted else replace(read.graph, weights=None)
    reason = against_weights(chosen, read) or chosen.fits(graph)
    if reason is not None:
        hint = (
            "; say --directed if the edges have directions"
            if chosen.direction == "directed" and not graph.directed
            else ""
        )
        raise InputError(f"{file}: {task} {reason}{hint}")
    count = len(chosen.draw(graph, Random(0)).nodes)
    if len(nodes) != count:
        use = ("no node", "--from", "--from and --to")[count]
        raise InputError(
            f"{task} is about {count} nodes, and {len(nodes)} {'is' if len(nodes) == 1 else 'are'} "
            f"given; use {use}"
        )
    ids = tuple(read.find(name) for name in nodes)
    if len(set(ids)) < len(ids):
        raise InputError(f"{task} is about two different nodes, not {nodes[0]!r} twice")
    query = Query(ids)
    style = get_encoder(encoder)
    if graph.directed and not style.directed:
        raise InputError(
            f"encoder {encoder!r} cannot describe a directed graph; choose another, e.g. adjacency"
        )
    text = style.text(graph, names, chosen.quantity) + style.ask(chosen, names, query)
    source = source_name(file)
    return Example(
        id=f"{task}/{source}/{encoder}/test/0", task=task, task_class=chosen.task_class, question=text,
        answer=chosen.say(chosen.solve(graph, query), names, query), answer_kind=chosen.answer_kind,
        rationale="", encoder=encoder,
        generator=source, graph=graph_to_json(graph, names), graph_id=f"{source}/test/0", num_nodes=graph.n,
        num_edges=graph.m,
        query=list(query.nodes), split="test",
    )  # fmt: skip
