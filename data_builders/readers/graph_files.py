"""The user's own graphs: files of many formats and Python objects in, small named subgraphs out.

What a file may hold is told in `graph_formats`; this is what becomes of it:

- A node is called by the attribute asked for, else by its attribute `label`, else `name`, else its id.
- Self loops are dropped; an edge that is listed again (for an undirected graph: in either direction) counts
  once, with its first weight. Directions are dropped unless asked for. Each of these is counted in
  `GraphFile.notes`.
- Weights become capacities (maximum_flow shows them) where every edge has one and all are whole numbers of at
  least 1.
- Names: control characters and commas (answers are lists) become spaces, an empty name becomes the node's id,
  one of more than LONGEST characters is cut, and a repeated one gets a number: `Smith`, `Smith 2`.
"""

import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from data_builders.errors import InputError
from data_builders.graphs.graph import Edge, Graph, from_edges
from data_builders.readers.formats import Asked, Listed, read_listed

LONGEST = 80  # characters of a name
# forward burning probability of the forest fire; Leskovec and Faloutsos find 0.7 the best for samples
BURN = 0.7
RESTART = 0.15  # the usual probability of a random walk with restart
JUMP = (
    0.5  # more than the literature's 0.15: there, nearly all pairs of nodes in a small sample stay connected
)


@dataclass(frozen=True)
class GraphFile:
    """A graph read from a file: names[u] belongs to node u, notes say what was dropped, around[u] ignores
    directions.
    """

    graph: Graph
    names: list[str]
    notes: list[str]
    sha256: str
    around: list[tuple[int, ...]]


def source_name(path: Path) -> str:
    """What a graph file is called as a source of graphs: its name without its ending.

    >>> source_name(Path("data/roads.csv.gz"))
    'roads'
    """
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def read_graph_file(
    path: Path, directed: bool = False, label: str | None = None, columns: Sequence[str] = ()
) -> GraphFile:
    """The graph in `path`, by the rules at the top of this file; InputError names the file, the line and the
    value.

    label: the node attribute that holds the names. columns: those of a CSV file that hold source, target and,
        if there is one, weight.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "roads.txt"
    >>> _ = file.write_text("Ulm Bonn 3  # slow\\nBonn Jena\\nJena Jena\\n")
    >>> read = read_graph_file(file)
    >>> read.names, read.graph.edges, read.notes
    (['Ulm', 'Bonn', 'Jena'], ((0, 1), (1, 2)), ['1 self loops dropped', 'weights ignored: not every edge has one'])
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); give a file of a graph"
        ) from None
    sha256 = hashlib.sha256(data).hexdigest()
    return _assemble(read_listed(path, data, Asked(label, tuple(columns))), path, directed, sha256)


def write_graph(graph: Any, path: Path, weight: str = "weight") -> Path:
    """Write a graph from Python as a node-link file that builds can sample from, and return its path, which
    ends in .json.

    graph: a networkx graph, whose nodes and their attributes are kept, or a torch_geometric `Data`, of which
    `edge_index` and, if it has one number per edge, `edge_weight` or `edge_attr` are read; its edges are
    directed unless each is there both ways.

    >>> import networkx, tempfile
    >>> file = write_graph(networkx.path_graph(["a", "b"]), Path(tempfile.mkdtemp()) / "pair.json")
    >>> read_graph_file(file).names
    ['a', 'b']
    """
    if Path(path).suffix != ".json":
        raise InputError(
            f"{path}: a graph from Python is written as node-link data; call the file {Path(path).stem}.json"
        )
    if hasattr(graph, "edge_index"):
        found = _from_data(graph)
    elif hasattr(graph, "adj") and hasattr(graph, "is_directed"):
        nodes = [
            {"id": str(u), **{str(k): str(v) for k, v in attributes.items() if k != "id"}}
            for u, attributes in graph.nodes(data=True)
        ]
        links = [{"source": str(u), "target": str(v), "weight": w} for u, v, w in graph.edges(data=weight)]
        found = {"directed": graph.is_directed(), "nodes": nodes, "links": links}
    else:
        raise InputError(f"expected a networkx graph or a torch_geometric Data, not {type(graph).__name__}")
    Path(path).write_text(json.dumps(found, default=str), encoding="utf-8")
    return Path(path)


def _from_data(data: Any) -> dict[str, Any]:
    sources, targets = data.edge_index.tolist()
    given = next(
        (w for name in ("edge_weight", "edge_attr") if (w := getattr(data, name, None)) is not None), None
    )
    weights = (
        [None] * len(sources) if given is None or given.numel() != len(sources) else given.flatten().tolist()
    )
    pairs = set(zip(sources, targets, strict=True))
    directed = any((v, u) not in pairs for u, v in pairs)
    n = data.num_nodes if data.num_nodes is not None else max([*sources, *targets], default=-1) + 1
    links = [
        {"source": u, "target": v, "weight": w}
        for u, v, w in zip(sources, targets, weights, strict=True)
        if directed or u <= v
    ]
    return {"directed": directed, "nodes": [{"id": u} for u in range(n)], "links": links}


def sample(source: GraphFile, rng: Random, n: int, sampling: str = "walk") -> tuple[Graph, list[str]]:
    """An induced subgraph of min(n, all) nodes, and the nodes' names.

    sampling, one of SAMPLINGS:
    walk: the nodes are the first n that a random walk with restart meets, from a uniform start node, on edges
    in either direction; where the walk is stuck in a small component it starts again elsewhere. Such a
    subgraph is mostly connected. jump: every other step goes to a uniform node instead ("random jump" of
    Leskovec and Faloutsos, Sampling from Large Graphs, 2006), which leaves some nodes apart. ego: a node,
    then its neighbours, then theirs.
    fire: forest fire (same paper): each node burns a geometric number of its neighbours. induced: n uniform
    nodes, which in a sparse graph have hardly an edge.
    Ids are a shuffle: they tell neither the order of the walk nor that of the file. Time and memory go with
    what is visited, not with the size of the graph.

    >>> path = GraphFile(from_edges(3, [(0, 1), (1, 2)]), ["a", "b", "c"], [], "", [(1,), (0, 2), (1,)])
    >>> graph, names = sample(path, Random(1), 2)
    >>> graph.n, graph.edges, "b" in names
    (2, ((0, 1),), True)
    """
    order = SAMPLINGS[sampling](source.around, min(n, source.graph.n), rng)
    rng.shuffle(order)
    position = {u: i for i, u in enumerate(order)}
    graph = source.graph
    edges = sorted(
        (i, position[v])
        for i, u in enumerate(order)
        for v in _inside(graph, u, position)
        if graph.directed or position[v] > i
    )
    names = [source.names[u] for u in order]
    if graph.weights is None:
        return from_edges(len(order), edges, graph.directed), names
    return from_edges(
        len(order), [(i, j, graph.weight(order[i], order[j])) for i, j in edges], graph.directed
    ), names


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
        here = (
            rng.randrange(len(around))
            if rng.random() < JUMP or not around[here]
            else rng.choice(around[here])
        )
        met[here] = None
    return list(met)


def _ego(around: list[tuple[int, ...]], n: int, rng: Random) -> list[int]:
    return _burn(around, n, rng, lambda ends: ends)


def _fire(around: list[tuple[int, ...]], n: int, rng: Random) -> list[int]:
    def burning(ends: list[int]) -> list[int]:
        count = 0
        while count < len(ends) and rng.random() < BURN:
            count += 1
        return ends[:count]

    return _burn(around, n, rng, burning)


def _burn(
    around: list[tuple[int, ...]], n: int, rng: Random, choose: Callable[[list[int]], list[int]]
) -> list[int]:
    """Breadth first over the chosen among each node's new neighbours, in random order; again from elsewhere
    where it goes out.
    """
    met: dict[int, None] = {}
    while len(met) < n:
        queue = [rng.randrange(len(around))]
        met[queue[0]] = None
        for u in queue:
            if len(met) >= n:
                break
            ends = (
                around[u]
                if len(around[u]) <= 4 * n
                else [around[u][rng.randrange(len(around[u]))] for _ in range(4 * n)]
            )  # a hub
            new = [v for v in dict.fromkeys(ends) if v not in met]
            rng.shuffle(new)
            for v in choose(new)[: n - len(met)]:
                met[v] = None
                queue.append(v)
    return list(met)


def _induced(around: list[tuple[int, ...]], n: int, rng: Random) -> list[int]:
    return rng.sample(range(len(around)), n)


SAMPLINGS: dict[str, Callable[[list[tuple[int, ...]], int, Random], list[int]]] = {
    "walk": _walk,
    "jump": _jump,
    "ego": _ego,
    "fire": _fire,
    "induced": _induced,
}


def _inside(graph: Graph, u: int, position: dict[int, int]) -> Iterable[int]:
    """The neighbours of u that are in the sample; a hub's are found from the other side."""
    ends = graph.adjacency[u]
    if len(ends) <= 50 * len(position):
        return [v for v in ends if v in position]
    return (
        [v for v in position if v in ends]
        if graph.directed
        else [v for v in position if v != u and u in graph.adjacency[v]]
    )


def _assemble(listed: Listed, path: Path, directed: bool, sha256: str) -> GraphFile:
    if directed and listed.directed is False:
        raise InputError(
            f'{path}: the graph is undirected; leave `directed: true` out, or set edgedefault="directed" in the file'
        )
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
    notes = [
        f"{n} {what}"
        for n, what in ((loops, "self loops dropped"), (repeated, "repeated edges counted once"))
        if n
    ]
    if listed.directed and not directed:
        notes.append("directions dropped")
    given = [w for w in kept.values() if w is not None]
    capacities = len(given) == len(kept) > 0 and all(w >= 1 and w.is_integer() for w in given)
    if given and not capacities:
        notes.append(
            "weights ignored: "
            + (
                "not every edge has one"
                if len(given) < len(kept)
                else "not all are whole numbers of at least 1"
            )
        )
    edges = [(u, v, int(w)) if capacities and w is not None else (u, v) for (u, v), w in kept.items()]
    graph = from_edges(len(ids), edges, directed)
    around = (
        graph.adjacency
        if not directed
        else from_edges(len(ids), list(dict.fromkeys((min(e), max(e)) for e in kept))).adjacency
    )
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
    text = text[: 4 * LONGEST]  # before any work: it may be of any length
    kept = (
        " " if c == "," or unicodedata.category(c).startswith("C") else c
        for c in unicodedata.normalize("NFC", text)
    )
    return " ".join("".join(kept).split())[:LONGEST].rstrip()
