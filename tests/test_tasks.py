"""Every task's ground truth against networkx and igraph, and every reason against the graph that it is about."""

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import igraph
import networkx as nx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_builders.errors import InputError
from data_builders.graph import Graph, from_edges, from_networkx, to_networkx
from data_builders.names import node_names
from data_builders.tasks import TASKS, Query, exemplar_answer
from data_builders.tasks.parallelizable import CLASSES, find_cycle

NxGraph = Any
ONE_NODE = from_edges(1, [])
LOOP = from_edges(1, [(0, 0, 5)])
EDGELESS = from_edges(4, [])
LOOPS = from_edges(3, [(0, 1, 2), (1, 1, 3), (2, 2, 4)])
OPPOSITE = from_edges(3, [(0, 1, 2), (1, 0, 3), (1, 2, 4)], directed=True)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any weighted simple graph: directed or not, self loops, isolated nodes, nodes and neighbours in any order, sparse to dense."""
    n = draw(st.integers(1, 14))
    graph: NxGraph = nx.DiGraph() if draw(st.booleans()) else nx.Graph()
    graph.add_nodes_from(draw(st.permutations(range(n))))
    node = st.integers(0, n - 1)
    for u, v, c in draw(st.lists(st.tuples(node, node, st.integers(1, 20)), max_size=draw(st.sampled_from([n, 4 * n])))):
        graph.add_edge(u, v, weight=c)
    return from_networkx(graph, "weight")


def igraph_of(graph: Graph) -> igraph.Graph:
    return igraph.Graph(n=graph.n, edges=list(graph.edges), directed=graph.directed)


def capacities(graph: Graph) -> list[int]:
    return [graph.weight(u, v) for u, v in graph.edges]


def nx_distance(graph: Graph, s: int, t: int) -> int | None:
    try:
        return int(nx.shortest_path_length(to_networkx(graph), s, t))
    except nx.NetworkXNoPath:
        return None


def nx_cycle(graph: Graph) -> bool:
    try:
        return bool(nx.find_cycle(to_networkx(graph)))
    except nx.NetworkXNoCycle:
        return False


def ig_distance(graph: Graph, s: int, t: int) -> int | None:
    distance = igraph_of(graph).distances(s, t, mode="out")[0][0]
    return None if distance == float("inf") else int(distance)


def simple(graph: Graph) -> igraph.Graph:
    return igraph_of(graph).as_undirected().simplify()


def nx_triangles(graph: Graph) -> list[int]:
    counts = nx.triangles(nx.Graph(to_networkx(graph).to_undirected()))
    return [counts[u] for u in range(graph.n)]


def apart(neighbours: Sequence[int], graph: Graph, s: int) -> set[int]:
    return set(range(graph.n)) - set(neighbours) - {s}


NETWORKX: dict[str, Callable[..., Any]] = {
    "edge_existence": lambda g, s, t: to_networkx(g).has_edge(s, t),
    "node_degree": lambda g, s: to_networkx(g).degree[s],
    "node_count": lambda g: to_networkx(g).number_of_nodes(),
    "edge_count": lambda g: to_networkx(g).number_of_edges(),
    "connected_nodes": lambda g, s: set(to_networkx(g).neighbors(s)),
    "disconnected_nodes": lambda g, s: apart(list(to_networkx(g).neighbors(s)), g, s),
    "cycle_check": nx_cycle,
    "reachability": lambda g, s, t: nx.has_path(to_networkx(g), s, t),
    "shortest_path": nx_distance,
    "maximum_flow": lambda g, s, t: nx.maximum_flow_value(to_networkx(g), s, t, capacity="weight"),
    "triangle_counting": lambda g: sum(nx_triangles(g)) // 3,
}
IGRAPH: dict[str, Callable[..., Any]] = {
    "edge_existence": lambda g, s, t: igraph_of(g).are_adjacent(s, t),
    "node_degree": lambda g, s: igraph_of(g).degree(s, mode="all"),
    "node_count": lambda g: igraph_of(g).vcount(),
    "edge_count": lambda g: igraph_of(g).ecount(),
    "connected_nodes": lambda g, s: set(igraph_of(g).successors(s)),
    "disconnected_nodes": lambda g, s: apart(igraph_of(g).successors(s), g, s),
    "cycle_check": lambda g: not igraph_of(g).is_acyclic(),
    "reachability": lambda g, s, t: t in igraph_of(g).subcomponent(s, mode="out"),
    "shortest_path": ig_distance,
    "maximum_flow": lambda g, s, t: igraph_of(g).maxflow_value(s, t, capacities(g)),
    "triangle_counting": lambda g: len(simple(g).cliques(3, 3)),
}
SOLVED = sorted(NETWORKX)


def drawn(task: str, graph: Graph, seed: int) -> Query | None:
    """A query, or None where the graph is too small to carry one."""
    pair = task in ("edge_existence", "reachability", "shortest_path", "maximum_flow")
    return None if pair and graph.n < 2 else TASKS[task].draw(graph, random.Random(seed))


def test_every_task_but_the_planted_one_has_both_oracles() -> None:
    assert set(NETWORKX) == set(IGRAPH) == set(TASKS) - {"node_classification"}
    assert len(TASKS) == 12


@pytest.mark.parametrize("task", SOLVED)
@given(graph=graphs(), seed=st.integers(0, 99))
@example(ONE_NODE, 0)
@example(LOOP, 0)
@example(EDGELESS, 0)
@example(LOOPS, 1)
@example(OPPOSITE, 0)
def test_ground_truth_agrees_with_networkx_and_igraph(task: str, graph: Graph, seed: int) -> None:
    if not graph.edges:
        graph = replace(graph, weights={})
    query = drawn(task, graph, seed)
    if query is None:
        return
    ours = TASKS[task].solve(graph, query)
    if isinstance(ours, list):
        assert len(set(ours)) == len(ours)
        ours = set(ours)
    assert ours == NETWORKX[task](graph, *query.nodes)
    assert ours == IGRAPH[task](graph, *query.nodes)


# --- reasons -------------------------------------------------------------------------------------------------------------------


def pairs(text: str, pattern: str, names: list[str]) -> list[tuple[int, int]]:
    return [(names.index(a), names.index(b)) for a, b in re.findall(pattern, text)]


def listed(text: str, names: list[str]) -> set[int]:
    """The ids in `a, b, and c.`; `no nodes` is the empty set."""
    text = text.rstrip(".")
    return set() if text == "no nodes" else {names.index(name.removeprefix("and ")) for name in text.split(", ")}


def true_edge_existence(reason: str, g: NxGraph, names: list[str], query: Query, solution: bool) -> None:
    match = re.fullmatch(r" Because, there is (an|no) edge from (\w+) to (\w+) in the graph description\.", reason)
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
        match = re.fullmatch(r" This is because (\w+) is connected to (.*?)(, and a connection to itself counts twice)?\.", reason)
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


def true_connected_nodes(reason: str, g: NxGraph, names: list[str], query: Query, solution: list[int]) -> None:
    (node,) = query.nodes
    if not list(g.neighbors(node)):
        assert reason == f" This is because {names[node]} is not connected to any node."
        return
    opening = f" This is because there is an edge from {names[node]} to "
    assert reason.startswith(opening)
    assert listed(reason.removeprefix(opening), names) == set(g.neighbors(node))


def true_disconnected_nodes(reason: str, g: NxGraph, names: list[str], query: Query, solution: list[int]) -> None:
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
            reason == f" Because, there is no path connecting node {names[source]} to node {names[target]} based on the graph description."
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
    told = {names.index(name): int(k) for k, name in re.findall(r"(\d+) triangles? including node (\w+) as a vertex", reason)}
    assert told == {u: k for u, k in counts.items() if k}
    assert reason.endswith(f" gives us {sum(told.values()) // 3} triangles in total.")


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
    cut = [(names.index(a), names.index(b), int(c)) for a, b, c in re.findall(r"\((\w+), (\w+)\) with capacity (\d+)", blocked)]
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
    if not graph.edges:
        graph = replace(graph, weights={})
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
    assert told == " Because, there is an edge from node A to node D, and there is an edge from node D to node C ."
    told = TASKS["cycle_check"].explain(square, names, Query(), True, [2, 1, 0, 3])
    assert told == "The cycle is: C is connected to B, B is connected to A, A is connected to D, D is connected to C."


@given(graph=graphs())
def test_find_cycle_finds_one_exactly_where_there_is_one(graph: Graph) -> None:
    assert (find_cycle(graph) is not None) == nx_cycle(graph) == TASKS["cycle_check"].solve(graph, Query())


# --- node classification ---------------------------------------------------------------------------------------------------------


@given(half=st.integers(1, 10), edges=st.integers(0, 2**190 - 1), seed=st.integers(0, 99))
def test_node_classification_asks_about_a_planted_class(half: int, edges: int, seed: int) -> None:
    n, task = 2 * half, TASKS["node_classification"]
    every = [(u, v) for u in range(n) for v in range(u)]
    graph = from_edges(n, [e for i, e in enumerate(every) if edges >> i & 1])
    query = task.draw(graph, random.Random(seed))
    (asked,) = query.nodes
    planted = {u: query.classes[0] if u < half else query.classes[1] for u in range(n)}
    assert len(set(query.classes)) == 2 and set(query.classes) <= set(CLASSES)
    assert len(query.labels) == n // 2 and asked not in query.labels
    assert all(planted[u] == word for u, word in query.labels.items())
    names = [str(u) for u in range(n)]
    *likes, question, end = task.ask(names, query).split("\n")
    assert likes == [f"Node {u} likes {planted[u]}." for u in query.labels]
    assert question == f"Q: Does node {asked} like {query.classes[0]} or {query.classes[1]}?" and end == "A: "
    solution = task.solve(graph, query)
    assert task.say(solution, names, query) == planted[asked]
    same = [planted[v] == planted[asked] for v in graph.adjacency[asked]]
    claims = f" This is because most of the nodes that are connected to node {asked} likes {planted[asked]}."
    assert (task.explain(graph, names, query, solution) == claims) == (sum(same) > len(same) / 2)


# --- queries and answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["edge_existence", "reachability", "shortest_path", "maximum_flow", "node_classification"])
def test_a_graph_of_one_node_carries_no_two_node_task(task: str) -> None:
    with pytest.raises(InputError, match="at least 2 nodes; this one has 1"):
        TASKS[task].draw(replace(ONE_NODE, weights={}), random.Random(0))


def test_maximum_flow_refuses_graphs_without_positive_capacities() -> None:
    with pytest.raises(InputError, match="needs a graph with edge capacities"):
        TASKS["maximum_flow"].draw(from_edges(2, [(0, 1)]), random.Random(0))
    with pytest.raises(InputError, match="an edge of capacity 0"):
        TASKS["maximum_flow"].draw(from_edges(2, [(0, 1, 0)]), random.Random(0))


def test_a_graph_without_edges_needs_no_capacities() -> None:
    query = TASKS["maximum_flow"].draw(EDGELESS, random.Random(0))
    assert TASKS["maximum_flow"].solve(EDGELESS, query) == 0


def test_maximum_flow_takes_back_a_path_that_was_too_short() -> None:
    """The shortest path 0 1 2 5 is taken first, and must give way to 0 1 4 6 5 and 0 3 7 2 5."""
    edges = [(0, 1), (1, 2), (2, 5), (1, 4), (4, 6), (6, 5), (0, 3), (3, 7), (7, 2)]
    graph, query = from_edges(8, [(u, v, 1) for u, v in edges], directed=True), Query((0, 5))
    assert TASKS["maximum_flow"].solve(graph, query) == NETWORKX["maximum_flow"](graph, 0, 5) == 2
    names = list("ABCDEFGH")
    true_maximum_flow(TASKS["maximum_flow"].explain(graph, names, query, 2), to_networkx(graph), names, query, 2)


def test_pairs_are_uniform_over_ordered_pairs_of_different_nodes() -> None:
    rng, graph = random.Random(0), from_edges(4, [(0, 1)])
    counts = Counter(TASKS["reachability"].draw(graph, rng).nodes for _ in range(12_000))
    assert set(counts) == {(s, t) for s in range(4) for t in range(4) if s != t}
    assert all(850 < k < 1150 for k in counts.values())


def test_edge_existence_on_er_graphs_is_yes_about_half_the_time() -> None:
    rng, yes = random.Random(0), 0
    for _ in range(2000):
        n, p = rng.randint(5, 19), rng.random()
        graph = from_edges(n, [(u, v) for u in range(n) for v in range(u) if rng.random() < p])
        query = TASKS["edge_existence"].draw(graph, rng)
        yes += TASKS["edge_existence"].solve(graph, query)
    assert 0.45 < yes / 2000 < 0.55


def test_direction_counts() -> None:
    arrow = from_edges(3, [(0, 1, 4)], directed=True)
    answers = {s + t: [TASKS[task].solve(arrow, Query((int(s), int(t)))) for task in SOLVED if task in PAIRED] for s, t in ("01", "10")}
    assert PAIRED == ["edge_existence", "maximum_flow", "reachability", "shortest_path"]
    assert answers == {"01": [True, 4, True, 1], "10": [False, 0, False, None]}


PAIRED = [task for task in SOLVED if drawn(task, ONE_NODE, 0) is None]

ANSWERS = [
    ("edge_existence", True, (0, 1), "Yes.", "Yes."),
    ("node_degree", 3, (0,), "3.", "3."),
    ("node_count", 7, (), " 7.", "7."),
    ("edge_count", 9, (), " 9.", "9."),
    ("connected_nodes", [2, 1], (0,), "Anna, Zoe.", "Anna, Zoe."),
    ("connected_nodes", [], (0,), " No nodes.", "No nodes."),
    ("disconnected_nodes", [], (0,), "No nodes.", "No nodes."),
    ("cycle_check", True, (), "Yes, there is a cycle.", "Yes, there is a cycle. "),
    ("cycle_check", False, (), "No, there is no cycle.", "No, there is no cycle."),
    ("shortest_path", None, (0, 2), "There is no path from node Bob to node Zoe.", "There is no path from node Bob to node Zoe."),
    ("maximum_flow", 0, (0, 1), "0.", "0."),
]


@pytest.mark.parametrize(("task", "solution", "nodes", "said", "shown"), ANSWERS)
def test_how_answers_are_said_and_shown(task: str, solution: Any, nodes: tuple[int, ...], said: str, shown: str) -> None:
    answer = TASKS[task].say(solution, ["Bob", "Anna", "Zoe"], Query(nodes))
    assert (answer, exemplar_answer(task, answer)) == (said, shown)


def test_numbers_keep_the_order_of_the_graph_and_names_are_sorted() -> None:
    say, apart_from = TASKS["connected_nodes"].say, TASKS["disconnected_nodes"].say
    digits = [str(i) for i in range(11)]
    assert say([10, 2, 1], digits, Query((0,))) == "10, 2, 1."
    assert apart_from([1, 2, 10], digits, Query((0,))) == "1, 10, 2."
