"""Encoders: a graph and its node names -> the text that a question opens with (arXiv 2310.04560, section 3.2
and appendix A.1).

The text of an unweighted graph is GraphQA's, byte for byte, with its doubled full stops and the header that
calls expert's edges undirected even when they are not. Capacities are our addition: GraphQA asks about them,
but never shows them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from data_builders.errors import InputError, check_choice
from data_builders.graphs.graph import Graph
from data_builders.graphs.names import SCHEMES, listing, pair_texts
from data_builders.tasks.task import Query, Task
from data_builders.text.formal_encoders import FORMAL, Text


@dataclass(frozen=True)
class Encoder:
    """One way to write a graph down.

    names: the scheme of data_builders.graphs.names that it calls nodes by.
    directed: whether it can describe directed graphs.
    says_direction: whether the text of a directed graph says that it is one; GraphQA's incident does not, and
        its expert says the opposite, so a question about directions cannot be asked with them.
    by_name: whether a question is the name of its task and of its nodes, instead of a sentence.
    text: graph, names, "capacity" or "weight" -> the text; InputError for a directed graph where `directed`
        is False, and for a graph without nodes.
    """

    name: str
    names: str
    directed: bool
    text: Text
    says_direction: bool = True
    by_name: bool = False

    def ask(self, task: Task, names: Sequence[str], query: Query) -> str:
        """What follows the text: the task's own question, or its name with those of its nodes.

        >>> from data_builders.tasks import TASKS, Query
        >>> ENCODERS["tokens"].ask(TASKS["shortest_path"], ["0", "1"], Query((1, 0)))
        'Q: shortest_path 1 0\\nA: '
        """
        if not self.by_name:
            return task.ask(names, query)
        likes = "".join(f"{names[v]} {word}\n" for v, word in query.labels.items())
        return f"{likes}Q: {' '.join([task.name, *(names[u] for u in query.nodes), *query.classes])}\nA: "


def _listing(names: Sequence[str]) -> str:
    if not names:
        raise InputError("a graph without nodes has no text; use graphs of at least 1 node")
    return listing(names)


def _adjacency(graph: Graph, names: Sequence[str], quantity: str = "capacity") -> str:
    weighted = graph.weights is not None
    triple, capacity = (
        (f"(i,j,{quantity[0]})", f" of {quantity} {quantity[0]}") if weighted else ("(i,j)", "")
    )
    if graph.directed:
        opening = (
            f"In a directed graph, {triple} means that there is an edge{capacity} from node i to node j. "
        )
    else:
        opening = (
            f"In an undirected graph, {triple} means that node i and node j are connected with an undirected"
            f" edge{capacity}. "
        )
    opening += f"G describes a graph among nodes {_listing(names)}."
    if not graph.edges:
        return f"{opening}.\n"
    if weighted:
        edges = " ".join(f"({names[u]}, {names[v]}, {graph.weight(u, v)})" for u, v in graph.edges)
    else:
        edges = " ".join(pair_texts(names, graph.edges, "(", ", ", ")"))
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
        return (
            text
            + "G has the following undirected edges:\n"
            + "".join(pair_texts(names, graph.edges, "", " -> ", "\n"))
        )
    text += (
        f"G has the following {'directed' if graph.directed else 'undirected'} edges, each with its"
        f" {quantity}:\n"
    )
    return text + "".join(
        f"{names[u]} -> {names[v]} ({quantity} {graph.weight(u, v)})\n" for u, v in graph.edges
    )


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
            lines += pair_texts(names, graph.edges, "", " and ", f" {relation}.")
        else:
            lines += [
                f"{names[u]} and {names[v]} {relation}, with a {quantity} of {graph.weight(u, v)}."
                for u, v in graph.edges
            ]
        return "\n".join(lines) + end + "\n"

    return text


_EDGES = "We have the following edges in G:"
_PAPERS = "In this coauthorship graph:"

ENCODERS: dict[str, Encoder] = {
    encoder.name: encoder
    for encoder in (
        Encoder("adjacency", "integers", True, _adjacency),
        Encoder("random", "random_integers", True, _adjacency),
        Encoder("incident", "integers", True, _incident, says_direction=False),
        Encoder("friendship", "names", False, _people("friendship", "friendship", _EDGES, "are friends")),
        Encoder(
            "south_park", "south_park", False, _people("south_park", "friendship", _EDGES, "are friends")
        ),
        Encoder("got", "got", False, _people("got", "friendship", _EDGES, "are friends")),
        Encoder(
            "social_network",
            "names",
            False,
            _people("social_network", "social network", _EDGES, "are connected"),
        ),
        Encoder(
            "politician",
            "politicians",
            False,
            _people("politician", "social network", _EDGES, "are connected"),
        ),
        Encoder(
            "coauthorship",
            "names",
            False,
            _people("coauthorship", "coauthorship", _PAPERS, "wrote a paper together", end="."),
        ),
        Encoder("expert", "alphabet", True, _expert, says_direction=False),
        *(Encoder(name, "integers", True, text, by_name=name == "tokens") for name, text in FORMAL.items()),
    )
}
"""The ten encoders of GraphQA, then the formal ones.

>>> from data_builders.graphs.graph import from_edges
>>> print(ENCODERS["got"].text(from_edges(2, [(0, 1)]), ["Ned", "Cat"]), end="")
G describes a friendship graph among nodes Ned, and Cat.
We have the following edges in G:
Ned and Cat are friends.
>>> print(ENCODERS["adjacency"].text(from_edges(2, [(0, 1, 7)]), ["0", "1"]).splitlines()[-1])
The edges in G are: (0, 1, 7).
"""


def get_encoder(name: str | Mapping[str, str]) -> Encoder:
    """The encoder of a name; `got+incident` or {"names": "got", "edges": "incident"} crosses a name scheme
    with the edges of an encoder.

    >>> encoder = get_encoder("got+incident")
    >>> encoder.name, encoder.names, encoder.text is ENCODERS["incident"].text
    ('got+incident', 'got', True)
    """
    if not isinstance(name, str):
        if set(name) != {"names", "edges"}:
            raise InputError(
                f"an encoder has the keys names and edges, not {', '.join(map(str, name)) or 'none'}"
            )
        name = f"{name['names']}+{name['edges']}"
    names, cross, edges = name.partition("+")
    if not cross:
        return ENCODERS[check_choice("encoder", name, ENCODERS)]
    check_choice("name scheme", names, SCHEMES)
    return replace(ENCODERS[check_choice("encoder", edges, ENCODERS)], name=name, names=names)
