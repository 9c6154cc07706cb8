"""Every reason is true of the graph that it is about: what a chain of thought says is read back and
checked.
"""

import random
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import networkx as nx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_builders.graphs.graph import Graph, from_edges, to_networkx
from data_builders.graphs.names import node_names
from data_builders.tasks import GRAPHQA, TASKS, Query
from tests.helpers.task_graphs import (
    EDGELESS,
    LOOP,
    LOOPS,
    ONE_NODE,
    OPPOSITE,
    TAKEN_BACK,
    NxGraph,
    drawn,
    graphs,
    prepared,
)


def pairs(text: str, pattern: str, names: list[str]) -> list[tuple[int, int]]:
    return [(names.index(a), names.index(b)) for a, b in re.findall(pattern, text)]


def listed(text: str, names: list[str]) -> set[int]:
    """The ids in `a, b, and c.`; `no nodes` is the empty set."""
    text = text.rstrip(".")
    return (
        set() if text == "no nodes" else {names.index(name.removeprefix("and ")) for name in text.split(", ")}
    )


def true_edge_existence(reason: str, g: NxGraph, names: list[str], query: Query, solution: bool) -> None:
    match = re.fullmatch(
        r" Because, there is (an|no) edge from (\w+) to (\w+) in the graph description\.", reason
    )
    assert match
    assert (names.index(match[2]), names.index(match[3])) == query.nodes
    assert (match[1] == "an") == g.has_edge(*query.nodes) == solution


def true_node_degree(reason: str, g: NxGraph, names: list[str], query: Query, solution: int) -> None:
    (node,) = query.nodes
    if g.is_directed():
        match = re.fullmatch(r" This is because (\w+) has edges to (.*), and edges from (.*)\.", reason)
        assert match
        out, into = listed(match[2], names), listed(match[3], names)
        assert (out, into) == (set(g.successors(node)), set(g.predecessors(node)))
        assert solution == len(out) + len(into)
    else:
        match = re.fullmatch(
            r" This is because (\w+) is connected to (.*?)(, and a connection to itself counts twice)?\.",
            reason,
        )
        assert match
        out = listed(match[2], names)
        assert out == set(g.neighbors(node))
        assert solution == len(out) + bool(match[3])
    assert names.index(match[1]) == node


def true_node_count(reason: str, g: NxGraph, names: list[str], query: Query, solution: int) -> None:
    assert listed(reason.removeprefix(" The nodes are "), names) == set(g)
    assert len(set(g)) == solution


def true_edge_count(reason: str, g: NxGraph, names: list[str], query: Query, solution: int) -> None:
    assert reason.startswith(" The edges are ")
    assert pairs(reason, r"\((\w+), (\w+)\)", names) == list(g.edges)
    assert solution == g.number_of_edges()


def true_connected_nodes(
    reason: str, g: NxGraph, names: list[str], query: Query, solution: list[int]
) -> None:
    (node,) = query.nodes
    if not list(g.neighbors(node)):
        assert reason == f" This is because {names[node]} is not connected to any node."
        return
    opening = f" This is because there is an edge from {names[node]} to "
    assert reason.startswith(opening)
    assert listed(reason.removeprefix(opening), names) == set(g.neighbors(node))


def true_disconnected_nodes(
    reason: str, g: NxGraph, names: list[str], query: Query, solution: list[int]
) -> None:
    (node,) = query.nodes
    missing = set(g) - set(g.neighbors(node)) - {node}
    if not missing:
        assert reason == f" This is because {names[node]} is connected to all other nodes."
        return
    opening = f" This is because there is not an edge from {names[node]} to "
    assert reason.startswith(opening)
    assert listed(reason.removeprefix(opening), names) == missing


def true_cycle_check(reason: str, g: NxGraph, names: list[str], query: Query, solution: bool) -> None:
    if not solution:
        assert reason == ""
        return
    steps = pairs(reason, r"(\w+) is connected to (\w+)", names)
    assert reason.startswith("The cycle is: ")
    assert all(g.has_edge(u, v) for u, v in steps)
    assert [v for _, v in steps] == [u for u, _ in steps[1:]] + [steps[0][0]]
    assert len({u for u, _ in steps}) == len(steps)
    assert g.is_directed() or len(steps) != 2, "there and back over one edge is no cycle"


def true_path(reason: str, g: NxGraph, names: list[str], query: Query, solution: bool | int | None) -> None:
    source, target = query.nodes
    if not nx.has_path(g, source, target):
        assert (
            reason
            == f" Because, there is no path connecting node {names[source]} to node {names[target]} based on"
            " the graph description."
        )
        assert not solution
        return
    steps = pairs(reason, r"there is an edge from node (\w+) to node (\w+)", names)
    assert reason.startswith(" Because, ") and reason.endswith(" .")
    assert all(g.has_edge(u, v) for u, v in steps)
    assert [source, *(v for _, v in steps)] == [*(u for u, _ in steps), target]
    assert len(steps) == (nx.shortest_path_length(g, source, target) if solution is True else solution)


def true_triangle_counting(reason: str, g: NxGraph, names: list[str], query: Query, solution: int) -> None:
    counts = nx.triangles(nx.Graph(g.to_undirected()))
    if not solution:
        assert reason == "No three nodes form a triangle of edges."
        assert not any(counts.values())
        return
    *lines, total = reason.split("\n")
    parts = [
        f"There {'is 1 triangle' if k == 1 else f'are {k} triangles'} including node {names[u]} as a vertex."
        for u, k in counts.items()
        if k
    ]
    assert sorted(lines) == sorted(parts)
    assert total == (
        "Summing the number of triangles for all nodes and dividing them by three gives us "
        f"{sum(counts.values()) // 3} triangles in total."
    )


def true_maximum_flow(reason: str, g: NxGraph, names: list[str], query: Query, solution: int) -> None:
    source, target = query.nodes
    if solution == 0:
        true_path(reason, g, names, query, None)
        return
    carried, _, blocked = reason.partition(" No more can pass, since every path uses one of the edges ")
    used: Counter[tuple[int, ...]] = Counter()
    total = 0
    for amount, text in re.findall(r"(\d+) along the path ([^;.]+)", carried):
        path = [names.index(name) for name in text.split(", ")]
        assert (path[0], path[-1]) == (source, target) and nx.is_path(g, path)
        total += int(amount)
        for u, v in pairwise(path):
            used[(u, v) if g.is_directed() else (min(u, v), max(u, v))] += int(amount)
    assert total == solution
    assert all(amount <= g.edges[e]["weight"] for e, amount in used.items())
    cut = [
        (names.index(a), names.index(b), int(c))
        for a, b, c in re.findall(r"\((\w+), (\w+)\) with capacity (\d+)", blocked)
    ]
    assert all(g.edges[u, v]["weight"] == c for u, v, c in cut)
    assert sum(c for _, _, c in cut) == solution
    left = g.copy()
    left.remove_edges_from([(u, v) for u, v, _ in cut])
    assert not nx.has_path(left, source, target)


TRUE: dict[str, Callable[[str, NxGraph, list[str], Query, Any], None]] = {
    "edge_existence": true_edge_existence,
    "node_degree": true_node_degree,
    "node_count": true_node_count,
    "edge_count": true_edge_count,
    "connected_nodes": true_connected_nodes,
    "disconnected_nodes": true_disconnected_nodes,
    "cycle_check": true_cycle_check,
    "reachability": true_path,
    "shortest_path": true_path,
    "maximum_flow": true_maximum_flow,
    "triangle_counting": true_triangle_counting,
}


@pytest.mark.parametrize("scheme", ["integers", "names"])
@pytest.mark.parametrize("task", sorted(TRUE))
@given(graph=graphs(), seed=st.integers(0, 99))
@example(ONE_NODE, 0)
@example(LOOP, 0)
@example(EDGELESS, 0)
@example(LOOPS, 1)
@example(OPPOSITE, 0)
def test_every_reason_is_true_of_the_graph(task: str, scheme: str, graph: Graph, seed: int) -> None:
    graph = prepared(task, graph, seed)
    query = drawn(task, graph, seed)
    if query is None:
        return
    names = node_names(scheme, graph.n, random.Random(0))
    solution = TASKS[task].solve(graph, query)
    TRUE[task](TASKS[task].explain(graph, names, query, solution), to_networkx(graph), names, query, solution)


def test_reasons_tell_the_witness_that_they_are_given() -> None:
    square = from_edges(4, [(0, 1), (1, 2), (2, 3), (3, 0)])
    query, names = Query((0, 2)), list("ABCD")
    told = TASKS["shortest_path"].explain(square, names, query, 2, [0, 3, 2])
    assert (
        told
        == " Because, there is an edge from node A to node D, and there is an edge from node D to node C ."
    )
    told = TASKS["cycle_check"].explain(square, names, Query(), True, [2, 1, 0, 3])
    assert (
        told
        == "The cycle is: C is connected to B, B is connected to A, A is connected to D, D is connected to C."
    )


def test_a_flow_that_took_a_path_back_is_told_as_it_ended() -> None:
    names, query = list("ABCDEFGH"), Query((0, 5))
    true_maximum_flow(
        TASKS["maximum_flow"].explain(TAKEN_BACK, names, query, 2), to_networkx(TAKEN_BACK), names, query, 2
    )


def test_every_task_of_graphqa_has_its_reasons_checked() -> None:
    """That of node_classification is held against the planted classes in test_tasks.py."""
    assert set(TRUE) == set(GRAPHQA) - {"node_classification"}
