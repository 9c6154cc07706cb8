"""A graph's split is the same for all isomorphic graphs, on every machine, in every dataset."""

from itertools import combinations
from random import Random

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_builders.graphs.generators import GENERATORS, draw_size
from data_builders.graphs.graph import Graph, from_edges, from_networkx
from data_builders.graphs.splits import SIDES, invariant, invariants, split_of


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Of up to 9 nodes, with loops, with or without directions and weights."""
    n, directed = draw(st.integers(1, 9)), draw(st.booleans())
    pairs = [(u, v) for u in range(n) for v in range(n) if directed or u <= v]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True))
    return from_edges(n, [(u, v, 3) for u, v in edges] if draw(st.booleans()) else edges, directed)


@given(graphs(), st.randoms(use_true_random=False))
def test_numbering_order_and_directions_change_nothing(graph: Graph, rng: Random) -> None:
    place = rng.sample(range(graph.n), graph.n)
    edges = [(place[u], place[v]) for u, v in graph.edges]
    rng.shuffle(edges)
    assert invariant(from_edges(graph.n, edges, graph.directed)) == invariant(graph)
    if graph.directed:
        back = {(v, u) for u, v in graph.edges}
        assert invariant(from_edges(graph.n, sorted(back), True)) == invariant(graph)


@given(st.lists(graphs(), min_size=1, max_size=9))
def test_graphs_taken_together_have_the_invariants_that_each_has_alone(many: list[Graph]) -> None:
    assert invariants(many) == [invariant(graph) for graph in many]


@pytest.mark.parametrize("name", GENERATORS)
def test_one_edge_less_or_one_node_more_is_another_graph(name: str) -> None:
    for seed in range(20):
        rng = Random(seed)
        graph = GENERATORS[name].draw(rng, draw_size(rng))
        if graph.edges:
            assert invariant(from_edges(graph.n, graph.edges[1:])) != invariant(graph)
        assert invariant(from_edges(graph.n + 1, graph.edges)) != invariant(graph)


def test_the_invariant_tells_all_small_graphs_apart_that_colour_refinement_does() -> None:
    """Of the 1,252 graphs of up to 7 nodes, networkx's refinement of as many rounds tells as many apart."""
    atlas = nx.graph_atlas_g()[1:]
    ours = {(len(g), invariant(from_networkx(g))) for g in atlas}
    theirs = {(len(g), nx.weisfeiler_lehman_graph_hash(g, iterations=2)) for g in atlas}
    assert len(ours) == len(theirs) > 0.8 * len(atlas)


def test_shares_of_the_splits() -> None:
    atlas = nx.graph_atlas_g()[200:]
    splits = [split_of(from_networkx(g)) for g in atlas]
    for split in set(SIDES):
        assert abs(splits.count(split) / len(atlas) - SIDES.count(split) / 8) < 0.04


PINNED = {
    "empty": ("d60fba25f7d14965", "train"),
    "path": ("6b89fd6cd4b4e3c9", "train"),
    "petersen": ("2db06bd2133ce37d", "train"),
    "loop": ("d5dcf392c1e636ef", "test"),
    "complete": ("33e100550887052c", "validation"),
    "hub": ("86228790c2dd7e03", "test"),
}


def test_the_rule_is_fixed_for_good() -> None:
    """Test sets of the past stay out of the train sets of the future: these values must never change."""
    petersen = from_networkx(nx.petersen_graph())
    cases = {
        "empty": from_edges(5, []),
        "path": from_edges(4, [(0, 1), (1, 2), (2, 3)]),
        "petersen": petersen,
    }
    cases["loop"] = from_edges(2, [(0, 0), (0, 1)])
    cases["complete"] = from_edges(12, list(combinations(range(12), 2)))
    cases["hub"] = from_edges(2000, [(0, u) for u in range(1, 2000)])
    assert {name: (f"{invariant(graph):016x}", split_of(graph)) for name, graph in cases.items()} == PINNED
