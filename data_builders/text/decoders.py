"""Decoders: the text that an encoder wrote -> the graph and the node names, read from the text alone.

The inverse of `encoders`, for `graphtalk verify` and the tests: what cannot be read back is not in the text.
The sentences of GraphQA do not quote names, so a name that holds their own words or signs ("Ann and Bob",
"a, b") can make them ambiguous; the formal encoders quote, and read back any name.
"""

import ast
import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from xml.etree import ElementTree

from data_builders.errors import InputError, check_choice
from data_builders.graphs.graph import Graph, from_edges

Decoded = tuple[list[str], list[tuple[str, str, int | None]], bool | None]
"""Names, edges with any weight, and whether the text calls itself directed (None where it does not say)."""

_WORD = r'(?:\w+|"(?:[^"\\]|\\.)*")'  # what encoders_formal.quoted writes


class _Unreadable(ValueError):
    """The text is not of the form that the encoder writes."""


def _require(match: re.Match[str] | None, what: str) -> re.Match[str]:
    if match is None:
        raise _Unreadable(f"no {what}")
    return match


def _listing(text: str) -> list[str]:
    """`a, b, and c` -> [a, b, c]; `and a` -> [a]."""
    *front, last = text.split(", ")
    if not last.startswith("and "):
        raise _Unreadable("no list of nodes")
    return [*front, last.removeprefix("and ")]


@lru_cache(maxsize=512)
def _edge(pattern: str, names: tuple[str, ...]) -> re.Pattern[str]:
    """An edge pattern with NAME for each end; names that are no plain words are looked for one by one, the
    longest first.
    """
    odd = not all(re.fullmatch(r"\w+", name) for name in names)
    name = "|".join(map(re.escape, sorted(names, key=len, reverse=True))) if odd else r"\w+"
    return re.compile(pattern.replace("NAME", f"({name})"))


def _tiles(body: str, pattern: str, names: Sequence[str]) -> list[tuple[str, str, int | None]]:
    """The edges that a text consists of, with nothing between them."""
    edges, end = [], 0
    expression = _edge(pattern, tuple(names))
    while end < len(body):
        match = _require(expression.match(body, end), f"edge at {body[end : end + 40]!r}")
        edges.append((match[1], match[2], int(match[3]) if match[3] else None))
        end = match.end()
    return edges


def _adjacency(text: str) -> Decoded:
    first, _, rest = text.removesuffix("\n").partition("\n")
    match = _require(
        re.fullmatch(
            r"In an? (un)?directed graph, \(i,j(?:,\w)?\) means that [^.]*\. G describes a graph among nodes"
            r" (.*)",
            first,
        ),
        "opening",
    )
    if not rest:
        return _listing(match[2].removesuffix("..")), [], not match[1]
    names = _listing(match[2].removesuffix("."))
    body = _require(re.fullmatch(r"The edges in G are: (.*)\.", rest, re.DOTALL), "edges")[1]
    return names, _tiles(body, r"\(NAME, NAME(?:, (-?\d+))?\)(?: |\Z)", names), not match[1]


def _people(kind: str, header: str, relation: str, end: str, text: str) -> Decoded:
    first, _, rest = text.removesuffix("\n").removesuffix(end).partition("\n")
    names = _listing(
        _require(re.fullmatch(rf"G describes a {kind} graph among nodes (.*)\.", first), "opening")[1]
    )
    if not rest:
        return names, [], False
    body = _require(re.fullmatch(rf"{header}\n(.*)", rest, re.DOTALL), "header")[1]
    return (
        names,
        _tiles(body, rf"NAME and NAME {relation}(?:, with a \w+ of (-?\d+))?\.(?:\n|\Z)", names),
        False,
    )


def _expert(text: str) -> Decoded:
    first, _, rest = text.partition("\n")
    names = _listing(
        _require(
            re.fullmatch(
                r"You are a graph analyst and you have been given a graph G among nodes (.*)\.", first
            ),
            "opening",
        )[1]
    )
    if not rest:
        return names, [], None
    header, _, body = rest.partition("\n")
    match = _require(
        re.fullmatch(r"G has the following (un)?directed edges(, each with its \w+)?:", header), "header"
    )
    # Without weights GraphQA calls all edges undirected, whatever they are.
    return (
        names,
        _tiles(body, r"NAME -> NAME(?: \(\w+ (-?\d+)\))?\n", names),
        not match[1] if match[2] else None,
    )


def _incident(text: str) -> Decoded:
    first, *lines = text.removesuffix("\n").split("\n")
    names = _listing(_require(re.fullmatch(r"G describes a graph among nodes (.*)\.", first), "opening")[1])
    if lines and lines.pop(0) != "In this graph:":
        raise _Unreadable("no header")
    edges: list[tuple[str, str, int | None]] = []
    for line in lines:
        match = _require(
            _edge(r"Node NAME is connected to nodes? (.*)\.", tuple(names)).fullmatch(line),
            f"line of a node in {line!r}",
        )
        pattern = _edge(r"NAME(?: \(\w+ (-?\d+)\))?(?:, |\Z)", tuple(names))
        end, rest = 0, match[2]
        while end < len(rest):
            one = _require(pattern.match(rest, end), f"node at {rest[end : end + 40]!r}")
            edges.append((match[1], one[1], int(one[2]) if one[2] else None))
            end = one.end()
    return names, edges, None


def _unquoted(word: str) -> str:
    return str(json.loads(word)) if word.startswith('"') else word


def _words(text: str) -> list[str]:
    return [_unquoted(word) for word in re.findall(_WORD, text)]


def _adjacency_matrix(text: str) -> Decoded:
    first, second, *rows = text.removesuffix("\n").split("\n")
    match = _require(
        re.fullmatch(r"The nodes of the (un)?directed graph G, in order, are (.*)\.", first), "opening"
    )
    names, weighted = _words(match[2]), "matrix, with" in second
    none, cells = "-" if weighted else "0", [row.split(" ") for row in rows]
    if len(cells) != len(names) or any(len(row) != len(names) for row in cells):
        raise _Unreadable("no square matrix")
    pairs = [(u, v) for u in range(len(names)) for v in range(len(names)) if cells[u][v] != none]
    if match[1] and any(cells[u][v] != cells[v][u] for u, v in pairs):
        raise _Unreadable("no symmetric matrix")
    edges = [
        (names[u], names[v], int(cells[u][v]) if weighted else None)
        for u, v in pairs
        if u <= v or not match[1]
    ]
    return names, edges, not match[1]


def _edge_list(text: str) -> Decoded:
    first, second, body = text.split("\n", 2)
    match = _require(re.fullmatch(r"G is an? (un)?directed graph with the nodes (.*)\.", first), "opening")
    if second == "It has no edges.":
        return _words(match[2]), [], not match[1]
    edges = [
        _require(re.fullmatch(rf"({_WORD}) ({_WORD})(?: (-?\d+))?", line), f"edge in {line!r}")
        for line in body.removesuffix("\n").split("\n")
    ]
    return (
        _words(match[2]),
        [(_unquoted(e[1]), _unquoted(e[2]), int(e[3]) if e[3] else None) for e in edges],
        not match[1],
    )


def _json(text: str) -> Decoded:
    record = json.loads(text)
    edges = [
        (edge.pop("source"), edge.pop("target"), next(iter(edge.values()), None)) for edge in record["edges"]
    ]
    return [node["id"] for node in record["nodes"]], edges, record["directed"]


def _graphml(text: str) -> Decoded:
    space = "{http://graphml.graphdrawing.org/xmlns}"
    graph = _element(ElementTree.fromstring(text).find(f"{space}graph"))
    edges = []
    for edge in graph.iter(f"{space}edge"):
        data = edge.find(f"{space}data")
        edges.append(
            (edge.attrib["source"], edge.attrib["target"], None if data is None else int(data.text or ""))
        )
    return (
        [node.attrib["id"] for node in graph.iter(f"{space}node")],
        edges,
        graph.attrib["edgedefault"] == "directed",
    )


def _element(element: ElementTree.Element | None) -> ElementTree.Element:
    if element is None:
        raise _Unreadable("no graph")
    return element


def _dot(text: str) -> Decoded:
    string = r'"((?:[^"\\]|\\.)*)"'
    first, *lines = text.removesuffix("\n").split("\n")
    directed = _require(re.fullmatch(r"(di)?graph G \{", first), "opening")[1] is not None
    names, edges = [], []
    for line in lines[:-1]:
        match = _require(
            re.fullmatch(rf"  {string}(?: (?:->|--) {string}(?: \[\w+=(-?\d+)\])?)?;", line),
            f"statement in {line!r}",
        )
        one, *other = (re.sub(r"\\(.)", r"\1", part) for part in match.groups()[:2] if part is not None)
        if other:
            edges.append((one, other[0], int(match[3]) if match[3] else None))
        else:
            names.append(one)
    return names, edges, directed


def _mermaid(text: str) -> Decoded:
    first, *lines = text.removesuffix("\n").split("\n")
    directed = _require(re.fullmatch(r"graph (TD|LR)", first), "opening")[1] == "TD"
    labels: dict[str, str] = {}
    edges = []
    for line in lines:
        edge = re.fullmatch(r"  (\w+) --[->](?:\|\w+ (-?\d+)\|)? (\w+)", line)
        if edge:
            edges.append((labels[edge[1]], labels[edge[3]], int(edge[2]) if edge[2] else None))
            continue
        node = _require(re.fullmatch(r'  (\w+)(?:\["(.*)"\])?', line), f"statement in {line!r}")
        label = node[1] if node[2] is None else node[2]
        labels[node[1]] = re.sub(r"#(\d+);", lambda match: chr(int(match[1])), label)
    return list(labels.values()), edges, directed


def _python(text: str) -> Decoded:
    first, _, body = text.partition("\n")
    table = ast.literal_eval(body.removeprefix("G = "))
    edges = [(u, v, ends[v] if isinstance(ends, dict) else None) for u, ends in table.items() for v in ends]
    return list(table), edges, first.startswith("# A directed")


def _tokens(text: str) -> Decoded:
    kind, _, rest = text.removesuffix("\n").partition(" ")
    _require(re.fullmatch(r"(un)?directed", kind), "opening")
    words = deque(re.findall(rf"-\d+|{_WORD}", rest))
    names: list[str] = []
    edges = []
    while words:
        mark, first = words.popleft(), _unquoted(words.popleft())
        if mark == "v":
            names.append(first)
        elif mark == "e":
            second = _unquoted(words.popleft())
            weight = int(words.popleft()) if words and re.fullmatch(r"-?\d+", words[0]) else None
            edges.append((first, second, weight))
        else:
            raise _Unreadable(f"vertex or edge at {mark!r}")
    return names, edges, kind == "directed"


_FRIENDS = partial(_people, "friendship", "We have the following edges in G:", "are friends", "")
_NETWORK = partial(_people, "social network", "We have the following edges in G:", "are connected", "")

DECODERS: dict[str, Callable[[str], Decoded]] = {
    "adjacency": _adjacency,
    "random": _adjacency,
    "incident": _incident,
    "friendship": _FRIENDS,
    "south_park": _FRIENDS,
    "got": _FRIENDS,
    "social_network": _NETWORK,
    "politician": _NETWORK,
    "coauthorship": partial(
        _people, "coauthorship", "In this coauthorship graph:", "wrote a paper together", "."
    ),
    "expert": _expert,
    "adjacency_matrix": _adjacency_matrix,
    "edge_list": _edge_list,
    "json": _json,
    "graphml": _graphml,
    "dot": _dot,
    "mermaid": _mermaid,
    "python": _python,
    "tokens": _tokens,
}


def decode(encoder: str, text: str, directed: bool = False) -> tuple[Graph, list[str]]:
    """The graph and the node names that a text describes, by the name of its encoder (`got+incident` is read
    as incident).

    directed: what to believe where the text does not say it, as GraphQA's incident and expert do not.
    Raises InputError where the text is not what the encoder writes.

    >>> decode("tokens", "directed v A v B e B A 3\\n")[0].weights
    {(1, 0): 3}
    """
    kind = check_choice("encoder", encoder.rpartition("+")[2], DECODERS)
    try:
        names, edges, stated = DECODERS[kind](text)
        directed = directed if stated is None else stated
        ids = {name: i for i, name in enumerate(names)}
        if not text.endswith("\n") or not names:
            raise _Unreadable("no nodes, or no end of the last line")
        if len(ids) < len(names):
            raise _Unreadable("no names of their own for all nodes")
        triples = [(ids[a], ids[b], weight) for a, b, weight in edges]
        if kind in ("incident", "python") and not directed:
            if {(v, u, weight) for u, v, weight in triples} != set(triples):
                raise _Unreadable("no second end for every edge")
            triples = [(u, v, weight) for u, v, weight in triples if u <= v]
        return (
            from_edges(
                len(names),
                [(u, v) if weight is None else (u, v, weight) for u, v, weight in triples],
                directed,
            ),
            names,
        )
    except (ValueError, KeyError, IndexError, SyntaxError, TypeError, AttributeError) as error:
        raise InputError(f"this is no text of the encoder {encoder!r}: {error}") from error
