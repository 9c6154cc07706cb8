"""The tasks beyond GraphQA: what their solvers promise beyond the answer, their balance, and what they
refuse.
"""

import random
import re
from functools import lru_cache
from itertools import pairwise, permutations
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_builders.errors import InputError
from data_builders.example import Example
from data_builders.graphs.generators import draw_size, er, two_blocks
from data_builders.graphs.graph import Graph, from_edges, from_networkx, graph_to_json, to_networkx
from data_builders.tasks import GRAPH_TRANSFORMS, GRAPHQA, TASKS, Query, structure
from data_builders.tasks.structure import HAMILTONIAN_LIMIT, barrier, hamiltonian_path, maximum_matching
from eval.prediction import Prediction
from eval.scoring.scorer import score
from tests.helpers.task_graphs import (
    ONE_NODE,
    OPPOSITE,
    drawn,
    graphs,
    prepared,
)

MORE = sorted(set(TASKS) - set(GRAPHQA))


def matching_by_trying(graph: Graph) -> int:
    """The lowest node that is left stays alone, or takes one of its neighbours."""

    @lru_cache(None)
    def most(left: int) -> int:
        if not left:
            return 0
        u = (left & -left).bit_length() - 1
        rest = left & ~(1 << u)
        return max([most(rest), *(1 + most(rest & ~(1 << v)) for v in graph.adjacency[u] if rest >> v & 1)])

    return most((1 << graph.n) - 1)


@settings(max_examples=300, deadline=None)
@given(graph=graphs(), seed=st.integers(0, 99))
def test_a_maximum_matching_is_as_large_as_trying_all_finds(graph: Graph, seed: int) -> None:
    graph = prepared("maximum_matching_size", graph, seed)
    assert TASKS["maximum_matching_size"].solve(graph, Query()) == matching_by_trying(graph)


@settings(max_examples=300, deadline=None)
@given(graph=graphs(), seed=st.integers(0, 99))
def test_of_the_shortest_paths_the_first_by_node_ids_is_taken(graph: Graph, seed: int) -> None:
    query = drawn("shortest_path_nodes", graph, seed)
    path = TASKS["shortest_path_nodes"].solve(graph, query) if query else None
    if query and path is not None:
        assert path == min(nx.all_shortest_paths(to_networkx(graph), *query.nodes))


@settings(max_examples=300, deadline=None)
@given(graph=graphs())
def test_hamiltonian_paths_are_the_first_by_node_ids(graph: Graph) -> None:
    graph = from_edges(min(graph.n, 6), [e for e in graph.edges if max(e) < 6], graph.directed)
    orders = (
        order
        for order in permutations(range(graph.n))
        if all(graph.has_edge(u, v) for u, v in pairwise(order))
    )
    first = next(orders, None)
    assert hamiltonian_path(graph) == (None if first is None else list(first))
    with pytest.MonkeyPatch.context() as patch:  # the table, which only hard graphs reach
        patch.setattr(structure, "PATIENCE", -1)
        assert hamiltonian_path(graph) == (None if first is None else list(first))
    assert not (first and barrier(graph))


def test_a_hard_graph_without_a_hamiltonian_path_is_decided() -> None:
    knots = from_networkx(nx.windmill_graph(3, 7))  # three cliques that share one node
    assert hamiltonian_path(knots) is None and barrier(knots) == (
        (0,),
        [[*range(1, 7)], [*range(7, 13)], [*range(13, 19)]],
    )


@settings(max_examples=300, deadline=None)
@given(graph=graphs())
def test_who_is_left_alone_by_some_maximum_matching(graph: Graph) -> None:
    graph = prepared("maximum_matching_size", graph, 0)
    size = matching_by_trying(graph)
    rest = (
        Graph({v: tuple(w for w in ends if u not in (v, w)) for v, ends in graph.adjacency.items()})
        for u in range(graph.n)
    )
    assert maximum_matching(graph)[1] == {u for u, g in enumerate(rest) if matching_by_trying(g) == size}


def test_answers_are_balanced_on_er_graphs() -> None:
    """The commonest answer of no yes/no task is that of more than 85% of the graphs."""
    for task in MORE:
        if TASKS[task].answer_kind == "yes_no":
            yes = 0
            for i in range(600):
                rng = random.Random(f"balance/{i}")
                graph = GRAPH_TRANSFORMS[TASKS[task].transform](er(rng, draw_size(rng)), rng)
                yes += TASKS[task].solve(graph, TASKS[task].draw(graph, rng))
            assert 0.15 < yes / 600 < 0.85, (task, yes / 600)


REFUSED = [
    (
        "topological_order",
        from_edges(2, [(0, 1)]),
        "topological_order needs a directed graph; this one is undirected",
    ),
    ("topological_order", OPPOSITE, "topological_order needs a graph without cycles; this one has a cycle"),
    ("connectivity", OPPOSITE, "connectivity needs an undirected graph; this one is directed"),
    (
        "weighted_shortest_path",
        from_edges(2, [(0, 1)]),
        "weighted_shortest_path needs a graph with edge weights; this one has none",
    ),
    (
        "minimum_spanning_tree_weight",
        from_edges(2, [(0, 1, -3)]),
        "needs positive weights; this graph has an edge of weight -3",
    ),
    (
        "hamiltonian_path",
        from_edges(HAMILTONIAN_LIMIT + 1, []),
        "needs a graph of at most 20 nodes; this one has 21",
    ),
    ("shortest_path_nodes", ONE_NODE, "needs a graph of at least 2 nodes; this one has 1"),
]


@pytest.mark.parametrize(("task", "graph", "reason"), REFUSED)
def test_what_a_graph_must_be_is_said(task: str, graph: Graph, reason: str) -> None:
    assert TASKS[task].fits(graph) in reason  # type: ignore[operator]
    with pytest.raises(InputError, match=re.escape(reason)):
        TASKS[task].draw(graph, random.Random(0))


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_drawn_graph_fits_once_it_is_in_form(task: str) -> None:
    for i in range(200):
        rng = random.Random(f"fits/{i}")
        graph = GRAPH_TRANSFORMS[TASKS[task].transform](er(rng, draw_size(rng)), rng)
        assert TASKS[task].generator or TASKS[task].fits(graph) is None


def test_forms_keep_what_a_graph_already_has() -> None:
    rng = random.Random(0)
    mine = from_edges(3, [(0, 1, 7), (2, 1, 3)], directed=True)
    assert GRAPH_TRANSFORMS["capacity"](mine, rng) == GRAPH_TRANSFORMS["weight"](mine, rng) == mine
    assert (
        GRAPH_TRANSFORMS["directed"](mine, rng).edges
        == GRAPH_TRANSFORMS["acyclic"](mine, rng).edges
        == mine.edges
    )
    assert GRAPH_TRANSFORMS["plain"](mine, rng).weights is None


@pytest.mark.parametrize("task", sorted(TASKS))
def test_the_scorer_takes_every_answer(task: str) -> None:
    """Alone, before its reason and after it, as a model would give it."""
    for i in range(25):
        rng = random.Random(f"scored/{i}")
        graph = GRAPH_TRANSFORMS[TASKS[task].transform](
            (two_blocks if TASKS[task].generator else er)(rng, draw_size(rng)), rng
        )
        names = [str(u) for u in range(graph.n)]
        query = TASKS[task].draw(graph, rng)
        solution = TASKS[task].solve(graph, query)
        answer, reason = (
            TASKS[task].say(solution, names, query),
            TASKS[task].explain(graph, names, query, solution),
        )
        asked = Example(
            id=f"{task}/er/adjacency/test/{i}",
            task=task,
            task_class=TASKS[task].task_class,
            question=TASKS[task].ask(names, query),
            answer=answer,
            answer_kind=TASKS[task].answer_kind,
            rationale=reason,
            encoder="adjacency",
            generator="er",
            graph=graph_to_json(graph, names, classes=list(query.classes)),
            graph_id=f"er/test/{i}",
            num_nodes=graph.n,
            num_edges=graph.m,
            query=list(query.nodes),
            split="test",
        )
        for output in (answer, f"{answer}{reason}", f"{reason.strip()} So the answer is {answer}"):
            assert score(asked, Prediction(asked.id, output)).outcome == "correct", output


ANSWERS = [
    ("connectivity", True, (), "Yes."),
    ("bipartite_check", False, (), "No."),
    ("shortest_path_nodes", [2, 0, 1], (2, 1), "Zoe, Bob, Anna."),
    ("shortest_path_nodes", None, (0, 2), "There is no path from node Bob to node Zoe."),
    ("weighted_shortest_path", None, (0, 2), "There is no path from node Bob to node Zoe."),
    ("weighted_shortest_path", 12, (0, 2), "12."),
    ("diameter", None, (), "There is no path between some nodes."),
    ("radius", 0, (), "0."),
    ("hamiltonian_path", None, (), "There is no Hamiltonian path."),
    ("hamiltonian_path", [1, 0, 2], (), "Anna, Bob, Zoe."),
    ("topological_order", [1, 0, 2], (), "Anna, Bob, Zoe."),
    ("directed_cycle_check", True, (), "Yes, there is a directed cycle."),
    ("bfs_order", [1], (1,), "Anna."),
]


@pytest.mark.parametrize(("task", "solution", "nodes", "said"), ANSWERS)
def test_how_answers_are_said(task: str, solution: Any, nodes: tuple[int, ...], said: str) -> None:
    assert TASKS[task].say(solution, ["Bob", "Anna", "Zoe"], Query(nodes)) == said
