"""Second opinions agree with the solvers on any graph, and contradict every wrong solution."""

from typing import Any

import networkx as nx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_builders.graphs.graph import Graph, from_edges, from_networkx, to_networkx
from data_builders.tasks import TASKS, Query
from data_builders.tasks.second_opinion import SECOND, WITNESS, is_kuratowski, is_plane_drawing
from data_builders.tasks.structure import kuratowski
from tests.helpers.task_graphs import EDGELESS, LOOP, LOOPS, ONE_NODE, OPPOSITE, drawn, graphs, prepared

NEITHER = from_networkx(nx.petersen_graph())  # is not planar, and all three of its tests must be right


def agrees(task: str, graph: Graph, query: Query, solution: Any) -> bool:
    if task in WITNESS:
        return WITNESS[task](graph, query, solution)
    return bool(SECOND[task](graph, query) == solution)


def wrong(solution: Any, graph: Graph) -> list[Any]:
    """Solutions that are not this one."""
    if isinstance(solution, bool):
        return [not solution]
    if isinstance(solution, int):
        return [solution + 1, solution - 1]
    if isinstance(solution, str):
        return [solution[::-1]]
    if solution is None:
        return [list(range(graph.n))]
    return [[*solution, 0], solution[1:] if solution else None, None]


@pytest.mark.parametrize("task", sorted(TASKS))
@settings(max_examples=200, deadline=None)
@given(graph=graphs(), seed=st.integers(0, 99))
@example(ONE_NODE, 0)
@example(LOOP, 0)
@example(EDGELESS, 0)
@example(LOOPS, 1)
@example(OPPOSITE, 0)
@example(NEITHER, 0)
def test_a_solver_agrees_with_its_second_opinion_and_no_other_solution_does(
    task: str, graph: Graph, seed: int
) -> None:
    graph = prepared(task, graph, seed)
    query = drawn(task, graph, seed)
    if query is None:
        return
    solution = TASKS[task].solve(graph, query)
    assert type(solution) in (bool, int, list, str, type(None))
    assert agrees(task, graph, query, solution)
    for other in wrong(solution, graph):
        assert not agrees(task, graph, query, other), other


@pytest.mark.parametrize("task", ["shortest_path_nodes", "hamiltonian_path"])
def test_a_wrong_path_is_contradicted(task: str) -> None:
    path, query = from_edges(4, [(0, 1), (1, 2), (2, 3)]), Query((0, 3))
    assert WITNESS[task](path, query, [0, 1, 2, 3])
    for other in (None, [0, 2, 1, 3], [0, 1, 3], [0, 1, 2, 2]):
        assert not WITNESS[task](path, query, other)
    apart = from_edges(4, [(0, 1), (1, 2)])
    assert not WITNESS[task](apart, query, [0, 1, 2, 3])
    assert WITNESS[task](apart, query, None)


@settings(max_examples=300, deadline=None)
@given(graph=graphs())
def test_planarity_has_one_certificate_or_the_other(graph: Graph) -> None:
    whole = nx.Graph(to_networkx(graph).to_undirected())
    whole.remove_edges_from(list(nx.selfloop_edges(whole)))
    planar, drawing = nx.check_planarity(whole)
    if planar:
        rotation = {u: list(around) for u, around in drawing.get_data().items()}
        assert is_plane_drawing(whole, rotation)
        for u, around in rotation.items():
            assert not is_plane_drawing(whole, {**rotation, u: around[1:]}) or not around
    else:
        edges = kuratowski(from_networkx(whole))
        assert is_kuratowski(whole, edges) and not is_kuratowski(whole, edges[1:])
        assert not is_plane_drawing(whole, {u: list(whole[u]) for u in whole})
        assert not is_kuratowski(nx.Graph(edges[1:]), edges), "an edge that the graph does not have"


def test_crossed_neighbours_are_no_drawing_in_the_plane() -> None:
    k4 = nx.complete_graph(4)
    rotation = {u: list(around) for u, around in nx.check_planarity(k4)[1].get_data().items()}
    assert is_plane_drawing(k4, rotation)
    assert not is_plane_drawing(k4, {**rotation, 0: rotation[0][::-1]})
    two = nx.disjoint_union(k4, k4)
    twice = rotation | {u + 4: [v + 4 for v in around] for u, around in rotation.items()}
    assert is_plane_drawing(two, twice) and not is_plane_drawing(two, {**twice, 5: twice[5][::-1]})


def test_a_subdivision_is_recognized_and_its_neighbours_are_not() -> None:
    for corner in (nx.complete_graph(5), nx.complete_bipartite_graph(3, 3)):
        longer = nx.Graph()
        for i, (u, v) in enumerate(corner.edges):
            nx.add_path(longer, [u, *(100 + 10 * i + k for k in range(i % 4)), v])
        assert is_kuratowski(longer, list(longer.edges))
        assert not is_kuratowski(longer, list(longer.edges)[:-1])
        assert not is_kuratowski(longer, [*longer.edges, (0, 999)])
    assert not is_kuratowski(nx.complete_graph(6), list(nx.complete_graph(6).edges))
    assert not is_kuratowski(nx.complete_graph(4), list(nx.complete_graph(4).edges))
