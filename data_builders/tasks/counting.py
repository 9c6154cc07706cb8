"""Counting tasks: how often a small pattern occurs (arXiv 2405.18512, section 3)."""

from collections.abc import Collection

from data_builders.graphs.graph import Edge, Graph
from data_builders.tasks.task import Names, Query, Task, Witness, draw_nothing, question, say_number


def triangles_per_node(graph: Graph) -> list[int]:
    """For each node id, the number of triangles that it is a corner of; self loops and directions are
    ignored.

    >>> triangles_per_node(Graph({0: (1, 2), 1: (0, 2), 2: (0, 1), 3: ()}))
    [1, 1, 1, 0]
    """
    edges, bits = _neighbourhoods(graph)
    twice = [0] * graph.n
    for u, v in edges:
        common = (bits[u] & bits[v]).bit_count()
        twice[u] += common
        twice[v] += common
    return [count // 2 for count in twice]


def solve_triangle_counting(graph: Graph, query: Query) -> int:
    edges, bits = _neighbourhoods(graph)
    return sum([(bits[u] & bits[v]).bit_count() for u, v in edges]) // 3


def _neighbourhoods(graph: Graph) -> tuple[Collection[Edge], list[int]]:
    """The edges without self loops and directions; and each node's neighbours as the bits of one integer, so
    that two neighbourhoods meet in one `&`.
    """
    edges: Collection[Edge] = graph.edges
    if graph.directed:
        edges = {(min(edge), max(edge)) for edge in edges}
    edges = [(u, v) for u, v in edges if u != v]
    bits = [0] * graph.n
    for u, v in edges:
        bits[u] |= 1 << v
        bits[v] |= 1 << u
    return edges, bits


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
