"""What a graph must be to carry a task: each requirement gives the reason why a graph does not
meet it, or None where it does.
"""

from collections.abc import Callable

from data_builders.graphs.graph import Graph

Requirement = Callable[[Graph], str | None]


def directed(graph: Graph) -> str | None:
    return None if graph.directed else "needs a directed graph; this one is undirected"


def undirected(graph: Graph) -> str | None:
    return "needs an undirected graph; this one is directed" if graph.directed else None


def acyclic(graph: Graph) -> str | None:
    """Kahn: a node without predecessors can be taken away until none is left.

    >>> acyclic(Graph({0: (1,), 1: (0,)}, directed=True))
    'needs a graph without cycles; this one has a cycle'
    """
    before = dict.fromkeys(graph.adjacency, 0)
    for _, v in graph.edges:
        before[v] += 1
    free = [u for u, count in before.items() if not count]
    for u in free:
        for v in graph.adjacency[u]:
            before[v] -= 1
            if not before[v]:
                free.append(v)
    return None if len(free) == graph.n else "needs a graph without cycles; this one has a cycle"


def two_blocks(graph: Graph) -> str | None:
    if len(graph.blocks) == graph.n and set(graph.blocks) == {0, 1}:
        return None
    return "needs a graph with two planted blocks, 0 and 1, which the generator two_blocks draws"


def at_least(nodes: int) -> Requirement:
    def requirement(graph: Graph) -> str | None:
        if graph.n >= nodes:
            return None
        return f"needs a graph of at least {nodes} node{'s' if nodes > 1 else ''}; this one has {graph.n}"

    return requirement


def at_most(nodes: int) -> Requirement:
    def requirement(graph: Graph) -> str | None:
        return None if graph.n <= nodes else f"needs a graph of at most {nodes} nodes; this one has {graph.n}"

    return requirement


def positive(many: str, one: str) -> Requirement:
    """A positive number on every edge: `many` and `one` are what it is called. A graph without edges needs
    none.
    """

    def requirement(graph: Graph) -> str | None:
        if graph.weights is None:
            return f"needs a graph with edge {many}; this one has none" if graph.edges else None
        least = min(graph.weights.values(), default=1)
        return None if least > 0 else f"needs positive {many}; this graph has an edge of {one} {least}"

    return requirement
