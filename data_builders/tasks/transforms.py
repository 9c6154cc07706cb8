"""GRAPH_TRANSFORMS: what is done to a random graph so that it carries a task, each a function of the graph
and a random stream.

A graph that already is of the wanted kind is kept, so questions are about the directions and weights that
the user gave. Tasks of one transform share one graph and one text.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from random import Random

from data_builders.graphs.graph import Graph, from_edges, union
from data_builders.tasks.requirements import acyclic as reason_against_acyclic

WEIGHTS = (1, 10)  # of edges that have none of their own, uniform


def plain(graph: Graph, rng: Random) -> Graph:
    """Without weights."""
    return graph if graph.weights is None else replace(graph, weights=None)


def weighted(graph: Graph, rng: Random) -> Graph:
    """With an integer weight on every edge, uniform over WEIGHTS.

    >>> weighted(from_edges(2, [(0, 1)]), Random(0)).weights
    {(0, 1): 7}
    """
    return (
        graph
        if graph.weights is not None
        else replace(graph, weights={edge: rng.randint(*WEIGHTS) for edge in graph.edges})
    )


def directed(graph: Graph, rng: Random) -> Graph:
    """With a direction for every edge: along a random order of the nodes, a share of them against it.

    The share is 0 for half of the graphs, which so are acyclic, and uniform over (0, .3) for the others:
    dense graphs whose edges point either way with even chances almost all have a cycle, and are one strongly
    connected component.

    >>> directed(from_edges(3, [(0, 1), (1, 2)]), Random(1)).edges
    ((0, 1), (1, 2))
    """
    if graph.directed:
        return plain(graph, rng)
    against = 0.0 if rng.random() < 0.5 else rng.uniform(0, 0.3)
    place = rng.sample(range(graph.n), graph.n)
    ways = [(u, v) if (place[u] < place[v]) == (rng.random() >= against) else (v, u) for u, v in graph.edges]
    return from_edges(graph.n, ways, directed=True)


def acyclic(graph: Graph, rng: Random) -> Graph:
    """With every edge directed along a random order of the nodes; self loops are dropped.

    >>> acyclic(from_edges(3, [(0, 1), (1, 2), (0, 2)]), Random(1)).edges
    ((0, 1), (0, 2), (2, 1))
    """
    if graph.directed and reason_against_acyclic(graph) is None:
        return plain(graph, rng)
    place = rng.sample(range(graph.n), graph.n)
    ways = dict.fromkeys((u, v) if place[u] < place[v] else (v, u) for u, v in graph.edges if u != v)
    return from_edges(graph.n, sorted(ways), directed=True)


def even(graph: Graph, rng: Random) -> Graph:
    """Half of the graphs as they are, half with only even degrees: nodes of odd degree are paired, and the
    edge of each pair is taken away where there is one and put in where there is none. Drawn graphs hardly
    ever have even degrees by themselves.

    >>> even(from_edges(3, [(0, 1), (1, 2)]), Random(1)).edges
    ((0, 1), (0, 2), (1, 2))
    """
    graph = plain(graph, rng)
    if graph.directed or rng.random() >= 0.5:
        return graph
    odd = [u for u, ends in graph.adjacency.items() if (len(ends) + (u in ends)) % 2]
    rng.shuffle(odd)
    pairs = {(min(pair), max(pair)) for pair in zip(odd[::2], odd[1::2], strict=True)}
    edges = {(min(edge), max(edge)) for edge in graph.edges}
    return from_edges(graph.n, sorted(edges ^ pairs))


def nearly_tree(graph: Graph, rng: Random) -> Graph:
    """One edge less than nodes: a spanning tree, of the graph's edges as far as these go; in half of the
    graphs one edge is moved.

    Whether it is a tree so does not show in the numbers of nodes and edges.

    >>> nearly_tree(from_edges(4, [(0, 1), (1, 2), (0, 2)]), Random(1)).edges
    ((0, 1), (0, 3), (1, 2))
    """
    if graph.directed or graph.n < 3:
        return plain(graph, rng)
    root = list(range(graph.n))
    tree = set()
    # Any two nodes joined at random, after the graph's own edges, until one component is left.
    for u, v in chain(
        rng.sample(graph.edges, graph.m), iter(lambda: (rng.randrange(graph.n), rng.randrange(graph.n)), None)
    ):
        if union(root, u, v):
            tree.add((min(u, v), max(u, v)))
            if len(tree) == graph.n - 1:
                break
    if rng.random() < 0.5:
        moved = rng.choice(sorted(tree))
        while (pair := tuple(sorted(rng.sample(range(graph.n), 2)))) in tree:
            pass
        tree = tree - {moved} | {(pair[0], pair[1])}
    return from_edges(graph.n, sorted(tree))


EDGE_CHANGING = frozenset({"acyclic", "even", "nearly_tree"})
"""The transforms that may change which nodes are neighbours, and so the graph's split."""

GRAPH_TRANSFORMS: dict[str, Callable[[Graph, Random], Graph]] = {
    "plain": plain,
    "capacity": weighted,
    "weight": weighted,
    "directed": directed,
    "acyclic": acyclic,
    "even": even,
    "nearly_tree": nearly_tree,
}
