"""A second implementation of every task, by igraph, networkx or plain counting: what `graphtalk verify` holds the solvers against.

Nothing here is shared with the solvers in `tasks/`: where they walk, this asks a library, and where they ask a library,
this asks another one. SECOND gives the solution of a question; a task that accepts several answers is in WITNESS, which
says whether a given one is right.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import igraph

from data_builders.graph import Graph
from data_builders.tasks import Query


@lru_cache(maxsize=256)
def _cached(n: int, edges: tuple[tuple[int, int], ...], directed: bool, weights: tuple[int, ...] | None) -> igraph.Graph:
    out = igraph.Graph(n, edges, directed)
    if weights is not None:
        out.es["weight"] = weights
    return out


def to_igraph(graph: Graph) -> igraph.Graph:
    """The graph in igraph, with its weights as the edge attribute `weight`; shared by the questions about it, so not to be changed."""
    weights = None if graph.weights is None else tuple(graph.weights[e] for e in graph.edges)
    return _cached(graph.n, graph.edges, graph.directed, weights)


def _distance(graph: Graph, query: Query) -> int | None:
    found = to_igraph(graph).distances(query.nodes[0], query.nodes[1], mode="out")[0][0]
    return None if found == float("inf") else int(found)


def _neighbours(graph: Graph, query: Query) -> list[int]:
    """Along the edges in their stored order, since GraphQA's list follows it."""
    (node,) = query.nodes
    ends = [v for u, v in graph.edges if u == node] if graph.directed else [v if u == node else u for u, v in graph.edges if node in (u, v)]
    order = {v: i for i, v in enumerate(graph.adjacency[node])}
    return sorted(ends, key=lambda v: order.get(v, -1))


def _strangers(graph: Graph, query: Query) -> list[int]:
    (node,) = query.nodes
    return sorted(set(range(graph.n)) - {node} - set(to_igraph(graph).successors(node)))


def _cycle(graph: Graph, query: Query) -> bool:
    found = to_igraph(graph)
    return not found.is_dag() if graph.directed else found.ecount() > found.vcount() - len(found.connected_components())


def _triangles(graph: Graph, query: Query) -> int:
    return len(to_igraph(graph).as_undirected().simplify().list_triangles())


def _flow(graph: Graph, query: Query) -> int:
    found = to_igraph(graph)
    value: int = round(found.maxflow_value(*query.nodes, capacity="weight" if graph.m else None))
    return value


def _class(graph: Graph, query: Query) -> str:
    """The planted block is no property of the edges, so there is nothing to compute: it is read from the stored graph."""
    return query.classes[graph.blocks[query.nodes[0]]]


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
}

WITNESS: dict[str, Callable[[Graph, Query, Any], bool]] = {}
