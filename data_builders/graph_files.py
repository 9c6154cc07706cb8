"""The user's own graphs: GraphML and edge lists in, small named subgraphs out.

What a file may hold and what becomes of it:

- GraphML (`.graphml`, `.xml`): a node is called by its attribute `label`, else `name`, else its id; the edge attribute
  `weight` is read. Document type declarations are refused, since entities can make a small file grow without bound.
- Edge lists (any other name): UTF-8, two node names and an optional weight per line, separated by spaces or tabs;
  `#` starts a comment.
- Self loops are dropped; an edge that is listed again (for an undirected graph: in either direction) counts once, with
  its first weight. Directions are dropped unless asked for. Each of these is counted in `GraphFile.notes`.
- Weights become capacities (maximum_flow shows them) where every edge has one and all are whole numbers of at least 1.
- Names: control characters and commas (answers are lists) become spaces, an empty name becomes the node's id, and a
  repeated one gets a number: `Smith`, `Smith 2`.
"""

import hashlib
import io
import math
import unicodedata
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from xml.parsers import expat

import networkx as nx

from data_builders.errors import InputError
from data_builders.graph import Edge, Graph, from_edges

RESTART = 0.15  # the usual probability of a random walk with restart
JUMP = 0.5  # more than the literature's 0.15: there, nearly all pairs of nodes in a small sample stay connected
OTHER_FORMATS = (".csv", ".gexf", ".gml", ".gz", ".json", ".mtx", ".net", ".npz", ".parquet", ".zip")


@dataclass(frozen=True)
class GraphFile:
    """A graph read from a file: names[u] belongs to node u, notes say what was dropped, around[u] ignores directions."""

    graph: Graph
    names: list[str]
    notes: list[str]
    sha256: str
    around: list[tuple[int, ...]]


@dataclass(frozen=True)
class _Listed:
    """What a file says, before any rule: (id, label) per node and (source, target, weight or None) per edge."""

    nodes: list[tuple[str, str]]
    edges: list[tuple[str, str, float | None]]
    directed: bool | None  # None: the format does not say


def read_graph_file(path: Path, directed: bool = False) -> GraphFile:
    """The graph in `path`, by the rules at the top of this file; InputError names the file, the line and the value.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "roads.txt"
    >>> _ = file.write_text("Ulm Bonn 3  # slow\\nBonn Jena\\nJena Jena\\n")
    >>> read = read_graph_file(file)
    >>> read.names, read.graph.edges, read.notes
    (['Ulm', 'Bonn', 'Jena'], ((0, 1), (1, 2)), ['1 self loops dropped', 'weights ignored: not every edge has one'])
    """
    path = Path(path)
    if path.suffix.lower() in OTHER_FORMATS:
        raise InputError(f"{path}: cannot read {path.suffix} files; give GraphML (.graphml) or an edge list (.txt, .edges, ..)")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); give a GraphML file or an edge list"
        ) from None
    if not data.strip():
        raise InputError(f"{path}: the file is empty; give a GraphML file or an edge list")
    is_xml = path.suffix.lower() in (".graphml", ".xml") or data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<?xml", b"<graphml"))
    listed = _read_graphml(data, path) if is_xml else _read_edge_list(data, path)
    return _assemble(listed, path, directed, hashlib.sha256(data).hexdigest())


def sample(source: GraphFile, rng: Random, n: int, sampling: str = "walk") -> tuple[Graph, list[str]]:
    """An induced subgraph of min(n, all) nodes, and the nodes' names.

    walk: the nodes are the first n that a random walk with restart meets, from a uniform start node, on edges in
    either direction; where the walk is stuck in a small component it starts again elsewhere. Such a subgraph is
    mostly connected. jump: every other step goes to a uniform node instead ("random jump" of Leskovec and Faloutsos,
    Sampling from Large Graphs, 2006), which leaves some nodes apart.
    Ids are a shuffle: they tell neither the order of the walk nor that of the file.

    >>> path = GraphFile(from_edges(3, [(0, 1), (1, 2)]), ["a", "b", "c"], [], "", [(1,), (0, 2), (1,)])
    >>> graph, names = sample(path, Random(1), 2)
    >>> graph.n, graph.edges, "b" in names
    (2, ((0, 1),), True)
    """
    order = (_walk if sampling == "walk" else _jump)(source.around, min(n, source.graph.n), rng)
    rng.shuffle(order)
    position = {u: i for i, u in enumerate(order)}
    graph = source.graph
    edges = sorted(
        (i, position[v]) for i, u in enumerate(order) for v in graph.adjacency[u] if v in position and (graph.directed or position[v] > i)
    )
    names = [source.names[u] for u in order]
    if graph.weights is None:
        return from_edges(len(order), edges, graph.directed), names
    return from_edges(len(order), [(i, j, graph.weight(order[i], order[j])) for i, j in edges], graph.directed), names


def _walk(around: list[tuple[int, ...]], n: int, rng: Random) -> list[int]:
    met: dict[int, None] = {}  # a set that remembers its order
    while len(met) < n:
        start = here = rng.randrange(len(around))
        if start in met:
            continue
        met[start] = None
        idle = 0
        while len(met) < n and idle < 10 * n and around[start]:
            here = start if rng.random() < RESTART else rng.choice(around[here])
            idle = idle + 1 if here in met else 0
            met[here] = None
    return list(met)


def _jump(around: list[tuple[int, ...]], n: int, rng: Random) -> list[int]:
    here = rng.randrange(len(around))
    met = {here: None}
    while len(met) < n:
        here = rng.randrange(len(around)) if rng.random() < JUMP or not around[here] else rng.choice(around[here])
        met[here] = None
    return list(met)


def _read_edge_list(data: bytes, path: Path) -> _Listed:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise InputError(f"{path}: line {number}: byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8 text") from None
    edges: list[tuple[str, str, float | None]] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        fields = line.split("#", 1)[0].split()
        if not fields:
            continue
        if len(fields) not in (2, 3):
            raise InputError(
                f"{path}: line {number}: {len(fields)} column{'s' * (len(fields) > 1)} ({line.strip()[:60]!r}); "
                "an edge list has two node names and an optional weight, separated by spaces or tabs"
            )
        weight = _number(fields[2], f"{path}: line {number}") if len(fields) == 3 else None
        edges.append((fields[0], fields[1], weight))
    if not edges:
        raise InputError(f"{path}: no edges; an edge list has two node names and an optional weight per line")
    names = dict.fromkeys(name for u, v, _ in edges for name in (u, v))
    return _Listed([(name, name) for name in names], edges, None)


def _number(text: object, where: str) -> float:
    try:
        value = float(str(text))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: weight {str(text)[:40]!r} is not a finite number")
    return value


def _read_graphml(data: bytes, path: Path) -> _Listed:
    _check_xml(data, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # networkx warns of ports and untyped keys, which do not matter here
            read = nx.read_graphml(io.BytesIO(data), force_multigraph=True)
    except (nx.NetworkXError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a GraphML file that can be read ({str(error).strip() or type(error).__name__})") from None
    nodes = [(u, _label(attributes) or u) for u, attributes in read.nodes(data=True)]
    edges = [
        (u, v, None if weight is None else _number(weight, f"{path}: edge from {u!r} to {v!r}"))
        for u, v, weight in read.edges(data="weight")
    ]
    if not nodes:
        raise InputError(f"{path}: the GraphML file has no nodes")
    return _Listed(nodes, edges, read.is_directed())


def _label(attributes: dict[str, Any]) -> str:
    return next((str(attributes[key]) for key in ("label", "name") if str(attributes.get(key) or "").strip()), "")


def _check_xml(data: bytes, path: Path) -> None:
    """Refuse what is not XML, has a document type, or names a node that is not there (networkx would invent it)."""
    nodes: set[str | None] = set()
    ends: list[tuple[str | None, int]] = []
    parser = expat.ParserCreate()

    def doctype(*_: object) -> None:
        raise InputError(f"{path}: line {parser.CurrentLineNumber}: document types and entities are refused; remove the <!DOCTYPE ..> part")

    def element(tag: str, attributes: dict[str, str]) -> None:
        kind = tag.rpartition(":")[2]
        if kind == "node":
            nodes.add(attributes.get("id"))
        elif kind == "edge":
            ends.extend((attributes.get(end), parser.CurrentLineNumber) for end in ("source", "target"))

    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = element
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        reason = expat.errors.messages[error.code]
        raise InputError(f"{path}: line {error.lineno}: not XML ({reason}); GraphML is XML") from None
    if None in nodes:
        raise InputError(f"{path}: a <node> has no id")
    for end, line in ends:
        if end not in nodes:
            raise InputError(f"{path}: line {line}: an edge names the node {end!r}, which the file does not have")


def _assemble(listed: _Listed, path: Path, directed: bool, sha256: str) -> GraphFile:
    if directed and listed.directed is False:
        raise InputError(f'{path}: the graph is undirected; leave `directed: true` out, or set edgedefault="directed" in the file')
    ids = {name: u for u, (name, _) in enumerate(listed.nodes)}
    kept: dict[Edge, float | None] = {}
    loops = repeated = 0
    for source, target, weight in listed.edges:
        u, v = ids[source], ids[target]
        if u == v:
            loops += 1
        elif (u, v) in kept or (not directed and (v, u) in kept):
            repeated += 1
        else:
            kept[u, v] = weight
    notes = [f"{n} {what}" for n, what in ((loops, "self loops dropped"), (repeated, "repeated edges counted once")) if n]
    if listed.directed and not directed:
        notes.append("directions dropped")
    given = [w for w in kept.values() if w is not None]
    capacities = len(given) == len(kept) > 0 and all(w >= 1 and w.is_integer() for w in given)
    if given and not capacities:
        notes.append(
            "weights ignored: " + ("not every edge has one" if len(given) < len(kept) else "not all are whole numbers of at least 1")
        )
    edges = [(u, v, int(w)) if capacities and w is not None else (u, v) for (u, v), w in kept.items()]
    graph = from_edges(len(ids), edges, directed)
    around = graph.adjacency if not directed else from_edges(len(ids), list(dict.fromkeys((min(e), max(e)) for e in kept))).adjacency
    return GraphFile(graph, _clean_names(listed.nodes), notes, sha256, [around[u] for u in range(len(ids))])


def _clean_names(nodes: Iterable[tuple[str, str]]) -> list[str]:
    """Printable, non-empty, unique names, in the order of the nodes.

    >>> _clean_names([("1", "Smith, Al"), ("2", "a\\nb"), ("3", "a b"), ("4", " ")])
    ['Smith Al', 'a b', 'a b 2', '4']
    """
    taken: dict[str, int] = {}  # name -> how often it was asked for
    for node, label in nodes:
        name = unique = _printable(label) or _printable(node) or "node"
        while unique in taken:
            taken[name] += 1
            unique = f"{name} {taken[name]}"
        taken[unique] = 1
    return list(taken)


def _printable(text: str) -> str:
    kept = (" " if c == "," or unicodedata.category(c).startswith("C") else c for c in unicodedata.normalize("NFC", text))
    return " ".join("".join(kept).split())
