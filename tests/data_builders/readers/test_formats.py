"""Every format: written by the library that owns it and read by us it is the same graph; broken, it ends in
one line or in a graph that does not contradict the file.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import re
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import rustworkx
import rustworkx as rx
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import mmwrite

import graphtalk
from data_builders.errors import InputError
from data_builders.readers.formats import FORMATS, read_listing
from data_builders.readers.graph_files import assemble, read_graph, read_graph_file
from data_builders.readers.source import Options, Source, open_source
from tests.helpers.graph_files import one_line_error

NxGraph = Any
Writer = Callable[[NxGraph], bytes]
ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("GRAPHTALK_GRAPH_FILES", ROOT.parent / "shared" / "reference" / "graph_files"))


# ---- the writers that own the formats, and where no library has one, the format's own rules in a few li


def by(write: Callable[[NxGraph, Any], None]) -> Writer:
    def written(graph: NxGraph) -> bytes:
        out = io.BytesIO()
        write(graph, out)
        return out.getvalue()

    return written


def dumps(record: Callable[[NxGraph], Any]) -> Writer:
    return lambda graph: json.dumps(record(graph)).encode()


def frame(graph: NxGraph) -> pd.DataFrame:
    return nx.to_pandas_edgelist(graph)


def matrix_csv(graph: NxGraph) -> bytes:
    return nx.to_pandas_adjacency(graph).to_csv().encode()


def dense(graph: NxGraph) -> Any:
    return nx.to_numpy_array(graph, nodelist=sorted(graph, key=int))


def sparse(graph: NxGraph) -> Any:
    return nx.to_scipy_sparse_array(graph, nodelist=sorted(graph, key=int))


def dimacs(graph: NxGraph) -> bytes:
    kind, mark = ("sp", "a") if graph.is_directed() else ("edge", "e")
    lines = [f"p {kind} {len(graph)} {graph.size()}"]
    for u, v, d in graph.edges(data=True):
        lines.append(f"{mark} {int(u) + 1} {int(v) + 1}" + (f" {d['weight']}" if graph.is_directed() else ""))
    return ("c a graph\n" + "\n".join(lines) + "\n").encode()


def metis(graph: NxGraph) -> bytes:
    lines = [f"{len(graph)} {graph.size()} 001"]
    lines += [
        " ".join(f"{int(v) + 1} {d['weight']}" for v, d in graph[u].items()) for u in sorted(graph, key=int)
    ]
    return ("% a comment\n" + "\n".join(lines) + "\n").encode()


def tgf(graph: NxGraph) -> bytes:
    edges = [f"{u} {v}" for u, v in graph.edges]
    return "\n".join([*graph, "#", *edges, ""]).encode()


def sif(graph: NxGraph) -> bytes:
    lines = [f"{u}\tpp\t{v}" for u, v in graph.edges]
    return "\n".join([*lines, *(u for u in graph if not graph.degree(u)), ""]).encode()


def leda(graph: NxGraph) -> bytes:
    ids = {u: i for i, u in enumerate(graph, start=1)}
    head = ["LEDA.GRAPH", "string", "int", "-1" if graph.is_directed() else "-2", str(len(graph))]
    edges = [f"{ids[u]} {ids[v]} 0 |{{{d['weight']}}}|" for u, v, d in graph.edges(data=True)]
    return "\n".join([*head, *(f"|{{{u}}}|" for u in graph), str(len(edges)), *edges, ""]).encode()


def gdf(graph: NxGraph) -> bytes:
    way = str(graph.is_directed()).lower()
    edges = [f"{u},{v},{d['weight']},{way}" for u, v, d in graph.edges(data=True)]
    head = "edgedef>node1 VARCHAR,node2 VARCHAR,weight DOUBLE,directed BOOLEAN"
    return "\n".join(["nodedef>name VARCHAR", *graph, head, *edges, ""]).encode()


def dot(graph: NxGraph) -> bytes:
    kind, arrow = ("digraph", "->") if graph.is_directed() else ("graph", "--")
    edges = [f'  "{u}" {arrow} {v} [weight="{d["weight"]}"];' for u, v, d in graph.edges(data=True)]
    return "\n".join(
        [f"strict {kind} G {{", "node [shape=box];", *(f"  {u};" for u in graph), *edges, "}"]
    ).encode()


def rustworkx_dot(graph: NxGraph) -> bytes:
    out: Any = rx.PyDiGraph() if graph.is_directed() else rx.PyGraph()
    at = {u: out.add_node(u) for u in graph}
    out.add_edges_from([(at[u], at[v], d["weight"]) for u, v, d in graph.edges(data=True)])
    text = out.to_dot(lambda u: {"label": u}, lambda weight: {"weight": str(weight)})
    return str(text).encode()


def dl(graph: NxGraph) -> bytes:
    names = list(graph)
    rows = [" ".join(map(str, row)) for row in nx.to_numpy_array(graph, dtype=int).tolist()]
    text = f"dl n={len(names)} format=fullmatrix\nlabels:\n{','.join(names)}\ndata:\n"
    return (text + "\n".join(rows) + "\n").encode()


def xgmml(graph: NxGraph) -> bytes:
    nodes = "".join(f'<node id="{u}" label="{u}"/>' for u in graph)
    edges = "".join(
        f'<edge source="{u}" target="{v}"><att name="weight" value="{d["weight"]}"/></edge>'
        for u, v, d in graph.edges(data=True)
    )
    head = f'<graph directed="{int(graph.is_directed())}" xmlns="http://www.cs.rpi.edu/XGMML">'
    return f"{head}{nodes}{edges}</graph>".encode()


def graphology(graph: NxGraph) -> Any:
    edges = [{"source": u, "target": v, "attributes": d} for u, v, d in graph.edges(data=True)]
    kind = "directed" if graph.is_directed() else "undirected"
    return {"options": {"type": kind, "multi": False}, "nodes": [{"key": u} for u in graph], "edges": edges}


def d3(graph: NxGraph) -> Any:
    at = {u: i for i, u in enumerate(graph)}
    links = [{"source": at[u], "target": at[v], "value": d["weight"]} for u, v, d in graph.edges(data=True)]
    return {"nodes": [{"name": u} for u in graph], "links": links}


def vis(graph: NxGraph) -> Any:
    edges = [{"from": u, "to": v, "value": d["weight"]} for u, v, d in graph.edges(data=True)]
    return {"nodes": [{"id": u, "label": u} for u in graph], "edges": edges}


def npz(graph: NxGraph, out: Any) -> None:
    scipy.sparse.save_npz(out, scipy.sparse.csr_matrix(sparse(graph)))


def to_matrix_market(graph: NxGraph, out: Any) -> None:
    mmwrite(
        out, scipy.sparse.coo_array(sparse(graph)), symmetry="general" if graph.is_directed() else "symmetric"
    )


WEIGHTLESS = {"adjlist", "g6", "s6", "tgf", "sif", "col"}
UNDIRECTED = {"g6", "s6", "metis", "col"}  # formats without directions
DIRECTED = {"gr"}
SILENT = {"d3.json", "vis.json"}  # formats that do not say it
WRITERS: dict[str, Writer] = {
    "edgelist": by(nx.write_edgelist),
    "txt": by(nx.write_weighted_edgelist),
    "adjlist": by(nx.write_adjlist),
    "csv": lambda g: frame(g).to_csv(index=False).encode(),
    "tsv": lambda g: frame(g).to_csv(index=False, sep="\t").encode(),
    "matrix.csv": matrix_csv,
    "parquet": by(lambda g, out: frame(g).to_parquet(out)),
    "npy": by(lambda g, out: np.save(out, dense(g))),
    "npz": by(npz),
    "mtx": by(to_matrix_market),
    "graphml": by(nx.write_graphml_xml),
    "gexf": by(nx.write_gexf),
    "xgmml": xgmml,
    "gml": by(nx.write_gml),
    "dot": dot,
    "rustworkx.dot": rustworkx_dot,
    "net": by(nx.write_pajek),
    "dl": dl,
    "json": dumps(lambda g: nx.node_link_data(g, edges="links")),
    "adjacency.json": dumps(nx.adjacency_data),
    "cyjs": dumps(nx.cytoscape_data),
    "graphology.json": dumps(graphology),
    "d3.json": dumps(d3),
    "vis.json": dumps(vis),
    "g6": by(lambda g, out: nx.write_graph6(nx.convert_node_labels_to_integers(g), out)),
    "s6": by(lambda g, out: nx.write_sparse6(nx.convert_node_labels_to_integers(g), out)),
    "col": dimacs,
    "gr": dimacs,
    "metis": metis,
    "tgf": tgf,
    "sif": sif,
    "lgr": leda,
    "gdf": gdf,
}
FROM_ONE = {"mtx", "metis", "col", "gr"}  # formats that count nodes from 1, ours from 0


@st.composite
def networks(draw: st.DrawFn, directed: bool, names: bool) -> NxGraph:
    """A graph of nodes "0" .. "n-1", each with an edge (tables list no others), and whole or real weights."""
    n = draw(st.integers(2, 9))
    pairs = [(u, v) for u in range(n) for v in range(n) if (u < v or (directed and u != v))]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))
    chosen += [(u, (u + 1) % n) for u in range(n) if all(u not in pair for pair in chosen)]
    graph: NxGraph = nx.DiGraph() if directed else nx.Graph()
    graph.add_nodes_from(map(str, range(n)))
    for u, v in chosen:
        graph.add_edge(str(u), str(v), weight=draw(st.integers(1, 99) | st.sampled_from([0.5, 2.25, 1e-05])))
    return graph


def same(want: NxGraph, path: Path, kind: str, directed: bool) -> None:
    read = read_graph_file(path, directed)
    summary = read.summary()
    shift = 1 if kind in FROM_ONE else 0
    named = {u: str(int(u) + shift) for u in want}
    assert sorted(named.values()) == summary["names"]
    arrow = " -> " if directed else " -- "
    edges = {
        arrow.join((named[u], named[v]) if directed else sorted((named[u], named[v]))): d["weight"]
        for u, v, d in want.edges(data=True)
    }
    assert sorted(edges) == summary["edge_list"]
    if kind in WEIGHTLESS:
        assert summary["weights"] is None
    elif summary["weights"] is None:
        assert kind in ("npy", "npz", "matrix.csv", "dl") and set(edges.values()) == {1}
    else:
        assert summary["weights"] == edges


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("kind", WRITERS)
def test_what_the_owner_of_a_format_writes_is_what_we_read(
    kind: str, directed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if kind in (UNDIRECTED if directed else DIRECTED):
        pytest.skip("the format has no such graphs")
    folder = tmp_path_factory.mktemp("formats")

    @settings(max_examples=25, deadline=None, database=None, derandomize=True)
    @given(networks(directed, True))
    def check(want: NxGraph) -> None:
        if kind in ("dl",):
            for _, _, d in want.edges(data=True):
                d["weight"] = max(1, int(d["weight"]))
        if directed and kind in ("matrix.csv", "npy", "npz", "dl"):
            want.remove_edges_from([(v, u) for u, v in list(want.edges) if u < v])
            want.add_edge("0", "1", weight=3)  # a symmetric matrix would be that of an undirected graph
        path = folder / f"g.{kind}"
        path.write_bytes(WRITERS[kind](want))
        same(want, path, kind, directed)

    check()


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("kind", ["dot", "lgr", "lgl", "gml", "graphml", "net"])
def test_what_igraph_writes_is_what_we_read(
    kind: str, directed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """igraph, which is not installed with us, is the only library that writes LEDA and LGL."""
    igraph = pytest.importorskip("igraph")
    if kind == "lgl" and directed:
        pytest.skip("the format has no such graphs")
    path = tmp_path_factory.mktemp("igraph") / f"g.{kind}"

    @settings(max_examples=25, deadline=None, database=None, derandomize=True)
    @given(networks(directed, True))
    def check(want: NxGraph) -> None:
        rows = [(u, v, d["weight"]) for u, v, d in want.edges(data=True)]
        graph = igraph.Graph.TupleList(rows, directed, edge_attrs=["weight"])
        names = {"lgr": ["name", "weight"], "lgl": ["name", "weight"]}.get(kind, [])
        graph.write(str(path), {"lgr": "leda", "net": "pajek"}.get(kind, kind), *names)
        same(want, path, kind, directed)

    check()


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zip"])
def test_packed_files_are_the_same_graphs(ending: str, tmp_path: Path) -> None:
    graph = nx.Graph()
    graph.add_edge("0", "1", weight=3)
    for kind, write in WRITERS.items():
        if kind in DIRECTED | {"npz"}:
            continue
        data, path = write(graph), tmp_path / f"g.{kind}{ending}"
        if ending == ".zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(f"folder/g.{kind}", data)
                archive.writestr("readme.html", "<html>")
        else:
            path.write_bytes({".gz": gzip, ".bz2": bz2, ".xz": lzma}[ending].compress(data))
        same(graph, path, kind, False)


def test_graphs_from_python_are_read() -> None:
    graph = nx.DiGraph()
    graph.add_edge("a", "b", weight=2)
    read = graphtalk.read_graph(graph, directed=True)
    assert read.names == ["a", "b"] and read.weights == {(0, 1): 2}
    copy = rustworkx.PyDiGraph()
    copy.add_edge(copy.add_node("a"), copy.add_node("b"), 2)
    assert read_graph(copy, directed=True).summary() == {**read.summary(), "format": "rustworkx PyDiGraph"}
    with pytest.raises(InputError, match="expected a path, a graph of networkx, igraph or rustworkx"):
        read_graph([1])


def in_igraph(graph: NxGraph) -> Any:
    igraph = pytest.importorskip("igraph")
    copy = igraph.Graph(directed=graph.is_directed())
    copy.add_vertices(len(graph), {"name": list(graph)})
    at = {u: i for i, u in enumerate(graph)}
    weights = {"weight": [d["weight"] for *_, d in graph.edges(data=True)]}
    copy.add_edges([(at[u], at[v]) for u, v in graph.edges], weights)
    return copy


def in_rustworkx(graph: NxGraph) -> Any:
    copy = rustworkx.PyDiGraph() if graph.is_directed() else rustworkx.PyGraph()
    at = {u: copy.add_node(u) for u in graph}
    for u, v, d in graph.edges(data=True):
        copy.add_edge(at[u], at[v], d["weight"])
    return copy


def in_torch_geometric(graph: NxGraph) -> Any:
    return pytest.importorskip("torch_geometric.utils").from_networkx(graph, group_edge_attrs=["weight"])


LIBRARIES: dict[str, Callable[[NxGraph], Any]] = {
    "networkx": lambda graph: graph,
    "igraph": in_igraph,
    "rustworkx": in_rustworkx,
    "torch_geometric": in_torch_geometric,
}


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("library", LIBRARIES)
def test_what_a_library_holds_is_what_we_read(library: str, directed: bool) -> None:
    @settings(max_examples=25, deadline=None, database=None, derandomize=True)
    @given(networks(directed, True))
    def check(want: NxGraph) -> None:
        single = library == "torch_geometric"  # whose weights have 32 bits, and which knows no direction
        if single:
            want.remove_edges_from([(v, u) for u, v in list(want.edges) if directed and u < v])
            want.add_edge("0", "1", weight=3)
        read = read_graph(LIBRARIES[library](want), directed=directed)
        assert read.labels == list(want) and read.graph.directed == directed
        name = list(want)
        got = {(name[u], name[v]): weight for (u, v), weight in (read.weights or {}).items()}
        edges = {(u, v): d["weight"] for u, v, d in want.edges(data=True)}
        if not directed:
            got, edges = ({frozenset(e): w for e, w in each.items()} for each in (got, edges))
        assert got.keys() == edges.keys()
        assert all(got[e] == (np.float32(edges[e]) if single else edges[e]) for e in edges)

    check()


# ---- what is said, and what is refused ----------------------------------------------------------------

READ = {
    "header word": ("g.txt", "source target\na b\n", ["a -- b"], "first line is a header"),
    "counts first": (
        "g.txt",
        "3 2\n0 1\n1 2\n",
        ["0 -- 1", "1 -- 2"],
        "first line is a header: 3 nodes, 2 edges",
    ),
    "percent": ("g.txt", "% a comment\na b\n", ["a -- b"], ""),
    "hash in a name": ("g.txt", "a#1 b#2\n", ["a#1 -- b#2"], ""),
    "tabs": ("g.txt", "New York\tUlm\nUlm\tBad Ems\n", ["Bad Ems -- Ulm", "New York -- Ulm"], ""),
    "quotes": ("g.txt", '"New York" Ulm 3\n', ["New York -- Ulm"], ""),
    "empty braces": ("g.edgelist", "a b {}\n", ["a -- b"], ""),
    "konect": ("out.kind", "% asym positive\n% 2 2 2\n1 2 1 1082040961\n", ["1 -- 2"], "direction dropped"),
    "konect two modes": ("out.bip", "% bip unweighted\n1 1\n1 2\n", ["L1 -- R1", "L1 -- R2"], "two-mode"),
    "twin columns": ("g.csv", "node1,node2\na,b\n", ["a -- b"], ""),
    "quoted comma": (
        "g.csv",
        'source,target\n"Smith, Al",b\n',
        ["Smith, Al -- b"],
        "names are changed in questions",
    ),
    "dates": ("g.txt", "a b 2004-04-15\n", ["a -- b"], "timestamp, not a weight"),
    "no label": ("g.net", "*Vertices 2\r\n1\r\n2\r\n*Edges\r\n1 2\r\n", ["1 -- 2"], ""),
    "pajek labels": ("g.net", '*Vertices 3\n1 "A"\n2 "A"\n3 "B"\n*Edges\n1 3\n', ["1 -- 3"], "labels repeat"),
    "pajek matrix": ("g.net", '*Vertices 2\n1 "A"\n2 "B"\n*Matrix\n0 1\n1 0\n', ["A -- B"], ""),
    "pajek unknown": (
        "g.net",
        "*Vertices 2\n*Edges\n1 2\n*Colours\n1 red\n",
        ["1 -- 2"],
        "unknown section *Colours",
    ),
    "pajek edgeslist": ("g.net", "*Vertices 3\n*Edgeslist\n1 2 3\n", ["1 -- 2", "1 -- 3"], ""),
    "pajek comments": (
        "g.net",
        "% x\n*Network a\n*Vertices 2\n%\n1 a 0.5 0.5\n2 b\n*Edges\n% x\n1 2 1\n",
        ["a -- b"],
        "",
    ),
    "gml entities": (
        "g.gml",
        'graph [ node [ id 1 label "K&#246;ln" ] node [ id 2 label "B" ] edge [ source 1 target 2 ] ]',
        ["B -- Köln"],
        "",
    ),
    "gml multigraph": (
        "g.gml",
        "graph [ multigraph 1 node [ id 1 ] node [ id 2 ] edge [ source 1 target 2 key 0 ] ]",
        ["1 -- 2"],
        "",
    ),
    "yed": (
        "g.graphml",
        '<graphml><key for="node" id="d" yfiles.type="nodegraphics"/><graph edgedefault="directed">'
        '<node id="n0"><data key="d"><y:ShapeNode xmlns:y="y"><y:NodeLabel>Ann</y:NodeLabel>'
        '</y:ShapeNode></data></node><node id="n1"/><edge source="n0" target="n1"/></graph>'
        "</graphml>",
        ["Ann -- n1"],
        "direction dropped",
    ),
    "late key": (
        "g.graphml",
        '<graphml><graph edgedefault="undirected"><node id="a"/><node id="b"/><edge source="a" '
        'target="b"><data key="w">2</data></edge><key id="w" for="edge" attr.name="weight"/>'
        "</graph></graphml>",
        ["a -- b"],
        "",
    ),
    "dot": (
        "g.dot",
        'digraph "G" { rankdir=LR; /* x */ a -> {b c} [weight=2]; a:p -> d; subgraph s { e } }',
        ["a -- b", "a -- c", "a -- d"],
        "direction",
    ),
    "obo": (
        "g.obo",
        "format-version: 1.2\n\n[Term]\nid: A\nname: all\n\n[Term]\nid: B\nname: b\nis_a: A ! all\n",
        ["all -- b"],
        "direction",
    ),
    "old line ends": ("g.csv", "source,target\ra,b\r", ["a -- b"], ""),
    "loops": ("g.txt", "a a\na b\n", ["a -- b"], "1 self loops dropped"),
    "leda": (
        "g.lgr",
        "LEDA.GRAPH\nstring\nvoid\n-2\n2\n|{A}|\n|{A}|\n1\n1 2 0 |{}|\n",
        ["1 -- 2"],
        "labels repeat",
    ),
    "by content": (
        "g.dat",
        "graph [ node [ id 1 ] node [ id 2 ] edge [ source 1 target 2 ] ]",
        ["1 -- 2"],
        "read as GML",
    ),
    "joiners": (
        "g.csv",
        "source,target\n\U0001f468\u200d\U0001f469,b\n",
        ["b -- \U0001f468\u200d\U0001f469"],
        "",
    ),
    "jgf": (
        "g.json",
        '{"graph": {"directed": false, "nodes": {"a": {"label": "Ann"}, "b": {}}, "edges": '
        '[{"source": "a", "target": "b"}]}}',
        ["Ann -- b"],
        "",
    ),
    "edges only": ("g.json", '[["a", "b"], ["b", "c"]]', ["a -- b", "b -- c"], ""),
    "lgl": ("g.lgl", "# a\nb 2\n", ["a -- b"], ""),
    "several attributes": (
        "g.edgelist",
        "1 2 {'weight': 2, 'colour': 'x y'}\n2 3 {'weight': 3, 'colour': 'r'}\n",
        ["1 -- 2", "2 -- 3"],
        "not read: colour",
    ),
    "counts first, from one": ("g.txt", "3 2\n1 2\n2 3\n", ["1 -- 2", "2 -- 3"], "3 nodes, 2 edges"),
    "years": ("g.txt", "a b 1990\nb c 1991\n", ["a -- b", "b -- c"], "timestamp, not a weight"),
    "index column": ("g.csv", ",source,target\n0,a,b\n", ["a -- b"], ""),
    "header with marks": ("g.csv", "from_node_id,to_node_id\na,b\n", ["a -- b"], ""),
    "excel separator": ("g.csv", "sep=;\nsource;target\na;b\n", ["a -- b"], ""),
    "dot with attributes of the graph": (
        "g.dot",
        'graph "my graph" {\n  graph [bgcolor=white];\n  a -- b;\n}\n',
        ["a -- b"],
        "",
    ),
    "kinds of edges in a table": ("g.csv", "source,target,type\na,b,friend\n", ["a -- b"], "not read: type"),
    "edge records": ("g.json", '[{"source": "a", "target": "b"}]', ["a -- b"], ""),
    "pajek partition": (
        "g.net",
        "*Vertices 2\n*Edges\n1 2\n*Partition p\n*Vertices 2\n1\n2\n",
        ["1 -- 2"],
        "*Partition is left out",
    ),
    "value that is a word": (
        "g.gml",
        'graph [ node [ id 1 ] node [ id 2 ] edge [ source 1 target 2 value "high" ] ]',
        ["1 -- 2"],
        "not read: value",
    ),
    "dl two modes": (
        "g.dl",
        'dl nr=2, nc=2\nrow labels:\nAnn,"Bob B"\ncolumn labels:\nclub,Ann\ndata:\n1 0\n1 1\n',
        ["c1 -- r1", "c1 -- r2", "c2 -- r2"],  # Ann is a row and a column, so all are called by their ids
        "two-mode",
    ),
    "dl two modes embedded": (
        "g.dl",
        "dl nr=1 nc=2\nlabels embedded\ndata:\nchess choir\nAnn 3 0\n",
        ["Ann -- chess"],
        "two-mode",
    ),
    "long name": ("g.csv", f"source,target\n{'x' * 300},b\n", [f"b -- {'x' * 300}"], "is cut to 200"),
}


@pytest.mark.parametrize("case", READ)
def test_what_a_careful_reader_sees(case: str, tmp_path: Path) -> None:
    name, text, edges, words = READ[case]
    (tmp_path / name).write_bytes(text.encode())
    summary = read_graph_file(tmp_path / name).summary()
    assert summary["edge_list"] == edges
    assert any(words in note for note in summary["notes"]) if words else len(summary["notes"]) <= 1


REFUSED = {
    "pajek nan": ("g.net", "*Vertices 2\n*Edges\n1 2 nan\n", "weight 'nan'"),
    "two weights": ("g.csv", "source,target,weight,weight\na,b,1,2\n", "2 columns are called 'weight'"),
    "json matrix": ("g.json", "[[0, 1, 0], [1, 0, 1], [0, 1, 0]]", "a matrix of numbers or a list of edges"),
    "json key twice": ("g.json", '{"nodes": [], "nodes": [], "links": []}', "'nodes' stands twice"),
    "json id null": ("g.json", '{"nodes": [{"id": null}], "links": []}', "an id is null"),
    "6,000 digits in a list": ("g.txt", f"{'9' * 6000} 2\n", "a number of 6,000 digits"),
    "6,000 digits in gml": ("g.gml", f"graph [ node [ id {'9' * 6000} ] ]", "a number of 6,000 digits"),
    "gml as graphml": (
        "g.graphml",
        "graph [ node [ id 1 ] ]",
        "the content is GML; rename the file to g.gml",
    ),
    "pajek as csv": ("g.csv", "*Vertices 2\n*Edges\n1 2\n", "the content is Pajek"),
    "html": ("g.txt", "<!DOCTYPE html><html></html>", "a web page"),
    "tar": ("g.txt", b"g" + b"\0" * 256 + b"ustar" + b"\0" * 300, "tar archive"),
    "pickle": ("g.dat", b"\x80\x04\x95abc", "a pickle"),
    "two graphs": (
        "g.graphml",
        '<graphml><graph><node id="a"/></graph><graph/></graphml>',
        "a second <graph>",
    ),
    "two gml graphs": ("g.gml", "graph [ node [ id 1 ] ] graph [ ]", "a second graph"),
    "pajek number": ("g.net", "*Vertices 2\n*Edges\n1 3\n", "line 3: vertex 3 lies beyond *Vertices 2"),
    "pajek twice": ("g.net", "*Vertices 2\n1 a\n1 b\n", "line 3: vertex 1 is listed twice"),
    "ambiguous first line": ("g.txt", "3 2\n1 2\n1 3\n", "say --no-header if it is an edge"),
    "unknown header": (
        "g.csv",
        "left,right\na,b\n",
        "(left, right); name the columns with --columns left,right",
    ),
    "matrix or edges": ("g.csv", "0,1\n1,0\n", "may be a matrix of numbers or a list of edges"),
    "incidence": ("g.csv", ",x,y\na,1,0\nb,0,1\nc,1,1\n", "an adjacency matrix is square"),
    "several graphs": ("g.g6", "Bw\nBw\n", "2 graphs, one on each line"),
    "cut graph6": ("g.g6", "F\n", "7 nodes need 4 characters"),
    "cut matrix": (
        "g.mtx",
        "%%MatrixMarket matrix coordinate pattern general\n3 3 2\n1 2\n",
        "promises 2 entries",
    ),
    "metis one way": ("g.metis", "2 1\n2\n\n", "node 1 names its neighbour 2, but not the other way round"),
    "dimacs count": ("g.col", "p edge 3 5\ne 1 2\n", "promises 5 edges"),
    "gexf count": (
        "g.gexf",
        '<gexf><graph><nodes count="3"><node id="a"/></nodes></graph></gexf>',
        'count="3"',
    ),
    "ids or places": (
        "g.json",
        '{"nodes": [{"id": "1"}, {"id": "0"}], "links": [{"source": 0, "target": 1}]}',
        "may name ids or count",
    ),
    "object array": ("g.npy", b"", "pickle"),
    "negative zero": ("g.csv", "source,target,weight\na,b,nan\n", "weight 'nan' is not a finite number"),
    "long number": ("g.txt", "a b " + "9" * 6000, "is not a finite number"),
    "long json number": ("g.json", '{"nodes": [{"id": ' + "9" * 6000 + "}]}", "a number of 6,000 digits"),
    "deep json": ("g.json", "[" * 100_000, "nested too deep"),
    "long name": ("g.txt", "a " + "b" * 20_000, "a name of 20,000 characters"),
    "nothing": ("g.txt", b"\xef\xbb\xbf \n", "the file is empty"),
    "dl two modes short": ("g.dl", "dl nr=2 nc=3\ndata:\n1 0 1\n", "has 6"),
    "dl two modes as edges": ("g.dl", "dl nr=2 nc=3 format=edgelist2\ndata:\n1 2\n", "as a full matrix"),
    "latin-1": ("g.csv", "source,target\nMünster,Ulm\n".encode("latin-1"), "line 2: byte 0xfc is not UTF-8"),
    "dl latin-1": ("g.dl", "dl n=1\nlabels:\nMünster\ndata:\n0\n".encode("latin-1"), "not UTF-8"),
    "several files": ("g.zip", b"", "unpack it and give one"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_sure_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    name, content, words = REFUSED[case]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if case == "object array":
        np.save(path, np.array([[None]], dtype=object), allow_pickle=True)
    if case == "several files":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", "source,target\n")
            archive.writestr("b.csv", "source,target\n")
    message = one_line_error(path)
    assert words in message and len(message) < 500


def test_options_say_what_a_file_does_not(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text("a,b,3\nb,c,4\n")
    read = read_graph_file(path, header=False)
    assert read.summary()["weights"] == {"a -- b": 3, "b -- c": 4}
    assert read_graph_file(path, header=False, columns=("2", "1")).names == ["b", "a", "c"]
    path.write_text("source,target,cost,time\na,b,3,7\n")
    assert any("not read: cost, time" in note for note in read_graph_file(path).notes)
    assert read_graph_file(path, weight="cost").weights == {(0, 1): 3}
    with pytest.raises(InputError, match="no column 'price'"):
        read_graph_file(path, weight="price")
    path = tmp_path / "g.txt"
    path.write_text("a x b 3\n")
    assert read_graph_file(path, columns=("1", "3"), weight="4").weights == {(0, 1): 3}
    path.write_text("1 2 1082040961\n")
    assert read_graph_file(path, weight="3").weights == {(0, 1): 1082040961}
    path.write_text("3 2\n1 2\n2 3\n")
    assert read_graph_file(path, header=False).graph.m == 2  # 3 2 and 2 3 are one edge
    with pytest.raises(InputError, match="--max-bytes allows 3"):
        read_graph_file(path, max_bytes=3)


# ---- broken files -------------------------------------------------------------------------------------

INSERTS = [
    b"nan",
    b"-1e999",
    b"\x00",
    b"\xff\xfe",
    b"\n\n",
    b'"',
    b"[[",
    b"</node>",
    b"99999999",
    b" \xe2\x80\xae ",
    b"{",
    b"*Arcs\n",
]


def mutated(data: bytes, rng: Random) -> bytes:
    out, lines = bytearray(data), data.split(b"\n")
    how = rng.randrange(6)
    if how == 0:
        del out[rng.randrange(len(out)) :]
    elif how == 1:
        for _ in range(rng.randint(1, 8)):
            out[rng.randrange(len(out))] = rng.randrange(256)
    elif how == 2:
        at = rng.randrange(len(out))
        out[at:at] = rng.choice(INSERTS)
    elif how == 3:
        lines.pop(rng.randrange(len(lines)))
        return b"\n".join(lines)
    elif how == 4:
        lines.insert(rng.randrange(len(lines)), rng.choice(lines))
        return b"\n".join(lines)
    else:
        return data.decode("latin-1").encode(rng.choice(["utf-16", "utf-32", "utf-8-sig", "cp037"]))
    return bytes(out)


def promised_nodes(kind: str, data: bytes) -> int | None:
    """The number of nodes in a file's own header, read with one regular expression."""
    text = data.decode("utf-8", errors="replace").replace("\r", "\n")
    pattern = {
        "net": r"(?im)^[ \t]*\*vertices[ \t]+(\d+)",
        "mtx": r"(?m)^(?![ \t]*%)[ \t]*(\d+) ",
        "col": r"(?m)^p \w+ +(\d+)",
        "gr": r"(?m)^p \w+ +(\d+)",
        "metis": r"(?m)^(?![ \t]*%)[ \t]*(\d+)",
    }.get(kind)
    found = re.search(pattern, text) if pattern else None
    return int(found[1]) if found else None


@pytest.mark.parametrize("tries", [60, pytest.param(500, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", WRITERS)
def test_broken_files_end_in_one_line_or_agree_with_themselves(kind: str, tries: int, tmp_path: Path) -> None:
    rng = Random(kind)
    graph: NxGraph = nx.DiGraph() if kind in DIRECTED else nx.Graph()
    for u in range(9):
        for v in rng.sample([v for v in range(9) if v != u], 2):
            graph.add_edge(str(u), str(v), weight=rng.randint(1, 9))
    whole = WRITERS[kind](graph)
    refused = 0
    path = tmp_path / f"g.{kind}"
    for _ in range(tries):
        data = mutated(whole, rng)
        path.write_bytes(data)
        try:
            source = open_source(path)
            listing = read_listing(source, Options())
            read = assemble(listing)
        except InputError as error:
            refused += 1
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error) and len(str(error)) < 600
            continue
        promised = promised_nodes(kind, source.data) if source.data[:2] not in (b"\xff\xfe",) else None
        assert promised in (None, read.graph.n), data
        assert len(set(read.names)) == len(set(read.ids)) == read.graph.n == len(read.around)
        json.dumps(read.summary()).encode()
    assert refused > tries // 10


# ---- bounds -------------------------------------------------------------------------------------------


def limited(path: Path, seconds: int = 20, gigabytes: float = 1.5) -> str:
    """What `graphtalk graph` says of a file, in a process of little memory and time."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (int(gigabytes * 2**30),) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    code = (
        "import sys; from data_builders.errors import InputError; "
        "from data_builders.readers.graph_files import read_graph_file\n"
        "try: print(read_graph_file(sys.argv[1]).graph.n)\n"
        "except InputError as error: print(error)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        preexec_fn=limit,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.count("\n") == 1
    return done.stdout


PROMISES = {
    "g.net": "*Vertices 10000000\n*Edges\n1 2\n",
    "g.mtx": "%%MatrixMarket matrix coordinate pattern general\n10000000 10000000 1\n1 2\n",
    "g.gr": "p sp 10000000 1\na 1 2 3\n",
    "g.metis": "10000000 1\n2\n1\n",
    "g.dl": "dl n=10000000\nformat=edgelist1\ndata:\n1 2\n",
    "g.s6": ":~~???~~~",
}


@pytest.mark.parametrize("name", PROMISES)
def test_a_header_that_promises_much_costs_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(PROMISES[name])
    assert "promises" in limited(tmp_path / name)


def test_bombs_devices_and_pipes_end_in_one_line(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.txt.gz"
    bomb.write_bytes(gzip.compress(b"a b\n" * (1 << 22)) * 64)  # 1 GiB as the 64 members of one file
    assert "250 times its size" in limited(bomb)
    assert "not a regular file" in limited(Path("/dev/zero"))
    os.mkfifo(tmp_path / "pipe.txt")
    assert "not a regular file" in limited(tmp_path / "pipe.txt")
    attribute = tmp_path / "g.graphml"
    attribute.write_text(
        f'<graphml><graph><node id="a"><data key="k">{"x" * 50_000_000}</data></node></graph></graphml>'
    )
    assert "no key k" in limited(attribute)
    attribute.write_text(f'<graphml><graph><node id="{"x" * 50_000_000}"/></graph></graphml>')
    assert "a name of 50,000,000 characters" in limited(attribute)
    dots = tmp_path / "g.dot"
    group = " ".join(f"n{i}" for i in range(20_000))
    dots.write_text(f"graph {{ {{ {group} }} -- {{ {group} }} }}")
    assert "more edges than the file has bytes" in limited(dots)


@pytest.mark.slow
def test_a_million_edges_fit_in_two_gigabytes_and_twenty_seconds(tmp_path: Path) -> None:
    rng = Random(0)
    edges = [(rng.randrange(200_000), rng.randrange(200_000)) for _ in range(1_000_000)]
    path = tmp_path / "g.txt"
    path.write_text("".join(f"{u} {v} {u % 7 + 1}.5\n" for u, v in edges))
    assert int(limited(path, 20, 2)) > 190_000
    table = tmp_path / "g.csv"
    with table.open("w") as stream:
        csv.writer(stream).writerows([("source", "target"), *edges])
    assert int(limited(table, 20, 2)) > 190_000
    network = tmp_path / "g.graphml"
    with network.open("w") as stream:
        stream.write('<graphml><key id="w" for="edge" attr.name="weight"/><graph edgedefault="undirected">')
        stream.writelines(f'<node id="{u}"/>\n' for u in range(200_000))
        for u, v in edges:
            stream.write(f'<edge source="{u}" target="{v}"><data key="w">{u % 7 + 1}</data></edge>\n')
        stream.write("</graph></graphml>")
    assert limited(network, 40, 2) == "200000\n"


# ---- the cases that are kept beside the checkout ------------------------------------------------------


def shared() -> list[Any]:
    file = SHARED / "expected.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []


@pytest.mark.skipif(not shared(), reason="no graph files beside the checkout; set GRAPHTALK_GRAPH_FILES")
def test_the_shared_graph_files_are_read_as_a_careful_reader_reads_them() -> None:
    wrong = []
    for case in shared():
        try:
            summary = read_graph_file(SHARED / case["file"], "--directed" in case["options"]).summary()
        except InputError as error:
            if not (case["or_refuse"] or case["must_refuse"]):
                wrong.append((case["file"], str(error)))
            continue
        keys = ("nodes", "edges", "self_loops", "names", "edge_list", "weights")
        if case["must_refuse"] or any(summary[key] != case[key] for key in keys):
            wrong.append((case["file"], json.dumps(summary)))
        if len(case["notes"]) > len(summary["notes"]):
            wrong.append((case["file"], f"said {summary['notes']}, expected {case['notes']}"))
    assert not wrong


def rows_of_the_page() -> list[list[str]]:
    text = (ROOT / "docs" / "graphs.md").read_text(encoding="utf-8")
    table = text[text.index("| format |") :].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table]


def test_the_page_has_every_format_and_its_endings() -> None:
    page = {cells[0]: set(re.findall(r"\.\w+", cells[1])) for cells in rows_of_the_page()}
    assert page == {format.name: set(format.endings) for format in FORMATS}


@pytest.mark.parametrize("row", rows_of_the_page(), ids=lambda row: row[0])
def test_the_lines_of_the_page_run(row: list[str], tmp_path: Path) -> None:
    make, _, name = row[4].strip("`").replace("\\|", "|").partition(" && graphtalk graph ")
    make = make.replace("python -c", f"{sys.executable} -c")
    subprocess.run(make, shell=True, cwd=tmp_path, check=True)
    read = read_graph_file(tmp_path / name)
    named = {"JSON": "JSON", "Parquet": "Parquet", "numpy": "numpy matrix"}.get(row[0], row[0])
    assert read.format == named and read.graph.n >= 1


def test_every_format_has_a_writer_here_or_a_case() -> None:
    endings = {f".{kind.rpartition('.')[2]}" for kind in WRITERS} | {
        Path(case[0]).suffix for case in READ.values()
    }
    assert all(set(format.endings) & endings for format in FORMATS)
    assert Source(Path("g"), b"", "").text == ""
