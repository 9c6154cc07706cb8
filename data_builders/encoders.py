"""Encoders: a graph and its node names -> the text that a question opens with (arXiv 2310.04560, section 3.2 and appendix A.1).

The text of an unweighted graph is GraphQA's, byte for byte, with its doubled full stops and the header that calls expert's
edges undirected even when they are not. Capacities are our addition: GraphQA asks about them, but never shows them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from data_builders.errors import InputError
from data_builders.graph import Graph
from data_builders.names import listing


class Text(Protocol):
    """Graph, names (index = node id), what the weight of an edge is called -> text that ends with a newline."""

    def __call__(self, graph: Graph, names: Sequence[str], quantity: str = "capacity") -> str: ...  # pragma: no cover


@dataclass(frozen=True)
class Encoder:
    """One way to write a graph down.

    names: the scheme of data_builders.names that it calls nodes by.
    directed: whether it can describe directed graphs.
    text: graph, names, "capacity" or "weight" -> the text; InputError for a directed graph where `directed` is False, and for a
        graph without nodes.
    """

    name: str
    names: str
    directed: bool
    text: Text


def _listing(names: Sequence[str]) -> str:
    if not names:
        raise InputError("a graph without nodes has no text; use graphs of at least 1 node")
    return listing(names)


def _adjacency(graph: Graph, names: Sequence[str], quantity: str = "capacity") -> str:
    weighted = graph.weights is not None
    triple, capacity = (f"(i,j,{quantity[0]})", f" of {quantity} {quantity[0]}") if weighted else ("(i,j)", "")
    if graph.directed:
        opening = f"In a directed graph, {triple} means that there is an edge{capacity} from node i to node j. "
    else:
        opening = f"In an undirected graph, {triple} means that node i and node j are connected with an undirected edge{capacity}. "
    opening += f"G describes a graph among nodes {_listing(names)}."
    if not graph.edges:
        return f"{opening}.\n"
    if weighted:
        edges = " ".join(f"({names[u]}, {names[v]}, {graph.weight(u, v)})" for u, v in graph.edges)
    else:
        edges = " ".join([f"({names[u]}, {names[v]})" for u, v in graph.edges])
    return f"{opening}\nThe edges in G are: {edges}.\n"


def _incident(graph: Graph, names: Sequence[str], quantity: str = "capacity") -> str:
    lines = [f"G describes a graph among nodes {_listing(names)}."]
    if graph.edges:
        lines.append("In this graph:")
    for u, neighbours in graph.adjacency.items():
        if graph.weights is None:
            ends = ", ".join([names[v] for v in neighbours])
        else:
            ends = ", ".join(f"{names[v]} ({quantity} {graph.weight(u, v)})" for v in neighbours)
        if neighbours:
            lines.append(f"Node {names[u]} is connected to node{'s' if len(neighbours) > 1 else ''} {ends}.")
    return "\n".join(lines) + "\n"


def _expert(graph: Graph, names: Sequence[str], quantity: str = "capacity") -> str:
    text = f"You are a graph analyst and you have been given a graph G among nodes {_listing(names)}.\n"
    if not graph.edges:
        return text
    if graph.weights is None:
        return text + "G has the following undirected edges:\n" + "".join([f"{names[u]} -> {names[v]}\n" for u, v in graph.edges])
    text += f"G has the following {'directed' if graph.directed else 'undirected'} edges, each with its {quantity}:\n"
    return text + "".join(f"{names[u]} -> {names[v]} ({quantity} {graph.weight(u, v)})\n" for u, v in graph.edges)


def _people(encoder: str, kind: str, header: str, relation: str, end: str = "") -> Text:
    """A text in which the nodes are people and each edge is a sentence about two of them."""

    def text(graph: Graph, names: Sequence[str], quantity: str = "capacity") -> str:
        if graph.directed:
            able = ", ".join(sorted(e.name for e in ENCODERS.values() if e.directed))
            raise InputError(f"encoder {encoder!r} cannot describe a directed graph; choose from {able}")
        lines = [f"G describes a {kind} graph among nodes {_listing(names)}."]
        if graph.edges:
            lines.append(header)
        if graph.weights is None:
            lines += [f"{names[u]} and {names[v]} {relation}." for u, v in graph.edges]
        else:
            lines += [f"{names[u]} and {names[v]} {relation}, with a {quantity} of {graph.weight(u, v)}." for u, v in graph.edges]
        return "\n".join(lines) + end + "\n"

    return text


_EDGES = "We have the following edges in G:"
_PAPERS = "In this coauthorship graph:"

ENCODERS: dict[str, Encoder] = {
    encoder.name: encoder
    for encoder in (
        Encoder("adjacency", "integers", True, _adjacency),
        Encoder("random", "random_integers", True, _adjacency),
        Encoder("incident", "integers", True, _incident),
        Encoder("friendship", "names", False, _people("friendship", "friendship", _EDGES, "are friends")),
        Encoder("south_park", "south_park", False, _people("south_park", "friendship", _EDGES, "are friends")),
        Encoder("got", "got", False, _people("got", "friendship", _EDGES, "are friends")),
        Encoder("social_network", "names", False, _people("social_network", "social network", _EDGES, "are connected")),
        Encoder("politician", "politicians", False, _people("politician", "social network", _EDGES, "are connected")),
        Encoder("coauthorship", "names", False, _people("coauthorship", "coauthorship", _PAPERS, "wrote a paper together", end=".")),
        Encoder("expert", "alphabet", True, _expert),
    )
}
"""The ten encoders of GraphQA.

>>> from data_builders.graph import from_edges
>>> print(ENCODERS["got"].text(from_edges(2, [(0, 1)]), ["Ned", "Cat"]), end="")
G describes a friendship graph among nodes Ned, and Cat.
We have the following edges in G:
Ned and Cat are friends.
>>> print(ENCODERS["adjacency"].text(from_edges(2, [(0, 1, 7)]), ["0", "1"]).splitlines()[-1])
The edges in G are: (0, 1, 7).
"""
