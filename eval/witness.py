"""Checks of answers of which several may be right: a path, an order."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from data_builders.graph import Graph


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
    """Whether `nodes` is the breadth-first order from query[0] that visits neighbours by their ids; there is exactly one.

    >>> is_bfs_order(Graph({0: (2, 1), 1: (0,), 2: (0,)}), (0,), (0, 1, 2))
    True
    """
    order = list(query)
    for u in order:
        order += [v for v in sorted(graph.adjacency[u]) if v not in order]
    return order == list(nodes)


def _is_path(adjacency: Mapping[int, Sequence[int]], nodes: Sequence[int]) -> bool:
    return len(set(nodes)) == len(nodes) and all(v in adjacency[u] for u, v in pairwise(nodes))


WITNESSES: dict[str, Callable[[Graph, Sequence[int], Sequence[int]], bool]] = {
    "shortest_path_nodes": is_shortest_path,
    "hamiltonian_path": is_hamiltonian_path,
    "topological_order": is_topological_order,
    "bfs_order": is_bfs_order,
}
"""task -> (graph, query, node ids of the answer) -> whether the answer is right."""
