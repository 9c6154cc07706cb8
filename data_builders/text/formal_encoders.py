"""FORMAL: graph texts for machines: matrix, edge list, JSON, GraphML, DOT, Mermaid, Python, and bare tokens.

Unlike the sentences of GraphQA they say by themselves whether edges are directed, and keep any name apart
from what is around
it: a name that is no plain word is quoted.
"""

import json
import re
from collections.abc import Sequence
from typing import Protocol
from xml.sax.saxutils import quoteattr

from data_builders.errors import InputError
from data_builders.graphs.graph import Graph

Names = Sequence[str]


class Text(Protocol):
    """Graph, names (index = node id), what the weight of an edge is called -> text that ends with a
    newline.
    """

    def __call__(self, graph: Graph, names: Names, quantity: str = "capacity") -> str: ...  # pragma: no cover


def quoted(name: str) -> str:
    """A name as it is, or in JSON's quotes if it is no plain word.

    >>> quoted("Ned"), quoted("Mme. Burgon")
    ('Ned', '"Mme. Burgon"')
    """
    return name if re.fullmatch(r"\w+", name) else json.dumps(name, ensure_ascii=False)


def _kind(graph: Graph) -> str:
    if not graph.n:
        raise InputError("a graph without nodes has no text; use graphs of at least 1 node")
    return "directed" if graph.directed else "undirected"


def _adjacency_matrix(graph: Graph, names: Names, quantity: str = "capacity") -> str:
    """Rows and columns in the order of the nodes; `-` where a weighted graph has no edge, since a weight may
    be 0.
    """
    text = (
        f"The nodes of the {_kind(graph)} graph G, in order, are"
        f" {', '.join([quoted(name) for name in names])}.\n"
    )
    if graph.weights is None:
        text += "Its adjacency matrix is:\n"
    else:
        text += f"Its matrix, with the {quantity} of each edge and - where there is no edge, is:\n"
    rows = [["0" if graph.weights is None else "-"] * graph.n for _ in range(graph.n)]
    for u, ends in graph.adjacency.items():
        for v in ends:
            rows[u][v] = str(graph.weight(u, v))
    return text + "".join([f"{' '.join(row)}\n" for row in rows])


def _edge_list(graph: Graph, names: Names, quantity: str = "capacity") -> str:
    text = (
        f"G is a{'' if graph.directed else 'n'} {_kind(graph)} graph with the nodes"
        f" {', '.join([quoted(name) for name in names])}.\n"
    )
    if not graph.edges:
        return f"{text}It has no edges.\n"
    ends = "an edge from the first node to the second" if graph.directed else "an edge"
    text += f"Each line is {ends}{'' if graph.weights is None else f', with its {quantity}'}:\n"
    words = [quoted(name) for name in names]
    return text + "".join([f"{words[u]} {words[v]}{_after(graph, u, v)}\n" for u, v in graph.edges])


def _after(graph: Graph, u: int, v: int) -> str:
    return "" if graph.weights is None else f" {graph.weight(u, v)}"


def _json(graph: Graph, names: Names, quantity: str = "capacity") -> str:
    """Node-link data, as networkx.node_link_graph reads it."""
    _kind(graph)
    edges: list[dict[str, object]] = [{"source": names[u], "target": names[v]} for u, v in graph.edges]
    if graph.weights is not None:
        edges = [
            {**edge, quantity: graph.weight(u, v)} for edge, (u, v) in zip(edges, graph.edges, strict=True)
        ]
    record = {
        "directed": graph.directed,
        "multigraph": False,
        "nodes": [{"id": name} for name in names],
        "edges": edges,
    }
    return json.dumps(record, ensure_ascii=False) + "\n"


def _graphml(graph: Graph, names: Names, quantity: str = "capacity") -> str:
    words = [quoteattr(name) for name in names]
    lines = ['<graphml xmlns="http://graphml.graphdrawing.org/xmlns">']
    if graph.weights is not None:
        lines.append(f'<key id="{quantity}" for="edge" attr.name="{quantity}" attr.type="int"/>')
    lines.append(f'<graph edgedefault="{_kind(graph)}">')
    lines += [f"<node id={name}/>" for name in words]
    for u, v in graph.edges:
        edge = f"<edge source={words[u]} target={words[v]}"
        data = (
            "/>" if graph.weights is None else f'><data key="{quantity}">{graph.weight(u, v)}</data></edge>'
        )
        lines.append(edge + data)
    return "\n".join([*lines, "</graph>", "</graphml>\n"])


def _dot(graph: Graph, names: Names, quantity: str = "capacity") -> str:
    _kind(graph)
    words = ['"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"' for name in names]
    arrow = "->" if graph.directed else "--"
    lines = ["digraph G {" if graph.directed else "graph G {", *[f"  {name};" for name in words]]
    for u, v in graph.edges:
        data = "" if graph.weights is None else f" [{quantity}={graph.weight(u, v)}]"
        lines.append(f"  {words[u]} {arrow} {words[v]}{data};")
    return "\n".join([*lines, "}\n"])


_RESERVED = {
    "end",
    "graph",
    "subgraph",
    "style",
    "class",
    "click",
    "default",
    "linkStyle",
    "classDef",
    "call",
    "href",
}


def _mermaid(graph: Graph, names: Names, quantity: str = "capacity") -> str:
    """Names that Mermaid would not take for a node's id become labels."""
    _kind(graph)
    words, declared = list(names), list(names)
    if not all(re.fullmatch(r"[A-Za-z0-9_]+", name) and name not in _RESERVED for name in names):
        words = [f"n{u}" for u in range(graph.n)]
        labels = [re.sub(r'[#"\n\r]', lambda match: f"#{ord(match[0])};", name) for name in names]
        declared = [f'{node}["{label}"]' for node, label in zip(words, labels, strict=True)]
    line = "-->" if graph.directed else "---"
    lines = [f"graph {'TD' if graph.directed else 'LR'}", *[f"  {node}" for node in declared]]
    for u, v in graph.edges:
        data = "" if graph.weights is None else f"|{quantity} {graph.weight(u, v)}|"
        lines.append(f"  {words[u]} {line}{data} {words[v]}")
    return "\n".join(lines) + "\n"


def _python(graph: Graph, names: Names, quantity: str = "capacity") -> str:
    """A dictionary from each node to the list of its neighbours, or to a dictionary with the weights."""
    words = [json.dumps(name, ensure_ascii=False) for name in names]
    to = "the nodes that its edges lead to" if graph.directed else "its neighbors"
    weights = "" if graph.weights is None else f", each with the {quantity} of the edge"
    lines = [
        f"# A{'' if graph.directed else 'n'} {_kind(graph)} graph: each node and {to}{weights}.",
        "G = {",
    ]
    for u, ends in sorted(graph.adjacency.items()):
        if graph.weights is None:
            lines.append(f"    {words[u]}: [{', '.join([words[v] for v in ends])}],")
        else:
            lines.append(
                f"    {words[u]}: {{{', '.join([f'{words[v]}: {graph.weight(u, v)}' for v in ends])}}},"
            )
    return "\n".join([*lines, "}\n"])


def _tokens(graph: Graph, names: Names, quantity: str = "capacity") -> str:
    """A token per vertex, three per edge (four with a weight), all between spaces: for models that are
    trained from nothing (the scheme of arXiv 2405.18512, figure 1; the task's token follows as the
    question)."""
    words = [quoted(name) for name in names]
    edges = [f"e {words[u]} {words[v]}{_after(graph, u, v)}" for u, v in graph.edges]
    return " ".join([_kind(graph), *[f"v {name}" for name in words], *edges]) + "\n"


FORMAL: dict[str, Text] = {
    "adjacency_matrix": _adjacency_matrix,
    "edge_list": _edge_list,
    "json": _json,
    "graphml": _graphml,
    "dot": _dot,
    "mermaid": _mermaid,
    "python": _python,
    "tokens": _tokens,
}
"""name -> text.

>>> from data_builders.graphs.graph import from_edges
>>> graph = from_edges(3, [(0, 1, 7), (2, 1, 4)], directed=True)
>>> for name in ("edge_list", "adjacency_matrix", "dot", "mermaid", "python", "tokens"):
...     print(FORMAL[name](graph, ["A", "B", "C C"]), end="")
G is a directed graph with the nodes A, B, "C C".
Each line is an edge from the first node to the second, with its capacity:
A B 7
"C C" B 4
The nodes of the directed graph G, in order, are A, B, "C C".
Its matrix, with the capacity of each edge and - where there is no edge, is:
- 7 -
- - -
- 4 -
digraph G {
  "A";
  "B";
  "C C";
  "A" -> "B" [capacity=7];
  "C C" -> "B" [capacity=4];
}
graph TD
  n0["A"]
  n1["B"]
  n2["C C"]
  n0 -->|capacity 7| n1
  n2 -->|capacity 4| n1
# A directed graph: each node and the nodes that its edges lead to, each with the capacity of the edge.
G = {
    "A": {"B": 7},
    "B": {},
    "C C": {"B": 4},
}
directed v A v B v "C C" e A B 7 e "C C" B 4
"""
