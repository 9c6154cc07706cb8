"""Retrieval tasks: the answer is looked up in one place or counted along the text (arXiv 2405.18512, section
3).
"""

from data_builders.graphs.graph import Graph
from data_builders.graphs.names import listing, pair_texts
from data_builders.tasks.requirements import at_least
from data_builders.tasks.task import (
    Names,
    Query,
    Task,
    Witness,
    draw_node,
    draw_nothing,
    draw_pair,
    question,
    say_number,
    say_yes_no,
)


def solve_edge_existence(graph: Graph, query: Query) -> bool:
    """Whether there is an edge from the source to the target; in a directed graph, its direction counts."""
    source, target = query.nodes
    return graph.has_edge(source, target)


def explain_edge_existence(
    graph: Graph, names: Names, query: Query, solution: bool, witness: Witness = None
) -> str:
    source, target = query.nodes
    return (
        f" Because, there is {'an' if solution else 'no'} edge from {names[source]} to {names[target]} in the"
        " graph description."
    )


def solve_node_degree(graph: Graph, query: Query) -> int:
    """Number of edge ends at the node: a self loop counts twice; in a directed graph, in-degree plus
    out-degree.
    """
    (node,) = query.nodes
    neighbours = graph.adjacency[node]
    if graph.directed:
        return len(neighbours) + sum(node in successors for successors in graph.adjacency.values())
    return len(neighbours) + (node in neighbours)


def explain_node_degree(
    graph: Graph, names: Names, query: Query, solution: int, witness: Witness = None
) -> str:
    (node,) = query.nodes
    out = listing([names[v] for v in graph.adjacency[node]]) if graph.adjacency[node] else "no nodes"
    if graph.directed:
        sources = [names[u] for u, successors in graph.adjacency.items() if node in successors]
        return (
            f" This is because {names[node]} has edges to {out}, and edges from"
            f" {listing(sources) if sources else 'no nodes'}."
        )
    loop = ", and a connection to itself counts twice" if node in graph.adjacency[node] else ""
    return f" This is because {names[node]} is connected to {out}{loop}."


def solve_node_count(graph: Graph, query: Query) -> int:
    return graph.n


def explain_node_count(
    graph: Graph, names: Names, query: Query, solution: int, witness: Witness = None
) -> str:
    return f" The nodes are {listing(names)}."


def solve_edge_count(graph: Graph, query: Query) -> int:
    """Number of edges; a self loop counts once."""
    return graph.m


def explain_edge_count(
    graph: Graph, names: Names, query: Query, solution: int, witness: Witness = None
) -> str:
    return f" The edges are {', '.join(pair_texts(names, graph.edges, '(', ', ', ')'))}."


def say_count(solution: int, names: Names, query: Query) -> str:
    """GraphQA puts a space before the two counts of the whole graph."""
    return f" {solution}."


def solve_connected_nodes(graph: Graph, query: Query) -> list[int]:
    """The neighbours (successors, if directed), in adjacency order; a node with a self loop is among its
    own.
    """
    return list(graph.adjacency[query.nodes[0]])


def _connected(solution: list[int], names: Names) -> str:
    out = [names[v] for v in solution]
    # GraphQA sorts names, but leaves numbers in the order of the graph.
    return ", ".join(out if all(name.isdecimal() for name in out) else sorted(out)) + "."


def say_connected_nodes(solution: list[int], names: Names, query: Query) -> str:
    return _connected(solution, names) if solution else " No nodes."


def explain_connected_nodes(
    graph: Graph, names: Names, query: Query, solution: list[int], witness: Witness = None
) -> str:
    source = names[query.nodes[0]]
    if not solution:
        return f" This is because {source} is not connected to any node."
    return f" This is because there is an edge from {source} to {_connected(solution, names)}."


def solve_disconnected_nodes(graph: Graph, query: Query) -> list[int]:
    """The other nodes to which there is no edge from this one, in id order."""
    (node,) = query.nodes
    neighbours = set(graph.adjacency[node])
    return [v for v in range(graph.n) if v != node and v not in neighbours]


def say_disconnected_nodes(solution: list[int], names: Names, query: Query) -> str:
    return ", ".join(sorted([names[v] for v in solution])) + "." if solution else "No nodes."


def explain_disconnected_nodes(
    graph: Graph, names: Names, query: Query, solution: list[int], witness: Witness = None
) -> str:
    source = names[query.nodes[0]]
    if not solution:
        return f" This is because {source} is connected to all other nodes."
    return (
        f" This is because there is not an edge from {source} to"
        f" {say_disconnected_nodes(solution, names, query)}."
    )


RETRIEVAL = (
    Task(
        "edge_existence",
        "retrieval",
        "yes_no",
        draw_pair,
        question("Is node {} connected to node {}?"),
        solve_edge_existence,
        say_yes_no,
        explain_edge_existence,
        requirements=(at_least(2),),
    ),
    Task(
        "node_degree",
        "retrieval",
        "integer",
        draw_node,
        question("What is the degree of node {}?"),
        solve_node_degree,
        say_number,
        explain_node_degree,
        requirements=(at_least(1),),
    ),
    Task(
        "node_count",
        "retrieval",
        "integer",
        draw_nothing,
        question("How many nodes are in this graph?"),
        solve_node_count,
        say_count,
        explain_node_count,
    ),
    Task(
        "edge_count",
        "retrieval",
        "integer",
        draw_nothing,
        question("How many edges are in this graph?"),
        solve_edge_count,
        say_count,
        explain_edge_count,
    ),
    Task(
        "connected_nodes",
        "retrieval",
        "node_set",
        draw_node,
        question("List all the nodes connected to {} in alphabetical order."),
        solve_connected_nodes,
        say_connected_nodes,
        explain_connected_nodes,
        requirements=(at_least(1),),
    ),
    Task(
        "disconnected_nodes",
        "retrieval",
        "node_set",
        draw_node,
        question("List all the nodes that are not connected to {} in alphabetical order."),
        solve_disconnected_nodes,
        say_disconnected_nodes,
        explain_disconnected_nodes,
        requirements=(at_least(1),),
    ),
)
