"""Generators beyond GraphQA's seven: well-known families, and hard ones whose answers a local look does not
give.

Hard ones have few edges per node, so that `cycle if |E| >= |V|` and `reachable if both have neighbours` say
nothing, and shuffled ids, so that numbers tell nothing either. All are functions of a random stream and a
number of nodes.
"""

from collections.abc import Iterable
from itertools import combinations, pairwise
from random import Random

import networkx as nx

from data_builders.graphs.graph import Edge, Graph, from_sorted_edges


def _shuffled(rng: Random, n: int, edges: Iterable[Edge]) -> Graph:
    """The graph of the edges, its ids a random order."""
    place = rng.sample(range(n), n)
    return from_sorted_edges(
        n, sorted({(min(place[u], place[v]), max(place[u], place[v])) for u, v in edges if u != v})
    )


def _sorted(n: int, edges: Iterable[Edge]) -> Graph:
    return from_sorted_edges(n, sorted({(min(u, v), max(u, v)) for u, v in edges if u != v}))


def _tree(rng: Random, n: int) -> list[Edge]:
    """A uniform labelled tree, from a Pruefer sequence."""
    if n < 3:
        return [(0, 1)][: n - 1]
    return list(nx.from_prufer_sequence([rng.randrange(n) for _ in range(n - 2)]).edges)


def watts_strogatz(rng: Random, n: int) -> Graph:
    """Small world: a ring where each node knows its k in {2, 4, 6} nearest (fewer if n is small), edges
    rewired with p ~ U(0, 1).

    >>> watts_strogatz(Random(0), 8).n
    8
    """
    k = rng.choice([k for k in (2, 4, 6) if k < n] or [0])
    return _sorted(n, nx.watts_strogatz_graph(n, k, rng.random(), seed=rng).edges)


def random_regular(rng: Random, n: int) -> Graph:
    """Every node has the same degree d, uniform in 2 .. min(6, n - 1) among those for which n d is even.

    >>> {len(ends) for ends in random_regular(Random(1), 9).adjacency.values()} <= {2, 4, 6}
    True
    """
    d = rng.choice([d for d in range(2, min(6, n - 1) + 1) if n * d % 2 == 0])
    return _sorted(n, nx.random_regular_graph(d, n, seed=rng).edges)


def random_tree(rng: Random, n: int) -> Graph:
    """A uniform labelled tree.

    >>> random_tree(Random(0), 7).m
    6
    """
    return _sorted(n, _tree(rng, n))


def grid(rng: Random, n: int) -> Graph:
    """A grid of 2 .. sqrt(n) rows, ids shuffled; the last row is not full if the rows do not divide n.

    >>> grid(Random(0), 4).m
    4
    """
    columns = -(-n // rng.randint(2, max(2, int(n**0.5))))
    right = ((u, u + 1) for u in range(n - 1) if (u + 1) % columns)
    return _shuffled(rng, n, [*right, *((u, u + columns) for u in range(n - columns))])


def powerlaw_cluster(rng: Random, n: int) -> Graph:
    """Holme and Kim: preferential attachment of m ~ U{1 .. min(4, n - 1)} edges, each followed by a triangle
    with p ~ U(0, 1).

    >>> powerlaw_cluster(Random(0), 9).n
    9
    """
    return _sorted(
        n, nx.powerlaw_cluster_graph(n, rng.randint(1, min(4, n - 1)), rng.random(), seed=rng).edges
    )


def caveman(rng: Random, n: int) -> Graph:
    """Cliques of 3 .. 5 nodes, each joined to the next by one edge with p = 1/2; ids shuffled.

    >>> caveman(Random(0), 12).n
    12
    """
    size = rng.randint(3, 5)
    caves = [range(start, min(start + size, n)) for start in range(0, n, size)]
    edges = [edge for cave in caves for edge in combinations(cave, 2)]
    edges += [(rng.choice(a), rng.choice(b)) for a, b in pairwise(caves) if rng.random() < 0.5]
    return _shuffled(rng, n, edges)


def one_cycle_vs_two_cycles(rng: Random, n: int) -> Graph:
    """One cycle through all n nodes or two of n // 2 and the rest, an even chance each.

    To tell them apart is the problem behind the lower bounds of arXiv 2405.18512: every node sees two
    neighbours, whatever the answer.

    >>> {len(ends) for ends in one_cycle_vs_two_cycles(Random(0), 9).adjacency.values()}
    {2}
    """
    cut = n if rng.random() < 0.5 else n // 2
    rings = [range(cut), range(cut, n)] if cut < n else [range(n)]
    return _shuffled(rng, n, [(ring[i - 1], ring[i]) for ring in rings for i in range(len(ring))])


def long_diameter(rng: Random, n: int) -> Graph:
    """A path through 2/3 of the nodes or more, the others hung on it; with p = 1/2 one of its edges is
    missing, so that ends are apart.

    >>> long_diameter(Random(0), 9).n
    9
    """
    spine = rng.randint(max(2, 2 * n // 3), n)
    steps = [(u, u + 1) for u in range(spine - 1)]
    if rng.random() < 0.5:
        steps.pop(rng.randrange(len(steps)))
    return _shuffled(rng, n, steps + [(u, rng.randrange(spine)) for u in range(spine, n)])


def path_star(rng: Random, n: int) -> Graph:
    """Arms of equal length (the last may be shorter) around one node: which arm leads where shows only at its
    end (arXiv 2403.06963).

    >>> sorted(len(ends) for ends in path_star(Random(0), 7).adjacency.values())[-1]
    3
    """
    arms = rng.randint(2, max(2, min(5, (n - 1) // 2)))
    length = -(-(n - 1) // arms)
    return _shuffled(rng, n, [(0 if (u - 1) % length == 0 else u - 1, u) for u in range(1, n)])


def disconnected_blocks(rng: Random, n: int) -> Graph:
    """Two or three connected blocks of like size, each a random tree with up to a fifth more edges; none is
    reachable from another.

    >>> import networkx
    >>> from data_builders.graphs.graph import to_networkx
    >>> networkx.number_connected_components(to_networkx(disconnected_blocks(Random(0), 9)))
    2
    """
    count = rng.randint(2, max(2, min(3, n // 4)))
    edges: list[Edge] = []
    for k in range(count):
        start, stop = k * n // count, (k + 1) * n // count
        size = stop - start
        edges += [(start + u, start + v) for u, v in _tree(rng, size)]
        edges += [
            (rng.randrange(start, stop), rng.randrange(start, stop)) for _ in range(rng.randint(0, size // 5))
        ]
    return _shuffled(rng, n, edges)
