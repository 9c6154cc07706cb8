"""A second implementation of every task, by igraph, networkx or plain counting: what `graphtalk verify` holds
the solvers against.

Nothing here is shared with the solvers in `tasks/`: where they walk, this asks a library, and where they ask
a library, this asks another one. SECOND gives the solution of a question; a task that accepts several answers
is in WITNESS, which says whether a given one is right.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import igraph
import networkx as nx
from networkx.algorithms.planarity import check_planarity_recursive

from data_builders.graphs.graph import Graph, to_networkx
from data_builders.tasks import Query


@lru_cache(maxsize=256)
def _cached(
    n: int, edges: tuple[tuple[int, int], ...], directed: bool, weights: tuple[int, ...] | None
) -> igraph.Graph:
    out = igraph.Graph(n, edges, directed)
    if weights is not None:
        out.es["weight"] = weights
    return out


def to_igraph(graph: Graph) -> igraph.Graph:
    """The graph in igraph, with its weights as the edge attribute `weight`; shared by the questions about it,
    so not to be changed.
    """
    weights = None if graph.weights is None else tuple(graph.weights[e] for e in graph.edges)
    return _cached(graph.n, graph.edges, graph.directed, weights)


def _distance(graph: Graph, query: Query) -> int | None:
    found = to_igraph(graph).distances(query.nodes[0], query.nodes[1], mode="out")[0][0]
    return None if found == float("inf") else int(found)


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


def _strangers(graph: Graph, query: Query) -> list[int]:
    (node,) = query.nodes
    return sorted(set(range(graph.n)) - {node} - set(to_igraph(graph).successors(node)))


def _cycle(graph: Graph, query: Query) -> bool:
    found = to_igraph(graph)
    return (
        not found.is_dag()
        if graph.directed
        else found.ecount() > found.vcount() - len(found.connected_components())
    )


def _triangles(graph: Graph, query: Query) -> int:
    return len(to_igraph(graph).as_undirected().simplify().list_triangles())


def _flow(graph: Graph, query: Query) -> int:
    found = to_igraph(graph)
    value: int = round(found.maxflow_value(*query.nodes, capacity="weight" if graph.m else None))
    return value


def _class(graph: Graph, query: Query) -> str:
    """The planted block is no property of the edges, so there is nothing to compute: it is read from the
    stored graph.
    """
    return query.classes[graph.blocks[query.nodes[0]]]


def _components(graph: Graph) -> int:
    return len(to_igraph(graph).connected_components(mode="strong" if graph.directed else "weak"))


def _bipartite(graph: Graph, query: Query) -> bool:
    return bool(to_igraph(graph).is_bipartite()) and not any(u == v for u, v in graph.edges)


def _tree(graph: Graph, query: Query) -> bool:
    return bool(to_igraph(graph).is_connected()) and graph.m == graph.n - 1


def _euler(graph: Graph, query: Query) -> bool:
    """All degrees are even, and all edges in one component."""
    found = to_igraph(graph)
    return (
        not any(d % 2 for d in found.degree())
        and sum(len(part) > 1 or found.degree(part[0]) > 0 for part in found.connected_components()) <= 1
    )


def _spanning(graph: Graph, query: Query) -> int:
    found = to_igraph(graph)
    return round(sum(found.spanning_tree(found.es["weight"]).es["weight"])) if graph.m else 0


def _lightest(graph: Graph, query: Query) -> int | None:
    weights = "weight" if graph.m else None
    found = to_igraph(graph).distances(query.nodes[0], query.nodes[1], weights=weights, mode="out")[0][0]
    return None if found == float("inf") else round(found)


def _eccentricity(choose: Callable[[list[float]], float]) -> Callable[[Graph, Query], int | None]:
    def distance(graph: Graph, query: Query) -> int | None:
        found = choose([max(row) for row in to_igraph(graph).distances()])
        return None if found == float("inf") else int(found)

    return distance


def _levels(graph: Graph, query: Query) -> list[int]:
    return [
        query.nodes[0],
        *(v for _, v in nx.bfs_edges(to_networkx(graph), query.nodes[0], sort_neighbors=sorted)),
    ]


def _core(graph: Graph, query: Query) -> int:
    return int(to_igraph(graph).copy().simplify().coreness()[query.nodes[0]])


def _matching(graph: Graph, query: Query) -> int:
    loopless = to_networkx(graph)
    loopless.remove_edges_from(list(nx.selfloop_edges(loopless)))
    return len(nx.max_weight_matching(loopless, maxcardinality=True))


def _shortest_nodes(graph: Graph, query: Query, path: list[int] | None) -> bool:
    length = _distance(graph, query)
    if path is None or length is None:
        return path is None and length is None
    steps = all(to_igraph(graph).are_adjacent(u, v) for u, v in pairwise(path))
    return steps and (path[0], path[-1], len(path) - 1) == (*query.nodes, length)


def _hamiltonian(graph: Graph, query: Query, path: list[int] | None) -> bool:
    found = to_igraph(graph)
    if path is not None:
        return sorted(path) == list(range(graph.n)) and all(
            found.are_adjacent(u, v) for u, v in pairwise(path)
        )
    line = igraph.Graph(graph.n, list(pairwise(range(graph.n))), graph.directed)
    return not found.copy().simplify().subisomorphic_lad(line)


SECOND: dict[str, Callable[[Graph, Query], Any]] = {
    "edge_existence": lambda graph, query: bool(to_igraph(graph).are_adjacent(*query.nodes)),
    "node_degree": lambda graph, query: to_igraph(graph).degree(query.nodes[0]),
    "node_count": lambda graph, query: to_igraph(graph).vcount(),
    "edge_count": lambda graph, query: to_igraph(graph).ecount(),
    "connected_nodes": _neighbours,
    "disconnected_nodes": _strangers,
    "cycle_check": _cycle,
    "reachability": lambda graph, query: _distance(graph, query) is not None,
    "shortest_path": _distance,
    "maximum_flow": _flow,
    "triangle_counting": _triangles,
    "node_classification": _class,
    "connectivity": lambda graph, query: _components(graph) == 1,
    "component_count": lambda graph, query: _components(graph),
    "bipartite_check": _bipartite,
    "planarity_check": lambda graph, query: check_planarity_recursive(to_networkx(graph))[0],
    "tree_check": _tree,
    "euler_circuit_check": _euler,
    "minimum_spanning_tree_weight": _spanning,
    "weighted_shortest_path": _lightest,
    "diameter": _eccentricity(max),
    "radius": _eccentricity(min),
    "bfs_order": _levels,
    "topological_order": lambda graph, query: list(nx.lexicographical_topological_sort(to_networkx(graph))),
    "directed_cycle_check": _cycle,
    "strongly_connected_components": lambda graph, query: _components(graph),
    "maximum_matching_size": _matching,
    "core_number": _core,
}

WITNESS: dict[str, Callable[[Graph, Query, Any], bool]] = {
    "shortest_path_nodes": _shortest_nodes,
    "hamiltonian_path": _hamiltonian,
}
