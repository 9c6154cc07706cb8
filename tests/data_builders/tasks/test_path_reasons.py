"""Every reason of the tasks about paths, distances and orders, read back and checked against the graph with
networkx.
"""

import random
import re
from collections.abc import Callable
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_builders.graphs.graph import Graph, from_edges, from_networkx
from data_builders.tasks import TASKS, Query
from tests.helpers.reason_texts import STEP, Ids, Judge, check, cycle, path_of, said
from tests.helpers.task_graphs import (
    EDGELESS,
    LOOP,
    LOOPS,
    ONE_NODE,
    OPPOSITE,
    NxGraph,
    drawn,
    graphs,
    prepared,
)


def no_path(reason: str, g: NxGraph, ids: Ids, query: Query) -> bool:
    source, target = query.nodes
    if nx.has_path(g, source, target):
        return False
    found = said(
        r" Because, there is no path connecting node (\w+) to node (\w+) based on the graph description\.",
        reason,
    )
    assert (ids(found[1])[0], ids(found[2])[0]) == query.nodes
    return True


def true_shortest_path_nodes(
    reason: str, g: NxGraph, ids: Ids, query: Query, solution: list[int] | None
) -> None:
    if not no_path(reason, g, ids, query):
        path = path_of(reason, STEP, ids)
        assert (
            path == solution
            and nx.is_path(g, path)
            and len(path) - 1 == nx.shortest_path_length(g, *query.nodes)
        )


def true_weighted_shortest_path(
    reason: str, g: NxGraph, ids: Ids, query: Query, solution: int | None
) -> None:
    if no_path(reason, g, ids, query):
        return
    found = said(r" Because, (.*)\. In total, (.*) = (\d+)\.", reason)
    path, weights = path_of(found[1], STEP, ids), [int(w) for w in re.findall(r"of weight (\d+)", found[1])]
    assert (path[0], path[-1]) == query.nodes
    assert (
        [g.edges[step]["weight"] for step in pairwise(path)]
        == weights
        == [int(w) for w in found[2].split(" + ")]
    )
    assert sum(weights) == int(found[3]) == solution == nx.dijkstra_path_length(g, *query.nodes)


def true_eccentricity(which: str, choose: Callable[..., int]) -> Judge:
    def check(reason: str, g: NxGraph, ids: Ids, query: Query, solution: int | None) -> None:
        if solution is None:
            found = said(
                r" Because, there is no path from node (\w+) to node (\w+): from it, only (.*) are reached\.",
                reason,
            )
            reached = set(ids(found[3]))
            assert (
                reached == nx.node_connected_component(g, ids(found[1])[0])
                and ids(found[2])[0] not in reached
            )
            return
        found = said(
            r" This is because the distance to the furthest node is (.*); the (\w+) of these is (\d+)\.",
            reason,
        )
        told = {ids(name)[0]: int(k) for k, name in re.findall(r"(\d+) from node (\w+)", found[1])}
        assert (
            told == nx.eccentricity(g)
            and found[2] == which
            and choose(told.values()) == int(found[3]) == solution
        )

    return check


def true_bfs_order(reason: str, g: NxGraph, ids: Ids, query: Query, solution: list[int]) -> None:
    order, queue = list(query.nodes), list(query.nodes)
    if "no edge leads" in reason:
        said(r" Because, no edge leads from node \w+ to another node\.", reason)
        assert not set(g[query.nodes[0]]) - {query.nodes[0]}
    else:
        for step in said(r" Because, (.*)\.", reason)[1].split("; "):
            found = said(r"node (\w+) adds (.*)", step)
            (u,), new = ids(found[1]), ids(found[2])
            while queue[0] != u:
                assert set(g[queue.pop(0)]) <= set(order), "a node that adds something is left out"
            queue.pop(0)
            assert new == sorted(set(g[u]) - set(order))
            order += new
            queue += new
        assert all(set(g[u]) <= set(order) for u in queue)
    assert order == solution


def true_topological_order(reason: str, g: NxGraph, ids: Ids, query: Query, solution: list[int]) -> None:
    told: list[int] = []
    for step in said(r" Because, (.*)\.", reason)[1].split("; "):
        found = said(r"node (\w+) (?:comes after (.*)|has no edge into it)", step)
        (v,) = ids(found[1])
        before = ids(found[2]) if found[2] else []
        assert sorted(before) == sorted(g.predecessors(v)) and set(before) <= set(told)
        told.append(v)
    assert told == solution and sorted(told) == sorted(g)


def true_directed_cycle_check(reason: str, g: NxGraph, ids: Ids, query: Query, solution: bool) -> None:
    if solution:
        path = path_of(said(r" The cycle is: (.*)\.", reason)[1], STEP, ids)
        assert path[0] == path[-1] and cycle(path[:-1], g)
    else:
        order = ids(said(r" Because, every edge leads forward in the order (.*)\.", reason)[1])
        assert sorted(order) == sorted(g) and all(order.index(u) < order.index(v) for u, v in g.edges)


def true_strongly_connected_components(
    reason: str, g: NxGraph, ids: Ids, query: Query, solution: int
) -> None:
    parts = [
        frozenset(ids(part))
        for part in said(r" The strongly connected components are: (.*)\.", reason)[1].split("; ")
    ]
    assert (
        sorted(map(sorted, parts)) == sorted(map(sorted, nx.strongly_connected_components(g)))
        and len(parts) == solution
    )


def true_hamiltonian_path(
    reason: str, g: NxGraph, ids: Ids, query: Query, solution: list[int] | None
) -> None:
    if solution is not None:
        found = said(r" Because, (.*)and all (\d+) nodes are visited once\.", reason)
        path = path_of(found[1], STEP, ids) or [0]
        assert (
            path == solution
            and sorted(path) == sorted(g)
            and all(g.has_edge(*step) for step in pairwise(path))
        )
        assert int(found[2]) == len(g)
    elif "separate parts" in reason:
        pattern = (
            r" Because, (?:without (.*)|as it is), the graph has the separate parts (.*), and a path can"
            r" visit at most (\d+) of them\."
        )
        found = said(pattern, reason)
        without = ids(found[1]) if found[1] else []
        parts = [set(ids(part)) for part in found[2].split("; ")]
        left: NxGraph = nx.Graph(g).subgraph(set(g) - set(without))
        assert sorted(map(sorted, parts)) == sorted(map(sorted, nx.connected_components(left)))
        assert len(without) + 1 == int(found[3]) < len(parts)
    else:
        assert reason == " Because, none of the orders of all nodes follows the edges."


TRUE: dict[str, Judge] = {
    "shortest_path_nodes": true_shortest_path_nodes,
    "weighted_shortest_path": true_weighted_shortest_path,
    "diameter": true_eccentricity("largest", max),
    "radius": true_eccentricity("smallest", min),
    "bfs_order": true_bfs_order,
    "topological_order": true_topological_order,
    "directed_cycle_check": true_directed_cycle_check,
    "strongly_connected_components": true_strongly_connected_components,
    "hamiltonian_path": true_hamiltonian_path,
}


@pytest.mark.parametrize("scheme", ["random_integers", "names"])
@pytest.mark.parametrize("task", TRUE)
@settings(deadline=None, max_examples=200)
@given(graph=graphs(), seed=st.integers(0, 99))
@example(ONE_NODE, 0)
@example(LOOP, 0)
@example(EDGELESS, 0)
@example(LOOPS, 1)
@example(OPPOSITE, 0)
def test_every_reason_is_true_of_the_graph(task: str, scheme: str, graph: Graph, seed: int) -> None:
    graph = prepared(task, graph, seed)
    query = drawn(task, graph, seed)
    if query is not None:
        check(TRUE[task], task, graph, query, scheme)


SPECIAL = {
    "hamiltonian_path": [
        nx.windmill_graph(3, 7),
        nx.petersen_graph(),
        nx.star_graph(5),
        nx.complete_bipartite_graph(4, 8),
        nx.Graph([(0, 1)]),
    ]
}


@pytest.mark.parametrize("task", SPECIAL)
def test_reasons_of_graphs_with_a_name(task: str) -> None:
    for g in SPECIAL[task]:
        graph = from_networkx(nx.convert_node_labels_to_integers(g))
        query = TASKS[task].draw(graph, random.Random(0))
        check(TRUE[task], task, graph, query, "names")


def test_a_graph_with_no_short_sign_against_a_hamiltonian_path_says_that_all_was_tried() -> None:
    rng = random.Random(0)
    found = 0
    while not found:
        graph = from_networkx(nx.gnp_random_graph(12, 0.25, seed=rng))
        reason = TASKS["hamiltonian_path"].explain(
            graph, list("ABCDEFGHIJKL"), Query(), TASKS["hamiltonian_path"].solve(graph, Query())
        )
        found += reason == " Because, none of the orders of all nodes follows the edges."


def test_reasons_tell_the_witness_that_they_are_given() -> None:
    square = from_edges(4, [(0, 1), (1, 2), (2, 3), (3, 0)])
    told = TASKS["shortest_path_nodes"].explain(square, list("ABCD"), Query((0, 2)), [0, 1, 2], [0, 3, 2])
    assert (
        told
        == " Because, there is an edge from node A to node D, and there is an edge from node D to node C ."
    )
