"""What a drawn graph highlights beside the asked nodes: the path, the cycle, the cut, .. that makes the right
answer right.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

from data_builders.example import Example
from data_builders.graphs.graph import Edge, Graph, graph_from_json, to_networkx
from data_builders.tasks.second_opinion import to_igraph

Asking = Sequence[int]


@dataclass(frozen=True, slots=True)
class Highlight:
    """text: what the highlighted edges and nodes are. edges: graph, asked nodes -> edges, none where the
    answer needs none.
    """

    text: str
    edges: Callable[[Graph, Asking], Sequence[Edge]]


def _incident(graph: Graph, asked: Asking) -> list[Edge]:
    return [(asked[0], v) for v in graph.adjacency[asked[0]]]


def _edge(graph: Graph, asked: Asking) -> list[Edge]:
    return [(asked[0], asked[1])] if graph.has_edge(asked[0], asked[1]) else []


def _path(graph: Graph, asked: Asking, weights: str | None = None) -> list[Edge]:
    found = to_igraph(graph)
    if found.distances(asked[0], asked[1])[0][0] == float("inf"):
        return []
    return list(pairwise(found.get_shortest_path(asked[0], asked[1], weights=weights)))


def _lightest_path(graph: Graph, asked: Asking) -> list[Edge]:
    return _path(graph, asked, None if graph.weights is None else "weight")


def _ring(nodes: Sequence[int]) -> list[Edge]:
    return list(pairwise([*nodes, nodes[0]])) if nodes else []


def _cycle(graph: Graph, asked: Asking) -> list[Edge]:
    loops = [(u, v) for u, v in graph.edges if u == v]
    if loops or not graph.directed:
        return loops[:1] or _ring(to_igraph(graph).girth(return_shortest_circle=True))
    try:
        return [(u, v) for u, v, *_ in nx.find_cycle(to_networkx(graph))]
    except nx.NetworkXNoCycle:
        return []


def _triangles(graph: Graph, asked: Asking) -> list[Edge]:
    found = to_igraph(graph).as_undirected().simplify().list_triangles()
    return sorted({edge for a, b, c in map(sorted, found) for edge in ((a, b), (b, c), (a, c))})


def _cut(graph: Graph, asked: Asking) -> list[Edge]:
    found = to_igraph(graph)
    capacity = None if graph.weights is None else "weight"
    return [found.es[i].tuple for i in found.mincut(asked[0], asked[1], capacity=capacity).cut]


def _spanning_tree(graph: Graph, asked: Asking) -> list[Edge]:
    found = to_igraph(graph)
    chosen = found.spanning_tree(weights=None if graph.weights is None else "weight", return_tree=False)
    return [found.es[i].tuple for i in chosen]


def _matching(graph: Graph, asked: Asking) -> list[Edge]:
    if graph.n > 200:
        return []  # it takes time with the cube of the nodes, and little of it would be drawn
    return sorted(nx.max_weight_matching(nx.Graph(to_networkx(graph)), maxcardinality=True, weight=None))


def _diameter(graph: Graph, asked: Asking) -> list[Edge]:
    return list(pairwise(to_igraph(graph).get_diameter(directed=graph.directed)))


def _core(graph: Graph, asked: Asking) -> list[Edge]:
    cores = to_igraph(graph).coreness()
    return [(u, v) for u, v in graph.edges if min(cores[u], cores[v]) >= cores[asked[0]]]


HIGHLIGHTS: dict[str, Highlight] = {
    "edge_existence": Highlight("the edge", _edge),
    "node_degree": Highlight("the node's edges", _incident),
    "connected_nodes": Highlight("the node's edges", _incident),
    "cycle_check": Highlight("a cycle", _cycle),
    "directed_cycle_check": Highlight("a cycle", _cycle),
    "reachability": Highlight("a path", _path),
    "shortest_path": Highlight("a shortest path", _path),
    "shortest_path_nodes": Highlight("a shortest path", _path),
    "weighted_shortest_path": Highlight("a lightest path", _lightest_path),
    "maximum_flow": Highlight("a minimum cut", _cut),
    "triangle_counting": Highlight("edges of triangles", _triangles),
    "minimum_spanning_tree_weight": Highlight("a minimum spanning tree", _spanning_tree),
    "maximum_matching_size": Highlight("a maximum matching", _matching),
    "diameter": Highlight("a longest shortest path", _diameter),
    "core_number": Highlight("the node's core", _core),
}


def highlighted(example: Example) -> tuple[list[int], list[Edge]]:
    """Node ids and edges (u, v) to highlight; both empty where nothing in the graph shows the answer (`There
    is no path`).

    Where several would do (paths, cycles, cuts), it is one of them.

    >>> graph = '{"directed": false, "nodes": ["A", "B", "C"], "edges": [[0, 1], [1, 2]]}'
    >>> highlighted(Example("i", "reachability", "", "", "Yes.", "yes_no", "", "", "", graph, "", 3, 2, [0, 2], "test"))
    ([], [(0, 1), (1, 2)])
    """
    graph, names = graph_from_json(example.graph)
    if example.task == "hamiltonian_path":
        return [], _stored_path(graph, names, example.answer)
    known = HIGHLIGHTS.get(example.task)
    edges = list(known.edges(graph, example.query)) if known else []
    if example.task == "connected_nodes":
        return [v for _, v in edges], edges
    if example.task == "disconnected_nodes":
        return sorted(set(range(graph.n)) - {*example.query, *graph.adjacency[example.query[0]]}), edges
    return [], edges


def _stored_path(graph: Graph, names: Sequence[str], answer: str) -> list[Edge]:
    """The path that the answer spells out; nothing where it states that there is none."""
    ids = {name: i for i, name in enumerate(names)}
    stops = [ids[stop] for stop in answer.strip().removesuffix(".").split(", ") if stop in ids]
    return list(pairwise(stops)) if len(stops) == graph.n else []
