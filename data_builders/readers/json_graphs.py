"""JSON: node-link data, d3, Cytoscape.js, networkx's adjacency data, graphology, vis, JSON Graph Format."""

import json
import math
from collections.abc import Mapping
from typing import Any

from data_builders.readers.source import LONGEST_NUMBER, Listing, Options, Source, may_be_matrix

_HINT = 'expected node-link data: {"nodes": [{"id": ..}, ..], "links": [{"source": .., "target": ..}, ..]}'
Record = Mapping[str, Any]


def read_json(source: Source, options: Options) -> Listing:
    """The graph in a JSON file, by the keys that it has."""
    text = source.text

    def whole_number(digits: str) -> int:
        if len(digits) > LONGEST_NUMBER:
            raise source.error(f"a number of {len(digits):,} digits")
        return int(digits)

    def record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise source.error(f"the key {twice[:40]!r} stands twice in one object")
        return fields

    try:
        data = json.loads(text, parse_int=whole_number, object_pairs_hook=record)
    except json.JSONDecodeError as error:
        raise source.error(f"not JSON ({error.msg})", error.lineno) from None
    except RecursionError:
        raise source.error("brackets that are nested too deep; " + _HINT) from None
    listing = Listing(source, options, "JSON")
    if isinstance(data, list):
        if data and isinstance(data[0], dict):
            _elements(listing, data) if "data" in data[0] else _node_link(listing, {"links": data})
        else:
            _pairs(listing, data)
    elif not isinstance(data, dict):
        raise source.error(_HINT)
    elif "elements" in data:
        listing.directed = _flag(listing, data.get("directed"))
        _elements(listing, data["elements"])
    elif isinstance(data.get("graph"), dict) and "nodes" in data["graph"] and "nodes" not in data:
        _json_graph_format(listing, data["graph"])
    elif "graphs" in data and "nodes" not in data:
        raise source.error("several graphs; give a file of one")
    elif "adjacency" in data:
        _adjacency(listing, data)
    elif "children" in data:
        raise source.error("a tree (networkx's tree_data, d3's hierarchy); save it as node-link data")
    else:
        _node_link(listing, data)
    listing.check_ends()
    return listing


def _record(listing: Listing, value: object, what: str) -> Record:
    if not isinstance(value, dict):
        raise listing.source.error(f"{what} is {json.dumps(value)[:40]}; {_HINT}")
    return value


def _list(listing: Listing, value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise listing.source.error(f"{what} is no list; {_HINT}")
    return value


def _flag(listing: Listing, value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise listing.source.error(f"directed is {json.dumps(value)[:40]}; expected true or false")
    return value


def _scalar(listing: Listing, value: object, what: str) -> object:
    """An id: text or a number."""
    infinite = isinstance(value, float) and not math.isfinite(value)
    if isinstance(value, bool) or infinite or not isinstance(value, str | int | float):
        raise listing.source.error(f"{what} is {json.dumps(value)[:40]}, which is no id; {_HINT}")
    return value


def _pick(listing: Listing, record: Record, names: tuple[str, ...], what: str) -> Any:
    for name in names:
        if name in record:
            return record[name]
    raise listing.source.error(f"{what} has no {' or '.join(names)} ({json.dumps(record)[:60]}); {_HINT}")


def _node_link(listing: Listing, data: Record) -> None:
    """networkx, d3, sigma, vis (from and to) and graphology (key and attributes)."""
    links = _list(listing, _pick(listing, data, ("links", "edges"), "the file"), "links")
    given = data.get("nodes")
    nodes = [] if given is None else _list(listing, given, "nodes")
    options = data.get("options")
    kind = options.get("type") if isinstance(options, dict) else None
    if kind is not None or any(
        isinstance(node, dict) and "key" in node and "id" not in node for node in nodes[:1]
    ):
        listing.format = "graphology JSON"
        listing.directed = kind != "undirected"
    else:
        listing.directed = _flag(listing, data.get("directed"))
    named = any(isinstance(link, dict) and isinstance(link.get("source"), str) for link in links[:1])
    ids = _add_nodes(listing, nodes, named)
    ends: list[tuple[Any, Any]] = []
    fields: list[tuple[Record, bool | None]] = []
    for link in links:
        if isinstance(link, list) and len(link) in (2, 3):
            link = dict(zip(("source", "target", "weight"), link, strict=False))
        link = _record(listing, link, "a link")
        if "from" in link and "source" not in link:
            listing.format = "vis JSON"
        u = _end(listing, _pick(listing, link, ("source", "from"), "a link"))
        v = _end(listing, _pick(listing, link, ("target", "to"), "a link"))
        way = None
        if "undirected" in link:
            way = not _flag(listing, link["undirected"])
        elif "directed" in link:
            way = _flag(listing, link["directed"])
        elif isinstance(link.get("arrows"), str):
            way, u, v = _arrows(link["arrows"], u, v)
        attributes = link.get("attributes")
        fields.append((attributes if isinstance(attributes, dict) else link, way))
        ends.append((u, v))
    if given is None:
        for u, v in ends:
            for end in (u, v):
                if str(end) not in listing.nodes:
                    listing.add_node(_scalar(listing, end, "the end of a link"))
    elif _by_position(listing, ends, ids):
        listing.format = "d3 JSON"
        ends = [(ids[u], ids[v]) for u, v in ends]
    skip = ("source", "target", "from", "to", "id", "key", "index", "directed", "undirected", "arrows")
    for (u, v), (record, way) in zip(ends, fields, strict=True):
        attributes = {
            key: value for key, value in record.items() if key not in skip or key == listing.options.weight
        }
        listing.add_edge(u, v, attributes, way)


def _end(listing: Listing, end: object) -> object:
    """The end of a link; d3 puts the whole node there after it has drawn."""
    if isinstance(end, dict):
        end = _pick(listing, end, ("id", "key", "name"), "the end of a link")
    return _scalar(listing, end, "the end of a link")


def _arrows(arrows: str, u: object, v: object) -> tuple[bool | None, object, object]:
    """vis: an arrow at the end, at the begin, or at both."""
    to, back = "to" in arrows, "from" in arrows
    if to and back:
        return False, u, v
    return (True, v, u) if back else (True, u, v) if to else (None, u, v)


def _add_nodes(listing: Listing, nodes: list[Any], named: bool = False) -> list[object]:
    """Add the nodes; their ids by position. Nodes without ids, as in d3, are called by their position, or by
    their names where links are `named`.
    """
    ids: list[object] = []
    for at, node in enumerate(nodes):
        fields = node if isinstance(node, dict) else {"id": node}
        keys = ("id", "key", "name") if named else ("id", "key")
        id = _scalar(listing, next((fields[key] for key in keys if key in fields), at), "an id")
        attributes = fields.get("attributes")
        listing.add_node(id, {**fields, **attributes} if isinstance(attributes, dict) else fields)
        ids.append(id)
    return ids


def _by_position(listing: Listing, ends: list[tuple[object, object]], ids: list[object]) -> bool:
    """Whether the ends of links are positions in the list of nodes, as in d3, and not ids."""
    values = {end for pair in ends for end in pair}
    if not all(isinstance(end, int) and 0 <= end < len(ids) for end in values):
        return False
    if all(str(end) == str(ids[end]) for end in values):  # type: ignore[call-overload]
        return False
    known = sum(str(end) in listing.nodes for end in values)
    if not all(isinstance(id, str) for id in ids) and known:
        return False
    if known == len(values):
        raise listing.source.error(
            "the links may name ids or count the nodes from 0; write them as text if they are ids"
        )
    listing.note("links count the nodes from 0")
    return True


def _elements(listing: Listing, elements: object) -> None:
    """Cytoscape.js: elements with their fields in `data`, in one list or as nodes and edges."""
    listing.format = "Cytoscape JSON"
    if isinstance(elements, dict):
        flat = [
            (group, element)
            for group in ("nodes", "edges")
            for element in _list(listing, elements.get(group, []), group)
        ]
    else:
        flat = [("", element) for element in _list(listing, elements, "elements")]
    for pass_nodes in (True, False):
        for group, element in flat:
            fields = _record(
                listing, _record(listing, element, "an element").get("data"), "the data of an element"
            )
            is_edge = (
                group or element.get("group") or ("edges" if "source" in fields else "nodes")
            ) == "edges"
            if pass_nodes and not is_edge:
                listing.add_node(_scalar(listing, _pick(listing, fields, ("id",), "a node"), "an id"), fields)
            elif is_edge and not pass_nodes:
                u, v = (
                    _scalar(listing, _pick(listing, fields, (end,), "an edge"), end)
                    for end in ("source", "target")
                )
                skip = ("id", "source", "target", "key")
                attributes = {k: v for k, v in fields.items() if k not in skip or k == listing.options.weight}
                listing.add_edge(u, v, attributes)


def _adjacency(listing: Listing, data: Record) -> None:
    """networkx's adjacency_data: for each node in turn its neighbours; undirected edges stand there twice."""
    listing.format, listing.directed = "networkx adjacency JSON", _flag(listing, data.get("directed"))
    ids = [str(id) for id in _add_nodes(listing, _list(listing, data.get("nodes"), "nodes"))]
    rows = _list(listing, data["adjacency"], "adjacency")
    if len(rows) != len(ids):
        raise listing.source.error(f"adjacency has {len(rows)} rows for {len(ids)} nodes")
    seen: dict[tuple[str, str, str], int] = {}
    for u, row in zip(ids, rows, strict=True):
        for link in _list(listing, row, "a row of adjacency"):
            fields = _record(listing, link, "a neighbour")
            v = str(_scalar(listing, _pick(listing, fields, ("id",), "a neighbour"), "an id"))
            key = json.dumps(fields.get("key"))
            if listing.directed is not False or (v, u, key) not in seen or u == v:
                attributes = {k: w for k, w in fields.items() if k not in ("id", "key")}
                listing.add_edge(u, v, attributes)
            else:
                seen[v, u, key] -= 1
                continue
            seen[u, v, key] = seen.get((u, v, key), 0) + 1
    if listing.directed is False and any(count for (u, v, _), count in seen.items() if u != v):
        raise listing.source.error(
            "an undirected edge stands only at one of its nodes; adjacency has it at both"
        )


def _json_graph_format(listing: Listing, graph: Record) -> None:
    """JSON Graph Format: {"graph": {"nodes": {id: {"label": ..}}, "edges": [..]}}."""
    listing.format, listing.directed = "JSON Graph Format", _flag(listing, graph.get("directed", True))
    nodes = graph["nodes"]
    if isinstance(nodes, dict):
        for id, node in nodes.items():
            listing.add_node(id, _fields(_record(listing, node, "a node")))
    else:
        for node in _list(listing, nodes, "nodes"):
            fields = _record(listing, node, "a node")
            listing.add_node(
                _scalar(listing, _pick(listing, fields, ("id",), "a node"), "an id"), _fields(fields)
            )
    for edge in _list(listing, graph.get("edges", []), "edges"):
        fields = _record(listing, edge, "an edge")
        u, v = (
            _scalar(listing, _pick(listing, fields, (end,), "an edge"), end) for end in ("source", "target")
        )
        skip = ("source", "target", "directed", "relation", "id")
        attributes = {key: value for key, value in _fields(fields).items() if key not in skip}
        listing.add_edge(u, v, attributes, _flag(listing, fields.get("directed")))


def _fields(record: Record) -> dict[str, Any]:
    metadata = record.get("metadata")
    flat = {key: value for key, value in record.items() if key != "metadata"}
    return {**(metadata if isinstance(metadata, dict) else {}), **flat}


def _pairs(listing: Listing, data: list[Any]) -> None:
    """A plain list of edges: [["a", "b"], ["b", "c", 2]]."""
    listing.format = "JSON edge list"
    if may_be_matrix(data):
        raise listing.source.error("may be a matrix of numbers or a list of edges; write node-link data")
    for row in data:
        if not isinstance(row, list) or len(row) not in (2, 3):
            raise listing.source.error(f"{json.dumps(row)[:40]} is no edge; {_HINT}")
        u, v = (_scalar(listing, end, "the end of an edge") for end in row[:2])
        attributes = {"weight": row[2]} if len(row) == 3 else None
        if isinstance(row[-1], dict):
            attributes = row[2]
        listing.add_edge(u, v, attributes)
    listing.nodes_of_edges(_HINT)
