"""Hamiltonian path, the one task here that is NP-complete: a search that gives up late, and a table that
never does.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np

from data_builders.graphs.graph import Graph
from data_builders.tasks.requirements import at_least, at_most
from data_builders.tasks.task import Names, Query, Task, Witness, asking, draw_nothing, say_nodes

HAMILTONIAN_LIMIT = 20
PATIENCE = 500  # failed states of a search for a Hamiltonian path


def hamiltonian_path(graph: Graph) -> list[int] | None:
    """The Hamiltonian path that is first when paths are compared by node ids, or None.

    Depth first over node ids. A state (end of the path, nodes left) that failed is not entered again, nor one
    in which a node is left that cannot be reached, or two are left that can only be the end. Nearly every
    drawn graph is decided so in a millisecond; where too many states fail, a table over all sets of nodes
    decides in a few hundred.

    >>> hamiltonian_path(Graph({0: (1, 2), 1: (0,), 2: (0,)}))
    [1, 0, 2]
    """
    out, into = [0] * graph.n, [0] * graph.n
    for u, ends in graph.adjacency.items():
        for v in ends:
            if u != v:
                out[u] |= 1 << v
                into[v] |= 1 << u
    failed: set[tuple[int, int]] = set()
    everything = (1 << graph.n) - 1

    def extend(path: list[int], left: int) -> bool:
        if not left:
            return True
        u = path[-1]
        if (u, left) in failed or len(failed) > PATIENCE:
            return False
        if _may_finish(out, into, u, left):
            for v in _bits(out[u] & left):
                path.append(v)
                if extend(path, left & ~(1 << v)):
                    return True
                path.pop()
        failed.add((u, left))
        return False

    for start in range(graph.n):
        path = [start]
        if extend(path, everything & ~(1 << start)):
            return path
    return _first_by_table(out) if len(failed) > PATIENCE else None


def _first_by_table(out: list[int]) -> list[int] | None:
    """The same by Held and Karp: for every set of nodes, the nodes at which a path through exactly this set
    can start.
    """
    n = len(out)
    size = np.zeros(1 << n, np.uint8)
    for h in range(n):
        size[1 << h : 2 << h] = size[: 1 << h] + 1
    by_size = np.argsort(size, kind="stable").astype(np.int32)
    edges = np.searchsorted(size[by_size], np.arange(n + 2))
    starts = np.zeros(1 << n, np.int32)
    starts[1 << np.arange(n)] = 1 << np.arange(n)
    for k in range(2, n + 1):
        sets = by_size[edges[k] : edges[k + 1]]
        for v in range(n):
            chosen = sets[(sets >> v & 1).astype(bool)]
            starts[chosen] |= ((starts[chosen ^ (1 << v)] & out[v]) != 0).astype(np.int32) << v
    left, path = (1 << n) - 1, list[int]()
    while left:
        found = int(starts[left]) & (out[path[-1]] if path else left)
        if not found:
            return None
        path.append((found & -found).bit_length() - 1)
        left &= ~(1 << path[-1])
    return path


def _bits(mask: int) -> list[int]:
    return [v for v in range(mask.bit_length()) if mask >> v & 1]


def _may_finish(out: list[int], into: list[int], end: int, left: int) -> bool:
    """Whether every node that is left is reached from the end of the path, and at most one of them has no way
    on.
    """
    reached = frontier = out[end] & left
    while frontier:
        new = 0
        for v in _bits(frontier):
            new |= out[v]
        frontier = new & left & ~reached
        reached |= frontier
    if reached != left:
        return False
    nodes = _bits(left)
    if sum(not out[v] & left for v in nodes) > 1:
        return False
    # Every node that is left needs a node of its own to be entered from.
    taken: dict[int, int] = {}
    return all(
        _enter(v, into, left | 1 << end, taken, [0])
        for v in sorted(nodes, key=lambda v: (into[v] & left).bit_count())
    )


def _enter(node: int, into: list[int], free: int, taken: dict[int, int], tried: list[int]) -> bool:
    """Find a node to enter `node` from, if need be by sending others elsewhere (Kuhn's matching)."""
    for u in _bits(into[node] & free & ~tried[0]):
        tried[0] |= 1 << u
        if u not in taken or _enter(taken[u], into, free, taken, tried):
            taken[u] = node
            return True
    return False


def solve_hamiltonian_path(graph: Graph, query: Query) -> list[int] | None:
    """A path that visits every node once, None where there is none; any other is as right."""
    return hamiltonian_path(graph)


def say_hamiltonian_path(solution: Sequence[int] | None, names: Names, query: Query) -> str:
    return "There is no Hamiltonian path." if solution is None else say_nodes(solution, names, query)


def barrier(graph: Graph) -> tuple[tuple[int, ...], list[list[int]]] | None:
    """Up to three nodes without which the graph falls into more than one part more than there are nodes, and
    those parts.

    A path that visits k nodes leaves at most k + 1 pieces between them, so such a graph has no Hamiltonian
    path.

    >>> barrier(Graph({0: (1, 2, 3), 1: (0,), 2: (0,), 3: (0,)}))
    ((0,), [[1], [2], [3]])
    """
    ends = [0] * graph.n
    for u, v in graph.edges:
        ends[u] |= 1 << v
        ends[v] |= 1 << u
    everything = (1 << graph.n) - 1
    for size in range(4):
        for nodes in combinations(range(graph.n), size):
            left, parts = everything & ~sum(1 << u for u in nodes), []
            while left:
                part = frontier = left & -left
                while frontier:
                    new = 0
                    for u in _bits(frontier):
                        new |= ends[u]
                    frontier = new & left & ~part
                    part |= frontier
                parts.append(_bits(part))
                left &= ~part
            if len(parts) > size + 1:
                return nodes, parts
    return None


def explain_hamiltonian_path(
    graph: Graph, names: Names, query: Query, solution: Sequence[int] | None, witness: Witness = None
) -> str:
    """The path edge by edge; or the parts that no path can join; or, where no such sign is found, that every
    order was tried.
    """
    path = witness or solution
    if path is not None:
        steps = "".join(
            f"there is an edge from node {names[u]} to node {names[v]}, " for u, v in pairwise(path)
        )
        return f" Because, {steps}and all {graph.n} nodes are visited once."
    found = barrier(graph)
    if found is None:
        return " Because, none of the orders of all nodes follows the edges."
    nodes, parts = found
    without = f"without {', '.join(names[u] for u in nodes)}" if nodes else "as it is"
    told = "; ".join(", ".join(names[u] for u in part) for part in parts)
    return f" Because, {without}, the graph has the separate parts {told}, and a path can visit at most {len(nodes) + 1} of them."


HAMILTONIAN = (
    Task(
        "hamiltonian_path",
        "search",
        "path",
        draw_nothing,
        asking("Give a Hamiltonian path of this graph."),
        solve_hamiltonian_path,
        say_hamiltonian_path,
        explain_hamiltonian_path,
        needs=(at_least(1), at_most(HAMILTONIAN_LIMIT)),
    ),
)
