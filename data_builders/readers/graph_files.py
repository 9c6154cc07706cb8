"""read_graph: the user's own graph, from a file or from Python, by one set of rules.

- Nodes: called by the attribute asked for, else by `label`, else `name`, else by the id. Where labels repeat,
  all nodes are called by their ids.
- Edges: self loops are dropped; an edge that is listed again (for an undirected graph: in either direction)
  counts once. Where it has different weights there, no edge keeps its weight: which of them is right depends
  on the question (the smallest for a distance, the sum for a flow). Directions are dropped unless asked for;
  with them, an undirected edge of a mixed file goes both ways.
- Weights: read as they are, where every edge has one. Questions print whole numbers: real weights times a
  power of ten, see `_whole_weights`; answers are exact for the printed numbers.
- Names: kept as the file has them. In questions (`GraphFile.names`) they are printable, without commas
  (answers are lists), at most LONGEST characters long, and different from one another.

Each thing that is dropped or changed is one line of `GraphFile.notes`.
"""

import gc
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from data_builders.files import write_text
from data_builders.graphs.graph import Edge, Graph, from_edges
from data_builders.readers.formats import read_listing
from data_builders.readers.python_graphs import list_graph
from data_builders.readers.source import Listing, Options, Source, open_source

LONGEST = 200  # characters of a name in a question
_PACKED = (".gz", ".bz2", ".xz", ".zip")
# Joiners are part of emoji and of Persian and Indic words, and tags are part of flags.
_JOINERS = frozenset("\u200c\u200d") | frozenset(map(chr, range(0xE0020, 0xE0080)))


@dataclass(frozen=True)
class GraphFile:
    """A graph read from a file.

    graph: over the nodes 0 .. n-1, with the weights that questions print: whole numbers.
    names: of the nodes in questions. labels: of the nodes in the file. ids: of the nodes in the file.
    around: neighbours of each node whatever the directions.
    weights: of the edges of `graph`, as the file has them; None where there are none, or they are left out.
    weights_left_out: whether the file has weights that `graph` has not; they are not replaced by others.
    notes: what was dropped or changed, a line each.
    """

    graph: Graph
    names: list[str]
    notes: list[str]
    sha256: str
    around: list[tuple[int, ...]]
    labels: Sequence[str] = ()
    ids: Sequence[str] = ()
    format: str = ""
    self_loops: int = 0
    weights: dict[Edge, float] | None = None
    weights_left_out: bool = False
    file_directed: bool | None = None
    path: Path = Path()

    def find(self, name: str) -> int:
        """The node of a name: as the file has it, as questions have it, by its id, or in normal form.

        Raises InputError where no node, or more than one, is called so.
        """
        for spellings in (self.labels, self.names, self.ids):
            nodes = [u for u, spelling in enumerate(spellings) if spelling == name]
            if len(nodes) == 1:
                return nodes[0]
        normal = _normal(name)
        nodes = [
            u
            for u in range(self.graph.n)
            if normal in {_normal(spellings[u]) for spellings in (self.labels, self.names) if spellings}
        ]
        if len(nodes) == 1:
            return nodes[0]
        if nodes:
            some = ", ".join(repr(self.ids[u] if self.ids else self.names[u]) for u in nodes[:4])
            raise InputError(
                f"{self.path}: {len(nodes)} nodes may be meant by {name!r}; name one by its id: {some}"
            )
        near = ", ".join(self.names[:8]) + (", ..." if self.graph.n > 8 else "")
        raise InputError(f"{self.path}: no node {name!r}; it has {near}")

    def summary(self) -> dict[str, Any]:
        """What was understood of the file, as JSON: names and edges sorted, in the spelling of the file."""
        labels, arrow = self.labels or self.names, "->" if self.graph.directed else "--"

        def edge(u: int, v: int) -> str:
            ends = labels[u], labels[v]
            return f" {arrow} ".join(ends if self.graph.directed else sorted(ends))

        weights = self.weights
        return {
            "format": self.format,
            "nodes": self.graph.n,
            "edges": self.graph.m,
            "self_loops": self.self_loops,
            "directed": self.graph.directed,
            "names": sorted(labels),
            "edge_list": sorted(edge(u, v) for u, v in self.graph.edges),
            "weights": None if weights is None else {edge(u, v): w for (u, v), w in sorted(weights.items())},
            "notes": self.notes,
        }


def _normal(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def source_name(path: Path) -> str:
    """What a graph file is called as a source of graphs: its name without its ending.

    >>> source_name(Path("data/roads.csv.gz"))
    'roads'
    """
    return Path(path.stem).stem if path.suffix.lower() in _PACKED else path.stem


def read_graph_file(path: Path, directed: bool = False, **options: Any) -> GraphFile:
    """The graph in `path`, by the rules at the top of this file; InputError names the file, the line and the
    value.

    options: the others of `data_builders.readers.source.Options`.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "roads.txt"
    >>> _ = file.write_text("Ulm Bonn 3  # slow\\nBonn Jena\\nJena Jena\\n")
    >>> read = read_graph_file(file)
    >>> read.names, read.graph.edges, read.notes[0]
    (['Ulm', 'Bonn', 'Jena'], ((0, 1), (1, 2)), '1 self loops dropped')
    """
    chosen = Options(directed, **options)
    source = open_source(Path(path), chosen.max_bytes)
    collecting = gc.isenabled()
    gc.disable()  # millions of small objects without a cycle, through which it would go again and again
    try:
        return assemble(read_listing(source, chosen))
    except RecursionError:
        raise source.error("brackets that are nested too deep") from None
    finally:
        if collecting:
            gc.enable()


def read_graph(graph: Any, **options: Any) -> GraphFile:
    """The user's own graph: a path, or a graph of networkx, igraph, rustworkx or torch_geometric (`Data`).

    options: those of `read_graph_file`.

    >>> import networkx
    >>> read_graph(networkx.path_graph(["a", "b"])).names
    ['a', 'b']
    """
    if isinstance(graph, str | Path):
        return read_graph_file(Path(graph), **options)
    return assemble(_listing_of(graph, Options(**options)))


def write_graph(graph: Any, path: Path) -> Path:
    """Write a graph from Python, see `read_graph`, as a node-link file that builds can sample from, and
    return its path, which ends in .json. The node attributes of a networkx graph are kept.

    >>> import networkx, tempfile
    >>> file = write_graph(networkx.path_graph(["a", "b"]), Path(tempfile.mkdtemp()) / "pair.json")
    >>> read_graph_file(file).names
    ['a', 'b']
    """
    if Path(path).suffix != ".json":
        raise InputError(
            f"{path}: a graph from Python is written as node-link data; call the file {Path(path).stem}.json"
        )
    listing = _listing_of(graph, Options())
    nodes: dict[str, dict[str, str]] = {
        id: {"label": name} if name else {} for id, name in listing.nodes.items()
    }
    if hasattr(graph, "adj"):
        nodes = {str(u): {str(k): str(v) for k, v in own.items()} for u, own in graph.nodes(data=True)}
    links = [{"source": u, "target": v, "weight": weight} for u, v, weight, _ in listing.edges]
    record = {
        "directed": bool(listing.directed),
        "nodes": [{**attributes, "id": id} for id, attributes in nodes.items()],
        "links": links,
    }
    write_text(Path(path), json.dumps(record))
    return Path(path)


def _listing_of(graph: Any, options: Options) -> Listing:
    kind = f"{type(graph).__module__.partition('.')[0]} {type(graph).__name__}"
    listing = Listing(Source(Path(f"<{type(graph).__name__}>"), b"", ""), options, kind)
    list_graph(graph, listing)
    return listing


# ---- from what a file says to a graph -----------------------------------------------------------------


def assemble(listing: Listing) -> GraphFile:
    """The graph of a listing, by the rules at the top of this file."""
    directed = listing.options.directed
    notes = [*listing.source.notes, *listing.notes]
    kept, loops, merged = _edges(listing, notes)
    if loops:
        notes.append(f"{loops} self loops dropped")
    if merged:
        notes.append(f"{merged} repeated edges merged")
    graph, weights = _weigh(listing, kept, notes)
    labels, names = _call(listing, notes)
    around = graph.adjacency
    if directed:
        around = from_edges(graph.n, list(dict.fromkeys((min(e), max(e)) for e in kept))).adjacency
    return GraphFile(
        graph,
        names,
        list(dict.fromkeys(notes)),
        listing.source.sha256,
        [around[u] for u in range(graph.n)],
        labels,
        list(listing.nodes),
        listing.format,
        loops,
        None if weights is None else {(u, v): _either(weights, u, v) for u, v in graph.edges},
        graph.weights is None and any(weight is not None for _, _, weight, _ in listing.edges),
        listing.directed,
        listing.source.path,
    )


def _either(weights: dict[Edge, float], u: int, v: int) -> float:
    return weights[u, v] if (u, v) in weights else weights[v, u]


def _edges(listing: Listing, notes: list[str]) -> tuple[dict[Edge, float | None], int, int]:
    """Each edge once with its weight; the numbers of self loops and of repeated edges."""
    directed, source = listing.options.directed, listing.source
    ids = {id: u for u, id in enumerate(listing.nodes)}
    ways = {listing.directed if way is None else way for *_, way in listing.edges} or {listing.directed}
    if directed and ways == {False} and not listing.directed:
        raise source.error(
            "the graph is undirected, so it cannot be read with directions; leave --directed "
            "(`directed: true`) "
            "out, or mark its edges as directed in the file"
        )
    if not directed and True in ways:
        notes.append("direction dropped: edges are read as undirected (--directed keeps the directions)")
    if directed and False in ways:
        notes.append("undirected edges read in both directions")
    kept: dict[Edge, float | None] = {}
    loops = merged = 0
    differ = False
    for start, end, weight, own in listing.edges:
        u, v = ids[start], ids[end]
        if u == v:
            loops += 1
            continue
        way = listing.directed if own is None else own
        for pair in ((u, v), (v, u)) if directed and way is False else ((u, v),):
            same = pair if pair in kept else pair[::-1] if not directed and pair[::-1] in kept else None
            if same is None:
                kept[pair] = weight
            else:
                merged += pair == (u, v)
                differ |= kept[same] != weight
    if differ and listing.options.weights:
        notes.append(
            "repeated edges have different weights, so weights are left out; list each edge once to keep them"
        )
        kept = dict.fromkeys(kept)
    return kept, loops, merged


def _weigh(
    listing: Listing, kept: dict[Edge, float | None], notes: list[str]
) -> tuple[Graph, dict[Edge, float] | None]:
    """The graph, with its weights where they are whole; and the weights as they are in the file."""
    n, directed, options = len(listing.nodes), listing.options.directed, listing.options
    given = [w for w in kept.values() if w is not None]
    asked = options.weight
    if asked is not None and not given and listing.edges and asked not in listing.weight_names:
        known = ", ".join(listing.left_out) or "none"
        raise listing.source.error(
            f"no edge has the weight {asked[:40]!r}; attributes of edges are {known[:200]}"
        )
    unread = [name for name in listing.left_out if name not in listing.weight_names]
    if unread:
        hint = "; --weight NAME reads one as weight" if not given else ""
        notes.append(f"edge attributes not read: {', '.join(unread)[:100]}{hint}")
    if given and not options.weights:
        notes.append("weights left out, as --no-weights says")
    elif len(listing.weight_names) > 1:
        notes.append(
            f"weights left out: edges have both {' and '.join(listing.weight_names)}; choose with --weight"
        )
        return from_edges(n, list(kept), directed), None
    elif 0 < len(given) < len(kept):
        notes.append(f"weights left out: {len(kept) - len(given)} of {len(kept)} edges have none")
    if not given or not options.weights or len(given) < len(kept):
        return from_edges(n, list(kept), directed), None
    weights = {pair: weight for pair, weight in kept.items() if weight is not None}
    notes += [f"{name} used as weight" for name in listing.weight_names if name.lower() != "weight"]
    low = min(given)
    if low < 0:
        notes.append(
            f"{sum(w < 0 for w in given)} negative weights, the smallest {low:g}: weighted tasks "
            f"need positive ones"
        )
    elif low == 0:
        notes.append(f"{sum(w == 0 for w in given)} weights are 0: weighted tasks need positive ones")
    printed = _whole_weights(weights, notes)
    edges = list(kept) if printed is None else [(*pair, weight) for pair, weight in printed.items()]
    return from_edges(n, edges, directed), weights


def _whole_weights(weights: dict[Edge, float], notes: list[str]) -> dict[Edge, int] | None:
    """The weights that questions print: whole numbers, since sums of real ones would carry the noise of
    floating point into answers.

    Real weights are multiplied by a power of ten: the least that makes all of them whole, up to 1,000; else
    the least that leaves each within half a percent after rounding. None where that is none up to 10^9.

    >>> _whole_weights({(0, 1): 1.5, (1, 2): 2}, notes := []), notes
    ({(0, 1): 15, (1, 2): 20}, ['weights are real numbers: questions print them times 10 (1.5 as 15)'])
    """
    if all(isinstance(weight, int) for weight in weights.values()):
        return {pair: int(weight) for pair, weight in weights.items()}
    largest = max(map(abs, weights.values()))
    for allowed, scales in ((1e-12, range(4)), (0.005, range(10))):
        for scale in (10**k for k in scales):
            if largest * scale > 1e9:
                break
            printed = {pair: round(weight * scale) for pair, weight in weights.items()}
            if all(abs(printed[pair] / scale - w) <= allowed * abs(w) for pair, w in weights.items()):
                example = next(pair for pair, weight in weights.items() if not isinstance(weight, int))
                rounded = "" if allowed < 0.005 else ", rounded to whole numbers"
                notes.append(
                    f"weights are real numbers: questions print them times {scale:,}{rounded} "
                    f"({weights[example]:g} as {printed[example]})"
                )
                return printed
    notes.append(
        f"weights left out of questions: from {min(weights.values()):g} to {max(weights.values()):g}, they "
        "are too far apart for whole numbers of one unit"
    )
    return None


def _call(listing: Listing, notes: list[str]) -> tuple[list[str], list[str]]:
    """The nodes' names in the file and in questions."""
    labels = [label or id for id, label in listing.nodes.items()]
    if len(set(labels)) < len(labels):
        label, count = Counter(labels).most_common(1)[0]
        notes.append(f"labels repeat, ids used: {count} nodes are called {label[:40]!r}")
        labels = list(listing.nodes)
    names = _clean_names(zip(listing.nodes, labels, strict=True))
    changed = [
        (label, name)
        for label, name in zip(labels, names, strict=True)
        if name != unicodedata.normalize("NFC", label)
    ]
    if changed:
        some = ", ".join(_change(label, name) for label, name in changed[:3])
        notes.append(f"{len(changed)} names are changed in questions: {some}{', ...' * (len(changed) > 3)}")
    return labels, names


def _change(label: str, name: str) -> str:
    if len(label) > LONGEST:
        return f"{label[:20]!r}..., of {len(label)} characters, is cut to {len(name)}"
    return f"{label!r} is written {name!r}"


def _clean_names(nodes: Iterable[tuple[str, str]]) -> list[str]:
    """Printable, non-empty, unique names, in the order of the nodes.

    >>> _clean_names([("1", "Smith, Al"), ("2", "a\\nb"), ("3", "a b"), ("4", " ")])
    ['Smith Al', 'a b', 'a b 2', '4']
    """
    taken: dict[str, int] = {}  # name -> how often it was wanted
    for node, label in nodes:
        name = unique = _printable(label) or _printable(node) or "node"
        while unique in taken:
            taken[name] += 1
            unique = f"{name} {taken[name]}"
        taken[unique] = 1
    return list(taken)


def _printable(text: str) -> str:
    if text.isascii() and text.isprintable() and "," not in text and "  " not in text:
        name = text.strip()
    else:
        normal = unicodedata.normalize("NFC", text)
        kept = (" " if c == "," or (c not in _JOINERS and _invisible(c)) else c for c in normal)
        name = " ".join("".join(kept).split(" ")).strip("\u200c\u200d ")
        name = re.sub(" +", " ", name)
    return name if len(name) <= LONGEST else name[: LONGEST - 1].rstrip() + "…"


def _invisible(character: str) -> bool:
    """Whether a character shows as nothing, or changes how others show, as controls and breaks do."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
