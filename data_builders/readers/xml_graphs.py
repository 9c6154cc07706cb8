"""GraphML, GEXF and XGMML: one pass over the XML, whatever the names of its name spaces.

networkx's readers are not used: they drop the edges of nested graphs, join a second graph to the first,
invent nodes for ends that the file does not have, refuse files over attributes that nobody asks for, and take
ten times as long.
"""

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from data_builders.readers.source import LONGEST_NAME, Listing, Options, Source

_TRUTH = {"true": True, "1": True, "false": False, "0": False, "directed": True, "undirected": False}
_GEXF_TYPES = {"directed": True, "undirected": False, "mutual": False}


class Element:
    """An element that is open: its tag without a prefix, and what has come of it.

    text: of the tags that `walk` keeps it of. data: what the elements inside say of it.
    """

    __slots__ = ("attributes", "data", "line", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str], line: int) -> None:
        self.tag, self.attributes, self.line, self.text = tag, attributes, line, ""
        self.data: dict[str, Any] = {}


def walk(
    source: Source,
    start: Callable[[Element, list[Element]], None],
    end: Callable[[Element, list[Element]], None],
    texts: tuple[str, ...] = (),
) -> None:
    """Call `end` for every element, with those around it, and `start` for those whose tag is not in `texts`,
    of which the text is kept.

    Document types are refused, since entities can make a small file grow without bound.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    stack: list[Element] = []
    local: dict[str, str] = {}  # a tag as it is in the file -> without its prefix

    def doctype(*_: object) -> None:
        raise source.error(
            "document types and entities are refused; remove the <!DOCTYPE ..> part", parser.CurrentLineNumber
        )

    def open_element(tag: str, attributes: dict[str, str]) -> None:
        element = Element(local.get(tag) or name(tag), attributes, parser.CurrentLineNumber)
        # Most of a file's texts are the ends of its lines, for which expat need not come back to Python.
        if element.tag in texts:
            parser.CharacterDataHandler = characters
        else:
            start(element, stack)
            parser.CharacterDataHandler = None
        stack.append(element)

    def name(tag: str) -> str:
        local[tag] = tag.rpartition(":")[2]
        return local[tag]

    def close_element(_: str) -> None:
        element = stack.pop()
        parser.CharacterDataHandler = characters if stack and stack[-1].tag in texts else None
        end(element, stack)

    def characters(text: str) -> None:
        element = stack[-1]
        if len(element.text) <= LONGEST_NAME:
            element.text += text[: LONGEST_NAME + 1]

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = open_element
    parser.EndElementHandler = close_element
    try:
        parser.Parse(source.data, True)
    except expat.ExpatError as error:
        reason = expat.errors.messages[error.code]
        raise source.error(f"not XML ({reason})", error.lineno) from None
    except (LookupError, ValueError) as error:
        if type(error) is LookupError or type(error) is ValueError:  # an encoding that Python lacks
            raise source.error(f"not XML that can be read ({error})") from None
        raise


def root_of(source: Source) -> tuple[str, str]:
    """The first element's tag, and the name spaces that it declares."""
    first: list[tuple[str, str]] = []

    class FirstElement(Exception):
        pass

    def start(element: Element, stack: list[Element]) -> None:
        spaces = " ".join(value for key, value in element.attributes.items() if key.startswith("xmlns"))
        first.append((element.tag, spaces))
        raise FirstElement

    try:
        walk(source, start, lambda element, stack: None)
    except FirstElement:
        return first[0]
    raise source.error("not XML (no element found)", 1)


def read_graphml(source: Source, options: Options) -> Listing:
    """GraphML: nodes and edges with the values of declared keys; the labels of yEd's nodes are names.

    Graphs inside nodes are read into the outer one. A second graph, hyperedges, ids that repeat and ends that
    are no nodes are refused.
    """
    listing = Listing(source, options, "GraphML")
    keys: dict[str, tuple[str, str, str | None]] = {}  # id -> what it is for, its name, its default
    late: list[tuple[Element, bool]] = []  # values whose keys are declared after them
    graphs = 0

    def start(element: Element, stack: list[Element]) -> None:
        nonlocal graphs
        tag, parent = element.tag, stack[-1].tag if stack else ""
        if tag == "graph":
            if parent == "graphml":
                graphs += 1
                if graphs > 1:
                    raise source.error("a second <graph>; give a file of one", element.line)
                listing.directed = _direction(source, element, element.attributes.get("edgedefault"))
            else:
                listing.note("nested graph read into the outer one")
                if element.attributes.get("edgedefault") is not None:
                    element.data["directed"] = _direction(source, element, element.attributes["edgedefault"])
        elif tag == "key":
            name = element.attributes.get("attr.name") or element.attributes.get("yfiles.type") or ""
            kind = element.attributes.get("for", "all")
            keys[element.attributes.get("id", "")] = (kind, name, None)
        elif tag in ("hyperedge", "locator"):
            raise source.error(f"a {tag} cannot be read: edges join two nodes", element.line)
        elif tag == "edge" and parent == "graph":
            way = _direction(source, element, element.attributes.get("directed"))
            if way is None and len(stack) > 2:  # inside a nested graph, which may have a direction of its own
                way = next((e.data["directed"] for e in reversed(stack) if "directed" in e.data), None)
            element.data["way"] = way
        elif tag == "node" and "id" not in element.attributes:
            raise source.error("a <node> has no id", element.line)

    def end(element: Element, stack: list[Element]) -> None:
        tag, parent = element.tag, stack[-1] if stack else None
        if tag in ("node", "edge"):
            late.append((element, tag == "node"))
            if len(late) == 1 << 14:
                add()
            return
        text = element.text
        if tag == "default" and parent is not None and parent.tag == "key":
            kind, name, _ = keys[parent.attributes.get("id", "")]
            keys[parent.attributes.get("id", "")] = (kind, name, text)
        elif tag == "data" and parent is not None and parent.tag in ("node", "edge"):
            key = element.attributes.get("key", "")
            parent.data.setdefault("values", {})[key] = element.data.get("label", text)
        elif tag == "NodeLabel":  # yEd: <data><y:ShapeNode><y:NodeLabel>, and groups have several
            outer = next((e for e in reversed(stack) if e.tag == "data"), None)
            if outer is not None and text.strip():
                outer.data.setdefault("label", " ".join(text.split()))

    def add() -> None:
        defaults = {
            kind: {
                name: default
                for kinds, name, default in keys.values()
                if default is not None and kinds in (kind, "all") and name
            }
            for kind in ("node", "edge")
        }
        for element, is_node in late:
            values = _values(listing, keys, element, defaults["node" if is_node else "edge"])
            own, line = element.attributes, element.line
            if is_node:
                listing.add_node(own["id"], values, line)
            else:
                if "source" not in own or "target" not in own:
                    raise source.error("an edge has no source or no target", line)
                listing.add_edge(own["source"], own["target"], values, element.data.get("way"), line)
        late.clear()

    walk(source, start, end, ("data", "default", "NodeLabel"))
    add()
    if not graphs:
        raise source.error("not a GraphML file: no <graph> inside <graphml>")
    listing.check_ends()
    return listing


def _direction(source: Source, element: Element, value: str | None) -> bool | None:
    if value is None:
        return None
    if value.lower() not in _TRUTH:
        raise source.error(f"{value[:20]!r} is no direction; expected directed or undirected", element.line)
    return _TRUTH[value.lower()]


def _values(
    listing: Listing,
    keys: dict[str, tuple[str, str, str | None]],
    element: Element,
    defaults: dict[str, str],
) -> dict[str, str]:
    """The attributes of a node or an edge by their names, with the defaults of their keys."""
    values = dict(defaults)
    for key, text in element.data.get("values", {}).items():
        if key not in keys:
            raise listing.source.error(
                f"a value of the key {key[:40]}, but there is no key {key[:40]}", element.line
            )
        name = keys[key][1] or key
        if name == "nodegraphics":  # yEd's drawing of a node, whose label is its name
            values.setdefault("label", text) if text.strip() else None
        elif name not in ("edgegraphics", "portgraphics", "resources"):
            values[name] = text
    return values


def read_gexf(source: Source, options: Options) -> Listing:
    """GEXF of Gephi: labels, weights and types of edges; mutual edges go both ways, times are left out."""
    listing = Listing(source, options, "GEXF", directed=False)
    titles: dict[str, dict[str, str]] = {}  # class of attributes -> id -> title
    counts: dict[str, int] = {}
    graphs = nodes = 0

    def start(element: Element, stack: list[Element]) -> None:
        nonlocal graphs, nodes
        own, tag = element.attributes, element.tag
        if tag == "graph":
            graphs += 1
            if graphs > 1:
                raise source.error("a second <graph>; give a file of one", element.line)
            listing.directed = _gexf_type(source, element, own.get("defaultedgetype", "undirected"))
            if own.get("mode") == "dynamic":
                listing.note("dynamic: times are left out, all nodes and edges are read")
        elif tag == "attribute" and stack and stack[-1].tag == "attributes":
            kind = stack[-1].attributes.get("class", "node")
            titles.setdefault(kind, {})[own.get("id", "")] = own.get("title", "")
        elif tag == "attvalue" and len(stack) > 1 and stack[-2].tag in ("node", "edge"):
            kind = stack[-2].tag
            name = titles.get(kind, {}).get(own.get("for", own.get("id", "")), "")
            if name:
                stack[-2].data.setdefault(name, own.get("value", ""))
        elif tag in ("nodes", "edges") and own.get("count", "").isdigit() and len(own["count"]) < 16:
            if stack and stack[-1].tag == "graph":
                counts[tag] = int(own["count"])
        elif tag == "node":
            nodes += 1
            if any(outer.tag == "node" for outer in stack):
                listing.note("nested nodes are read beside the outer ones")
            if "id" not in own:
                raise source.error("a <node> has no id", element.line)

    def end(element: Element, stack: list[Element]) -> None:
        own, line = element.attributes, element.line
        if element.tag == "node":
            label = {"label": own["label"]} if "label" in own else {}
            listing.add_node(own["id"], {**element.data, **label}, line)
        elif element.tag == "edge":
            if "source" not in own or "target" not in own:
                raise source.error("an edge has no source or no target", line)
            way = _gexf_type(source, element, own["type"]) if "type" in own else None
            values = {**element.data, **({"weight": own["weight"]} if "weight" in own else {})}
            listing.add_edge(own["source"], own["target"], values, way, line)

    walk(source, start, end)
    if not graphs:
        raise source.error("not a GEXF file: no <graph>")
    listing.check_ends()
    for tag, number in (("nodes", nodes), ("edges", len(listing.edges))):
        if counts.get(tag, number) != number:
            raise source.error(f'<{tag} count="{counts[tag]}">, but the file has {number}')
    return listing


def _gexf_type(source: Source, element: Element, value: str) -> bool:
    if value.lower() not in _GEXF_TYPES:
        raise source.error(
            f"an edge of type {value[:20]!r}; expected directed, undirected or mutual", element.line
        )
    return _GEXF_TYPES[value.lower()]


def read_xgmml(source: Source, options: Options) -> Listing:
    """XGMML of Cytoscape: nodes and edges with <att> values."""
    listing = Listing(source, options, "XGMML", directed=False)
    graphs = 0

    def start(element: Element, stack: list[Element]) -> None:
        nonlocal graphs
        own = element.attributes
        if element.tag == "graph":
            graphs += 1
            if graphs > 1:
                listing.note("nested graph read into the outer one")
            else:
                listing.directed = _direction(source, element, own.get("directed", "0"))
        elif element.tag == "att" and stack and stack[-1].tag in ("node", "edge") and own.get("name"):
            stack[-1].data.setdefault(own["name"], own.get("value", ""))
        elif element.tag == "node" and "id" not in own and not any(key.endswith("href") for key in own):
            raise source.error("a <node> has no id", element.line)

    def end(element: Element, stack: list[Element]) -> None:
        own, line = element.attributes, element.line
        if element.tag == "node" and "id" in own:
            listing.add_node(own["id"], {**element.data, **_named(own, "label", "name")}, line)
        elif element.tag == "edge":
            if "source" not in own or "target" not in own:
                raise source.error("an edge has no source or no target", line)
            way = next((own[key] for key in own if key.rpartition(":")[2] == "directed"), None)
            values = {**element.data, **_named(own, "weight")}
            listing.add_edge(own["source"], own["target"], values, _direction(source, element, way), line)

    walk(source, start, end)
    listing.check_ends()
    return listing


def _named(attributes: dict[str, str], *names: str) -> dict[str, str]:
    return {name: attributes[name] for name in names if name in attributes}
