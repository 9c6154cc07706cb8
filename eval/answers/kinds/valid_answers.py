"""Checks of answers of which several may be right: a path, an order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from data_builders.errors import check_choice
from data_builders.example import truth
from data_builders.graphs.graph import Graph, graph_from_json
from eval.answers.kinds.kind import Verdict
from eval.answers.question import Question


def is_shortest_path(graph: Graph, query: Sequence[int], nodes: Sequence[int]) -> bool:
    """Whether `nodes` is a shortest path (fewest edges) from query[0] to query[1].

    >>> square = Graph({0: (1, 3), 1: (0, 2), 2: (1, 3), 3: (2, 0)})
    >>> is_shortest_path(square, (0, 2), (0, 3, 2)), is_shortest_path(square, (0, 1), (0, 3, 2, 1))
    (True, False)
    """
    source, target = query
    if not nodes or (nodes[0], nodes[-1]) != (source, target) or not _is_path(graph.adjacency, nodes):
        return False
    distance = {source: 0}
    queue = [source]
    for u in queue:
        for v in graph.adjacency[u]:
            if v not in distance:
                distance[v] = distance[u] + 1
                queue.append(v)
    return len(nodes) - 1 == distance[target]


def is_hamiltonian_path(graph: Graph, query: Sequence[int], nodes: Sequence[int]) -> bool:
    """Whether `nodes` visits every node once along edges.

    >>> is_hamiltonian_path(Graph({0: (1,), 1: (0, 2), 2: (1,)}), (), (2, 1, 0))
    True
    """
    return len(nodes) == graph.n and _is_path(graph.adjacency, nodes)


def is_topological_order(graph: Graph, query: Sequence[int], nodes: Sequence[int]) -> bool:
    """Whether `nodes` holds every node once, each before its successors.

    >>> dag = Graph({0: (2,), 1: (2,), 2: ()}, directed=True)
    >>> is_topological_order(dag, (), (1, 0, 2)), is_topological_order(dag, (), (2, 1, 0))
    (True, False)
    """
    place = {u: i for i, u in enumerate(nodes)}
    return len(nodes) == len(place) == graph.n and all(place[u] < place[v] for u, v in graph.edges)


def is_bfs_order(graph: Graph, query: Sequence[int], nodes: Sequence[int]) -> bool:
    """Whether `nodes` is the breadth-first order from query[0] that visits neighbours by their ids; there is
    exactly one.

    >>> is_bfs_order(Graph({0: (2, 1), 1: (0,), 2: (0,)}), (0,), (0, 1, 2))
    True
    """
    order = list(query)
    for u in order:
        order += [v for v in sorted(graph.adjacency[u]) if v not in order]
    return order == list(nodes)


def _longer_path(graph: Graph, query: Sequence[int], nodes: Sequence[int]) -> float:
    """Half the credit for a path from source to target that is not a shortest one."""
    return (
        0.5 if nodes and (nodes[0], nodes[-1]) == tuple(query) and _is_path(graph.adjacency, nodes) else 0.0
    )


def _part_of_path(graph: Graph, query: Sequence[int], nodes: Sequence[int]) -> float:
    """Up to half for a path that leaves nodes out, by its share of them; one node alone is no path."""
    return 0.5 * len(nodes) / graph.n if len(nodes) > 1 and _is_path(graph.adjacency, nodes) else 0.0


def _start_of_order(graph: Graph, query: Sequence[int], nodes: Sequence[int]) -> float:
    """Up to half for an order that is right as far as it goes: each node once, after all its predecessors."""
    place = {u: i for i, u in enumerate(nodes)}
    begun = len(nodes) == len(place) and all(
        place.get(u, graph.n) < place[v] for u, v in graph.edges if v in place
    )
    return 0.5 * len(nodes) / graph.n if begun else 0.0


def _other_search(graph: Graph, query: Sequence[int], nodes: Sequence[int]) -> float:
    """Half for a breadth-first order that visits neighbours in another order than asked."""
    layer = {query[0]: 0}
    for u in (order := list(query)):
        for v in graph.adjacency[u]:
            if v not in layer:
                layer[v] = layer[u] + 1
                order.append(v)
    if sorted(nodes) != sorted(order) or nodes[0] != query[0]:
        return 0.0
    place = {u: i for i, u in enumerate(nodes)}
    # each node was found by the first of its possible finders, and is visited when that one's turn has come
    finders = [min(place[u] for u in nodes if v in graph.adjacency[u]) for v in nodes[1:]]
    return 0.5 if finders == sorted(finders) and all(at < i for i, at in enumerate(finders, 1)) else 0.0


def _is_path(adjacency: Mapping[int, Sequence[int]], nodes: Sequence[int]) -> bool:
    return len(set(nodes)) == len(nodes) and all(v in adjacency[u] for u, v in pairwise(nodes))


WITNESSES: dict[str, Callable[[Graph, Sequence[int], Sequence[int]], bool]] = {
    "shortest_path_nodes": is_shortest_path,
    "hamiltonian_path": is_hamiltonian_path,
    "topological_order": is_topological_order,
    "bfs_order": is_bfs_order,
}
"""task -> (graph, query, node ids of the answer) -> whether the answer is right."""

PARTIAL: dict[str, Callable[[Graph, Sequence[int], Sequence[int]], float]] = {
    "shortest_path_nodes": _longer_path,
    "hamiltonian_path": _part_of_path,
    "topological_order": _start_of_order,
    "bfs_order": _other_search,
}
"""task -> the credit, at most one half, of an answer that is not right but valid in the graph."""


def judge_set(solution: Any, question: Question) -> Verdict:
    gold, predicted = set(truth(question.example)), set(solution)
    if gold == predicted:
        return Verdict(True, 1.0)
    return Verdict(False, 2 * len(gold & predicted) / (len(gold) + len(predicted)), _invented(predicted))


def _invented(nodes: Iterable[int | str]) -> int:
    """How many of the nodes are names that the graph does not have."""
    return sum(isinstance(node, str) for node in set(nodes))


_parsed = lru_cache(maxsize=2048)(graph_from_json)


def judge_witness(solution: Any, question: Question) -> Verdict:
    """Any valid path or order is right; that none exists is right where the solution says so too."""
    example = question.example
    none = truth(example) is None
    if solution is None:
        return Verdict(none, float(none))
    if question.task not in WITNESSES:
        check_choice(f"witness task of {example.id}", question.task, WITNESSES)
    graph, _ = _parsed(example.graph)
    invented = _invented(solution)
    steps = (
        sum(not graph.has_edge(u, v) for u, v in pairwise(solution))
        if question.kind == "path" and not invented
        else 0
    )
    # Where there is no such path, an invented one earns nothing, however many of its edges are there.
    if invented or none:
        return Verdict(False, 0.0, invented, steps)
    right = WITNESSES[question.task](graph, example.query, solution)
    return Verdict(right, 1.0 if right else PARTIAL[question.task](graph, example.query, solution), 0, steps)
