"""Every task's ground truth against networkx, its queries, and how its answers are said."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import networkx as nx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_builders.errors import InputError
from data_builders.graphs.graph import Graph, from_edges, to_networkx
from data_builders.tasks import GRAPHQA, TASKS, Query, exemplar_answer
from data_builders.tasks.parallelizable import CLASSES, find_cycle
from tests.helpers.task_graphs import (
    EDGELESS,
    LOOP,
    LOOPS,
    ONE_NODE,
    OPPOSITE,
    TAKEN_BACK,
    drawn,
    graphs,
    prepared,
)


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
SOLVED = sorted(NETWORKX)


def test_every_task_of_graphqa_but_the_planted_one_has_an_oracle() -> None:
    assert set(NETWORKX) == set(GRAPHQA) - {"node_classification"}
    assert len(GRAPHQA) == 12


@pytest.mark.parametrize("task", SOLVED)
@settings(max_examples=300)
@given(graph=graphs(), seed=st.integers(0, 99))
@example(ONE_NODE, 0)
@example(LOOP, 0)
@example(EDGELESS, 0)
@example(LOOPS, 1)
@example(OPPOSITE, 0)
def test_ground_truth_agrees_with_networkx(task: str, graph: Graph, seed: int) -> None:
    graph = prepared(task, graph, seed)
    query = drawn(task, graph, seed)
    if query is None:
        return
    ours = TASKS[task].solve(graph, query)
    if isinstance(ours, list):
        assert len(set(ours)) == len(ours)
        ours = set(ours)
    assert ours == NETWORKX[task](graph, *query.nodes)


@given(graph=graphs())
def test_find_cycle_finds_one_exactly_where_there_is_one(graph: Graph) -> None:
    assert (find_cycle(graph) is not None) == nx_cycle(graph) == TASKS["cycle_check"].solve(graph, Query())


def test_maximum_flow_takes_back_a_path_that_was_too_short() -> None:
    assert (
        TASKS["maximum_flow"].solve(TAKEN_BACK, Query((0, 5)))
        == NETWORKX["maximum_flow"](TAKEN_BACK, 0, 5)
        == 2
    )


@settings(max_examples=300)
@given(
    blocks=st.integers(1, 10).flatmap(lambda half: st.permutations([0, 1] * half)),
    edges=st.integers(0, 2**190 - 1),
    seed=st.integers(0, 99),
)
def test_node_classification_asks_about_a_planted_class(blocks: list[int], edges: int, seed: int) -> None:
    n, task = len(blocks), TASKS["node_classification"]
    every = [(u, v) for u in range(n) for v in range(u)]
    graph = replace(from_edges(n, [e for i, e in enumerate(every) if edges >> i & 1]), blocks=tuple(blocks))
    query = task.draw(graph, random.Random(seed))
    (asked,) = query.nodes
    planted = {u: query.classes[blocks[u]] for u in range(n)}
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


@pytest.mark.parametrize(
    "task", ["edge_existence", "reachability", "shortest_path", "maximum_flow", "node_classification"]
)
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
    answers = {
        s + t: [TASKS[task].solve(arrow, Query((int(s), int(t)))) for task in SOLVED if task in PAIRED]
        for s, t in ("01", "10")
    }
    assert PAIRED == ["edge_existence", "maximum_flow", "reachability", "shortest_path"]
    assert answers == {"01": [True, 4, True, 1], "10": [False, 0, False, None]}


PAIRED = [task for task in SOLVED if TASKS[task].fits(ONE_NODE)]

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
    (
        "shortest_path",
        None,
        (0, 2),
        "There is no path from node Bob to node Zoe.",
        "There is no path from node Bob to node Zoe.",
    ),
    ("maximum_flow", 0, (0, 1), "0.", "0."),
]


@pytest.mark.parametrize(("task", "solution", "nodes", "said", "shown"), ANSWERS)
def test_how_answers_are_said_and_shown(
    task: str, solution: Any, nodes: tuple[int, ...], said: str, shown: str
) -> None:
    answer = TASKS[task].say(solution, ["Bob", "Anna", "Zoe"], Query(nodes))
    assert (answer, exemplar_answer(task, answer)) == (said, shown)


def test_numbers_keep_the_order_of_the_graph_and_names_are_sorted() -> None:
    say, apart_from = TASKS["connected_nodes"].say, TASKS["disconnected_nodes"].say
    digits = [str(i) for i in range(11)]
    assert say([10, 2, 1], digits, Query((0,))) == "10, 2, 1."
    assert apart_from([1, 2, 10], digits, Query((0,))) == "1, 10, 2."
