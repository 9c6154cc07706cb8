"""Parallelizable tasks: solved in logarithmic depth, but not by one look (arXiv 2405.18512, section 3).

node_classification is not in that paper; it stands here because the answer is a majority over a
neighbourhood.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

from data_builders.graphs.graph import Edge, Graph, union
from data_builders.tasks.requirements import at_least, positive, two_blocks, undirected
from data_builders.tasks.task import (
    Names,
    Query,
    Task,
    Witness,
    draw_nothing,
    draw_pair,
    question,
    say_number,
    say_yes_no,
)

CLASSES = ("soccer", "baseball", "tennis", "golf", "football", "surfing")


def path_to(target: int, before: Mapping[int, int]) -> list[int]:
    """The path that a search took to `target`: `before` has each node's predecessor, the source its own.

    >>> path_to(2, {0: 0, 1: 0, 2: 1})
    [0, 1, 2]
    """
    path = [target]
    while before[path[-1]] != path[-1]:
        path.append(before[path[-1]])
    return path[::-1]


def find_path(adjacency: Mapping[int, Sequence[int]], source: int, target: int) -> list[int] | None:
    """A shortest path from source to target as a list of nodes, or None; breadth first, neighbours in
    adjacency order.

    >>> find_path({0: (1,), 1: (0, 2), 2: (1,), 3: ()}, 2, 0)
    [2, 1, 0]
    """
    before = {source: source}
    queue = [source]
    for u in queue:
        if u == target:
            return path_to(target, before)
        for v in adjacency[u]:
            if v not in before:
                before[v] = u
                queue.append(v)
    return None


def explain_path(
    graph: Graph, names: Names, query: Query, solution: bool | int | None, witness: Witness = None
) -> str:
    """A path, told edge by edge, for reachability and shortest_path; the space before the full stop is
    GraphQA's.
    """
    source, target = query.nodes
    path = witness or find_path(graph.adjacency, source, target)
    if path is None:
        return (
            f" Because, there is no path connecting node {names[source]} to node {names[target]} based on the"
            " graph description."
        )
    steps = [f"there is an edge from node {names[u]} to node {names[v]}" for u, v in pairwise(path)]
    if len(steps) > 1:
        steps[-1] = f"and {steps[-1]}"
    return f" Because, {', '.join(steps)} ."


def solve_reachability(graph: Graph, query: Query) -> bool:
    """Whether a path leads from the source to the target; in a directed graph, along the edges'
    directions.
    """
    source, target = query.nodes
    return find_path(graph.adjacency, source, target) is not None


def solve_cycle_check(graph: Graph, query: Query) -> bool:
    """Whether there is a cycle: a self loop is one; in a directed graph, directions count and two opposite
    edges are one.

    A forest has fewer edges than nodes, so most graphs are decided by counting; a union-find decides the
    rest.
    """
    if graph.directed:
        return find_cycle(graph) is not None
    if graph.m >= graph.n:
        return True
    parent = list(range(graph.n))
    return any(not union(parent, u, v) for u, v in graph.edges)


def find_cycle(graph: Graph) -> list[int] | None:
    """Nodes of a cycle in its order, each once, or None: the first that a depth-first search closes.

    >>> find_cycle(Graph({0: (1,), 1: (0, 2, 3), 2: (1, 3), 3: (1, 2)}))
    [1, 2, 3]
    """
    finished: set[int] = set()
    for root in graph.adjacency:
        if root in finished:
            continue
        trail, position, pending = [root], {root: 0}, [iter(graph.adjacency[root])]
        while trail:
            for v in pending[-1]:
                back = (
                    not graph.directed and len(trail) > 1 and v == trail[-2]
                )  # an undirected edge is no way back
                if v in position and not back:
                    return trail[position[v] :]
                if v not in position and v not in finished:
                    position[v] = len(trail)
                    trail.append(v)
                    pending.append(iter(graph.adjacency[v]))
                    break
            else:
                pending.pop()
                node = trail.pop()
                del position[node]
                finished.add(node)
    return None


def say_cycle_check(solution: bool, names: Names, query: Query) -> str:
    return "Yes, there is a cycle." if solution else "No, there is no cycle."


def explain_cycle_check(
    graph: Graph, names: Names, query: Query, solution: bool, witness: Witness = None
) -> str:
    """The cycle, told edge by edge; GraphQA gives no reason for "No"."""
    cycle = witness or find_cycle(graph)
    if not solution or cycle is None:
        return ""
    steps = zip(cycle, [*cycle[1:], cycle[0]], strict=True)
    return f"The cycle is: {', '.join(f'{names[u]} is connected to {names[v]}' for u, v in steps)}."


def draw_node_classification(graph: Graph, rng: random.Random) -> Query:
    """Two class words, one per planted block; n // 2 + 1 nodes of which all but the last are labelled, the
    last is asked.
    """
    classes = tuple(rng.sample(CLASSES, 2))
    *labelled, target = rng.sample(range(graph.n), graph.n // 2 + 1)
    return Query((target,), classes, {v: classes[graph.blocks[v]] for v in labelled})


def ask_node_classification(names: Names, query: Query) -> str:
    likes = "".join(f"Node {names[v]} likes {word}.\n" for v, word in query.labels.items())
    return f"{likes}Q: Does node {names[query.nodes[0]]} like {query.classes[0]} or {query.classes[1]}?\nA: "


def solve_node_classification(graph: Graph, query: Query) -> str:
    """The word of the node's planted block; the text makes it likely (dense blocks, few edges between), not
    certain.
    """
    return query.classes[graph.blocks[query.nodes[0]]]


def say_node_classification(solution: str, names: Names, query: Query) -> str:
    return solution


def explain_node_classification(
    graph: Graph, names: Names, query: Query, solution: str, witness: Witness = None
) -> str:
    """GraphQA's sentence where it is true of the planted classes; where it is not, the text has no reason to
    give, and this says so.
    """
    (node,) = query.nodes
    others = [query.classes[graph.blocks[v]] for v in graph.adjacency[node] if v != node]
    if 2 * others.count(solution) > len(others):
        return (
            f" This is because most of the nodes that are connected to node {names[node]} likes {solution}."
        )
    return f" The nodes that are connected to node {names[node]} do not settle it."


def components(graph: Graph) -> list[list[int]]:
    """The connected components, each in breadth-first order from its first node; directions are followed both
    ways.

    >>> components(Graph({0: (2,), 1: (), 2: (0,)}))
    [[0, 2], [1]]
    """
    ends = graph.adjacency if not graph.directed else _both_ways(graph)
    seen: set[int] = set()
    out = []
    for root in range(graph.n):
        if root not in seen:
            seen.add(root)
            part = [root]
            for u in part:
                new = [v for v in ends[u] if v not in seen]
                seen.update(new)
                part += new
            out.append(part)
    return out


def _both_ways(graph: Graph) -> dict[int, list[int]]:
    ends: dict[int, list[int]] = {u: [] for u in graph.adjacency}
    for u, v in graph.edges:
        ends[u].append(v)
        ends[v].append(u)
    return ends


def listed(nodes: list[int], names: Names) -> str:
    return ", ".join([names[u] for u in nodes])


def solve_connectivity(graph: Graph, query: Query) -> bool:
    """Whether there is a path between any two nodes."""
    return len(components(graph)) == 1


def explain_connectivity(
    graph: Graph, names: Names, query: Query, solution: bool, witness: Witness = None
) -> str:
    """What is reached from the first node: all, or another node is left."""
    first, *others = components(graph)
    if solution:
        return f" Because, all nodes are reached from node {names[first[0]]}: {listed(first, names)}."
    apart = names[others[0][0]]
    return (
        f" Because, there is no path from node {names[first[0]]} to node {apart}: from it, only"
        f" {listed(first, names)} are reached."
    )


def solve_component_count(graph: Graph, query: Query) -> int:
    return len(components(graph))


def explain_component_count(
    graph: Graph, names: Names, query: Query, solution: int, witness: Witness = None
) -> str:
    parts = "; ".join(listed(part, names) for part in components(graph))
    return f" The connected components are: {parts}."


def two_colouring(graph: Graph) -> tuple[list[int], list[int] | None]:
    """A colour, 0 or 1, for each node, and None where no edge joins two nodes of one colour; else the nodes
    of an odd cycle.

    >>> two_colouring(Graph({0: (1, 2), 1: (0, 2), 2: (0, 1)}))[1]
    [1, 0, 2]
    """
    colour, before = [-1] * graph.n, [-1] * graph.n
    for root in range(graph.n):
        if colour[root] >= 0:
            continue
        colour[root] = 0
        queue = [root]
        for u in queue:
            for v in graph.adjacency[u]:
                if colour[v] < 0:
                    colour[v], before[v] = 1 - colour[u], u
                    queue.append(v)
                elif colour[v] == colour[u]:
                    return colour, _odd_cycle(u, v, before)
    return colour, None


def _odd_cycle(u: int, v: int, before: list[int]) -> list[int]:
    """The edge (u, v) of two nodes of one colour closes a cycle with their ways back to where these meet."""
    up, down = [u], [v]
    while before[up[-1]] >= 0:
        up.append(before[up[-1]])
    place = {node: i for i, node in enumerate(up)}
    while down[-1] not in place:
        down.append(before[down[-1]])
    return up[: place[down[-1]]] + down[::-1] if u != v else [u]


def solve_bipartite_check(graph: Graph, query: Query) -> bool:
    """Whether the nodes fall into two sets with every edge between them; a self loop prevents it."""
    return two_colouring(graph)[1] is None


def explain_bipartite_check(
    graph: Graph, names: Names, query: Query, solution: bool, witness: Witness = None
) -> str:
    """The two sets, or a cycle of odd length."""
    colour, cycle = two_colouring(graph)
    if cycle is not None:
        return f" Because, there is a cycle of odd length: {listed(cycle, names)}."
    if not graph.edges:
        return " Because, there are no edges."
    one, other = ([u for u in range(graph.n) if colour[u] == c] for c in (0, 1))
    return (
        f" Because, every edge joins one of the nodes {listed(one, names)} and one of the nodes"
        f" {listed(other, names)}."
    )


def solve_tree_check(graph: Graph, query: Query) -> bool:
    """Whether the graph is connected and has no cycle."""
    return graph.m == graph.n - 1 and len(components(graph)) == 1


def explain_tree_check(
    graph: Graph, names: Names, query: Query, solution: bool, witness: Witness = None
) -> str:
    """Connected, and one edge less than nodes; or not connected; or a cycle."""
    connected = len(components(graph)) == 1
    if not connected or solution:
        reason = explain_connectivity(graph, names, query, connected)
        return f"{reason} There are {graph.n} nodes and {graph.m} edges, one less." if solution else reason
    cycle = find_cycle(graph)
    assert cycle is not None, "a connected graph that is no tree has a cycle"
    return f" Because, there is a cycle: {listed(cycle, names)}."


def _odd_nodes(graph: Graph) -> list[int]:
    """Nodes of odd degree; a self loop counts twice."""
    return [u for u in range(graph.n) if (len(graph.adjacency[u]) + (u in graph.adjacency[u])) % 2]


def solve_euler_circuit_check(graph: Graph, query: Query) -> bool:
    """Whether a closed walk uses every edge once: all degrees are even, and all edges are in one
    component.
    """
    return (
        not _odd_nodes(graph)
        and sum(any(graph.adjacency[u] for u in part) for part in components(graph)) <= 1
    )


def explain_euler_circuit_check(
    graph: Graph, names: Names, query: Query, solution: bool, witness: Witness = None
) -> str:
    """The circuit; or a node of odd degree; or two edges without a way between them."""
    if solution:
        return (
            f" Because, such a walk is: {listed(euler_circuit(graph), names)}."
            if graph.edges
            else " Because, there are no edges."
        )
    for u in _odd_nodes(graph):
        degree = len(graph.adjacency[u]) + (u in graph.adjacency[u])
        return (
            f" Because, node {names[u]} has the odd degree {degree}: it is connected to"
            f" {listed(list(graph.adjacency[u]), names)}."
        )
    one, other = [part for part in components(graph) if graph.adjacency[part[0]]][:2]
    return (
        f" Because, there is no path from node {names[one[0]]} to node {names[other[0]]}, and both have"
        " edges."
    )


def euler_circuit(graph: Graph) -> list[int]:
    """The nodes along a closed walk that uses every edge once, the first again at the end (Hierholzer).

    >>> euler_circuit(Graph({0: (1, 2), 1: (0, 2), 2: (0, 1)}))
    [0, 2, 1, 0]
    """
    left = {u: list(reversed(ends)) for u, ends in graph.adjacency.items()}
    used: set[Edge] = set()
    trail, circuit = [next(u for u, ends in graph.adjacency.items() if ends)], []
    while trail:
        u = trail[-1]
        while left[u] and (min(u, left[u][-1]), max(u, left[u][-1])) in used:
            left[u].pop()
        if left[u]:
            v = left[u].pop()
            used.add((min(u, v), max(u, v)))
            trail.append(v)
        else:
            circuit.append(trail.pop())
    return circuit


def spanning_forest(graph: Graph) -> list[Edge]:
    """The edges of a minimum spanning forest in the order in which Kruskal takes them: by weight, then as the
    text lists them.
    """
    parent = list(range(graph.n))
    taken = []
    for u, v in sorted(graph.edges, key=lambda edge: graph.weight(*edge)):
        if union(parent, u, v):
            taken.append((u, v))
    return taken


def solve_minimum_spanning_tree_weight(graph: Graph, query: Query) -> int:
    """Total weight of a minimum spanning tree of every component."""
    return sum(graph.weight(u, v) for u, v in spanning_forest(graph))


def explain_minimum_spanning_tree_weight(
    graph: Graph, names: Names, query: Query, solution: int, witness: Witness = None
) -> str:
    taken = spanning_forest(graph)
    if not taken:
        return " This is because no edge joins two different nodes."
    edges = ", ".join(f"({names[u]}, {names[v]}) of weight {graph.weight(u, v)}" for u, v in taken)
    total = " + ".join(str(graph.weight(u, v)) for u, v in taken)
    return (
        f" From the lightest edge to the heaviest, without those that would close a cycle, we take {edges}."
        f" In total, {total} = {solution}."
    )


PARALLELIZABLE = (
    Task(
        "cycle_check",
        "parallelizable",
        "yes_no",
        draw_nothing,
        question("Is there a cycle in this graph?"),
        solve_cycle_check,
        say_cycle_check,
        explain_cycle_check,
    ),
    Task(
        "reachability",
        "parallelizable",
        "yes_no",
        draw_pair,
        question("Is there a path from node {} to node {}?"),
        solve_reachability,
        say_yes_no,
        explain_path,
        requirements=(at_least(2),),
    ),
    Task(
        "node_classification",
        "parallelizable",
        "label",
        draw_node_classification,
        ask_node_classification,
        solve_node_classification,
        say_node_classification,
        explain_node_classification,
        requirements=(at_least(2), two_blocks),
        generator="two_blocks",
    ),
)

COMPONENTS = (
    Task(
        "connectivity",
        "parallelizable",
        "yes_no",
        draw_nothing,
        question("Is this graph connected?"),
        solve_connectivity,
        say_yes_no,
        explain_connectivity,
        requirements=(undirected, at_least(1)),
    ),
    Task(
        "component_count",
        "parallelizable",
        "integer",
        draw_nothing,
        question("How many connected components are in this graph?"),
        solve_component_count,
        say_number,
        explain_component_count,
        requirements=(undirected,),
    ),
    Task(
        "bipartite_check",
        "parallelizable",
        "yes_no",
        draw_nothing,
        question("Is this graph bipartite?"),
        solve_bipartite_check,
        say_yes_no,
        explain_bipartite_check,
        requirements=(undirected,),
    ),
    Task(
        "tree_check",
        "parallelizable",
        "yes_no",
        draw_nothing,
        question("Is this graph a tree?"),
        solve_tree_check,
        say_yes_no,
        explain_tree_check,
        transform="nearly_tree",
        requirements=(undirected, at_least(1)),
    ),
    Task(
        "euler_circuit_check",
        "parallelizable",
        "yes_no",
        draw_nothing,
        question("Is there an Euler circuit in this graph?"),
        solve_euler_circuit_check,
        say_yes_no,
        explain_euler_circuit_check,
        transform="even",
        requirements=(undirected,),
    ),
    Task(
        "minimum_spanning_tree_weight",
        "parallelizable",
        "integer",
        draw_nothing,
        question("What is the total weight of a minimum spanning forest of this graph?"),
        solve_minimum_spanning_tree_weight,
        say_number,
        explain_minimum_spanning_tree_weight,
        transform="weight",
        requirements=(undirected, positive("weights", "weight")),
    ),
)
