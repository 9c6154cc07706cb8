"""Search tasks of directed graphs: orders, cycles and strongly connected components."""

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush

from data_builders.graphs.graph import Graph
from data_builders.tasks.parallelizable import find_cycle
from data_builders.tasks.requirements import acyclic, at_least, directed
from data_builders.tasks.task import (
    Names,
    Query,
    Task,
    Witness,
    draw_nothing,
    question,
    say_nodes,
    say_number,
)


def topological_order(graph: Graph) -> list[int]:
    """Every node after its predecessors, of those that may come next always the lowest id; nodes on or behind
    a cycle are left out.

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


def explain_topological_order(
    graph: Graph, names: Names, query: Query, solution: Sequence[int], witness: Witness = None
) -> str:
    into: dict[int, list[str]] = {u: [] for u in solution}
    for u, v in graph.edges:
        into[v].append(names[u])
    steps = [
        f"node {names[v]} " + (f"comes after {', '.join(into[v])}" if into[v] else "has no edge into it")
        for v in solution
    ]
    return f" Because, {'; '.join(steps)}."


def solve_directed_cycle_check(graph: Graph, query: Query) -> bool:
    """Whether one can come back to a node along the edges' directions."""
    return len(topological_order(graph)) < graph.n


def say_directed_cycle_check(solution: bool, names: Names, query: Query) -> str:
    return "Yes, there is a directed cycle." if solution else "No, there is no directed cycle."


def explain_directed_cycle_check(
    graph: Graph, names: Names, query: Query, solution: bool, witness: Witness = None
) -> str:
    """The cycle, edge by edge; or an order in which every edge leads forward."""
    cycle = witness or find_cycle(graph)
    if not solution or cycle is None:
        return (
            " Because, every edge leads forward in the order"
            f" {', '.join(names[u] for u in topological_order(graph))}."
        )
    steps = zip(cycle, [*cycle[1:], cycle[0]], strict=True)
    return (
        " The cycle is:"
        f" {', '.join(f'there is an edge from node {names[u]} to node {names[v]}' for u, v in steps)}."
    )


def strong_components(graph: Graph) -> list[list[int]]:
    """The strongly connected components, each sorted, by their lowest ids (Kosaraju: two depth-first
    searches).

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
    """The nodes that are reached from the roots and were not seen, as a depth-first search finishes them;
    `seen` grows by them.
    """
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


def explain_strongly_connected_components(
    graph: Graph, names: Names, query: Query, solution: int, witness: Witness = None
) -> str:
    parts = "; ".join(", ".join(names[u] for u in part) for part in strong_components(graph))
    return f" The strongly connected components are: {parts}."


ORDERS = (
    Task(
        "topological_order",
        "search",
        "order",
        draw_nothing,
        question("Give a topological order of this graph."),
        solve_topological_order,
        say_nodes,
        explain_topological_order,
        transform="acyclic",
        requirements=(directed, acyclic, at_least(1)),
    ),
    Task(
        "directed_cycle_check",
        "search",
        "yes_no",
        draw_nothing,
        question("Is there a directed cycle in this graph?"),
        solve_directed_cycle_check,
        say_directed_cycle_check,
        explain_directed_cycle_check,
        transform="directed",
        requirements=(directed,),
    ),
    Task(
        "strongly_connected_components",
        "search",
        "integer",
        draw_nothing,
        question("How many strongly connected components are in this graph?"),
        solve_strongly_connected_components,
        say_number,
        explain_strongly_connected_components,
        transform="directed",
        requirements=(directed,),
    ),
)
