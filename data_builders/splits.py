"""Splits that share no graph: isomorphism classes, redraws, and the leakage that is left.

Two drawings of one graph with other node ids are the same graph to learn from, so splits are kept apart by isomorphism
class. Small families do not have enough classes for that (there is one complete graph per size): there the redraws give
up, and the leakage figure says how much is shared.
"""

import hashlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TypeVar

import igraph

from data_builders.graph import Edge, Graph

REDRAWS = 50

T = TypeVar("T")
Taken = Mapping[int, Mapping[str, tuple[str, ...]]]  # outline -> class -> the splits that have it


def graph_class(graph: Graph) -> str:
    """32 hex digits that two graphs share exactly if they are isomorphic; weights and names do not matter.

    The digest of the canonical form that igraph's BLISS finds. BLISS knows undirected graphs without loops and with
    coloured nodes, so a loop becomes a colour, and a directed graph its usual gadget (see `_as_undirected`).

    >>> from data_builders.graph import from_edges
    >>> graph_class(from_edges(3, [(0, 1), (1, 2)])) == graph_class(from_edges(3, [(2, 0), (0, 1)]))
    True
    >>> graph_class(from_edges(3, [(0, 1)])) == graph_class(from_edges(3, []))
    False
    """
    return _class_of_edges(graph.n, graph.edges, graph.directed)


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
    ends = sorted([place[u] * size + place[v] if place[u] < place[v] else place[v] * size + place[u] for u, v in plain])
    stated = array("Q", [directed, n, *colors, *ends])
    return hashlib.blake2b(stated, digest_size=16).hexdigest()


def outline(graph: Graph) -> int:
    """A number that isomorphic graphs share: of the nodes, the edges and the degrees; others share it now and then.

    >>> from data_builders.graph import from_edges
    >>> outline(from_edges(3, [(0, 1), (1, 2)])) == outline(from_edges(3, [(2, 0), (0, 1)])) != outline(from_edges(3, [(0, 1)]))
    True
    """
    out = sorted(map(len, graph.adjacency.values()))
    if not graph.directed:
        return hash(tuple(out))
    into = [0] * graph.n
    for _, v in graph.edges:
        into[v] += 1
    return hash((True, *out, *sorted(into)))


def _as_undirected(n: int, edges: Sequence[Edge], directed: bool) -> tuple[list[Edge], list[int]]:
    """Edges and node colours of an undirected graph without loops that stands for the given one.

    Directed: node u becomes u - u+n (its way out) and u - u+2n (its way in); the edge u -> v becomes u+n - v+2n.
    """
    loops = {u for u, v in edges if u == v}
    colors = [int(u in loops) for u in range(n)]
    between = [(u, v) for u, v in edges if u != v]
    if not directed:
        return between, colors
    ways = list(chain.from_iterable(((u, u + n), (u, u + 2 * n)) for u in range(n)))
    return ways + [(u + n, v + 2 * n) for u, v in between], colors + [2] * n + [3] * n


def draw_apart(draw: Callable[[], T], graph: Callable[[T], Graph], taken: Taken) -> tuple[T, int, tuple[str, ...]]:
    """The first draw whose class is not in `taken`, the number of redraws that it took, and the splits that have its class.

    After REDRAWS redraws the first draw is returned, so that a family without enough classes keeps its distribution.
    """
    first = draw()
    if not taken:
        return first, 0, ()
    first_splits = held_in(graph(first), taken)
    if not first_splits:
        return first, 0, ()
    for redraws in range(1, REDRAWS + 1):
        drawn = draw()
        if not held_in(graph(drawn), taken):
            return drawn, redraws, ()
    return first, REDRAWS, first_splits


def held_in(graph: Graph, taken: Taken) -> tuple[str, ...]:
    """The splits of `taken` that have a graph of this class; its class is worked out only where an outline is the same."""
    classes = taken.get(outline(graph))
    return classes.get(graph_class(graph), ()) if classes else ()
