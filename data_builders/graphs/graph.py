"""Graph: the small immutable graph that generators draw and that encoders and tasks read."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import networkx as nx

from data_builders.errors import InputError
from data_builders.graphs.names import KEPT

Edge = tuple[int, int]


@dataclass(frozen=True)
class Graph:
    """A graph over the node ids 0 .. n-1, in networkx's order semantics.

    adjacency: node id -> its neighbours (successors if directed). The order of the keys and of the
        neighbours is part of the graph, since GraphQA's text follows networkx's iteration order.
    weights: edge -> integer weight or capacity, in the orientation of `edges`; None for an unweighted graph.
    blocks: node id -> planted block, for graphs that were drawn with communities to be told apart; else
        empty.

    Plain tuples instead of networkx.Graph because a dataset is millions of tiny graphs; `to_networkx`
    and `from_networkx` are the doors.

    >>> triangle = Graph({0: (1, 2), 1: (0, 2), 2: (0, 1)})
    >>> triangle.n, triangle.edges
    (3, ((0, 1), (0, 2), (1, 2)))
    """

    adjacency: Mapping[int, tuple[int, ...]]
    directed: bool = False
    weights: Mapping[Edge, int] | None = None
    blocks: tuple[int, ...] = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The adjacency of `from_sorted_edges`, made when it is first asked for: many questions do
            without.
            """
            if name != "adjacency" or "edges" not in self.__dict__:
                raise AttributeError(name)
            ends: list[list[int]] = [[] for _ in range(self.n)]
            if not self.directed:  # the smaller neighbours first
                for u, v in self.edges:
                    ends[v].append(u)
            for u, v in self.edges:
                ends[u].append(v)
            self.__dict__["adjacency"] = dict(enumerate(map(tuple, ends)))
            return self.__dict__["adjacency"]

    @cached_property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.adjacency)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Each edge once, in networkx's iteration order; a self loop is (u, u)."""
        if self.directed:
            return tuple((u, v) for u, neighbours in self.adjacency.items() for v in neighbours)
        seen: set[int] = set()
        out: list[Edge] = []
        for u, neighbours in self.adjacency.items():
            out.extend((u, v) for v in neighbours if v not in seen)
            seen.add(u)
        return tuple(out)

    @property
    def m(self) -> int:
        """Number of edges; a self loop counts once."""
        return len(self.edges)

    def has_edge(self, u: int, v: int) -> bool:
        if "adjacency" in self.__dict__:
            return v in self.adjacency[u]
        return (u, v) in self.edges or (not self.directed and (v, u) in self.edges)

    def weight(self, u: int, v: int) -> int:
        """Weight of the edge (u, v), in either orientation if undirected; 1 in an unweighted graph."""
        if self.weights is None:
            return 1
        if not self.directed and (u, v) not in self.weights:
            return self.weights[v, u]
        return self.weights[u, v]


def from_networkx(graph: "nx.Graph[Any]", weight: str | None = None) -> Graph:
    """A Graph from a networkx (Di)Graph whose nodes are 0 .. n-1, orders kept; `weight` names an edge
    attribute.

    Multigraphs are refused: GraphQA's text has no parallel edges.
    """
    if graph.is_multigraph():
        raise InputError(
            "parallel edges are not supported; collapse the multigraph first, e.g. networkx.Graph(graph)"
        )
    if set(graph) != set(range(len(graph))):
        raise InputError(
            "node ids must be 0 .. n-1; use networkx.convert_node_labels_to_integers(graph) first"
        )
    adjacency = {u: tuple(neighbours) for u, neighbours in graph.adjacency()}
    weights = None if weight is None else {(u, v): int(d) for u, v, d in graph.edges(data=weight, default=1)}
    return Graph(adjacency, graph.is_directed(), weights)


def to_networkx(graph: Graph) -> "nx.Graph[int]":
    """The networkx (Di)Graph with the same node, edge and (when every edge is stored once) neighbour
    order.
    """
    out: nx.Graph[int] = nx.DiGraph() if graph.directed else nx.Graph()
    out.add_nodes_from(graph.adjacency)
    for u, v in graph.edges:
        if graph.weights is None:
            out.add_edge(u, v)
        else:
            out.add_edge(u, v, weight=graph.weights[u, v])
    return out


def from_edges(n: int, edges: Sequence[Sequence[int]], directed: bool = False) -> Graph:
    """A Graph from edges [u, v] or [u, v, weight], in the order given.

    >>> from_edges(3, [(0, 1), (1, 2)]).adjacency
    {0: (1,), 1: (0, 2), 2: (1,)}
    """
    adjacency: dict[int, list[int]] = {u: [] for u in range(n)}
    weights: dict[Edge, int] = {}
    for u, v, *w in edges:
        adjacency[u].append(v)
        if not directed and u != v:
            adjacency[v].append(u)
        if w:
            weights[u, v] = w[0]
    graph = Graph({u: tuple(neighbours) for u, neighbours in adjacency.items()}, directed, None)
    if not weights:
        return graph
    return Graph(
        graph.adjacency,
        directed,
        {(u, v): weights[u, v] if (u, v) in weights else weights[v, u] for u, v in graph.edges},
    )


def from_sorted_edges(n: int, edges: Sequence[Edge], directed: bool = False) -> Graph:
    """from_edges for edges that are sorted and, if undirected, (u, v) with u < v: no need to find their order
    again.

    >>> from_sorted_edges(3, [(0, 2), (1, 2)]) == from_edges(3, [(0, 2), (1, 2)])
    True
    """
    graph = object.__new__(Graph)
    graph.__dict__.update(n=n, edges=tuple(edges), directed=directed, weights=None, blocks=())
    return graph


def graph_to_json(graph: Graph, names: Sequence[str], **extra: Any) -> str:
    """The `graph` column of an Example: directed, node names (index = id), edges [u, v] or [u, v, weight],
    any planted blocks.

    `extra` carries what a task adds to the graph (node_classification: classes, labels).

    >>> graph_to_json(from_edges(2, [(0, 1)]), ["A", "B"])
    '{"directed": false, "nodes": ["A", "B"], "edges": [[0, 1]]}'
    """
    weights = graph.weights
    if weights is not None:
        edges: Iterable[str] = [f"[{u}, {v}, {weights[u, v]}]" for u, v in graph.edges]
    else:
        edges = (
            map(_PAIRS.__getitem__, graph.edges)
            if graph.n <= KEPT
            else [f"[{u}, {v}]" for u, v in graph.edges]
        )
    start = _start(names if isinstance(names, tuple) else tuple(names), graph.directed)
    if graph.blocks:
        extra = {"blocks": list(graph.blocks), **extra}
    end = (
        "".join(
            [f", {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in extra.items()]
        )
        if extra
        else ""
    )
    return f"{start}{', '.join(edges)}]{end}}}"


class _Pairs(dict[Edge, str]):
    """JSON of an edge."""

    def __missing__(self, edge: Edge) -> str:
        u, v = edge
        text = self[edge] = f"[{u}, {v}]"
        return text


_PAIRS = _Pairs()


@lru_cache(maxsize=4096)  # most graphs of a dataset are called by the same few lists of names
def _start(names: tuple[str, ...], directed: bool) -> str:
    return (
        f'{{"directed": {"true" if directed else "false"}, "nodes": {json.dumps(names, ensure_ascii=False)},'
        ' "edges": ['
    )


def graph_from_json(text: str) -> tuple[Graph, list[str]]:
    """The graph and the node names of an Example's `graph` column."""
    record = json.loads(text)
    return graph_from_record(record), record["nodes"]


def graph_from_record(record: Mapping[str, Any]) -> Graph:
    """The graph of an Example's `graph` column after `json.loads`."""
    graph = from_edges(len(record["nodes"]), record["edges"], record["directed"])
    return replace(graph, blocks=tuple(record.get("blocks", ())))


def union(parent: list[int], u: int, v: int) -> bool:
    """Join the trees of two nodes of a union-find, and return whether they were different trees.

    parent: of each node its parent, a root its own; `list(range(n))` at first. Paths to the root are halved.

    >>> parent = list(range(3))
    >>> union(parent, 0, 1), union(parent, 1, 0), union(parent, 1, 2)
    (True, False, True)
    """
    while parent[u] != u:
        parent[u] = u = parent[parent[u]]
    while parent[v] != v:
        parent[v] = v = parent[parent[v]]
    parent[u] = v
    return u != v
