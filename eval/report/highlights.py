"""What the drawing of a graph highlights beside the query nodes: the path, cycle or cut that shows why the
right answer is right.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from data_builders.example import Example, truth
from data_builders.graphs.graph import Edge, Graph, graph_from_json
from data_builders.tasks import Query
from data_builders.tasks.parallelizable import components, find_cycle, find_path, spanning_forest
from data_builders.tasks.search import eccentricities, lightest_path, maximum_flow, solve_bfs_order
from data_builders.tasks.structure import core_numbers, maximum_matching


@dataclass(frozen=True, slots=True)
class Highlight:
    """text: what the highlighted edges and nodes are. edges: (graph, query) -> edges, none where
    nothing in the graph shows the answer.
    """

    text: str
    edges: Callable[[Graph, Sequence[int]], Sequence[Edge]]


def _incident(graph: Graph, query: Sequence[int]) -> list[Edge]:
    return [(query[0], v) for v in graph.adjacency[query[0]]]


def _edge(graph: Graph, query: Sequence[int]) -> list[Edge]:
    return [(query[0], query[1])] if graph.has_edge(query[0], query[1]) else []


def _along(path: Sequence[int] | None) -> list[Edge]:
    return list(pairwise(path or ()))


def _path(graph: Graph, query: Sequence[int]) -> list[Edge]:
    return _along(find_path(graph.adjacency, query[0], query[1]))


def _cycle(graph: Graph, query: Sequence[int]) -> list[Edge]:
    cycle = find_cycle(graph) or []
    return _along([*cycle, *cycle[:1]])


def _triangles(graph: Graph, query: Sequence[int]) -> list[Edge]:
    """The edges whose ends have a common neighbour, in either direction."""
    ends: dict[int, set[int]] = {u: set() for u in graph.adjacency}
    for u, v in graph.edges:
        if u != v:
            ends[u].add(v)
            ends[v].add(u)
    return sorted({(min(e), max(e)) for e in graph.edges if e[0] != e[1] and ends[e[0]] & ends[e[1]]})


def _cut(graph: Graph, query: Sequence[int]) -> list[Edge]:
    _, _, side = maximum_flow(graph, query[0], query[1])
    crossing = [(u, v) for u, v in graph.edges if (u in side) != (v in side)]
    return [(u, v) for u, v in crossing if u in side] if graph.directed else crossing


def _matching(graph: Graph, query: Sequence[int]) -> list[Edge]:
    if graph.n > 200:
        return []  # The time grows with the cube of the nodes, and little of the matching would be drawn.
    return [(u, v) for u, v in enumerate(maximum_matching(graph)[0]) if u < v]


def _diameter(graph: Graph, query: Sequence[int]) -> list[Edge]:
    if len(components(graph)) > 1:
        return []
    lengths = eccentricities(graph)
    source = lengths.index(max(lengths))
    return _along(find_path(graph.adjacency, source, solve_bfs_order(graph, Query((source,)))[-1]))


def _core(graph: Graph, query: Sequence[int]) -> list[Edge]:
    cores, _ = core_numbers(graph)
    return [(u, v) for u, v in graph.edges if min(cores[u], cores[v]) >= cores[query[0]]]


HIGHLIGHTS: dict[str, Highlight] = {
    "edge_existence": Highlight("the edge", _edge),
    "node_degree": Highlight("the node's edges", _incident),
    "connected_nodes": Highlight("the node's edges", _incident),
    "cycle_check": Highlight("a cycle", _cycle),
    "directed_cycle_check": Highlight("a cycle", _cycle),
    "reachability": Highlight("a path", _path),
    "shortest_path": Highlight("a shortest path", _path),
    "shortest_path_nodes": Highlight("a shortest path", _path),
    "weighted_shortest_path": Highlight(
        "a lightest path", lambda graph, query: _along(lightest_path(graph, *query))
    ),
    "maximum_flow": Highlight("a minimum cut", _cut),
    "triangle_counting": Highlight("edges of triangles", _triangles),
    "minimum_spanning_tree_weight": Highlight(
        "a minimum spanning tree", lambda graph, query: spanning_forest(graph)
    ),
    "maximum_matching_size": Highlight("a maximum matching", _matching),
    "diameter": Highlight("a longest shortest path", _diameter),
    "core_number": Highlight("the node's core", _core),
}


def highlight(example: Example) -> tuple[list[int], list[Edge]]:
    """Node ids and edges (u, v) to highlight; both empty where nothing in the graph shows the answer (`There
    is no path`).

    Where several would do (paths, cycles, cuts), it is one of them.

    >>> graph = '{"directed": false, "nodes": ["A", "B", "C"], "edges": [[0, 1], [1, 2]]}'
    >>> task, kind = "reachability", "yes_no"
    >>> highlight(Example("i", task, "", "", "Yes.", kind, "", "", "", graph, "", 3, 2, [0, 2], "test"))
    ([], [(0, 1), (1, 2)])
    """
    graph, _ = graph_from_json(example.graph)
    if example.task == "hamiltonian_path":
        return [], _along(truth(example))
    rule = HIGHLIGHTS.get(example.task)
    edges = list(rule.edges(graph, example.query)) if rule else []
    if example.task == "connected_nodes":
        return [v for _, v in edges], edges
    if example.task == "disconnected_nodes":
        return sorted(set(range(graph.n)) - {*example.query, *graph.adjacency[example.query[0]]}), edges
    return [], edges
