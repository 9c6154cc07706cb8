"""Splits that share no graph: isomorphism classes, redraws, and the leakage that is left.

Two drawings of one graph with other node ids are the same graph to learn from, so splits are kept apart by
isomorphism class, in two ways. Of the smallest graphs there are so few classes that a test set would have
them all and leave none to
train on: there each class belongs to one split, the same in every dataset (`side`). All other graphs make way
for those that were drawn before (`held_in`). A redraw has the same number of nodes, so every split has every
size. Families without
enough classes (there is one complete graph per size) share graphs all the same: the redraws give up, and the
leakage figure says how much.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

import igraph

from data_builders.graphs.graph import Edge, Graph, from_sorted_edges

REDRAWS = 50
FEW = {
    False: 6,
    True: 4,
}  # directed -> nodes up to which classes belong to splits: of 6 nodes there are 156, of 7 there are 1,044
SIDES = ("train", "train", "validation", "test")
# the digit of a class that gives its side: of er graphs with 3 to 6 nodes it deals all three splits 19% or
# more
DEALT = 19

T = TypeVar("T", bound="tuple[Graph, object]")
Taken = dict[Any, Any]  # a level of LEVELS -> the next, and the last -> the splits that have the class


def graph_class(graph: Graph) -> str:
    """32 hex digits that two graphs share exactly if they are isomorphic; weights and names do not matter.

    The digest of the canonical form that igraph's BLISS finds. BLISS knows undirected graphs without loops
    and with coloured nodes, so a loop becomes a colour, and a directed graph its usual gadget (see
    `_as_undirected`).

    >>> from data_builders.graphs.graph import from_edges
    >>> graph_class(from_edges(3, [(0, 1), (1, 2)])) == graph_class(from_edges(3, [(2, 0), (0, 1)]))
    True
    >>> graph_class(from_edges(3, [(0, 1)])) == graph_class(from_edges(3, []))
    False
    """
    return _small_class(graph.n, graph.edges, graph.directed) if graph.n <= FEW[False] else _class(graph)


@lru_cache(maxsize=1 << 16)  # all numberings of all undirected graphs of at most 6 nodes
def _small_class(n: int, edges: tuple[Edge, ...], directed: bool) -> str:
    return _class(from_sorted_edges(n, edges, directed))


def _class(graph: Graph) -> str:
    return _class_of_edges(graph.n, _by_degree(graph), graph.directed)


def _around(graph: Graph) -> Iterable[tuple[int, int]]:
    """For each node its degree, and the sum of its neighbours' degrees."""
    degree, near = [0] * graph.n, [0] * graph.n
    for u, v in graph.edges:
        degree[u] += 1
        degree[v] += 1
    for u, v in graph.edges:
        near[u] += degree[v]
        near[v] += degree[u]
    return zip(degree, near, strict=True)


def _by_degree(graph: Graph) -> tuple[Edge, ...]:
    """The sorted edges after nodes are numbered by their degrees and those of their neighbours: few
    numberings of a class are left.
    """
    place = [0] * graph.n
    for new, (_, old) in enumerate(sorted(zip(_around(graph), range(graph.n), strict=True))):
        place[old] = new
    ends = [(place[u], place[v]) for u, v in graph.edges]
    return tuple(sorted(ends if graph.directed else [(u, v) if u < v else (v, u) for u, v in ends]))


@lru_cache(maxsize=1 << 14)  # star, path, complete and small graphs are met again and again
def _class_of_edges(n: int, edges: tuple[Edge, ...], directed: bool) -> str:
    plain, colors = _as_undirected(n, edges, directed)
    size = len(colors)
    form = igraph.Graph(size, plain)
    permutation = form.canonical_permutation(color=colors) if any(colors) else form.canonical_permutation()
    place = [0] * size
    for new, old in enumerate(permutation):  # igraph 1.0: permutation[new] is the old id
        place[old] = new
    colors = [colors[old] for old in permutation]
    ends = sorted(
        [place[u] * size + place[v] if place[u] < place[v] else place[v] * size + place[u] for u, v in plain]
    )
    stated = array("Q", [directed, n, *colors, *ends])
    return hashlib.blake2b(stated, digest_size=16).hexdigest()


def size(graph: Graph) -> int:
    """The numbers of nodes and of edges in one number."""
    return graph.n << 32 | graph.m


def degrees(graph: Graph) -> int:
    """A number that stands for the degrees, whichever nodes have them."""
    if graph.directed:
        starts, ends = (_counts(graph.n, [edge[end] for edge in graph.edges]) for end in (0, 1))
        return hash(tuple(sorted(zip(starts, ends, strict=True))))
    return hash(tuple(sorted(_counts(graph.n, chain.from_iterable(graph.edges)))))


def _counts(n: int, ids: Iterable[int]) -> Iterable[int]:
    return map(bytes(ids).count if n <= 256 else Counter(ids).__getitem__, range(n))


def degrees_around(graph: Graph) -> int:
    """A number that stands for the degrees, each with those of the node's neighbours."""
    return hash(tuple(sorted(_around(graph))))


LEVELS: tuple[Callable[[Graph], int | str], ...] = (size, degrees, degrees_around, graph_class)
"""What isomorphic graphs share, from cheap to dear; graphs that are not isomorphic may share all but the
last.
"""


def outline(graph: Graph) -> list[int | str]:
    """All LEVELS of a graph.

    >>> from data_builders.graphs.graph import from_edges
    >>> outline(from_edges(3, [(0, 1), (1, 2)])) == outline(from_edges(3, [(2, 0), (0, 1)])) != outline(from_edges(3, [(0, 1)]))
    True
    """
    return [level(graph) for level in LEVELS]


def take(taken: Taken, levels: Sequence[int | str], split: str) -> None:
    """Note that `split` has a graph of this outline."""
    *above, last = levels
    for level in above:
        taken = taken.setdefault(level, {})
    if split not in taken.get(last, ()):
        taken[last] = (*taken.get(last, ()), split)


def _as_undirected(n: int, edges: Sequence[Edge], directed: bool) -> tuple[list[Edge], list[int]]:
    """Edges and node colours of an undirected graph without loops that stands for the given one.

    Directed: node u becomes u - u+n (its way out) and u - u+2n (its way in); the edge u -> v becomes u+n -
        v+2n.
    """
    loops = {u for u, v in edges if u == v}
    colors = [int(u in loops) for u in range(n)]
    between = [(u, v) for u, v in edges if u != v]
    if not directed:
        return between, colors
    ways = list(chain.from_iterable(((u, u + n), (u, u + 2 * n)) for u in range(n)))
    return ways + [(u + n, v + 2 * n) for u, v in between], colors + [2] * n + [3] * n


def draw_apart(draw: Callable[[], T], split: str, taken: Taken) -> tuple[T, int, tuple[str, ...]]:
    """The first draw whose graph `split` may have, the number of redraws that it took, and the splits of
    `taken` that have its class.

    After REDRAWS redraws the first draw is returned, so that a family without enough classes keeps its
    distribution.
    """
    first = drawn = draw()
    for redraws in range(REDRAWS + 1):
        if _free(drawn[0], split, taken):
            return drawn, redraws, ()
        if redraws < REDRAWS:
            drawn = draw()
    return first, REDRAWS, held_in(first[0], taken)


def _free(graph: Graph, split: str, taken: Taken) -> bool:
    return (graph.n > FEW[graph.directed] or side(graph) == split) and not held_in(graph, taken)


def side(graph: Graph) -> str | None:
    """The split that all graphs of this class belong to where the graph is one of the smallest, else None.

    >>> from data_builders.graphs.graph import from_edges
    >>> side(from_edges(3, [(0, 1)])), side(from_edges(3, [(1, 2)])), side(from_edges(9, [(0, 1)]))
    ('train', 'train', None)
    """
    return None if graph.n > FEW[graph.directed] else SIDES[int(graph_class(graph)[DEALT], 16) % len(SIDES)]


def held_in(graph: Graph, taken: Taken) -> tuple[str, ...]:
    """The splits of `taken` that have a graph of this class; its class is worked out only where all that is
    cheaper is the same.
    """
    found: Any = taken
    for level in LEVELS:
        found = found.get(level(graph))
        if not found:
            return ()
    splits: tuple[str, ...] = found
    return splits
