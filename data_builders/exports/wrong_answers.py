"""Answers that look right and are wrong, for pairs of a better and a worse answer."""

import json
from collections.abc import Iterator
from typing import Any

from data_builders.errors import check_choice
from data_builders.example import Example, truth
from data_builders.graphs.graph import Graph, graph_from_record
from data_builders.tasks import TASKS, Query
from data_builders.tasks.second_opinion import WITNESS


def wrong_answer(example: Example) -> str:
    """The text of an answer that is of the right kind, close to the right one, and wrong: a number one too
    large, a node too many, two nodes of a path exchanged.

    Raises InputError for a task that is not known here.

    >>> from dataclasses import replace
    >>> graph = '{"directed": false, "nodes": ["0", "1", "2"], "edges": [[0, 1], [1, 2]]}'
    >>> degree = Example("i", "node_degree", "", "", "2.", "integer", "", "", "", graph, "", 3, 2, [1], "")
    >>> wrong_answer(degree)
    '3.'
    >>> path = {"task": "shortest_path_nodes", "answer": "0, 1, 2.", "answer_kind": "path"}
    >>> wrong_answer(replace(degree, query=[0, 2], **path))
    '1, 0, 2.'
    """
    check_choice(f"task of {example.id}", example.task, TASKS)
    record = json.loads(example.graph)
    labels = {int(u): word for u, word in record.get("labels", {}).items()}
    query = Query(tuple(example.query), tuple(record.get("classes", ())), labels)
    solution = truth(example)
    graph, names = graph_from_record(record), [str(name) for name in record["nodes"]]
    wrong = next(
        near
        for near in _near(example.answer_kind, solution, graph, query)
        if near != solution and not _is_right(example.task, graph, query, near)
    )
    return TASKS[example.task].say(wrong, names, query)


def _near(kind: str, solution: Any, graph: Graph, query: Query) -> Iterator[Any]:
    """Other solutions of a kind, the nearest first; one of them is always wrong."""
    if kind == "yes_no":
        yield not solution
    elif kind in ("integer", "distance"):
        yield 2 if solution is None else solution + 1
    elif kind == "label":
        yield from query.classes
    elif kind == "node_set":
        yield from ([*solution, u] for u in range(graph.n) if u not in solution and u not in query.nodes)
        yield solution[:-1]
        yield list(range(graph.n))
    elif solution is None:  # there is no path, so each is wrong
        yield list(range(graph.n))
    else:
        for i in range(len(solution) - 1):
            yield [*solution[:i], solution[i + 1], solution[i], *solution[i + 2 :]]
        yield from ([*solution, u] for u in range(graph.n) if u not in solution)
        yield solution[:-1] if len(solution) > 1 else [*solution, *solution]


def _is_right(task: str, graph: Graph, query: Query, solution: Any) -> bool:
    """Whether a solution that is not the stored one is right all the same."""
    if task == "topological_order":
        place = {u: i for i, u in enumerate(solution)}
        return len(place) == graph.n and all(place[u] < place[v] for u, v in graph.edges)
    return task in WITNESS and isinstance(solution, list) and WITNESS[task](graph, query, solution)
