"""GENERATORS: the random graph families of GraphQA, then well-known and hard ones, each a function of a
random stream and a size.

Hard ones have few edges per node, so that `cycle if |E| >= |V|` and `reachable if both have neighbours` say
nothing, and shuffled ids, so that numbers tell nothing either.

Every draw comes from the `random.Random` that is passed in, so a graph depends on its own stream and on
nothing else. To add a family, write one function and one line in GENERATORS.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, compress, pairwise, permutations
from random import Random

import networkx as nx
import numpy as np

from data_builders.graphs.graph import Edge, Graph, from_edges, from_networkx, from_sorted_edges
from data_builders.graphs.streams import Stream

SIZE_CLASSES = ((5, 9), (10, 14), (15, 19))  # GraphQA's small, medium and large
LARGE = 64  # nodes from which on a call per pair takes too long
COMMUNITIES = (3, 7, 9)  # most communities of an sbm graph, per size class


@dataclass(frozen=True)
class Generator:
    """A family of graphs.

    draw: (stream, number of nodes, **options) -> Graph over 0 .. n-1.
    options: the keyword options that `draw` understands: `directed`, `self_loops`, `density` (least and
        largest edge probability).
    min_nodes: the smallest size for which the family is defined.
    stream: what its random numbers come from, in a dataset: Stream where they are few, Random where they are
        many.
    """

    draw: Callable[..., Graph]
    options: frozenset[str] = frozenset()
    min_nodes: int = 1
    stream: type[Random] = Random


def draw_size(rng: Random, min_nodes: int = SIZE_CLASSES[0][0], max_nodes: int = SIZE_CLASSES[-1][1]) -> int:
    """A number of nodes, uniform: by default over GraphQA's size classes, which are equally wide.

    >>> 5 <= draw_size(Random("a")) <= 19
    True
    """
    return min_nodes + int((max_nodes - min_nodes + 1) * rng.random())


def er(rng: Random, n: int, directed: bool = False, density: tuple[float, float] = (0.0, 1.0)) -> Graph:
    """Erdos-Renyi G(n, p) with p ~ U(density), (0, 1) by default; neighbours in increasing order, as networkx
    leaves them.

    >>> er(Random(0), 4).n
    4
    """
    p = density[0] + (density[1] - density[0]) * rng.random()
    if n > LARGE:
        return from_sorted_edges(
            n, _large_er(np.random.Philox(key=rng.getrandbits(128)), n, p, directed), directed
        )
    pairs = _pairs(n, directed)
    low = int(256 * p)
    # a byte per pair: below 256 p there is an edge, above there is none, and on it a finer number decides
    coins = rng.getrandbits(8 * len(pairs)).to_bytes(len(pairs), "little").translate(_COINS[low])
    while b"?" in coins:
        coins = coins.replace(b"?", b"\1" if rng.random() < 256 * p - low else b"\0", 1)
    return from_sorted_edges(n, tuple(compress(pairs, coins)), directed)


_COINS = [bytes([1] * low + [ord("?")] * (low < 256) + [0] * (255 - low)) for low in range(257)]


@lru_cache(maxsize=2 * LARGE)
def _pairs(n: int, directed: bool) -> tuple[Edge, ...]:
    return tuple((permutations if directed else combinations)(range(n), 2))


def _large_er(bits: np.random.Philox, n: int, p: float, directed: bool) -> list[Edge]:
    """The sorted edges of G(n, p), from raw bits: of all that numpy draws, they alone are the same in every
    version.
    """
    count = n * (n - 1) if directed else n * (n - 1) // 2
    coins, low = bits.random_raw(count // 8 + 1).view(np.uint8)[:count], int(256 * p)
    edge = coins < low
    ties = np.flatnonzero(coins == low)
    edge[ties] = bits.random_raw(len(ties)) < (256 * p - low) * 2.0**64
    at = np.flatnonzero(edge)
    if directed:
        u, v = np.divmod(at, n - 1)
        v += v >= u
    else:
        starts = np.cumsum([0, *range(n - 1, 0, -1)])  # of the pairs (u, u + 1), (u, u + 2), ..
        u = np.searchsorted(starts, at, side="right") - 1
        v = at - starts[u] + u + 1
    return list(zip(u.tolist(), v.tolist(), strict=True))


def ba(rng: Random, n: int) -> Graph:
    """Barabasi-Albert preferential attachment; each new node brings m ~ U{1 .. n-1} edges.

    >>> ba(Random(0), 1).m
    0
    """
    if n == 1:
        return from_edges(1, [])
    return _stored_once(nx.barabasi_albert_graph(n, rng.randint(1, n - 1), seed=rng))


def sbm(rng: Random, n: int) -> Graph:
    """Stochastic block model: 2 to 3, 7 or 9 communities by size class, edge probabilities ~ U(0, 1) per pair
    of communities.

    The probability matrix is made symmetric by the larger or the smaller of its two entries (an even chance
    for the whole graph), so that dense and sparse graphs are equally frequent. Communities are runs of ids
    cut at random places.
    """
    most = next(
        (k for k, (_, high) in zip(COMMUNITIES, SIZE_CLASSES, strict=True) if n <= high), COMMUNITIES[-1]
    )
    count = min(rng.randint(2, most), n)
    cuts = sorted(rng.sample(range(1, n), count - 1))
    block = [sum(u >= cut for cut in cuts) for u in range(n)]
    either = rng.choice((max, min))
    draws = [[rng.random() for _ in range(count)] for _ in range(count)]
    return _blocks(
        rng, block, [[either(draws[i][j], draws[j][i]) for j in range(count)] for i in range(count)]
    )


def sfn(rng: Random, n: int, directed: bool = False, self_loops: bool = False) -> Graph:
    """Scale-free network (Bollobas et al., networkx.scale_free_graph with its defaults), parallel edges
    merged.

    Directions are dropped unless `directed`, self loops unless `self_loops`. The family grows from the
    triangle 0, 1, 2, so none of its undirected graphs is acyclic, with self loops or without.

    >>> sfn(Random(0), 3).edges
    ((0, 1), (0, 2), (1, 2))
    """
    multigraph = nx.scale_free_graph(n, seed=rng)
    simple: nx.Graph[int] = nx.DiGraph(multigraph) if directed else nx.Graph(multigraph)
    if not self_loops:
        simple.remove_edges_from(list(nx.selfloop_edges(simple)))
    return _stored_once(simple)


def star(rng: Random, n: int) -> Graph:
    """Node 0 in the middle, joined to all others.

    >>> star(Random(0), 3).edges
    ((0, 1), (0, 2))
    """
    return from_edges(n, [(0, u) for u in range(1, n)])


def path(rng: Random, n: int) -> Graph:
    """The path 0 - 1 - .. - n-1.

    >>> path(Random(0), 3).edges
    ((0, 1), (1, 2))
    """
    return from_edges(n, [(u, u + 1) for u in range(n - 1)])


def complete(rng: Random, n: int) -> Graph:
    """All n (n - 1) / 2 edges.

    >>> complete(Random(0), 4).m
    6
    """
    return from_edges(n, list(combinations(range(n), 2)))


def two_blocks(rng: Random, n: int) -> Graph:
    """Node classification's graphs: two blocks of n // 2 nodes each, p_in ~ U(.6, .8), p_out ~ U(0, .05).

    GraphQA plants its blocks as the first and the second half of the ids, where a glance at a node's number
    gives its class away; here they are shuffled.

    >>> two_blocks(Random(0), 9).blocks
    (1, 1, 0, 0, 1, 0, 0, 1)
    """
    half = n // 2
    p_in, p_out = rng.uniform(0.6, 0.8), rng.uniform(0, 0.05)
    blocks = [0] * half + [1] * half
    rng.shuffle(blocks)
    return replace(_blocks(rng, blocks, [[p_in, p_out], [p_out, p_in]]), blocks=tuple(blocks))


def _blocks(rng: Random, block: Sequence[int], p: Sequence[Sequence[float]]) -> Graph:
    """Independent edges, (u, v) with probability p[block of u][block of v]."""
    n = len(block)
    return from_edges(
        n, [(u, v) for u, v in combinations(range(n), 2) if rng.random() < p[block[u]][block[v]]]
    )


def _stored_once(graph: "nx.Graph[int]") -> Graph:
    """The Graph that networkx would read back from this graph's edge list.

    networkx's own neighbour order can depend on the order in which edges were added; a dataset stores the
    edge list, and whoever reads it must find the neighbours in the order in which the text lists them.
    """
    return from_edges(len(graph), from_networkx(graph).edges, graph.is_directed())


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


GENERATORS: dict[str, Generator] = {
    "er": Generator(er, frozenset({"directed", "density"}), stream=Stream),
    "ba": Generator(ba),
    "sbm": Generator(sbm, min_nodes=2),
    "sfn": Generator(sfn, frozenset({"directed", "self_loops"}), min_nodes=3),
    "star": Generator(star),
    "path": Generator(path),
    "complete": Generator(complete),
    "two_blocks": Generator(two_blocks, min_nodes=2),
    "watts_strogatz": Generator(watts_strogatz, min_nodes=3),
    "random_regular": Generator(random_regular, min_nodes=3),
    "random_tree": Generator(random_tree),
    "grid": Generator(grid, min_nodes=2),
    "powerlaw_cluster": Generator(powerlaw_cluster, min_nodes=2),
    "caveman": Generator(caveman),
    "one_cycle_vs_two_cycles": Generator(one_cycle_vs_two_cycles, min_nodes=6),
    "long_diameter": Generator(long_diameter, min_nodes=2),
    "path_star": Generator(path_star, min_nodes=3),
    "disconnected_blocks": Generator(disconnected_blocks, min_nodes=4),
}
