"""Search tasks: the solver must keep track of what it has visited (arXiv 2405.18512, section 3)."""

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from itertools import pairwise

from data_builders.graphs.graph import Graph
from data_builders.tasks.parallelizable import (
    components,
    explain_connectivity,
    explain_path,
    find_path,
    path_to,
)
from data_builders.tasks.requirements import at_least, positive, undirected
from data_builders.tasks.task import (
    Names,
    Query,
    Task,
    Witness,
    draw_node,
    draw_nothing,
    draw_pair,
    question,
    say_nodes,
    say_number,
)


def no_path(names: Names, source: int, target: int) -> str:
    return f"There is no path from node {names[source]} to node {names[target]}"


def solve_shortest_path(graph: Graph, query: Query) -> int | None:
    """Number of edges on a shortest path from the source to the target, None where there is none."""
    path = find_path(graph.adjacency, *query.nodes)
    return None if path is None else len(path) - 1


def say_shortest_path(solution: int | None, names: Names, query: Query) -> str:
    return f"{no_path(names, *query.nodes)}." if solution is None else f"{solution}."


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
    while path := find_path(open_ends := _positive(residual), source, target):
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
        return (
            f" Because, there is no path connecting node {names[source]} to node {names[target]} based on the"
            " graph description."
        )
    paths = []
    while path := find_path(_positive(flow), source, target):
        steps = list(pairwise(path))
        amount = min(flow[u][v] for u, v in steps)
        for u, v in steps:
            flow[u][v] -= amount
        paths.append(f"{amount} along the path {', '.join(names[u] for u in path)}")
    ways = graph.edges if graph.directed else (*graph.edges, *((v, u) for u, v in graph.edges))
    cut = [(u, v) for u, v in ways if u in side and v not in side]
    edges = ", ".join(f"({names[u]}, {names[v]}) with capacity {graph.weight(u, v)}" for u, v in cut)
    return (
        f" This is because the flow is {'; '.join(paths)}. No more can pass, since every path uses one of the"
        f" edges {edges}."
    )


def solve_shortest_path_nodes(graph: Graph, query: Query) -> list[int] | None:
    """The path that is first by node ids of those with the fewest edges, None where there is none; any other
    is as right.
    """
    ascending = {u: sorted(ends) for u, ends in graph.adjacency.items()}
    return find_path(ascending, *query.nodes)


def say_shortest_path_nodes(solution: Sequence[int] | None, names: Names, query: Query) -> str:
    return f"{no_path(names, *query.nodes)}." if solution is None else say_nodes(solution, names, query)


def explain_shortest_path_nodes(
    graph: Graph, names: Names, query: Query, solution: Sequence[int] | None, witness: Witness = None
) -> str:
    return explain_path(graph, names, query, solution is not None, witness or solution)


def lightest_path(graph: Graph, source: int, target: int) -> list[int] | None:
    """A path of the smallest total weight (Dijkstra), or None.

    >>> from data_builders.graphs.graph import from_edges
    >>> lightest_path(from_edges(3, [(0, 1, 5), (0, 2, 1), (1, 2, 2)]), 0, 1)
    [0, 2, 1]
    """
    before: dict[int, int] = {}
    heap = [(0, source, source)]
    while heap:
        weight, u, origin = heappop(heap)
        if u in before:
            continue
        before[u] = origin
        if u == target:
            return path_to(target, before)
        for v in graph.adjacency[u]:
            if v not in before:
                heappush(heap, (weight + graph.weight(u, v), v, u))
    return None


def solve_weighted_shortest_path(graph: Graph, query: Query) -> int | None:
    """Smallest total weight of a path from the source to the target, None where there is no path."""
    path = lightest_path(graph, *query.nodes)
    return None if path is None else sum(graph.weight(u, v) for u, v in pairwise(path))


def explain_weighted_shortest_path(
    graph: Graph, names: Names, query: Query, solution: int | None, witness: Witness = None
) -> str:
    path = witness or lightest_path(graph, *query.nodes)
    if path is None:
        return explain_path(graph, names, query, None)
    steps = [
        f"there is an edge of weight {graph.weight(u, v)} from node {names[u]} to node {names[v]}"
        for u, v in pairwise(path)
    ]
    total = " + ".join(str(graph.weight(u, v)) for u, v in pairwise(path))
    return f" Because, {', '.join(steps)}. In total, {total} = {solution}."


def eccentricities(graph: Graph) -> list[int]:
    """For each node of a connected graph, the distance to the node that is furthest from it.

    The nodes within k steps of a node are the bits of one integer, so that one more step is an `|` per edge
    end.

    >>> eccentricities(Graph({0: (1,), 1: (0, 2), 2: (1,)}))
    [2, 1, 2]
    """
    everything = (1 << graph.n) - 1
    within = [1 << u for u in range(graph.n)]
    furthest = [0] * graph.n
    missing = [u for u in range(graph.n) if within[u] != everything]
    steps = 0
    while missing:
        steps += 1
        further = within.copy()
        for u in missing:
            bits = within[u]
            for v in graph.adjacency[u]:
                bits |= within[v]
            further[u] = bits
            if bits == everything:
                furthest[u] = steps
        within = further
        missing = [u for u in missing if within[u] != everything]
    return furthest


def solve_diameter(graph: Graph, query: Query) -> int | None:
    """The largest distance between two nodes, None where the graph is not connected."""
    return max(eccentricities(graph)) if len(components(graph)) == 1 else None


def solve_radius(graph: Graph, query: Query) -> int | None:
    """The smallest number of steps within which some node reaches all, None where the graph is not
    connected.
    """
    return min(eccentricities(graph)) if len(components(graph)) == 1 else None


def say_eccentricity(solution: int | None, names: Names, query: Query) -> str:
    return "There is no path between some nodes." if solution is None else f"{solution}."


def _explain_eccentricity(graph: Graph, names: Names, solution: int | None, which: str) -> str:
    if solution is None:
        return explain_connectivity(graph, names, Query(), False)
    steps = ", ".join(f"{k} from node {names[u]}" for u, k in enumerate(eccentricities(graph)))
    return (
        f" This is because the distance to the furthest node is {steps}; the {which} of these is {solution}."
    )


def explain_diameter(
    graph: Graph, names: Names, query: Query, solution: int | None, witness: Witness = None
) -> str:
    return _explain_eccentricity(graph, names, solution, "largest")


def explain_radius(
    graph: Graph, names: Names, query: Query, solution: int | None, witness: Witness = None
) -> str:
    return _explain_eccentricity(graph, names, solution, "smallest")


def solve_bfs_order(graph: Graph, query: Query) -> list[int]:
    """The nodes that are reached from a node, in breadth-first order; of the neighbours of a node, the lower
    id first.

    >>> solve_bfs_order(Graph({0: (2, 1), 1: (0,), 2: (0,), 3: ()}), Query((0,)))
    [0, 1, 2]
    """
    order = list(query.nodes)
    seen = set(order)
    for u in order:
        new = [v for v in sorted(graph.adjacency[u]) if v not in seen]
        seen.update(new)
        order += new
    return order


def explain_bfs_order(
    graph: Graph, names: Names, query: Query, solution: Sequence[int], witness: Witness = None
) -> str:
    """What each node adds to the order, until nothing is left to add."""
    seen = {solution[0]}
    steps = []
    for u in solution:
        new = [v for v in sorted(graph.adjacency[u]) if v not in seen]
        seen.update(new)
        if new:
            steps.append(f"node {names[u]} adds {', '.join(names[v] for v in new)}")
    return (
        f" Because, {'; '.join(steps)}."
        if steps
        else f" Because, no edge leads from node {names[solution[0]]} to another node."
    )


SEARCH = (
    Task(
        "shortest_path",
        "search",
        "distance",
        draw_pair,
        question("What is the length of the shortest path from node {} to node {}?"),
        solve_shortest_path,
        say_shortest_path,
        explain_path,
        requirements=(at_least(2),),
    ),
    Task(
        "maximum_flow",
        "search",
        "integer",
        draw_pair,
        question("What is the maximum capacity of the flow from node {} to node {}?"),
        solve_maximum_flow,
        say_number,
        explain_maximum_flow,
        transform="capacity",
        requirements=(at_least(2), positive("capacities", "capacity")),
    ),
)

DISTANCES = (
    Task(
        "shortest_path_nodes",
        "search",
        "path",
        draw_pair,
        question("List the nodes of a shortest path from node {} to node {} in order."),
        solve_shortest_path_nodes,
        say_shortest_path_nodes,
        explain_shortest_path_nodes,
        requirements=(at_least(2),),
    ),
    Task(
        "weighted_shortest_path",
        "search",
        "distance",
        draw_pair,
        question("What is the smallest total weight of a path from node {} to node {}?"),
        solve_weighted_shortest_path,
        say_shortest_path,
        explain_weighted_shortest_path,
        transform="weight",
        requirements=(at_least(2), positive("weights", "weight")),
    ),
    Task(
        "diameter",
        "search",
        "distance",
        draw_nothing,
        question("What is the diameter of this graph?"),
        solve_diameter,
        say_eccentricity,
        explain_diameter,
        requirements=(undirected, at_least(1)),
    ),
    Task(
        "radius",
        "search",
        "distance",
        draw_nothing,
        question("What is the radius of this graph?"),
        solve_radius,
        say_eccentricity,
        explain_radius,
        requirements=(undirected, at_least(1)),
    ),
    Task(
        "bfs_order",
        "search",
        "order",
        draw_node,
        question(
            "List the nodes in breadth-first order from node {}, where the neighbors of a node are visited in"
            " the order in which the graph lists its nodes."
        ),
        solve_bfs_order,
        say_nodes,
        explain_bfs_order,
        requirements=(at_least(1),),
    ),
)
