"""Tasks about the structure of the whole graph, which take a search among all orders, a matching, a peeling
or a drawing in the plane to decide.

The Hamiltonian path is the one task here that is NP-complete: its search gives up late, and a table that
never does goes on from there.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

import networkx as nx
import numpy as np

from data_builders.graphs.graph import Edge, Graph
from data_builders.tasks.parallelizable import components, listed
from data_builders.tasks.requirements import at_least, at_most, undirected
from data_builders.tasks.task import (
    Names,
    Query,
    Task,
    Witness,
    draw_node,
    draw_nothing,
    question,
    say_nodes,
    say_number,
    say_yes_no,
)

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
        candidates = int(starts[left]) & (out[path[-1]] if path else left)
        if not candidates:
            return None
        path.append((candidates & -candidates).bit_length() - 1)
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
    separation = barrier(graph)
    if separation is None:
        return " Because, none of the orders of all nodes follows the edges."
    nodes, parts = separation
    without = f"without {', '.join(names[u] for u in nodes)}" if nodes else "as it is"
    pieces = "; ".join(", ".join(names[u] for u in part) for part in parts)
    return (
        f" Because, {without}, the graph has the separate parts {pieces}, and a path can visit at most"
        f" {len(nodes) + 1} of them."
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
    claim = f" No two of the edges {edges} share a node" if edges else " No edge joins two different nodes"
    if not alone or not edges:
        return f"{claim}, and every node is an end of one." if edges else f"{claim}."
    barrier = {v for u in alone for v in graph.adjacency[u]} - alone
    left = {
        u: tuple(v for v in graph.adjacency[u] if v not in barrier)
        for u in range(graph.n)
        if u not in barrier
    }
    parts = "; ".join(listed(part, names) for part in _odd_parts(left))
    without = f"Without {listed(sorted(barrier), names)} the graph has" if barrier else "The graph has"
    return (
        f"{claim}. {without} the parts {parts} with an odd number of nodes, and at most {len(barrier)} of"
        " these can be matched in full."
    )


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
    each = (
        f"taking away nodes with at most {solution} connections left, in the order {listed(peeled, names)},"
        f" reaches {names[node]}"
    )
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
        return (
            f" Because, the edges {listing} form a subdivision of {kind} with the corners"
            f" {listed(corners, names)}."
        )
    borders = "; ".join(listed(face, names) for face in faces(graph))
    return (
        f" Because, it can be drawn with the faces: {borders}."
        if borders
        else " Because, there are no edges between different nodes."
    )


STRUCTURE = (
    Task(
        "hamiltonian_path",
        "search",
        "path",
        draw_nothing,
        question("Give a Hamiltonian path of this graph."),
        solve_hamiltonian_path,
        say_hamiltonian_path,
        explain_hamiltonian_path,
        requirements=(at_least(1), at_most(HAMILTONIAN_LIMIT)),
    ),
    Task(
        "planarity_check",
        "parallelizable",
        "yes_no",
        draw_nothing,
        question("Is this graph planar?"),
        solve_planarity_check,
        say_yes_no,
        explain_planarity_check,
        requirements=(undirected,),
    ),
    Task(
        "maximum_matching_size",
        "search",
        "integer",
        draw_nothing,
        question("How many edges are in a maximum matching of this graph?"),
        solve_maximum_matching_size,
        say_number,
        explain_maximum_matching_size,
        requirements=(undirected,),
    ),
    Task(
        "core_number",
        "search",
        "integer",
        draw_node,
        question("What is the core number of node {}?"),
        solve_core_number,
        say_number,
        explain_core_number,
        requirements=(undirected, at_least(1)),
    ),
)
