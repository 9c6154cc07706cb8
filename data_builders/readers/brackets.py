"""GML and DOT: texts of nested brackets.

networkx's reader of GML is not used: it refuses an edge that is listed twice, and every second key that it
does not know. pydot is not needed for the subset of DOT that graphs are written in.
"""

import html
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from data_builders.readers.source import UNLISTED, Listing, Options, Source

# ---- GML ----------------------------------------------------------------------------------------------

_GML = re.compile(
    r'\s+|#[^\n]*|(?P<key>[A-Za-z_]\w*)|(?P<number>[+-]?[\d.][\w.+-]*|[+-]INF)|"(?P<string>'
    r'[^"]*)"|(?P<bracket>[\[\]])'
)


def _gml_tokens(source: Source) -> Iterator[tuple[str, Any, int]]:
    """Kind, value and position of each token; comments begin with # at the start of a line."""
    text, at = source.text, 0
    while at < len(text):
        token = _GML.match(text, at)
        if token is None:
            raise source.error(f"not GML at {text[at : at + 20]!r}", text.count("\n", 0, at) + 1)
        if token.lastgroup:
            yield token.lastgroup, token[token.lastgroup], at
        at = token.end()


def read_gml(source: Source, options: Options) -> Listing:
    """GML: graph [ directed 1 node [ id 1 label "A" ] edge [ source 1 target 2 weight 3 ] ]."""
    listing = Listing(source, options, "GML", directed=False)
    stack: list[tuple[str, dict[str, Any]]] = []
    graphs, key = 0, ""

    counted = [0, 1]  # a position, and the number of its line

    def line(at: int) -> int:
        counted[:] = at, counted[1] + source.text.count("\n", counted[0], at)
        return counted[1]

    for kind, value, at in _gml_tokens(source):
        inside = [name for name, _ in stack]
        if kind == "key" and not key:
            key = value
        elif value == "]" and kind == "bracket" and not key and stack:
            name, fields = stack.pop()
            if inside == ["graph", "node"]:
                if "id" not in fields:
                    raise source.error("a node has no id", line(at))
                listing.add_node(fields.pop("id"), fields, line(at))
            elif inside == ["graph", "edge"]:
                if not {"source", "target"} <= fields.keys():
                    raise source.error("an edge has no source or no target", line(at))
                ends = fields.pop("source"), fields.pop("target")
                for extra in ("key", "_key", "_networkx_key", "id", "label", "graphics"):
                    if extra != options.weight:
                        fields.pop(extra, None)
                listing.add_edge(*ends, fields, None, line(at))
            elif inside == ["graph"] and "directed" in fields:
                if str(fields["directed"]) not in ("0", "1"):
                    raise source.error(f"directed {str(fields['directed'])[:20]}: expected 0 or 1")
                listing.directed = str(fields["directed"]) == "1"
            continue
        elif value == "[" and kind == "bracket" and key:
            name = key.lower() if key.lower() in ("graph", "node", "edge") else key
            if name == "graph" and not stack:
                graphs += 1
                if graphs > 1:
                    raise source.error("a second graph; give a file of one", line(at))
            stack.append((name, {}))
            key = ""
        elif kind in ("number", "string", "key") and key:
            if stack:
                fields = stack[-1][1]
                if key in ("id", "source", "target") and key in fields and stack[-1][0] in ("node", "edge"):
                    raise source.error(f"two {key} in one {stack[-1][0]}", line(at))
                fields.setdefault(key, html.unescape(value) if kind == "string" and "&" in value else value)
            key = ""
        else:
            raise source.error(f"not GML at {str(value)[:20]!r}", line(at))
    if stack or key:
        raise source.error("the file ends inside brackets; it is not whole")
    if not graphs:
        raise source.error("not a GML file: no graph [ .. ]")
    listing.check_ends()
    return listing


# ---- DOT ----------------------------------------------------------------------------------------------

# DOT knows no exponents, but rustworkx and igraph write small weights with one.
_DOT = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/|(?m:^)\#[^\n]*
    |(?P<word>[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*
        |-?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?(?![\w.\x80-\U0010ffff]))
    |"(?P<string>(?:[^"\\]|\\.)*)"|(?P<html><)|(?P<edge>--|->)|(?P<mark>[\[\]{}=;,:+])""",
    re.VERBOSE | re.DOTALL,
)
_DEEPEST = 50  # subgraphs inside one another


class _Dot:
    """The tokens of a DOT file, with the one that comes next, and what has been read of its graph.

    nodes: name -> attributes; {"": ""} while it is not known to be a node, since it may be `name = value`.
    edges: from, to, attributes.
    """

    def __init__(self, source: Source) -> None:
        self.source, self.at, self.kind, self.value = source, 0, "", ""
        self.directed = False
        self.nodes: dict[str, dict[str, str]] = {}
        self.edges: list[tuple[str, str, dict[str, str]]] = []
        self.advance()

    def error(self, message: str) -> Exception:
        return self.source.error(message, self.source.text.count("\n", 0, self.at) + 1)

    def advance(self) -> None:
        text = self.source.text
        while self.at < len(text):
            token = _DOT.match(text, self.at)
            if token is None:
                raise self.error(f"not DOT at {text[self.at : self.at + 20]!r}")
            self.at = token.end()
            if token.lastgroup == "html":
                depth, start = 1, self.at
                while depth:
                    close = re.compile("[<>]").search(text, self.at)
                    if close is None:
                        raise self.error("an HTML label that does not end")
                    depth += 1 if close[0] == "<" else -1
                    self.at = close.end()
                self.kind, self.value = "html", text[start : self.at - 1]
                return
            if token.lastgroup:
                self.kind, self.value = token.lastgroup, token[token.lastgroup]
                return
        self.kind, self.value = "end", ""

    def take(self, value: str) -> bool:
        """Whether the next token is this mark or keyword, which is then left behind."""
        marks = ("mark", "edge")
        same = (
            self.value == value if self.kind in marks else self.kind == "word" and self.value.lower() == value
        )
        if same:
            self.advance()
        return same

    def expect(self, value: str) -> None:
        if not self.take(value):
            raise self.error(f"expected {value!r}, not {self.value[:20]!r}")

    def id(self) -> str:
        if self.kind not in ("word", "string", "html"):
            raise self.error(f"expected a name, not {self.value[:20] or 'the end'!r}")
        kind, value = self.kind, self.value
        self.advance()
        while kind == "string" and self.kind == "mark" and self.value == "+":
            self.advance()
            value += self.id()
        return value.replace("\\\n", "").replace('\\"', '"') if kind == "string" else value


def read_dot(source: Source, options: Options) -> Listing:
    """DOT of Graphviz: graph or digraph, chains of edges, subgraphs, ports, attributes."""
    dot = _Dot(source)
    dot.take("strict")
    dot.directed = dot.take("digraph")
    if not dot.directed and not dot.take("graph"):
        raise source.error("a DOT file begins with graph or digraph")
    listing = Listing(source, options, "DOT", dot.directed)
    if not dot.take("{"):
        dot.id()
        dot.expect("{")
    _statements(dot, 0, {})
    if dot.kind != "end":
        raise dot.error("something follows the graph; give a file of one graph")
    for node, fields in dot.nodes.items():
        label = fields.get("label", "").replace("\\N", node)
        plain = options.label is None and fields.get("shape", "") not in ("record", "Mrecord")
        label = re.sub(r"\\[nlr]", " ", label).replace("\\\\", "\\") if plain else label
        listing.add_node(
            node, {**fields, "label": label if plain else ""} if options.label is None else fields
        )
    for u, v, fields in dot.edges:
        start, end, way = _ends(dot, u, v, fields.get("dir", "forward" if dot.directed else "none"))
        weight = {key: fields[key] for key in fields if key in ("weight", options.weight)}
        listing.add_edge(start, end, weight, way)
    return listing


def _ends(dot: _Dot, u: str, v: str, arrows: str) -> tuple[str, str, bool]:
    """The ends of an edge and whether it is directed, by the arrows that it is drawn with (`dir`)."""
    ways = {"forward": (u, v, True), "back": (v, u, True), "both": (u, v, False), "none": (u, v, False)}
    if arrows not in ways:
        raise dot.source.error(f"dir={arrows[:20]}: expected forward, back, both or none")
    return ways[arrows]


def _statements(dot: _Dot, depth: int, defaults: dict[str, str]) -> list[str]:
    """Read up to the closing bracket; the nodes that are named inside."""
    if depth > _DEEPEST:
        raise dot.error(f"subgraphs more than {_DEEPEST} deep")
    inside: dict[str, None] = {}
    defaults = dict(defaults)  # of the edges that follow in this graph
    while not dot.take("}"):
        if dot.take(";"):
            continue
        if dot.kind == "end":
            raise dot.error("the file ends inside brackets; it is not whole")
        keyword = dot.kind == "word" and dot.value.lower() in ("graph", "node", "edge")
        if keyword:
            kind = dot.value.lower()
            dot.advance()
            fields = _attributes(dot)
            if kind == "edge":
                defaults |= fields
            continue
        chain = [_operand(dot, depth, defaults)]
        if len(chain[0]) == 1 and dot.take("="):
            dot.id()
            dot.nodes.pop(chain[0][0]) if dot.nodes.get(chain[0][0]) == {"": ""} else None
            continue
        while dot.kind == "edge":
            if dot.value != ("->" if dot.directed else "--"):
                raise dot.error(f"{dot.value} in a {'di' * dot.directed}graph")
            dot.advance()
            chain.append(_operand(dot, depth, defaults))
        fields = _attributes(dot)
        for node in (node for operand in chain for node in operand):
            inside[node] = None
            dot.nodes[node].pop("", None)
        if len(chain) == 1 and len(chain[0]) == 1:
            dot.nodes[chain[0][0]] |= fields
        if sum(len(a) * len(b) for a, b in pairwise(chain)) > UNLISTED + len(dot.source.data):
            raise dot.error("two subgraphs are joined by more edges than the file has bytes")
        dot.edges += [(u, v, {**defaults, **fields}) for a, b in pairwise(chain) for u in a for v in b]
        if len(dot.edges) > UNLISTED + len(dot.source.data):
            raise dot.error("subgraphs are joined by more edges than the file has bytes")
    return list(inside)


def _operand(dot: _Dot, depth: int, defaults: dict[str, str]) -> list[str]:
    """One side of an edge: a node, with any ports, or the nodes of a subgraph."""
    if dot.take("subgraph"):
        if not (dot.kind == "mark" and dot.value == "{"):
            dot.id()
        dot.expect("{")
        return _statements(dot, depth + 1, defaults)
    if dot.take("{"):
        return _statements(dot, depth + 1, defaults)
    node = dot.id()
    while dot.take(":"):
        dot.id()
    dot.nodes.setdefault(node, {"": ""})
    return [node]


def _attributes(dot: _Dot) -> dict[str, str]:
    fields: dict[str, str] = {}
    while dot.take("["):
        while not dot.take("]"):
            key = dot.id()
            html_label = False
            if dot.take("="):
                html_label = dot.kind == "html"
                value = dot.id()
            else:
                value = "true"
            if not html_label:
                fields[key] = value
            dot.take(";") or dot.take(",")
    return fields
