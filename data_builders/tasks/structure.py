"""Tasks about the structure of the whole graph that take a matching, a peeling or a drawing in the plane to
decide.
"""

from collections.abc import Sequence

import networkx as nx

from data_builders.graphs.graph import Edge, Graph
from data_builders.tasks.components import components, listed
from data_builders.tasks.requirements import at_least, undirected
from data_builders.tasks.task import (
    Names,
    Query,
    Task,
    Witness,
    asking,
    draw_node,
    draw_nothing,
    say_number,
    say_yes_no,
)


def maximum_matching(graph: Graph) -> tuple[list[int], set[int]]:
    """The partner of each node in a maximum matching (-1 for none), and the nodes that some maximum matching
    leaves alone.

    Edmonds' blossom algorithm: a search from every node without a partner; the nodes at even distance in a
    search that finds nothing are those that a maximum matching can leave alone (Gallai and Edmonds).

    >>> maximum_matching(Graph({0: (1, 2), 1: (0,), 2: (0,)}))
    ([1, 0, -1], {1, 2})
    """
    partner = [-1] * graph.n
    for u in range(graph.n):  # a first matching, to leave less to search
        free = next((v for v in graph.adjacency[u] if partner[v] < 0 and v != u), None)
        if partner[u] < 0 and free is not None:
            partner[u], partner[free] = free, u
    roots = [u for u in range(graph.n) if partner[u] < 0]
    for root in roots:
        if partner[root] < 0:
            end, before, _ = _search(graph, partner, root)
            while end >= 0:
                previous = before[end]
                following = partner[previous]
                partner[end], partner[previous] = previous, end
                end = following
    alone = set()
    for root in roots:
        if partner[root] < 0:
            alone |= _search(graph, partner, root)[2]
    return partner, alone


def _search(graph: Graph, partner: list[int], root: int) -> tuple[int, list[int], set[int]]:
    """A breadth-first search along alternating paths: where one ends that can be turned over (-1 for none),
    the way back from each node at odd distance, and the nodes at even distance. Odd cycles are shrunk to
    their base."""
    base, before, even, queue = list(range(graph.n)), [-1] * graph.n, {root}, [root]

    def meeting(u: int, v: int) -> int:
        passed = set()
        while True:
            u = base[u]
            passed.add(u)
            if partner[u] < 0:
                break
            u = before[partner[u]]
        while base[v] not in passed:
            v = before[partner[base[v]]]
        return base[v]

    def mark(u: int, top: int, child: int, blossom: set[int]) -> None:
        while base[u] != top:
            blossom |= {base[u], base[partner[u]]}
            before[u] = child
            child = partner[u]
            u = before[child]

    for u in queue:
        for v in graph.adjacency[u]:
            if base[u] == base[v] or partner[u] == v:
                continue
            if v == root or (partner[v] >= 0 and before[partner[v]] >= 0):
                top, blossom = meeting(u, v), set[int]()
                mark(u, top, v, blossom)
                mark(v, top, u, blossom)
                for w in range(graph.n):
                    if base[w] in blossom:
                        base[w] = top
                        if w not in even:
                            even.add(w)
                            queue.append(w)
            elif before[v] < 0:
                before[v] = u
                if partner[v] < 0:
                    return v, before, even
                even.add(partner[v])
                queue.append(partner[v])
    return -1, before, even


def solve_maximum_matching_size(graph: Graph, query: Query) -> int:
    """Largest number of edges of which no two share a node; self loops do not count."""
    return sum(v >= 0 for v in maximum_matching(graph)[0]) // 2


def explain_maximum_matching_size(
    graph: Graph, names: Names, query: Query, solution: int, witness: Witness = None
) -> str:
    """The edges, and why there cannot be more: a set of nodes without which too many parts with an odd number
    of nodes are left.
    """
    partner, alone = maximum_matching(graph)
    edges = ", ".join(f"({names[u]}, {names[v]})" for u, v in enumerate(partner) if u < v)
    told = f" No two of the edges {edges} share a node" if edges else " No edge joins two different nodes"
    if not alone or not edges:
        return f"{told}, and every node is an end of one." if edges else f"{told}."
    barrier = {v for u in alone for v in graph.adjacency[u]} - alone
    left = {
        u: tuple(v for v in graph.adjacency[u] if v not in barrier)
        for u in range(graph.n)
        if u not in barrier
    }
    parts = "; ".join(listed(part, names) for part in _odd_parts(left))
    without = f"Without {listed(sorted(barrier), names)} the graph has" if barrier else "The graph has"
    return f"{told}. {without} the parts {parts} with an odd number of nodes, and at most {len(barrier)} of these can be matched in full."


def _odd_parts(adjacency: dict[int, tuple[int, ...]]) -> list[list[int]]:
    ids = sorted(adjacency)
    place = {u: i for i, u in enumerate(ids)}
    parts = components(Graph({place[u]: tuple(place[v] for v in adjacency[u]) for u in ids}))
    return [[ids[i] for i in part] for part in parts if len(part) % 2]


def core_numbers(graph: Graph) -> tuple[list[int], list[int]]:
    """The core number of each node, and the order in which nodes are peeled off: always one with the fewest
    neighbours left.

    >>> core_numbers(Graph({0: (1, 2), 1: (0, 2), 2: (0, 1, 3), 3: (2,)}))
    ([2, 2, 2, 1], [3, 0, 1, 2])
    """
    left = {u: len(set(ends) - {u}) for u, ends in graph.adjacency.items()}
    core, order, level = [0] * graph.n, [], 0
    buckets: list[set[int]] = [set() for _ in range(graph.n + 1)]
    for u, degree in left.items():
        buckets[degree].add(u)
    while left:
        degree = next(d for d, bucket in enumerate(buckets) if bucket)
        u = min(buckets[degree])
        buckets[degree].discard(u)
        level = max(level, degree)
        core[u] = level
        order.append(u)
        del left[u]
        for v in set(graph.adjacency[u]) & left.keys():
            buckets[left[v]].discard(v)
            left[v] -= 1
            buckets[left[v]].add(v)
    return core, order


def solve_core_number(graph: Graph, query: Query) -> int:
    """Largest k such that the node is in a subgraph in which every node has at least k neighbours; self loops
    do not count.
    """
    return core_numbers(graph)[0][query.nodes[0]]


def explain_core_number(
    graph: Graph, names: Names, query: Query, solution: int, witness: Witness = None
) -> str:
    """A group around the node that holds together, and the order in which taking away weaker nodes reaches it
    one step further.
    """
    core, order = core_numbers(graph)
    (node,) = query.nodes
    group = [u for u in range(graph.n) if core[u] >= solution]
    peeled = [u for u in order if core[u] <= solution]
    peeled = peeled[: peeled.index(node) + 1]
    holds = (
        f"each of the nodes {listed(group, names)} is connected to at least {solution} of the others"
        if solution
        else ""
    )
    each = f"taking away nodes with at most {solution} connections left, in the order {listed(peeled, names)}, reaches {names[node]}"
    return f" This is because {holds}{', and ' if holds else ''}{each}."


def _planar(edges: Sequence[Edge], n: int) -> bool:
    if len(edges) < 9 or n < 5:
        return True  # the smallest graphs that are not planar have 9 edges (K3,3) or 5 nodes (K5)
    return len(edges) <= 3 * n - 6 and nx.check_planarity(nx.Graph(edges))[0]


def _simple(graph: Graph) -> list[Edge]:
    return [edge for edge in graph.edges if edge[0] != edge[1]]


def solve_planarity_check(graph: Graph, query: Query) -> bool:
    """Whether the graph can be drawn in the plane without crossing edges."""
    return _planar(_simple(graph), graph.n)


def kuratowski(graph: Graph) -> list[Edge]:
    """The edges of a subdivision of K5 or K3,3 in a graph that is not planar: nodes, then edges are left out
    while it stays so.

    >>> from data_builders.graphs.graph import from_edges
    >>> len(kuratowski(from_edges(6, [(u, v) for u in range(6) for v in range(u)])))
    10
    """
    edges = _simple(graph)
    for u in range(graph.n):
        fewer = [edge for edge in edges if u not in edge]
        if not _planar(fewer, len({w for edge in fewer for w in edge})):
            edges = fewer
    for edge in list(edges):
        fewer = [other for other in edges if other != edge]
        if not _planar(fewer, len({w for other in fewer for w in other})):
            edges = fewer
    return edges


def faces(graph: Graph) -> list[list[int]]:
    """The faces of a drawing of a planar graph: for each, the nodes along its border, so that every edge is
    passed once each way.

    >>> faces(Graph({0: (1, 2), 1: (0, 2), 2: (0, 1)}))
    [[0, 2, 1], [0, 1, 2]]
    """
    _, embedding = nx.check_planarity(nx.Graph(_simple(graph)))
    marked: set[Edge] = set()
    return [embedding.traverse_face(u, v, marked) for u, v in embedding.edges() if (u, v) not in marked]


def explain_planarity_check(
    graph: Graph, names: Names, query: Query, solution: bool, witness: Witness = None
) -> str:
    """The faces of a drawing; or a subdivision of K5 or K3,3 (Kuratowski)."""
    if not solution:
        edges = kuratowski(graph)
        ends = [u for edge in edges for u in edge]
        corners = sorted({u for u in ends if ends.count(u) > 2})
        kind = "K5" if len(corners) == 5 else "K3,3"
        listing = ", ".join(f"({names[u]}, {names[v]})" for u, v in edges)
        return f" Because, the edges {listing} form a subdivision of {kind} with the corners {listed(corners, names)}."
    borders = "; ".join(listed(face, names) for face in faces(graph))
    return (
        f" Because, it can be drawn with the faces: {borders}."
        if borders
        else " Because, there are no edges between different nodes."
    )


STRUCTURE = (
    Task(
        "planarity_check",
        "parallelizable",
        "yes_no",
        draw_nothing,
        asking("Is this graph planar?"),
        solve_planarity_check,
        say_yes_no,
        explain_planarity_check,
        needs=(undirected,),
    ),
    Task(
        "maximum_matching_size",
        "search",
        "integer",
        draw_nothing,
        asking("How many edges are in a maximum matching of this graph?"),
        solve_maximum_matching_size,
        say_number,
        explain_maximum_matching_size,
        needs=(undirected,),
    ),
    Task(
        "core_number",
        "search",
        "integer",
        draw_node,
        asking("What is the core number of node {}?"),
        solve_core_number,
        say_number,
        explain_core_number,
        needs=(undirected, at_least(1)),
    ),
)
