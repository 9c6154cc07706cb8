"""Splits that share no graph: isomorphism classes, redraws, and the leakage that is left.

Two drawings of one graph with other node ids are the same graph to learn from, so splits are kept apart by isomorphism
class. Small families do not have enough classes for that (there is one complete graph per size): there the redraws give
up, and the leakage figure says how much is shared.
"""

import hashlib
from array import array
from collections.abc import Callable, Container, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import TypeVar

import igraph

from data_builders.graph import Edge, Graph

REDRAWS = 50

T = TypeVar("T")


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


@lru_cache(maxsize=1024)  # star, path and complete have few members, and redraws ask for the same ones again and again
def _class_of_edges(n: int, edges: tuple[Edge, ...], directed: bool) -> str:
    plain, colors = _as_undirected(n, edges, directed)
    size = len(colors)
    form = igraph.Graph(size, plain)
    if any(colors):
        form.vs["color"] = colors
        form = form.permute_vertices(form.canonical_permutation(color=colors))
        colors = form.vs["color"]
    else:
        form = form.permute_vertices(form.canonical_permutation())
    ends = sorted([u * size + v if u < v else v * size + u for u, v in form.get_edgelist()])
    stated = array("Q", [directed, n, *colors, *ends])
    return hashlib.blake2b(stated, digest_size=16).hexdigest()


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


def draw_apart(draw: Callable[[], T], graph: Callable[[T], Graph], taken: Container[str]) -> tuple[T, str, int]:
    """The first draw whose class is not in `taken`, its class, and the number of redraws that it took.

    After REDRAWS redraws the first draw is returned, so that a family without enough classes keeps its distribution.
    """
    first = draw()
    first_class = graph_class(graph(first))
    if first_class not in taken:
        return first, first_class, 0
    for redraws in range(1, REDRAWS + 1):
        drawn = draw()
        drawn_class = graph_class(graph(drawn))
        if drawn_class not in taken:
            return drawn, drawn_class, redraws
    return first, first_class, REDRAWS


def leakage(classes: Mapping[str, Sequence[str]], test: Container[str], validation: Container[str]) -> dict[str, dict[str, int]]:
    """Per generator: graphs, how many distinct ones, and how many whose class is in the test and in the validation split.

    >>> leakage({"er": ["a", "a", "b"]}, {"b"}, set())
    {'er': {'graphs': 3, 'distinct': 2, 'in_test': 1, 'in_validation': 0}}
    """
    return {
        generator: {
            "graphs": len(drawn),
            "distinct": len(set(drawn)),
            "in_test": sum(c in test for c in drawn),
            "in_validation": sum(c in validation for c in drawn),
        }
        for generator, drawn in classes.items()
    }
