"""Search tasks: the solver must keep track of what it has visited (arXiv 2405.18512, section 3)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from data_builders.graphs.graph import Graph
from data_builders.tasks.requirements import at_least, positive
from data_builders.tasks.task import Names, Query, Task, Witness, asking, draw_pair, say_number


def find_path(graph: Graph, source: int, target: int) -> list[int] | None:
    """A shortest path from source to target as a list of nodes, or None; breadth first, neighbours in
    adjacency order.

    >>> find_path(Graph({0: (1,), 1: (0, 2), 2: (1,), 3: ()}), 2, 0)
    [2, 1, 0]
    """
    return _path(graph.adjacency, source, target)


def _path(adjacency: Mapping[int, Sequence[int]], source: int, target: int) -> list[int] | None:
    before = {source: source}
    queue = [source]
    for u in queue:
        if u == target:
            path = [u]
            while u != source:
                u = before[u]
                path.append(u)
            return path[::-1]
        for v in adjacency[u]:
            if v not in before:
                before[v] = u
                queue.append(v)
    return None


def solve_shortest_path(graph: Graph, query: Query) -> int | None:
    """Number of edges on a shortest path from the source to the target, None where there is none."""
    path = find_path(graph, *query.nodes)
    return None if path is None else len(path) - 1


def say_shortest_path(solution: int | None, names: Names, query: Query) -> str:
    source, target = query.nodes
    return (
        f"There is no path from node {names[source]} to node {names[target]}."
        if solution is None
        else f"{solution}."
    )


def explain_path(
    graph: Graph, names: Names, query: Query, solution: bool | int | None, witness: Witness = None
) -> str:
    """A path, told edge by edge, for reachability and shortest_path; the space before the full stop is
    GraphQA's.
    """
    source, target = query.nodes
    path = witness or find_path(graph, source, target)
    if path is None:
        return f" Because, there is no path connecting node {names[source]} to node {names[target]} based on the graph description."
    steps = [f"there is an edge from node {names[u]} to node {names[v]}" for u, v in pairwise(path)]
    if len(steps) > 1:
        steps[-1] = f"and {steps[-1]}"
    return f" Because, {', '.join(steps)} ."


def maximum_flow(graph: Graph, source: int, target: int) -> tuple[int, dict[int, dict[int, int]], set[int]]:
    """Value of a maximum flow, the flow itself (u -> v -> amount, net and positive), and the source's side of
    a minimum cut.

    Edmonds and Karp: shortest augmenting paths. An undirected edge carries up to its capacity either way.
    """
    residual: dict[int, dict[int, int]] = {u: {} for u in graph.adjacency}
    for u, v in graph.edges:
        capacity = graph.weight(u, v)
        residual[u][v] = residual[u].get(v, 0) + capacity
        residual[v][u] = residual[v].get(u, 0) + (0 if graph.directed else capacity)
    start = {u: dict(ends) for u, ends in residual.items()}
    value = 0
    while path := _path(open_ends := _positive(residual), source, target):
        steps = list(pairwise(path))
        amount = min(residual[u][v] for u, v in steps)
        value += amount
        for u, v in steps:
            residual[u][v] -= amount
            residual[v][u] += amount
    flow = {
        u: {v: start[u][v] - left for v, left in ends.items() if start[u][v] > left}
        for u, ends in residual.items()
    }
    side, reached = {source}, [source]
    for u in reached:
        new = [v for v in open_ends[u] if v not in side]
        side.update(new)
        reached.extend(new)
    return value, flow, side


def _positive(amounts: Mapping[int, Mapping[int, int]]) -> dict[int, list[int]]:
    return {u: [v for v, amount in ends.items() if amount > 0] for u, ends in amounts.items()}


def solve_maximum_flow(graph: Graph, query: Query) -> int:
    """Largest amount that the capacities let through from the source to the target; 0 where there is no
    path.
    """
    return maximum_flow(graph, *query.nodes)[0]


def explain_maximum_flow(
    graph: Graph, names: Names, query: Query, solution: int, witness: Witness = None
) -> str:
    """Paths that carry the flow, then a cut of the same capacity, which no flow can pass: together a
    proof.
    """
    source, target = query.nodes
    value, flow, side = maximum_flow(graph, source, target)
    if not value:
        return f" Because, there is no path connecting node {names[source]} to node {names[target]} based on the graph description."
    paths = []
    while path := _path(_positive(flow), source, target):
        steps = list(pairwise(path))
        amount = min(flow[u][v] for u, v in steps)
        for u, v in steps:
            flow[u][v] -= amount
        paths.append(f"{amount} along the path {', '.join(names[u] for u in path)}")
    ways = graph.edges if graph.directed else (*graph.edges, *((v, u) for u, v in graph.edges))
    cut = [(u, v) for u, v in ways if u in side and v not in side]
    edges = ", ".join(f"({names[u]}, {names[v]}) with capacity {graph.weight(u, v)}" for u, v in cut)
    return f" This is because the flow is {'; '.join(paths)}. No more can pass, since every path uses one of the edges {edges}."


SEARCH = (
    Task(
        "shortest_path",
        "search",
        "distance",
        draw_pair,
        asking("What is the length of the shortest path from node {} to node {}?"),
        solve_shortest_path,
        say_shortest_path,
        explain_path,
        needs=(at_least(2),),
    ),
    Task(
        "maximum_flow",
        "search",
        "integer",
        draw_pair,
        asking("What is the maximum capacity of the flow from node {} to node {}?"),
        solve_maximum_flow,
        say_number,
        explain_maximum_flow,
        form="capacity",
        needs=(at_least(2), positive("capacities", "capacity")),
    ),
)
