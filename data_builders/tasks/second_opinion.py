"""A second implementation of every task, which `graphtalk verify` holds against the stored answers.

No function here calls the solver that it checks: where a solver of this folder walks the graph itself, the
second opinion asks rustworkx, networkx or scipy, and where a solver asks a library, its answer is proved by a
certificate. SECOND gives the solution of a question. WITNESS is for tasks that accept several answers, or
whose answer has a certificate: each says whether a given solution is right.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from math import inf
from typing import Any

import networkx as nx
import numpy as np
import rustworkx as rx
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, vstack

from data_builders.graphs.graph import Edge, Graph, to_networkx
from data_builders.tasks import Query
from data_builders.tasks.structure import kuratowski


@lru_cache(maxsize=256)
def _cached(n: int, edges: tuple[Edge, ...], directed: bool, weights: tuple[int, ...]) -> Any:
    out: Any = (rx.PyDiGraph if directed else rx.PyGraph)(multigraph=False)
    out.add_nodes_from(range(n))
    out.add_edges_from([(u, v, weight) for (u, v), weight in zip(edges, weights, strict=True)])
    return out


def to_rustworkx(graph: Graph) -> Any:
    """The graph in rustworkx, each edge carrying its weight, 1 where the graph has no weights.

    The questions about one graph share the result, so it must not be changed.
    """
    weights = (1,) * graph.m if graph.weights is None else tuple(graph.weights[edge] for edge in graph.edges)
    return _cached(graph.n, graph.edges, graph.directed, weights)


def _lightest(graph: Graph, query: Query, weight: Callable[[int], float] = float) -> int | None:
    source, target = query.nodes
    lengths = rx.dijkstra_shortest_path_lengths(to_rustworkx(graph), source, weight, goal=target)
    return round(lengths[target]) if target in lengths else None


def _distance(graph: Graph, query: Query) -> int | None:
    return _lightest(graph, query, lambda weight: 1.0)


def _neighbours(graph: Graph, query: Query) -> list[int]:
    """Along the edges in their stored order, since GraphQA's list follows it."""
    (node,) = query.nodes
    ends = (
        [v for u, v in graph.edges if u == node]
        if graph.directed
        else [v if u == node else u for u, v in graph.edges if node in (u, v)]
    )
    order = {v: i for i, v in enumerate(graph.adjacency[node])}
    return sorted(ends, key=lambda v: order.get(v, -1))


def _apart(graph: Graph, query: Query) -> list[int]:
    (node,) = query.nodes
    return sorted(set(range(graph.n)) - {node} - set(to_networkx(graph).neighbors(node)))


def _degree(graph: Graph, query: Query) -> int:
    return sum((u, v).count(query.nodes[0]) for u, v in graph.edges)


def _components(graph: Graph) -> int:
    whole = to_rustworkx(graph)
    return len(rx.strongly_connected_components(whole) if graph.directed else rx.connected_components(whole))


def _cycle(graph: Graph, query: Query) -> bool:
    if graph.directed:
        return not rx.is_directed_acyclic_graph(to_rustworkx(graph))
    return graph.m > graph.n - _components(graph)


def _triangles(graph: Graph, query: Query) -> int:
    """A third of the walks of length two whose ends are joined, which are A^2 * A for the adjacency matrix A;
    each triangle is six of them in the sum over all pairs.
    """
    edges = np.array([edge for edge in graph.edges if edge[0] != edge[1]], int).reshape(-1, 2)
    ways = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    matrix = coo_array((np.ones(len(ways), int), ways.T), (graph.n, graph.n)).tocsr()
    return int((matrix @ matrix).multiply(matrix).sum()) // 6


def _class(graph: Graph, query: Query) -> str:
    """The planted block is no property of the edges, so there is nothing to compute: it is read from the
    stored graph.
    """
    return query.classes[graph.blocks[query.nodes[0]]]


def _bipartite(graph: Graph, query: Query) -> bool:
    return rx.is_bipartite(to_rustworkx(graph)) and not any(u == v for u, v in graph.edges)


def _euler(graph: Graph, query: Query) -> bool:
    whole = to_networkx(graph)
    whole.remove_nodes_from(list(nx.isolates(whole)))
    return not whole or bool(nx.is_eulerian(whole))


def _spanning(graph: Graph, query: Query) -> int:
    return int(sum(weight for _, _, weight in rx.minimum_spanning_edges(to_rustworkx(graph), float)))


def _eccentricity(choose: Callable[[list[float]], float]) -> Callable[[Graph, Query], int | None]:
    def distance(graph: Graph, query: Query) -> int | None:
        length = choose(rx.distance_matrix(to_rustworkx(graph), null_value=inf).max(axis=1).tolist())
        return None if length == inf else int(length)

    return distance


def _levels(graph: Graph, query: Query) -> list[int]:
    (node,) = query.nodes
    return [node, *(v for _, v in nx.bfs_edges(to_networkx(graph), node, sort_neighbors=sorted))]


def _loopless(graph: Graph) -> Any:
    whole = to_networkx(graph)
    whole.remove_edges_from(list(nx.selfloop_edges(whole)))
    return whole


def _is_shortest_path(graph: Graph, query: Query, path: list[int] | None) -> bool:
    length = _distance(graph, query)
    if path is None or length is None:
        return path is None and length is None
    follows = nx.is_path(to_networkx(graph), path)
    return follows and (path[0], path[-1], len(path) - 1) == (*query.nodes, length)


def _is_hamiltonian_path(graph: Graph, query: Query, path: list[int] | None) -> bool:
    if path is None:
        return not _has_hamiltonian_path(graph)
    return sorted(path) == list(range(graph.n)) and nx.is_path(to_networkx(graph), path)


def _has_hamiltonian_path(graph: Graph) -> bool:
    """Whether there is a Hamiltonian path, by integer programming.

    A new node n, joined to every other, sends one unit of flow to each node along the chosen arcs. Where
    every node is entered once and left at most once, the chosen arcs are a path from n through all nodes
    (Gavish and Graves, 1978). The variables are first whether an arc is chosen, then the flow along it.
    """
    n = graph.n
    ways = [(u, v) for u, v in graph.edges if u != v]
    ways += [] if graph.directed else [(v, u) for u, v in ways]
    tails, heads = np.array([*ways, *((n, v) for v in range(n))]).T
    count = len(tails)
    arc, one, inner = np.arange(count), np.ones(count), tails < n
    entered = coo_array((one, (heads, arc)), (n, 2 * count))
    left = coo_array((one, (tails, arc)), (n + 1, 2 * count))
    flow = np.r_[one, -one[inner]], (np.r_[heads, tails[inner]], np.r_[arc, arc[inner]] + count)
    kept = coo_array(flow, (n, 2 * count))
    carried = coo_array(
        (np.r_[one, -n * one], (np.r_[arc, arc], np.r_[arc + count, arc])), (count, 2 * count)
    )
    least = np.r_[np.ones(n), np.zeros(n + 1), np.ones(n), np.full(count, -inf)]
    most = np.r_[np.ones(3 * n + 1), np.zeros(count)]
    outcome = milp(
        np.zeros(2 * count),
        integrality=np.r_[one, 0 * one],
        bounds=Bounds(0, np.r_[one, n * one]),
        constraints=LinearConstraint(vstack([entered, left, kept, carried]), least, most),
    )
    assert outcome.status in (0, 2), f"the integer program was not decided: {outcome.message}"
    return bool(outcome.status == 0)


def _is_planar(graph: Graph, query: Query, planar: bool) -> bool:
    """The solution is proved, wherever its certificate comes from: "planar" by a drawing, "not planar" by
    more than 3 n - 6 edges or by a subdivision of K5 or K3,3.
    """
    whole = _loopless(graph)
    if planar:
        drawing = nx.check_planarity(whole)[1]
        return drawing is not None and is_plane_drawing(whole, drawing.get_data())
    return whole.number_of_edges() > 3 * max(graph.n, 3) - 6 or is_kuratowski(whole, kuratowski(graph))


def is_plane_drawing(graph: Any, rotation: dict[int, list[int]]) -> bool:
    """Whether an order of the neighbours around each node draws the graph without crossings.

    graph: a simple networkx graph. rotation: for each node, its neighbours in clockwise order.

    By Euler's formula the drawing lies in the plane exactly where nodes - edges + faces is two for every
    component. A face is traced by turning, at the end of each edge, into the next edge around that node.

    >>> square = nx.cycle_graph(4)
    >>> is_plane_drawing(square, {u: list(square[u]) for u in square})
    True
    >>> k4 = nx.complete_graph(4)
    >>> is_plane_drawing(k4, {u: sorted(k4[u]) for u in k4})
    False
    """
    if any(sorted(rotation.get(u, ())) != sorted(graph[u]) for u in graph):
        return False
    turn = {
        (neighbour, u): (u, following)
        for u, around in rotation.items()
        for neighbour, following in pairwise([*around, *around[:1]])
    }
    faces = 0
    while turn:
        faces += 1
        _, way = turn.popitem()
        while way in turn:
            way = turn.pop(way)
    components = [part for part in nx.connected_components(graph) if len(part) > 1]
    nodes = sum(map(len, components))
    return bool(nodes - graph.number_of_edges() + faces == 2 * len(components))


def is_kuratowski(graph: Any, edges: list[Edge]) -> bool:
    """Whether edges of a networkx graph are a subdivision of K5 or K3,3, which no planar graph contains.

    >>> k5 = nx.complete_graph(5)
    >>> is_kuratowski(k5, list(k5.edges)), is_kuratowski(k5, list(k5.edges)[1:])
    (True, False)
    """
    part = nx.Graph(edges)
    if not all(graph.has_edge(u, v) for u, v in edges):
        return False
    for u in [u for u, degree in part.degree if degree == 2]:
        v, w = part[u]
        if not part.has_edge(v, w):
            part.remove_node(u)
            part.add_edge(v, w)
    return any(
        nx.is_isomorphic(part, corner) for corner in (nx.complete_graph(5), nx.complete_bipartite_graph(3, 3))
    )


SECOND: dict[str, Callable[[Graph, Query], Any]] = {
    "edge_existence": lambda graph, query: to_rustworkx(graph).has_edge(*query.nodes),
    "node_degree": _degree,
    "node_count": lambda graph, query: to_rustworkx(graph).num_nodes(),
    "edge_count": lambda graph, query: to_rustworkx(graph).num_edges(),
    "connected_nodes": _neighbours,
    "disconnected_nodes": _apart,
    "cycle_check": _cycle,
    "reachability": lambda graph, query: _distance(graph, query) is not None,
    "shortest_path": _distance,
    "maximum_flow": lambda graph, query: nx.maximum_flow_value(to_networkx(graph), *query.nodes, "weight"),
    "triangle_counting": _triangles,
    "node_classification": _class,
    "connectivity": lambda graph, query: _components(graph) == 1,
    "component_count": lambda graph, query: _components(graph),
    "bipartite_check": _bipartite,
    "tree_check": lambda graph, query: nx.is_tree(to_networkx(graph)),
    "euler_circuit_check": _euler,
    "minimum_spanning_tree_weight": _spanning,
    "weighted_shortest_path": _lightest,
    "diameter": _eccentricity(max),
    "radius": _eccentricity(min),
    "bfs_order": _levels,
    "topological_order": lambda graph, query: list(nx.lexicographical_topological_sort(to_networkx(graph))),
    "directed_cycle_check": _cycle,
    "strongly_connected_components": lambda graph, query: _components(graph),
    "maximum_matching_size": lambda graph, query: len(nx.max_weight_matching(_loopless(graph), True)),
    "core_number": lambda graph, query: nx.core_number(_loopless(graph))[query.nodes[0]],
}

WITNESS: dict[str, Callable[[Graph, Query, Any], bool]] = {
    "shortest_path_nodes": _is_shortest_path,
    "hamiltonian_path": _is_hamiltonian_path,
    "planarity_check": _is_planar,
}
