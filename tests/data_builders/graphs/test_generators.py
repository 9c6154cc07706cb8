"""The generators draw the families that GraphQA describes, from the given stream alone."""

import random
from collections import Counter
from random import Random

import networkx as nx
import pytest

from data_builders.graphs.generators import GENERATORS, SIZE_CLASSES, draw_size, er, sfn, two_blocks
from data_builders.graphs.graph import Graph, from_edges, graph_from_json, graph_to_json, to_networkx


@pytest.mark.parametrize("name", GENERATORS)
def test_a_graph_depends_on_its_stream_alone(name: str) -> None:
    generator = GENERATORS[name]
    for seed in range(50):
        n = draw_size(Random(f"size/{seed}"))
        random.seed(seed)
        first = generator.draw(Random(f"x/{seed}"), n)
        random.seed(99)
        state = random.getstate()
        assert generator.draw(Random(f"x/{seed}"), n) == first
        assert random.getstate() == state
        assert first.n == (2 * (n // 2) if name == "two_blocks" else n)
        assert list(first.adjacency) == list(range(first.n))
        assert not any(u == v for u, v in first.edges)


@pytest.mark.parametrize("name", GENERATORS)
def test_neighbour_order_survives_the_stored_form_and_networkx(name: str) -> None:
    for seed in range(100):
        graph = GENERATORS[name].draw(Random(seed), draw_size(Random(seed)))
        names = [str(u) for u in range(graph.n)]
        assert graph_from_json(graph_to_json(graph, names))[0] == graph
        assert {u: tuple(nbrs) for u, nbrs in to_networkx(graph).adjacency()} == graph.adjacency


@pytest.mark.parametrize("name", GENERATORS)
def test_every_size_from_the_smallest(name: str) -> None:
    generator = GENERATORS[name]
    for n in range(generator.min_nodes, 40):
        assert generator.draw(Random(n), n).n == (2 * (n // 2) if name == "two_blocks" else n)


def test_sizes_follow_the_size_classes() -> None:
    sizes = Counter(draw_size(Random(f"s/{i}")) for i in range(3000))
    assert set(sizes) == set(range(5, 20))
    for low, high in SIZE_CLASSES:
        assert 900 < sum(sizes[n] for n in range(low, high + 1)) < 1100
    assert {draw_size(Random(i), 2, 4) for i in range(50)} == {2, 3, 4}
    assert {draw_size(Random(i), max_nodes=6) for i in range(50)} == {5, 6}


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("p", [0.0, 1 / 300, 0.5, 0.7109375, 0.999, 1.0])
def test_every_pair_of_er_is_an_edge_with_the_same_chance(p: float, directed: bool) -> None:
    """Also where a chance lies between two of the 256 values that a byte can have."""
    rng, rounds = Random(f"{p}/{directed}"), 3000
    counts = Counter(edge for _ in range(rounds) for edge in er(rng, 4, directed, (p, p)).edges)
    pairs = [(u, v) for u in range(4) for v in range(4) if (u < v if not directed else u != v)]
    assert set(counts) <= set(pairs)
    assert all(abs(counts[pair] / rounds - p) <= 4.5 * (p * (1 - p) / rounds) ** 0.5 for pair in pairs)


def test_er_density_is_uniform() -> None:
    density = sorted(er(Random(f"d/{i}"), 19).m / 171 for i in range(1000))
    assert all(abs(density[k * 100] - k / 10) < 0.05 for k in range(1, 10))


def test_fixed_families() -> None:
    n = 7
    assert nx.is_isomorphic(to_networkx(GENERATORS["star"].draw(Random(0), n)), nx.star_graph(n - 1))
    assert nx.is_isomorphic(to_networkx(GENERATORS["path"].draw(Random(0), n)), nx.path_graph(n))
    assert GENERATORS["complete"].draw(Random(0), n).m == n * (n - 1) // 2


def test_ba_attaches_every_possible_number_of_edges() -> None:
    """A BA graph starts as a star of m + 1 nodes, and each later node brings m edges: m (n - m) in all."""
    edges = {GENERATORS["ba"].draw(Random(i), 6).m for i in range(200)}
    assert edges == {m * (6 - m) for m in range(1, 6)}


def test_sfn_self_loops_and_directions_only_where_asked() -> None:
    def loops(graph: Graph) -> int:
        return sum(u == v for u, v in graph.edges)

    drawn = [sfn(Random(i), 12, self_loops=True) for i in range(100)]
    assert sum(loops(g) > 0 for g in drawn) > 50
    assert all(loops(sfn(Random(i), 12)) == 0 for i in range(100))
    directed = [sfn(Random(i), 12, directed=True) for i in range(100)]
    assert all(g.directed and loops(g) == 0 for g in directed)
    assert any(not g.has_edge(v, u) for g in directed for u, v in g.edges)


def test_sbm_has_dense_and_sparse_graphs_and_every_number_of_nodes() -> None:
    density = [GENERATORS["sbm"].draw(Random(f"b/{i}"), 18).m / 153 for i in range(400)]
    mean = sum(density) / len(density)
    assert (
        0.45 < mean < 0.55
    )  # E max = 2/3, E min = 1/3 of two uniforms; half of the graphs each, the diagonal 1/2
    assert min(density) < 0.3 and max(density) > 0.7


def test_two_blocks_are_dense_inside_and_sparse_between() -> None:
    inside = across = 0
    for i in range(200):
        graph = two_blocks(Random(i), 18)
        inside += sum(graph.blocks[u] == graph.blocks[v] for u, v in graph.edges)
        across += sum(graph.blocks[u] != graph.blocks[v] for u, v in graph.edges)
    assert abs(inside / (200 * 72) - 0.7) < 0.03
    assert abs(across / (200 * 81) - 0.025) < 0.01


def test_two_blocks_do_not_show_in_the_ids() -> None:
    halves = [0, 0]
    for i in range(400):
        graph = two_blocks(Random(i), 14)
        assert sorted(graph.blocks) == [0] * 7 + [1] * 7
        halves[graph.blocks[0]] += 1
    assert min(halves) > 160


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("n", [12, 80])
def test_er_keeps_its_density_at_every_size(n: int, directed: bool) -> None:
    """Small and large graphs are drawn in different ways; every pair is as likely as any other in both."""
    pairs = n * (n - 1) // (1 if directed else 2)
    rounds = 6000 // n
    drawn = [er(Random(f"{n}/{i}"), n, directed, (0.3, 0.3)) for i in range(rounds)]
    assert all(
        g.edges == tuple(sorted(set(g.edges)))
        and all(u < v or directed for u, v in g.edges)
        and g.directed == directed
        for g in drawn
    )
    assert all(g == from_edges(n, g.edges, directed) for g in drawn[:5])
    mean = sum(g.m for g in drawn) / rounds / pairs
    assert abs(mean - 0.3) < 5 * (0.3 * 0.7 / pairs / rounds) ** 0.5
    first, last = (sum(g.has_edge(*pair) for g in drawn) for pair in ((0, 1), (n - 2, n - 1)))
    for count in (first, last):
        assert abs(count / rounds - 0.3) < 5 * (0.3 * 0.7 / rounds) ** 0.5
    assert er(Random(0), n, directed, (0.0, 0.0)).m == 0 and er(Random(0), n, directed, (1.0, 1.0)).m == pairs
    assert len({er(Random(i), n, directed).m for i in range(30)}) > 15


BEYOND = list(GENERATORS)[list(GENERATORS).index("two_blocks") + 1 :]


@pytest.mark.parametrize("name", BEYOND)
def test_families_beyond_graphqa_are_simple_of_the_asked_size_and_in_stored_order(name: str) -> None:
    generator = GENERATORS[name]
    for index in range(200):
        n = generator.min_nodes + index % 40
        graph = generator.draw(Random(f"{name}/{index}"), n)
        assert graph.n == n and graph == from_edges(n, graph.edges) and all(u < v for u, v in graph.edges)
        assert graph == generator.draw(Random(f"{name}/{index}"), n)
        assert graph_from_json(graph_to_json(graph, [str(u) for u in range(n)]))[0] == graph


def drawn(name: str, n: int, times: int = 300) -> "list[nx.Graph[int]]":
    return [to_networkx(GENERATORS[name].draw(Random(f"{name}/{i}"), n)) for i in range(times)]


def test_the_families_are_what_they_are_called() -> None:
    assert all(nx.is_tree(g) for g in drawn("random_tree", 12))
    shapes = Counter(tuple(sorted(map(tuple, g.edges))) for g in drawn("random_tree", 4, 3200))
    assert len(shapes) == 16 and min(shapes.values()) > 130  # Cayley: 4^2 labelled trees, 200 each
    assert all(len({d for _, d in g.degree}) == 1 for g in drawn("random_regular", 11))
    assert all(
        nx.is_connected(g) and max(d for _, d in g.degree) <= 4 and nx.is_bipartite(g)
        for g in drawn("grid", 13)
    )
    assert any(nx.is_isomorphic(g, nx.grid_2d_graph(3, 4)) for g in drawn("grid", 12))
    assert all(nx.is_connected(g) for g in drawn("powerlaw_cluster", 15))
    assert all(set(dict(g.degree).values()) == {2} for g in drawn("one_cycle_vs_two_cycles", 10))
    parts = Counter(nx.number_connected_components(g) for g in drawn("one_cycle_vs_two_cycles", 10))
    assert set(parts) == {1, 2} and min(parts.values()) > 110
    assert {nx.number_connected_components(g) for g in drawn("disconnected_blocks", 15)} == {2, 3}
    assert all(min(d for _, d in g.degree) > 0 for g in drawn("disconnected_blocks", 15))
    halves = Counter(nx.number_connected_components(g) for g in drawn("long_diameter", 15))
    assert set(halves) == {1, 2} and min(halves.values()) > 110
    assert all(nx.diameter(g) >= 9 for g in drawn("long_diameter", 15) if nx.is_connected(g))
    assert all(nx.is_tree(g) and sorted(d for _, d in g.degree)[-2] <= 2 for g in drawn("path_star", 13))
    assert sum(nx.transitivity(g) for g in drawn("caveman", 16)) / 300 > 0.6


@pytest.mark.parametrize(
    "name",
    ["grid", "caveman", "one_cycle_vs_two_cycles", "long_diameter", "path_star", "disconnected_blocks"],
)
def test_ids_of_hard_families_tell_nothing(name: str) -> None:
    """Neighbours in number are neighbours no more often than others."""
    graphs = [GENERATORS[name].draw(Random(f"ids/{name}/{i}"), 12) for i in range(600)]
    share = sum(graph.m for graph in graphs) / 600 / 66
    near = sum(graph.has_edge(u, u + 1) for graph in graphs for u in range(11)) / 6600
    assert abs(near - share) < 5 * (share * (1 - share) / 6600) ** 0.5
