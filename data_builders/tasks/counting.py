"""Counting tasks: how often a small pattern occurs (arXiv 2405.18512, section 3)."""

from data_builders.graphs.graph import Graph
from data_builders.tasks.task import Names, Query, Task, Witness, draw_nothing, question, say_number


def triangles_per_node(graph: Graph) -> list[int]:
    """For each node id, the number of triangles that it is a corner of; self loops and directions are
    ignored.

    A node's neighbourhood is the bits of one integer, so two neighbourhoods meet in one `&`.

    >>> triangles_per_node(Graph({0: (1, 2), 1: (0, 2), 2: (0, 1), 3: ()}))
    [1, 1, 1, 0]
    """
    bits = [0] * graph.n
    for u, v in graph.edges:
        if u != v:
            bits[u] |= 1 << v
            bits[v] |= 1 << u
    twice = [0] * graph.n
    for u, v in {(min(e), max(e)) for e in graph.edges} if graph.directed else graph.edges:
        if u != v:
            common = (bits[u] & bits[v]).bit_count()
            twice[u] += common
            twice[v] += common
    return [count // 2 for count in twice]


def solve_triangle_counting(graph: Graph, query: Query) -> int:
    return sum(triangles_per_node(graph)) // 3


def explain_triangle_counting(
    graph: Graph, names: Names, query: Query, solution: int, witness: Witness = None
) -> str:
    if not solution:
        return "No three nodes form a triangle of edges."
    counts = triangles_per_node(graph)
    lines = [
        f"There {'is 1 triangle' if counts[u] == 1 else f'are {counts[u]} triangles'} including node"
        f" {names[u]} as a vertex.\n"
        for u in graph.adjacency
        if counts[u]
    ]
    total = (
        f"Summing the number of triangles for all nodes and dividing them by three gives us {solution}"
        " triangles in total."
    )
    return "".join(lines) + total


COUNTING = (
    Task(
        "triangle_counting",
        "counting",
        "integer",
        draw_nothing,
        question("How many triangles are in this graph?"),
        solve_triangle_counting,
        say_number,
        explain_triangle_counting,
    ),
)
