"""FORMATS: what files of graphs say, read by their ending into one plain list of nodes and edges.

    .txt .edges .edgelist   two node names and an optional weight per line; `#` starts a comment (also any
    unknown ending) .adjlist                a node and its neighbours per line
    .csv .tsv               a header; columns source and target (or from/to, src/dst, u/v), weight if there is
    one, or those named .graphml .xml           GraphML; document types are refused, since entities can make a
    small file grow without bound .gml                    GML
    .json                   networkx's node-link data: {"nodes": [{"id": ..}], "links" or "edges": [{"source":
    .., "target": ..}]} .net .paj .pajek        Pajek
    .mtx                    Matrix Market, a square matrix: row, column, weight

Each of them may be compressed: `.gz` at the end. Whatever goes wrong is an InputError of one line.
"""

import csv
import gzip
import io
import json
import math
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx

from data_builders.errors import InputError
from data_builders.readers.graph_xml import check_xml

COLUMNS = (
    ("source", "target"),
    ("from", "to"),
    ("src", "dst"),
    ("u", "v"),
)  # what CSV files call the ends of an edge
WEIGHTS = ("weight", "capacity")
FIELD = 1 << 20  # characters of the longest CSV field


@dataclass(frozen=True)
class Listed:
    """What a file says, before any rule: (id, label) per node and (source, target, weight or None) per
    edge.
    """

    nodes: list[tuple[str, str]]
    edges: list[tuple[str, str, float | None]]
    directed: bool | None  # None: the format does not say


@dataclass(frozen=True)
class Asked:
    """What the user says about a file: the node attribute that is the label, and the CSV columns (source,
    target[, weight]).
    """

    label: str | None = None
    columns: tuple[str, ...] = ()


Reader = Callable[[bytes, Path, Asked], Listed]


def read_listed(path: Path, data: bytes, asked: Asked) -> Listed:
    """What the file's bytes say, by the ending of its name."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if data[:2] == b"\x1f\x8b" or suffixes[-1:] == [".gz"]:
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path}: not a whole gzip file ({error})") from None
        suffixes = suffixes[:-1] if suffixes[-1:] == [".gz"] else suffixes
    if not data.strip():
        raise InputError(f"{path}: the file is empty; give a graph")
    ending = suffixes[-1] if suffixes else ""
    looks_like_xml = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<?xml", b"<graphml"))
    listed = FORMATS.get(ending, _graphml if looks_like_xml else _edge_list)(data, path, asked)
    if asked.label is not None and FORMATS.get(ending, _edge_list) in (
        _edge_list,
        _adjacency_list,
        _csv,
        _matrix_market,
    ):
        raise InputError(f"{path}: this format has no node attributes, so none is called {asked.label!r}")
    return listed


def _text(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}: line {number}: byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8 text"
        ) from None


def _lines(data: bytes, path: Path) -> Iterator[tuple[int, list[str], str]]:
    """Number, words and text of each line that has words, comments left out."""
    for number, line in enumerate(_text(data, path).replace("\r\n", "\n").split("\n"), start=1):
        words = line.split("#", 1)[0].split()
        if words:
            yield number, words, line


def number(text: object, where: str) -> float:
    """A finite weight."""
    try:
        value = float(str(text))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: weight {str(text)[:40]!r} is not a finite number")
    return value


def _nodes_of(edges: Iterable[tuple[str, str, float | None]], path: Path, hint: str) -> list[tuple[str, str]]:
    names = dict.fromkeys(name for u, v, _ in edges for name in (u, v))
    if not names:
        raise InputError(f"{path}: no edges; {hint}")
    return [(name, name) for name in names]


def _edge_list(data: bytes, path: Path, asked: Asked) -> Listed:
    edges: list[tuple[str, str, float | None]] = []
    names: dict[str, str] = {}  # each name once in memory
    for line, words, text in _lines(data, path):
        if len(words) not in (2, 3):
            raise InputError(
                f"{path}: line {line}: {len(words)} column{'s' * (len(words) > 1)} ({text.strip()[:60]!r}); "
                "an edge list has two node names and an optional weight, separated by spaces or tabs"
            )
        weight = number(words[2], f"{path}: line {line}") if len(words) == 3 else None
        edges.append((names.setdefault(words[0], words[0]), names.setdefault(words[1], words[1]), weight))
    return Listed(
        _nodes_of(edges, path, "an edge list has two node names and an optional weight per line"), edges, None
    )


def _adjacency_list(data: bytes, path: Path, asked: Asked) -> Listed:
    rows = [words for _, words, _ in _lines(data, path)]
    names = dict.fromkeys(name for words in rows for name in words)
    if not names:
        raise InputError(f"{path}: no nodes; an adjacency list has a node and its neighbours per line")
    edges: list[tuple[str, str, float | None]] = [(words[0], v, None) for words in rows for v in words[1:]]
    return Listed([(name, name) for name in names], edges, None)


def _csv(data: bytes, path: Path, asked: Asked) -> Listed:
    csv.field_size_limit(FIELD)
    text = _text(data, path)
    first = text.lstrip("\n").split("\n", 1)[0]
    delimiter = max("\t;,", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    edges: list[tuple[str, str, float | None]] = []
    try:
        header = [name.strip() for name in next(rows)]
        ends = _columns(header, path, asked.columns)
        for row in rows:
            if not any(row):
                continue
            where = f"{path}: line {rows.line_num}"
            if len(row) != len(header):
                raise InputError(f"{where}: {len(row)} fields, but the header has {len(header)}")
            source, target, *weight = [row[at].strip() for at in ends]
            if not source or not target:
                raise InputError(
                    f"{where}: an edge needs two nodes; {header[ends[0 if not source else 1]]!r} is empty"
                )
            edges.append((source, target, number(weight[0], where) if weight and weight[0] else None))
    except (csv.Error, StopIteration) as error:
        raise InputError(f"{path}: line {rows.line_num}: not CSV ({error})") from None
    return Listed(_nodes_of(edges, path, "a CSV file has a header and one edge per line"), edges, None)


def _columns(header: list[str], path: Path, asked: Sequence[str]) -> list[int]:
    """Where source, target and, if there is one, the weight stand."""
    if asked:
        for name in asked:
            if name not in header:
                raise InputError(f"{path}: no column {name!r}; the header has {', '.join(header)[:200]}")
        return [header.index(name) for name in asked]
    lower = [name.lower() for name in header]
    pair = next((pair for pair in COLUMNS if set(pair) <= set(lower)), None)
    if pair is None:
        raise InputError(
            f"{path}: no columns source and target in the header ({', '.join(header)[:100]}); rename them, or give `columns`"
        )
    return [lower.index(name) for name in (*pair, *[name for name in WEIGHTS if name in lower][:1])]


def _from_networkx(read: "nx.Graph[Any]", path: Path, asked: Asked, edge_weight: str = "weight") -> Listed:
    nodes = [
        (str(u), label_of(attributes, asked, path, u) or str(u)) for u, attributes in read.nodes(data=True)
    ]
    edges = [
        (
            str(u),
            str(v),
            None
            if weight is None
            else number(weight, f"{path}: edge from {str(u)[:40]!r} to {str(v)[:40]!r}"),
        )
        for u, v, weight in read.edges(data=edge_weight)
    ]
    if not nodes:
        raise InputError(f"{path}: the file has no nodes")
    return Listed(nodes, edges, read.is_directed())


def label_of(attributes: Mapping[str, Any], asked: Asked, path: Path, node: object) -> str:
    """The asked attribute; else `label`, else `name`, where they say something."""
    if asked.label is None:
        return next(
            (str(attributes[key]) for key in ("label", "name") if str(attributes.get(key) or "").strip()), ""
        )
    if asked.label not in attributes:
        has = ", ".join(str(key) for key in attributes if key != "id") or "none"
        raise InputError(
            f"{path}: node {str(node)[:40]!r} has no attribute {asked.label!r}; it has {has[:200]}"
        )
    return str(attributes[asked.label])


def _networkx_reader(kind: str, read: Callable[[bytes, Path], "nx.Graph[Any]"]) -> Reader:
    """A reader of networkx, whose complaints become one line."""

    def reader(data: bytes, path: Path, asked: Asked) -> Listed:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of ports and untyped keys, which do not matter here
                found = read(data, path)
        except InputError:
            raise
        except (
            nx.NetworkXException,
            ArithmeticError,
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
            RecursionError,
            StopIteration,
        ) as e:
            reason = " ".join(str(e).split())[:200] or type(e).__name__
            raise InputError(f"{path}: not a {kind} file that can be read ({reason})") from None
        return _from_networkx(found, path, asked)

    return reader


def _read_graphml(data: bytes, path: Path) -> "nx.Graph[Any]":
    check_xml(data, path)
    found: nx.Graph[Any] = nx.read_graphml(io.BytesIO(data), force_multigraph=True)
    return found


def _read_gml(data: bytes, path: Path) -> "nx.Graph[Any]":
    found: nx.Graph[Any] = nx.parse_gml(_text(data, path).split("\n"), label="id")
    return found


def _read_pajek(data: bytes, path: Path) -> "nx.Graph[Any]":
    text = _text(data, path)
    if "*vertices" not in text.lower():
        raise ValueError("no *Vertices line")
    found: nx.Graph[Any] = nx.parse_pajek(text)
    return found


def _node_link(data: bytes, path: Path, asked: Asked) -> Listed:
    hint = 'expected node-link data: {"nodes": [{"id": ..}, ..], "links": [{"source": .., "target": ..}, ..]}'
    try:
        found = json.loads(_text(data, path))
        links = found["links"] if "links" in found else found["edges"]
        nodes = [
            (str(node["id"]), label_of(node, asked, path, node["id"]) or str(node["id"]))
            for node in found["nodes"]
        ]
        ends = [
            (
                str(link["source"]),
                str(link["target"]),
                next((link[w] for w in WEIGHTS if link.get(w) is not None), None),
            )
            for link in links
        ]
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: not JSON ({error.msg})") from None
    except (LookupError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{path}: {hint}") from None
    known = {name for name, _ in nodes}
    for u, v, _ in ends:
        for end in (u, v):
            if end not in known:
                raise InputError(f"{path}: a link names the node {end[:40]!r}, which the file does not have")
    if not nodes or len(known) < len(nodes):
        raise InputError(f"{path}: {'two nodes have one id' if nodes else 'the file has no nodes'}; {hint}")
    edges = [
        (u, v, None if w is None else number(w, f"{path}: link from {u[:40]!r} to {v[:40]!r}"))
        for u, v, w in ends
    ]
    return Listed(nodes, edges, bool(found.get("directed", False)))


def _matrix_market(data: bytes, path: Path, asked: Asked) -> Listed:
    from scipy.io import mmread  # scipy takes half a second to import

    if data.lstrip().count(b"\n") < 1 or not data.lstrip().startswith(b"%%MatrixMarket"):
        raise InputError(f"{path}: line 1: a Matrix Market file starts with %%MatrixMarket")
    try:
        found = mmread(io.BytesIO(data), spmatrix=False)
        matrix = found.tocoo() if hasattr(found, "tocoo") else None
    except (ValueError, TypeError, OverflowError, MemoryError, OSError) as error:
        raise InputError(
            f"{path}: not a Matrix Market file that can be read ({' '.join(str(error).split())[:200]})"
        ) from None
    if matrix is None or matrix.shape[0] != matrix.shape[1] or not matrix.shape[0]:
        raise InputError(f"{path}: expected a square matrix in coordinate form, node by node")
    n, symmetric = matrix.shape[0], b"general" not in data.split(b"\n", 1)[0].lower()
    pattern = b"pattern" in data.split(b"\n", 1)[0].lower()
    rows, columns, weights = matrix.row.tolist(), matrix.col.tolist(), matrix.data.tolist()
    edges = [
        (str(u + 1), str(v + 1), None if pattern else number(w, f"{path}: entry {u + 1}, {v + 1}"))
        for u, v, w in zip(rows, columns, weights, strict=True)
        if not symmetric or u <= v
    ]
    return Listed([(str(u), str(u)) for u in range(1, n + 1)], edges, not symmetric)


_graphml = _networkx_reader("GraphML", _read_graphml)
_gml = _networkx_reader("GML", _read_gml)
_pajek = _networkx_reader("Pajek", _read_pajek)

FORMATS: dict[str, Reader] = {
    ".adjlist": _adjacency_list,
    **dict.fromkeys((".csv", ".tsv"), _csv),
    **dict.fromkeys((".graphml", ".xml"), _graphml),
    ".gml": _gml,
    ".json": _node_link,
    **dict.fromkeys((".net", ".paj", ".pajek"), _pajek),
    ".mtx": _matrix_market,
}
