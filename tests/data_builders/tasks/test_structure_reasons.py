"""Every reason of the tasks about components and structure, read back and checked against the graph with
networkx.
"""

import random
import re
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_builders.graphs.graph import Graph, from_networkx
from data_builders.tasks import TASKS, Query
from tests.helpers.reason_texts import Ids, Judge, check, cycle, edges_of, said, simple
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


def true_connectivity(reason: str, g: NxGraph, ids: Ids, query: Query, solution: bool) -> None:
    if solution:
        found = said(r" Because, all nodes are reached from node (\w+): (.*)\.", reason)
        reached = ids(found[2])
        assert sorted(reached) == sorted(g)
    else:
        found = said(
            r" Because, there is no path from node (\w+) to node (\w+): from it, only (.*) are reached\.",
            reason,
        )
        reached = ids(found[3])
        assert set(reached) == nx.node_connected_component(g, reached[0]) and ids(found[2])[0] not in reached
    assert reached[0] == ids(found[1])[0]
    assert all(any(g.has_edge(u, v) for u in reached[:i]) for i, v in enumerate(reached) if i), (
        "a node is reached before a neighbour"
    )


def true_component_count(reason: str, g: NxGraph, ids: Ids, query: Query, solution: int) -> None:
    parts = [
        frozenset(ids(part)) for part in said(r" The connected components are: (.*)\.", reason)[1].split("; ")
    ]
    assert (
        sorted(map(sorted, parts)) == sorted(map(sorted, nx.connected_components(g)))
        and len(parts) == solution
    )


def true_bipartite_check(reason: str, g: NxGraph, ids: Ids, query: Query, solution: bool) -> None:
    if not solution:
        odd = ids(said(r" Because, there is a cycle of odd length: (.*)\.", reason)[1])
        assert len(odd) % 2 and cycle(odd, g)
    elif g.size():
        found = said(r" Because, every edge joins one of the nodes (.*) and one of the nodes (.*)\.", reason)
        one, other = set(ids(found[1])), set(ids(found[2]))
        assert one | other == set(g) and not one & other
        assert all((u in one) != (v in one) for u, v in g.edges)
    else:
        assert reason == " Because, there are no edges."


def true_tree_check(reason: str, g: NxGraph, ids: Ids, query: Query, solution: bool) -> None:
    if solution:
        found = said(r"(.*\.) There are (\d+) nodes and (\d+) edges, one less\.", reason)
        assert (int(found[2]), int(found[3])) == (len(g), g.number_of_edges()) and len(
            g
        ) - g.number_of_edges() == 1
        true_connectivity(found[1], g, ids, query, True)
    elif not nx.is_connected(g):
        true_connectivity(reason, g, ids, query, False)
    else:
        found_cycle = ids(said(r" Because, there is a cycle: (.*)\.", reason)[1])
        assert cycle(found_cycle, g) and len(found_cycle) != 2


def true_euler_circuit_check(reason: str, g: NxGraph, ids: Ids, query: Query, solution: bool) -> None:
    if solution and g.size():
        walk = ids(said(r" Because, such a walk is: (.*)\.", reason)[1])
        assert walk[0] == walk[-1]
        assert sorted(tuple(sorted(step)) for step in pairwise(walk)) == sorted(
            tuple(sorted(edge)) for edge in g.edges
        )
    elif solution:
        assert reason == " Because, there are no edges."
    elif "odd" in reason:
        found = said(r" Because, node (\w+) has the odd degree (\d+): it is connected to (.*)\.", reason)
        (node,) = ids(found[1])
        assert g.degree[node] == int(found[2]) and int(found[2]) % 2 and set(ids(found[3])) == set(g[node])
    else:
        found = said(
            r" Because, there is no path from node (\w+) to node (\w+), and both have edges\.", reason
        )
        (one,), (other,) = ids(found[1]), ids(found[2])
        assert g.degree[one] and g.degree[other] and not nx.has_path(g, one, other)


def true_minimum_spanning_tree_weight(reason: str, g: NxGraph, ids: Ids, query: Query, solution: int) -> None:
    if not simple(g).size():
        assert reason == " This is because no edge joins two different nodes." and solution == 0
        return
    opening = " From the lightest edge to the heaviest, without those that would close a cycle, we take "
    found = said(re.escape(opening) + r"(.*)\. In total, (.*) = (\d+)\.", reason)
    taken, weights = edges_of(found[1], ids), [int(w) for w in re.findall(r"of weight (\d+)", found[1])]
    assert (
        [g.edges[e]["weight"] for e in taken]
        == weights
        == [int(w) for w in found[2].split(" + ")]
        == sorted(weights)
    )
    assert sum(weights) == int(found[3]) == solution
    forest = nx.Graph(taken)
    forest.add_nodes_from(g)
    assert nx.is_forest(forest) and nx.number_connected_components(forest) == nx.number_connected_components(
        g
    )
    assert sum(weights) == nx.minimum_spanning_tree(simple(g)).size("weight")


def true_planarity_check(reason: str, g: NxGraph, ids: Ids, query: Query, solution: bool) -> None:
    g = simple(g)
    if not solution:
        found = said(
            r" Because, the edges (.*) form a subdivision of (K5|K3,3) with the corners (.*)\.", reason
        )
        sub = nx.Graph(edges_of(found[1], ids))
        assert all(g.has_edge(*edge) for edge in sub.edges)
        corners = set(ids(found[3]))
        assert {u for u in sub if sub.degree[u] > 2} == corners and all(
            sub.degree[u] == 2 for u in set(sub) - corners
        )
        for u in set(sub) - corners:
            a, b = sub[u]
            assert not sub.has_edge(a, b)
            sub.add_edge(a, b)
            sub.remove_node(u)
        want = nx.complete_graph(5) if found[2] == "K5" else nx.complete_bipartite_graph(3, 3)
        assert nx.is_isomorphic(sub, want)
    elif g.size():
        borders = [
            ids(border)
            for border in said(r" Because, it can be drawn with the faces: (.*)\.", reason)[1].split("; ")
        ]
        darts = [dart for border in borders for dart in zip(border, border[1:] + border[:1], strict=True)]
        assert sorted(darts) == sorted([*g.edges, *((v, u) for u, v in g.edges)]), "every edge once each way"
        turns: dict[int, dict[int, int]] = {u: {} for u in g}
        for border in borders:
            for u, v, w in zip(border, border[1:] + border[:1], border[2:] + border[:2], strict=True):
                turns[v][u] = w
        for u in g:  # around each node, the faces follow one another in one round
            if g.degree[u]:
                v = start = next(iter(turns[u]))
                ends = 1
                while (v := turns[u][v]) != start:
                    ends += 1
                assert ends == g.degree[u]
        for part in nx.connected_components(g):  # Euler, piece by piece
            if len(part) > 1:
                there = sum(border[0] in part for border in borders)
                assert len(part) - g.subgraph(part).size() + there == 2
    else:
        assert reason == " Because, there are no edges between different nodes."


def true_maximum_matching_size(reason: str, g: NxGraph, ids: Ids, query: Query, solution: int) -> None:
    g = simple(g)
    if not g.size():
        assert reason == " No edge joins two different nodes." and solution == 0
        return
    told = edges_of(said(r" No two of the edges (.*?) share a node[.,].*", reason)[1], ids)
    used = [u for edge in told for u in edge]
    assert all(g.has_edge(*edge) for edge in told) and len(set(used)) == len(used) and len(told) == solution
    if reason.endswith(", and every node is an end of one."):
        assert set(used) == set(g)
        return
    pattern = (
        r".*\. (?:Without (.*) the|The) graph has the parts (.*) with an odd number of nodes, "
        r"and at most (\d+) of these can be matched in full\."
    )
    found = said(pattern, reason)
    without = ids(found[1]) if found[1] else []
    parts = [set(ids(part)) for part in found[2].split("; ")]
    pieces = [set(part) for part in nx.connected_components(g.subgraph(set(g) - set(without)))]
    assert all(len(part) % 2 and part in pieces for part in parts) and int(found[3]) == len(without)
    assert len(g) - 2 * solution == len(parts) - len(without), (
        "Berge: no more nodes than these must stay alone"
    )


def true_core_number(reason: str, g: NxGraph, ids: Ids, query: Query, solution: int) -> None:
    g = simple(g)
    weak = r"taking away nodes with at most (\d+) connections left, in the order (.*), reaches (\w+)\."
    if solution:
        found = said(
            r" This is because each of the nodes (.*) is connected to at least (\d+) of the others, and "
            + weak,
            reason,
        )
        group = ids(found[1])
        assert query.nodes[0] in group and int(found[2]) == solution
        assert min(dict(g.subgraph(group).degree).values()) >= solution
        level, order, last = found[3], found[4], found[5]
    else:
        found = said(r" This is because " + weak, reason)
        level, order, last = found[1], found[2], found[3]
    for u in ids(order):
        assert g.degree[u] <= int(level) == solution
        g.remove_node(u)
    assert (ids(order)[-1],) == query.nodes == (ids(last)[0],)


TRUE: dict[str, Judge] = {
    "connectivity": true_connectivity,
    "component_count": true_component_count,
    "bipartite_check": true_bipartite_check,
    "tree_check": true_tree_check,
    "euler_circuit_check": true_euler_circuit_check,
    "minimum_spanning_tree_weight": true_minimum_spanning_tree_weight,
    "planarity_check": true_planarity_check,
    "maximum_matching_size": true_maximum_matching_size,
    "core_number": true_core_number,
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
    "planarity_check": [
        nx.petersen_graph(),
        nx.complete_graph(9),
        nx.dodecahedral_graph(),
        nx.wheel_graph(8),
        nx.grid_2d_graph(3, 5),
    ],
    "maximum_matching_size": [
        nx.windmill_graph(4, 3),
        nx.petersen_graph(),
        nx.star_graph(6),
        nx.cycle_graph(9),
        nx.path_graph(5),
    ],
    "euler_circuit_check": [
        nx.cycle_graph(5),
        nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(4)),
        nx.complete_graph(5),
    ],
    "core_number": [nx.complete_graph(6), nx.lollipop_graph(5, 4), nx.star_graph(5)],
}


@pytest.mark.parametrize("task", SPECIAL)
def test_reasons_of_graphs_with_a_name(task: str) -> None:
    for g in SPECIAL[task]:
        graph = from_networkx(nx.convert_node_labels_to_integers(g))
        query = TASKS[task].draw(graph, random.Random(0))
        check(TRUE[task], task, graph, query, "names")
