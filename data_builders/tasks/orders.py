"""Search tasks about the order of nodes: along directed edges, and along a path through all of them."""

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from itertools import combinations, pairwise

from data_builders.graph import Graph
from data_builders.tasks.needs import acyclic, at_least, at_most, directed
from data_builders.tasks.parallelizable import find_cycle
from data_builders.tasks.task import Names, Query, Task, Witness, asking, draw_nothing, say_nodes, say_number


def topological_order(graph: Graph) -> list[int]:
    """Every node after its predecessors, of those that may come next always the lowest id; nodes on or behind a cycle are left out.

    >>> topological_order(Graph({0: (), 1: (0,), 2: ()}, directed=True))
    [1, 0, 2]
    """
    before = [0] * graph.n
    for _, v in graph.edges:
        before[v] += 1
    free = [u for u in range(graph.n) if not before[u]]
    heapify(free)
    order = []
    while free:
        u = heappop(free)
        order.append(u)
        for v in graph.adjacency[u]:
            before[v] -= 1
            if not before[v]:
                heappush(free, v)
    return order


def solve_topological_order(graph: Graph, query: Query) -> list[int]:
    """The topological order that is first when orders are compared by node ids; any other is as right."""
    return topological_order(graph)


def explain_topological_order(graph: Graph, names: Names, query: Query, solution: Sequence[int], witness: Witness = None) -> str:
    into: dict[int, list[str]] = {u: [] for u in solution}
    for u, v in graph.edges:
        into[v].append(names[u])
    steps = [f"node {names[v]} " + (f"comes after {', '.join(into[v])}" if into[v] else "has no edge into it") for v in solution]
    return f" Because, {'; '.join(steps)}."


def solve_directed_cycle_check(graph: Graph, query: Query) -> bool:
    """Whether one can come back to a node along the edges' directions."""
    return len(topological_order(graph)) < graph.n


def say_directed_cycle_check(solution: bool, names: Names, query: Query) -> str:
    return "Yes, there is a directed cycle." if solution else "No, there is no directed cycle."


def explain_directed_cycle_check(graph: Graph, names: Names, query: Query, solution: bool, witness: Witness = None) -> str:
    """The cycle, edge by edge; or an order in which every edge leads forward."""
    cycle = witness or find_cycle(graph)
    if not solution or cycle is None:
        return f" Because, every edge leads forward in the order {', '.join(names[u] for u in topological_order(graph))}."
    steps = zip(cycle, [*cycle[1:], cycle[0]], strict=True)
    return f" The cycle is: {', '.join(f'there is an edge from node {names[u]} to node {names[v]}' for u, v in steps)}."


def strong_components(graph: Graph) -> list[list[int]]:
    """The strongly connected components, each sorted, by their lowest ids (Kosaraju: two depth-first searches).

    >>> strong_components(Graph({0: (1,), 1: (0, 2), 2: ()}, directed=True))
    [[0, 1], [2]]
    """
    into: dict[int, list[int]] = {u: [] for u in graph.adjacency}
    for u, v in graph.edges:
        into[v].append(u)
    everywhere = _finished(graph.adjacency.__getitem__, range(graph.n), set())
    seen: set[int] = set()
    parts = [_finished(into.__getitem__, [u], seen) for u in reversed(everywhere) if u not in seen]
    return sorted(sorted(part) for part in parts)


def _finished(ends: Callable[[int], Sequence[int]], roots: Sequence[int], seen: set[int]) -> list[int]:
    """The nodes that are reached from the roots and were not seen, as a depth-first search finishes them; `seen` grows by them."""
    out = []
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        trail = [(root, iter(ends(root)))]
        while trail:
            u, rest = trail[-1]
            new = next((v for v in rest if v not in seen), None)
            if new is None:
                trail.pop()
                out.append(u)
            else:
                seen.add(new)
                trail.append((new, iter(ends(new))))
    return out


def solve_strongly_connected_components(graph: Graph, query: Query) -> int:
    return len(strong_components(graph))


def explain_strongly_connected_components(graph: Graph, names: Names, query: Query, solution: int, witness: Witness = None) -> str:
    parts = "; ".join(", ".join(names[u] for u in part) for part in strong_components(graph))
    return f" The strongly connected components are: {parts}."


HAMILTONIAN_LIMIT = 20


def hamiltonian_path(graph: Graph) -> list[int] | None:
    """The Hamiltonian path that is first when paths are compared by node ids, or None.

    Depth first over node ids. A state (end of the path, nodes left) that failed is not entered again, nor one in which a
    node is left that cannot be reached, or two are left that can only be the end.

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

    def extend(path: list[int], left: int) -> bool:
        if not left:
            return True
        u = path[-1]
        if (u, left) in failed:
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
        if extend(path, (1 << graph.n) - 1 & ~(1 << start)):
            return path
    return None


def _bits(mask: int) -> list[int]:
    return [v for v in range(mask.bit_length()) if mask >> v & 1]


def _may_finish(out: list[int], into: list[int], end: int, left: int) -> bool:
    """Whether every node that is left is reached from the end of the path, and at most one of them has no way on."""
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
    # A node with one way in, which is taken by another such node, cannot be entered.
    only = [into[v] & (left | 1 << end) for v in nodes]
    lone = [ways for ways in only if ways.bit_count() == 1]
    return len(set(lone)) == len(lone)


def solve_hamiltonian_path(graph: Graph, query: Query) -> list[int] | None:
    """A path that visits every node once, None where there is none; any other is as right."""
    return hamiltonian_path(graph)


def say_hamiltonian_path(solution: Sequence[int] | None, names: Names, query: Query) -> str:
    return "There is no Hamiltonian path." if solution is None else say_nodes(solution, names, query)


def barrier(graph: Graph) -> tuple[tuple[int, ...], list[list[int]]] | None:
    """Up to three nodes without which the graph falls into more than one part more than there are nodes, and those parts.

    A path that visits k nodes leaves at most k + 1 pieces between them, so such a graph has no Hamiltonian path.

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


def explain_hamiltonian_path(graph: Graph, names: Names, query: Query, solution: Sequence[int] | None, witness: Witness = None) -> str:
    """The path edge by edge; or the parts that no path can join; or, where no such sign is found, that every order was tried."""
    path = witness or solution
    if path is not None:
        steps = "".join(f"there is an edge from node {names[u]} to node {names[v]}, " for u, v in pairwise(path))
        return f" Because, {steps}and all {graph.n} nodes are visited once."
    found = barrier(graph)
    if found is None:
        return " Because, none of the orders of all nodes follows the edges."
    nodes, parts = found
    without = f"without {', '.join(names[u] for u in nodes)}" if nodes else "as it is"
    told = "; ".join(", ".join(names[u] for u in part) for part in parts)
    return f" Because, {without}, the graph has the separate parts {told}, and a path can visit at most {len(nodes) + 1} of them."


ORDERS = (
    Task(
        "topological_order",
        "search",
        "order",
        draw_nothing,
        asking("Give a topological order of this graph."),
        solve_topological_order,
        say_nodes,
        explain_topological_order,
        form="acyclic",
        needs=(directed, acyclic, at_least(1)),
    ),
    Task(
        "directed_cycle_check",
        "search",
        "yes_no",
        draw_nothing,
        asking("Is there a directed cycle in this graph?"),
        solve_directed_cycle_check,
        say_directed_cycle_check,
        explain_directed_cycle_check,
        form="directed",
        needs=(directed,),
    ),
    Task(
        "strongly_connected_components",
        "search",
        "integer",
        draw_nothing,
        asking("How many strongly connected components are in this graph?"),
        solve_strongly_connected_components,
        say_number,
        explain_strongly_connected_components,
        form="directed",
        needs=(directed,),
    ),
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
