"""Parallelizable tasks: solved in logarithmic depth, but not by one look (arXiv 2405.18512, section 3).

node_classification is not in that paper; it stands here because the answer is a majority over a
neighbourhood.
"""

import random

from data_builders.graphs.graph import Graph
from data_builders.tasks.requirements import at_least, two_blocks
from data_builders.tasks.search import explain_path, find_path
from data_builders.tasks.task import Names, Query, Task, Witness, asking, draw_nothing, draw_pair, say_yes_no

CLASSES = ("soccer", "baseball", "tennis", "golf", "football", "surfing")


def solve_reachability(graph: Graph, query: Query) -> bool:
    """Whether a path leads from the source to the target; in a directed graph, along the edges'
    directions.
    """
    source, target = query.nodes
    return find_path(graph, source, target) is not None


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
    for u, v in graph.edges:
        while parent[u] != u:
            parent[u] = u = parent[parent[u]]
        while parent[v] != v:
            parent[v] = v = parent[parent[v]]
        if u == v:
            return True
        parent[u] = v
    return False


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
    *labelled, asked = rng.sample(range(graph.n), graph.n // 2 + 1)
    return Query((asked,), classes, {v: classes[graph.blocks[v]] for v in labelled})


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


PARALLELIZABLE = (
    Task(
        "cycle_check",
        "parallelizable",
        "yes_no",
        draw_nothing,
        asking("Is there a cycle in this graph?"),
        solve_cycle_check,
        say_cycle_check,
        explain_cycle_check,
    ),
    Task(
        "reachability",
        "parallelizable",
        "yes_no",
        draw_pair,
        asking("Is there a path from node {} to node {}?"),
        solve_reachability,
        say_yes_no,
        explain_path,
        needs=(at_least(2),),
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
        needs=(at_least(2), two_blocks),
        generator="two_blocks",
    ),
)
