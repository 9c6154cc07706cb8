"""Files of graphs, whole and broken: what every format says is read, and whatever else comes ends in one line
or in a graph that works.
"""

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import networkx as nx
import pytest
from scipy.io import mmwrite

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.building.verify import verify
from data_builders.errors import InputError
from data_builders.graphs.graph import Graph, from_edges, to_networkx
from data_builders.readers.graph_files import GraphFile, read_graph_file, write_graph
from data_builders.readers.sampling import SAMPLINGS, sample
from tests.helpers.graph_files import one_line_error

NxGraph = Any
LES_MISERABLES = Path(__file__).parents[3] / "data" / "graphs" / "les_miserables.graphml"


def as_csv(
    graph: NxGraph, header: tuple[str, ...] = ("source", "target", "weight"), delimiter: str = ","
) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, delimiter=delimiter)
    rows.writerow(header)
    rows.writerows((u, v, d["weight"]) for u, v, d in graph.edges(data=True))
    return text.getvalue().encode()


def by_networkx(write: Callable[[NxGraph, io.BytesIO], None]) -> Callable[[NxGraph], bytes]:
    def written(graph: NxGraph) -> bytes:
        out = io.BytesIO()
        write(graph, out)
        return out.getvalue()

    return written


def as_matrix(graph: NxGraph, out: io.BytesIO) -> None:
    mmwrite(out, nx.to_scipy_sparse_array(graph, nodelist=sorted(graph, key=int), dtype=int, format="coo"))


WRITERS: dict[str, Callable[[NxGraph], bytes]] = {
    "txt": by_networkx(lambda g, out: nx.write_weighted_edgelist(g, out)),
    "adjlist": by_networkx(lambda g, out: nx.write_adjlist(g, out)),
    "csv": as_csv,
    "tsv": lambda g: as_csv(g, ("From", "To", "Capacity"), "\t").replace(b"Capacity", b"weight"),
    "graphml": by_networkx(lambda g, out: nx.write_graphml_xml(g, out)),
    "gml": by_networkx(lambda g, out: nx.write_gml(g, out)),
    "json": lambda g: json.dumps(nx.node_link_data(g, edges="links")).encode(),
    "net": by_networkx(lambda g, out: nx.write_pajek(g, out)),
    "mtx": by_networkx(as_matrix),
}


def network(seed: int, directed: bool = False) -> NxGraph:
    """A random graph of nodes "1" .. "9", all with an edge, and weights."""
    rng = Random(seed)
    graph: NxGraph = nx.DiGraph() if directed else nx.Graph()
    for u in range(1, 10):
        for v in rng.sample([v for v in range(1, 10) if v != u], 2):
            graph.add_edge(str(u), str(v), weight=rng.randint(1, 9))
    return graph


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("ending", WRITERS)
def test_every_format_says_the_same_graph(
    ending: str, directed: bool, compressed: bool, tmp_path: Path
) -> None:
    for seed in range(8):
        want = network(seed, directed)
        data = WRITERS[ending](want)
        path = tmp_path / f"g.{ending}{'.gz' * compressed}"
        path.write_bytes(gzip.compress(data) if compressed else data)
        read = read_graph_file(path, directed)
        got = nx.relabel_nodes(to_networkx(read.graph), dict(enumerate(read.names)))
        assert set(got) == set(want) and got.is_directed() == directed
        flat = (lambda e: e) if directed else frozenset
        assert {flat(e) for e in got.edges} == {flat(e) for e in want.edges}
        if ending == "adjlist":
            assert read.graph.weights is None
        else:
            assert all(want.edges[u, v]["weight"] == d["weight"] for u, v, d in got.edges(data=True))


def works(read: GraphFile) -> None:
    assert len(read.names) == len(set(read.names)) == read.graph.n == len(read.around)
    assert all(
        name.strip() and name.isprintable() and "," not in name and len(name) <= 200 for name in read.names
    )
    for sampling in SAMPLINGS:
        graph, names = sample(read, Random(0), 6, sampling)
        assert graph.n == len(names) == min(6, read.graph.n)


@pytest.mark.parametrize("ending", WRITERS)
def test_broken_files_end_in_one_line_or_in_a_graph_that_works(ending: str, tmp_path: Path) -> None:
    whole = WRITERS[ending](network(1))
    refused = 0
    for seed in range(150):
        rng = Random(f"{ending}/{seed}")
        data = bytearray(whole)
        if seed % 3 == 0:
            del data[rng.randrange(len(data)) :]
        elif seed % 3 == 1:
            for _ in range(rng.randint(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
        else:
            at = rng.randrange(len(data))
            data[at:at] = rng.choice(
                [
                    b"nan",
                    b"inf",
                    b"-1e999",
                    b"\x00",
                    b"\xff\xfe",
                    b"\n\n",
                    b'"',
                    b"[[",
                    b"</node>",
                    b"99999999",
                    b" \xe2\x80\xae ",
                ]
            )
        path = tmp_path / f"g.{ending}{'.gz' * (seed % 5 == 0)}"
        path.write_bytes(gzip.compress(data)[: -rng.randint(1, 20)] if seed % 10 == 0 else data)
        try:
            read = read_graph_file(path)
        except InputError as error:
            refused += 1
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error) and len(str(error)) < 500
        else:
            works(read)
    assert refused > 20


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
@pytest.mark.parametrize("ending", WRITERS)
def test_other_encodings_are_refused_or_read_right(ending: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / f"g.{ending}"
    path.write_bytes(WRITERS[ending](network(2)).decode().replace("9", "é").encode(encoding))
    try:
        read = read_graph_file(path)
    except InputError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
    else:
        assert encoding != "latin-1" or ending == "graphml"  # XML says its encoding, the others have a mark
        assert "é" in read.names


HOSTILE = [
    "</script><script>alert(1)</script>",
    "a\nb",
    "x" * 10_000,
    "\u202edlrow",
    "a, b",
    '"quoted"',
    "{}",
    "%s",
    "\x00\x1b[2J",
    "node 3?\nA: 7",
    " ",
]


def test_hostile_names_become_names_that_a_dataset_can_hold(tmp_path: Path) -> None:
    graph = nx.cycle_graph(len(HOSTILE))
    nx.set_node_attributes(graph, dict(enumerate(HOSTILE)), "title")
    nx.set_edge_attributes(graph, 3, "weight")
    path = write_graph(graph, tmp_path / "hostile.json")
    read = read_graph_file(path, label="title")
    works(read)
    assert max(map(len, read.names)) == 200 and "node 3? A: 7" in read.names
    keys = {
        "graphs": str(path),
        "label": "title",
        "train": 6,
        "validation": 2,
        "test": 2,
        "workers": 1,
        "encoders": "adjacency,incident",
    }
    build(
        load_config(None, {**keys, "tasks": "shortest_path,connected_nodes,maximum_flow,diameter"}),
        tmp_path / "d",
    )
    assert verify(tmp_path / "d").difference is None


@pytest.mark.parametrize("n", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_large_star_is_read_and_sampled(n: int, tmp_path: Path) -> None:
    path = tmp_path / "star.txt.gz"
    path.write_bytes(gzip.compress("".join(f"hub leaf{i}\n" for i in range(n)).encode()))
    read = read_graph_file(path)
    assert (read.graph.n, read.graph.m) == (n + 1, n)
    for sampling in SAMPLINGS:
        for seed in range(20):
            graph, names = sample(read, Random(seed), 10, sampling)
            assert graph.n == 10 and graph.m == (9 if "hub" in names else 0)


def test_samples_are_induced_whatever_the_way_to_draw_them() -> None:
    source = read_graph_file(LES_MISERABLES)
    whole = nx.relabel_nodes(to_networkx(source.graph), dict(enumerate(source.names)))
    for sampling in SAMPLINGS:
        for seed in range(60):
            graph, names = sample(source, Random(seed), 8, sampling)
            got = nx.relabel_nodes(to_networkx(graph), dict(enumerate(names)))
            assert nx.utils.graphs_equal(got, nx.Graph(whole.subgraph(names)))
    connected = {
        s: sum(nx.is_connected(to_networkx(sample(source, Random(i), 8, s)[0])) for i in range(200))
        for s in SAMPLINGS
    }
    assert connected["ego"] == 200 and connected["fire"] > 60 and connected["induced"] < 20


@pytest.mark.parametrize("directed", [False, True])
def test_a_hub_s_edges_are_all_in_the_sample(directed: bool) -> None:
    """A hub's neighbours are looked for from the other side: both ways give the same edges."""
    edges = [(0, v) for v in range(1, 3000)] + [(v, v + 1) for v in range(1, 2999)]
    graph = from_edges(3000, edges, directed)
    around = from_edges(3000, edges).adjacency
    source = GraphFile(graph, [str(u) for u in range(3000)], [], "", [around[u] for u in range(3000)])
    for seed in range(30):
        sampled, names = sample(source, Random(seed), 9, "walk")
        kept = set(map(int, names))
        want = {(u, v) for u, v in edges if u in kept and v in kept}
        got = {(int(names[u]), int(names[v])) for u, v in sampled.edges}
        assert got == want if directed else {frozenset(e) for e in got} == {frozenset(e) for e in want}


def test_graphs_from_python(tmp_path: Path) -> None:
    graph = nx.les_miserables_graph()
    read = read_graph_file(write_graph(graph, tmp_path / "novel.json"))
    same = read_graph_file(LES_MISERABLES)
    assert (read.names, read.graph) == (same.names, same.graph)
    with pytest.raises(InputError, match="call the file"):
        write_graph(graph, tmp_path / "novel.gml")
    with pytest.raises(
        InputError,
        match="expected a path, a graph of networkx, igraph or rustworkx, or a torch_geometric Data, not "
        "list",
    ):
        write_graph([(0, 1)], tmp_path / "list.json")


class Data:
    """What of torch_geometric's Data is read; its tensors are torch's, whose methods are those of numpy's
    here.
    """

    def __init__(self, edge_index: Any, num_nodes: int, edge_weight: Any = None) -> None:
        self.edge_index, self.num_nodes, self.edge_weight, self.edge_attr = (
            edge_index,
            num_nodes,
            edge_weight,
            None,
        )


@pytest.mark.torch
def test_graphs_from_torch_geometric(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    both = Data(torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), 4, torch.tensor([3.0, 3.0, 5.0, 5.0]))
    read = read_graph_file(write_graph(both, tmp_path / "both.json"))
    assert (
        read.graph == Graph({0: (1,), 1: (0, 2), 2: (1,), 3: ()}, False, {(0, 1): 3, (1, 2): 5})
        and read.notes == []
    )
    one_way = read_graph_file(
        write_graph(Data(torch.tensor([[0, 1], [1, 2]]), 3), tmp_path / "way.json"), directed=True
    )
    assert one_way.graph.directed and one_way.graph.edges == ((0, 1), (1, 2))


BAD = {
    "csv header": ("g.csv", "a,b\n1,2\n", "no columns source and target in the header (a, b)"),
    "csv row": ("g.csv", "source,target\n1\n", "line 2: 1 fields, but the header has 2"),
    "csv empty": ("g.csv", "source,target\n1,\n", "line 2: an edge needs two nodes; 'target' is empty"),
    "csv weight": ("g.csv", "source,target,weight\n1,2,NaN\n", "line 2: weight 'NaN' is not a finite number"),
    "json": ("g.json", '{"nodes": 3}', "expected node-link data"),
    "json cut": ("g.json", '{"nodes":\n [', "line 2: not JSON"),
    "json node": (
        "g.json",
        '{"nodes": [{"id": 1}], "links": [{"source": 1, "target": 2}]}',
        "an edge names the node '2'",
    ),
    "json twice": ("g.json", '{"nodes": [{"id": 1}, {"id": 1}], "links": []}', "two nodes have one id"),
    "mtx": ("g.mtx", "1 2\n", "starts with %%MatrixMarket"),
    "mtx shape": (
        "g.mtx",
        "%%MatrixMarket matrix coordinate pattern general\n2 3 1\n1 2\n",
        "line 2: expected the sizes of a square matrix",
    ),
    "net": ("g.net", "1 2\n", "not a Pajek file"),
    "gzip": ("g.txt.gz", b"\x1f\x8b\x08\x00", "not a whole gzip file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_get_one_line(tmp_path: Path, case: str) -> None:
    name, content, message = BAD[case]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in one_line_error(path)


def test_columns_and_labels_are_those_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text("id;cost;begin;end\n1;7;a;b\n2;8;b;c\n")
    read = read_graph_file(path, columns=("begin", "end", "cost"))
    assert read.names == ["a", "b", "c"] and [read.graph.weight(u, v) for u, v in read.graph.edges] == [7, 8]
    with pytest.raises(InputError, match="no column 'start'; the header has id, cost, begin, end"):
        read_graph_file(path, columns=("start", "end"))
    with pytest.raises(InputError, match="no node attributes, so none is called 'title'"):
        read_graph_file(path, columns=("begin", "end"), label="title")
    graph = nx.Graph([("x", "y")])
    with pytest.raises(InputError, match="node 'x' has no attribute 'title'; it has none"):
        read_graph_file(write_graph(graph, tmp_path / "g.json"), label="title")
