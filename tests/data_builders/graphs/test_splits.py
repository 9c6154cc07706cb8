"""Isomorphism classes are exact, and splits are apart where there are classes enough."""

from collections.abc import Iterator
from itertools import combinations, permutations, product
from random import Random

import pytest

from data_builders.graphs.generators import GENERATORS, draw_size
from data_builders.graphs.graph import Edge, Graph, from_edges
from data_builders.graphs.splits import (
    FEW,
    LEVELS,
    REDRAWS,
    SIDES,
    Taken,
    draw_apart,
    graph_class,
    held_in,
    outline,
    side,
    take,
)


def all_graphs(n: int, pairs: list[Edge], directed: bool) -> Iterator[Graph]:
    for mask in range(1 << len(pairs)):
        yield from_edges(n, [pair for i, pair in enumerate(pairs) if mask >> i & 1], directed)


@pytest.mark.parametrize(("n", "classes"), [(1, 1), (2, 2), (3, 4), (4, 11), (5, 34)])
def test_as_many_classes_as_there_are_graphs(n: int, classes: int) -> None:
    assert len({graph_class(g) for g in all_graphs(n, list(combinations(range(n), 2)), False)}) == classes


@pytest.mark.parametrize(("n", "classes"), [(1, 1), (2, 3), (3, 16), (4, 218)])
def test_as_many_classes_as_there_are_directed_graphs(n: int, classes: int) -> None:
    assert len({graph_class(g) for g in all_graphs(n, list(permutations(range(n), 2)), True)}) == classes


@pytest.mark.parametrize(
    ("directed", "n", "classes"),
    [(False, 2, 6), (False, 3, 20), (False, 4, 90), (True, 2, 10), (True, 3, 104)],
)
def test_self_loops_tell_graphs_apart(directed: bool, n: int, classes: int) -> None:
    pairs = [(u, v) for u, v in product(range(n), repeat=2) if directed or u <= v]
    assert len({graph_class(g) for g in all_graphs(n, pairs, directed)}) == classes


@pytest.mark.parametrize("name", GENERATORS)
def test_renumbered_graphs_are_the_same_and_one_edge_less_is_not(name: str) -> None:
    for seed in range(40):
        rng = Random(seed)
        graph = GENERATORS[name].draw(rng, draw_size(rng))
        order = rng.sample(range(graph.n), graph.n)
        edges = [(order[u], order[v]) for u, v in graph.edges]
        rng.shuffle(edges)
        assert graph_class(from_edges(graph.n, edges)) == graph_class(graph)
        if edges:
            assert graph_class(from_edges(graph.n, edges[1:])) != graph_class(graph)
        assert graph_class(from_edges(graph.n + 1, edges)) != graph_class(graph)


def test_direction_is_part_of_the_class() -> None:
    assert graph_class(from_edges(2, [])) != graph_class(from_edges(2, [], directed=True))
    assert graph_class(from_edges(3, [(0, 1), (1, 2)], True)) != graph_class(
        from_edges(3, [(0, 1), (2, 1)], True)
    )


def taken_by(graphs: list[Graph]) -> Taken:
    taken: Taken = {}
    for graph in graphs:
        take(taken, outline(graph), "test")
    return taken


def test_draws_avoid_taken_classes_while_there_are_others() -> None:
    rng = Random("apart")
    held = [GENERATORS["er"].draw(rng, 7) for _ in range(40)]
    taken, classes = taken_by(held), set(map(graph_class, held))
    redrawn = 0
    for _ in range(200):
        (graph, _), redraws, also_in = draw_apart(
            lambda: (GENERATORS["er"].draw(rng, 7), None), "train", taken
        )
        assert graph_class(graph) not in classes and also_in == ()
        redrawn += redraws
    assert redrawn > 0


def test_a_family_of_one_member_gives_up_and_keeps_its_first_draw() -> None:
    for n, splits in ((8, ("test",)), (5, ("test",))):
        drawn: list[Graph] = []

        def draw(drawn: list[Graph] = drawn, n: int = n) -> tuple[Graph, None]:
            drawn.append(GENERATORS["path"].draw(Random(0), n))
            return drawn[-1], None

        (graph, _), redraws, also_in = draw_apart(
            draw, "train", taken_by([GENERATORS["path"].draw(Random(0), n)])
        )
        assert graph is drawn[0] and redraws == REDRAWS == len(drawn) - 1 and also_in == splits


@pytest.mark.parametrize("n", [4, 5])
def test_the_smallest_classes_are_dealt_to_the_splits(n: int) -> None:
    """Every split has some, in every dataset the same, and all drawings of a class are on one side."""
    sides: dict[str, set[str | None]] = {}
    for graph in all_graphs(n, list(combinations(range(n), 2)), False):
        sides.setdefault(graph_class(graph), set()).add(side(graph))
    assert all(len(found) == 1 for found in sides.values())
    assert set.union(*sides.values()) == set(SIDES)
    rng = Random("sides")
    for split in sorted(set(SIDES)):
        for _ in range(50):
            (graph, _), _, also_in = draw_apart(lambda: (GENERATORS["er"].draw(rng, n), None), split, {})
            assert side(graph) == split and also_in == () and graph.n == n
    assert side(GENERATORS["er"].draw(rng, FEW[False] + 1)) is None
    assert side(GENERATORS["er"].draw(rng, FEW[True] + 1, directed=True)) is None
    assert side(GENERATORS["er"].draw(rng, FEW[True], directed=True)) in SIDES


@pytest.mark.parametrize("directed", [False, True])
def test_isomorphic_graphs_have_one_outline_and_only_its_last_level_decides(directed: bool) -> None:
    pairs = list((permutations if directed else combinations)(range(4 if directed else 5), 2))
    outlines: dict[str, set[tuple[int | str, ...]]] = {}
    for graph in all_graphs(4 if directed else 5, pairs, directed):
        outlines.setdefault(graph_class(graph), set()).add(tuple(outline(graph)))
    assert all(len(found) == 1 for found in outlines.values())
    counts = [len({min(found)[:level] for found in outlines.values()}) for level in range(1, len(LEVELS) + 1)]
    assert counts == sorted(counts) and counts[0] < counts[1] < counts[-1] == len(outlines)
    square = from_edges(6, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)])
    triangles = from_edges(6, [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)])
    assert outline(square)[:-1] == outline(triangles)[:-1] and held_in(triangles, taken_by([square])) == ()
    assert held_in(square, taken_by([square])) == ("test",)
