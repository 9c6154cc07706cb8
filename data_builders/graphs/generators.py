"""GENERATORS: the random graph families of GraphQA, and those of `more_generators`, each a function of a
random stream and a size.

Every draw comes from the `random.Random` that is passed in, so a graph depends on its own stream and on
nothing else. To add a family, write one function and one line in GENERATORS.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, compress, permutations
from random import Random

import networkx as nx
import numpy as np

from data_builders.graphs import more_generators as more
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
    drawn = nx.scale_free_graph(n, seed=rng)
    simple: nx.Graph[int] = nx.DiGraph(drawn) if directed else nx.Graph(drawn)
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


GENERATORS: dict[str, Generator] = {
    "er": Generator(er, frozenset({"directed", "density"}), stream=Stream),
    "ba": Generator(ba),
    "sbm": Generator(sbm, min_nodes=2),
    "sfn": Generator(sfn, frozenset({"directed", "self_loops"}), min_nodes=3),
    "star": Generator(star),
    "path": Generator(path),
    "complete": Generator(complete),
    "two_blocks": Generator(two_blocks, min_nodes=2),
    "watts_strogatz": Generator(more.watts_strogatz, min_nodes=3),
    "random_regular": Generator(more.random_regular, min_nodes=3),
    "random_tree": Generator(more.random_tree),
    "grid": Generator(more.grid, min_nodes=2),
    "powerlaw_cluster": Generator(more.powerlaw_cluster, min_nodes=2),
    "caveman": Generator(more.caveman),
    "one_cycle_vs_two_cycles": Generator(more.one_cycle_vs_two_cycles, min_nodes=6),
    "long_diameter": Generator(more.long_diameter, min_nodes=2),
    "path_star": Generator(more.path_star, min_nodes=3),
    "disconnected_blocks": Generator(more.disconnected_blocks, min_nodes=4),
}
