"""Known shortcuts: answers from a few counts, which never run the algorithm that a task asks for."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb

from data_builders.example import Example
from data_builders.graphs.graph import Graph, graph_from_record

Solution = bool | int | str | list[int] | None
Record = Mapping[str, object]


def most_frequent(counts: Counter[str]) -> str:
    """The most frequent solution, as JSON; of equals no, the smallest number, the shortest, no path last.

    >>> most_frequent(Counter({"true": 2, "false": 2, "null": 1}))
    'false'
    >>> most_frequent(Counter({"11": 2, "7": 2, "null": 2}))
    '7'
    """
    return min(counts, key=lambda each: (-counts[each], each == "true", each == "null", len(each), each))


def _density(graph: Graph) -> float:
    """Share of the possible edges that are there."""
    possible = graph.n * (graph.n - 1) / (1 if graph.directed else 2)
    return graph.m / possible if possible else 0.0


def _isolated(graph: Graph) -> int:
    """Number of nodes without an edge to another one."""
    return graph.n - len({u for edge in graph.edges if edge[0] != edge[1] for u in edge})


def _outflow(graph: Graph, node: int) -> int:
    return sum(
        graph.weight(u, v)
        for u, v in graph.edges
        if u != v and (u == node or (not graph.directed and v == node))
    )


def _inflow(graph: Graph, node: int) -> int:
    return sum(
        graph.weight(u, v)
        for u, v in graph.edges
        if u != v and (v == node or (not graph.directed and u == node))
    )


def _leaves(graph: Graph, node: int) -> bool:
    """Whether any edge leads away from the node to another one."""
    return any(v != node for v in graph.adjacency[node])


def _arrives(graph: Graph, node: int) -> bool:
    return any(v == node != u for u, v in graph.edges) if graph.directed else _leaves(graph, node)


def _edge(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return _density(graph) >= 0.5


def _degree(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return round(2 * graph.m / graph.n)


def _cycle(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return graph.m >= graph.n


def _reachable(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return _leaves(graph, query[0]) and _arrives(graph, query[1])


def _distance(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    if graph.has_edge(query[0], query[1]):
        return 1
    return 2 if _leaves(graph, query[0]) and _arrives(graph, query[1]) else None


def _triangles(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return round(comb(graph.n, 3) * _density(graph) ** 3)


def _flow(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return min(_outflow(graph, query[0]), _inflow(graph, query[1]))


def _liked(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    labels = record.get("labels")
    assert isinstance(labels, dict), "a node_classification example carries its labels in the graph column"
    counts: Counter[str] = Counter(labels.values())
    return min(counts, key=lambda word: (-counts[word], len(word), word))


def _directed_cycle(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return all(_arrives(graph, u) for u in range(graph.n)) or all(_leaves(graph, u) for u in range(graph.n))


def _connected(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return _isolated(graph) == 0


def _components(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    alone = _isolated(graph)
    return alone + (alone < graph.n)


def _fewer_edges(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return graph.m < graph.n


def _tree(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return graph.m == graph.n - 1


def _even(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return all(sum(1 + (v == u) for v in ends) % 2 == 0 for u, ends in graph.adjacency.items())


def _lightest(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return sum(sorted(graph.weight(u, v) for u, v in graph.edges if u != v)[: graph.n - 1])


def _two_steps(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    source, target = query
    between = next((v for v in graph.adjacency[source] if graph.has_edge(v, target)), None)
    if graph.has_edge(source, target):
        return [source, target]
    return None if between is None else [source, between, target]


def _light_ends(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    source, target = query
    if graph.has_edge(source, target):
        return graph.weight(source, target)
    out = [graph.weight(source, v) for v in graph.adjacency[source]]
    into = [graph.weight(u, target) for u in graph.adjacency if graph.has_edge(u, target)]
    return min(out) + min(into) if out and into else None


def _wide(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    if _isolated(graph) and graph.n > 1:
        return None
    return 1 if 2 * graph.m >= graph.n * (graph.n - 1) else 2


def _hub(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    if _isolated(graph) and graph.n > 1:
        return None
    return 1 if any(len(ends) >= graph.n - 1 for ends in graph.adjacency.values()) else 2


def _neighbours_first(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    near = [u for u in sorted(graph.adjacency[query[0]]) if u != query[0]]
    return [query[0], *near, *(u for u in range(graph.n) if u not in (query[0], *near))]


def _few_predecessors(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    before = Counter(v for _, v in graph.edges)
    return sorted(range(graph.n), key=lambda u: (before[u], u))


def _strong_components(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    ends = sum(not (_leaves(graph, u) and _arrives(graph, u)) for u in range(graph.n))
    return ends + (ends < graph.n)


def _greedy_walk(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    walk, at = [], min(range(graph.n), key=lambda u: (len(graph.adjacency[u]), u), default=None)
    while at is not None:
        walk.append(at)
        at = min(
            (v for v in graph.adjacency[at] if v not in walk),
            key=lambda v: (len(graph.adjacency[v]), v),
            default=None,
        )
    return walk if len(walk) == graph.n else None


def _planar(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return graph.n < 3 or graph.m <= 3 * graph.n - 6


def _half(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return (graph.n - _isolated(graph)) // 2


def _core(graph: Graph, query: Sequence[int], record: Record) -> Solution:
    return min(len(graph.adjacency[query[0]]), 2 * graph.m // graph.n)


@dataclass(frozen=True, slots=True)
class Rule:
    """A shortcut: what it says in words, and its answer from the graph, the asked nodes and the graph
    column's record.
    """

    text: str
    answer: Callable[[Graph, Sequence[int], Record], Solution]


RULES: dict[str, Rule] = {
    "edge_existence": Rule("yes if at least half of all possible edges are there", _edge),
    "node_degree": Rule("the mean degree, rounded", _degree),
    "cycle_check": Rule("yes if there are at least as many edges as nodes", _cycle),
    "reachability": Rule("yes if both nodes have an edge", _reachable),
    "shortest_path": Rule("1 if joined by an edge, no path if either has no edge, else 2", _distance),
    "triangle_counting": Rule("the count expected from nodes and edges alone, rounded", _triangles),
    "maximum_flow": Rule("the smaller of the capacity out of the source and into the target", _flow),
    "node_classification": Rule("the class that most listed nodes like", _liked),
    "connectivity": Rule("yes if every node has an edge", _connected),
    "component_count": Rule("the nodes without an edge, and one for all others", _components),
    "bipartite_check": Rule("yes if there are fewer edges than nodes", _fewer_edges),
    "tree_check": Rule("yes if there is one edge less than nodes", _tree),
    "euler_circuit_check": Rule("yes if every degree is even", _even),
    "minimum_spanning_tree_weight": Rule("the sum of the n - 1 smallest weights", _lightest),
    "shortest_path_nodes": Rule("the edge, else the first common neighbor, else no path", _two_steps),
    "weighted_shortest_path": Rule(
        "the edge's weight, else the lightest edge out of the source and that into the target", _light_ends
    ),
    "diameter": Rule("no path if a node has no edge, 1 if all edges are there, else 2", _wide),
    "radius": Rule("no path if a node has no edge, 1 if a node is joined to all others, else 2", _hub),
    "bfs_order": Rule("the source, its neighbors, then all other nodes", _neighbours_first),
    "topological_order": Rule("nodes by their number of predecessors", _few_predecessors),
    "directed_cycle_check": Rule(
        "yes unless some node has no edge in and some node none out", _directed_cycle
    ),
    "strongly_connected_components": Rule(
        "the nodes without an edge in or without one out, and one for all others", _strong_components
    ),
    "hamiltonian_path": Rule(
        "walk to the unvisited neighbor with the fewest neighbors; none if that gets stuck", _greedy_walk
    ),
    "planarity_check": Rule("yes if there are at most 3n - 6 edges", _planar),
    "maximum_matching_size": Rule("half the nodes that have an edge, rounded down", _half),
    "core_number": Rule("the node's degree, or the mean degree, rounded down, if that is less", _core),
}
"""task -> its shortcut; reading tasks (node_count, edge_count, the neighbours of a node) have none."""


def rule_answer(example: Example) -> Solution:
    """What the task's shortcut answers to this example, as a solution; KeyError where the task has none."""
    graph, record = _read(example.graph)
    return RULES[example.task].answer(graph, example.query, record)


@lru_cache(maxsize=1)  # the tasks and encoders of one graph often follow each other
def _read(text: str) -> tuple[Graph, Record]:
    record = json.loads(text)
    return graph_from_record(record), record
