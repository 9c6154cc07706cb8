"""The user's own graphs: what is read, what is dropped and said, and one line for everything that cannot be
used.
"""

import json
from collections import Counter
from pathlib import Path
from random import Random

import networkx as nx
import pytest

from data_builders.building.build import build
from data_builders.building.compatibility import with_compatible_tasks
from data_builders.building.config import load_config
from data_builders.building.draws import shared_edges
from data_builders.building.rows import open_files
from data_builders.building.verify import verify
from data_builders.errors import InputError
from data_builders.example import load_examples
from data_builders.graphs.graph import to_networkx
from data_builders.readers.graph_files import read_graph_file
from data_builders.readers.sampling import sample
from tests.helpers.graph_files import one_line_error

LES_MISERABLES = Path(__file__).parents[3] / "data" / "graphs" / "les_miserables.graphml"
HEAD = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="undirected">'


def write(folder: Path, text: str | bytes, name: str = "g.txt") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_les_miserables_is_the_network_of_networkx() -> None:
    want = nx.les_miserables_graph()
    got = read_graph_file(LES_MISERABLES)
    assert got.names == list(want) and got.notes == []
    named = nx.relabel_nodes(to_networkx(got.graph), dict(enumerate(got.names)))
    assert {frozenset(e) for e in named.edges} == {frozenset(e) for e in want.edges}
    assert all(
        got.graph.weight(u, v) == want.edges[got.names[u], got.names[v]]["weight"] for u, v in got.graph.edges
    )


def test_edge_list_comments_weights_and_line_ends(tmp_path: Path) -> None:
    file = write(tmp_path, "\ufeff# a comment\r\nb a 2\r\n\r\n  a\tc  3  # another\r\n")
    read = read_graph_file(file)
    assert read.names == ["b", "a", "c"]
    assert read.graph.edges == ((0, 1), (1, 2))
    assert [read.graph.weight(u, v) for u, v in read.graph.edges] == [2, 3]


def test_repeats_self_loops_and_directions_are_counted(tmp_path: Path) -> None:
    file = write(tmp_path, "a b 1\nb a 1\na b 1\nc c 1\nb c 2\n")
    undirected = read_graph_file(file)
    assert undirected.graph.edges == ((0, 1), (1, 2)) and undirected.graph.weight(0, 1) == 1
    assert undirected.notes == ["1 self loops dropped", "2 repeated edges merged"]
    directed = read_graph_file(file, directed=True)
    assert directed.graph.edges == ((0, 1), (1, 0), (1, 2))
    assert directed.notes == ["1 self loops dropped", "1 repeated edges merged"]
    assert directed.around == [(1,), (0, 2), (1,)]


def test_an_edge_of_several_weights_leaves_the_weights_out(tmp_path: Path) -> None:
    """The least is right for a distance and the sum for a flow: no choice is right for all questions."""
    read = read_graph_file(write(tmp_path, "a b 5\nb a 2\nb c 1\n"))
    assert read.graph.weights is None and read.weights_left_out
    assert any("repeated edges have different weights" in note for note in read.notes)


def test_weights_are_read_as_they_are_and_asked_about_in_whole_units(tmp_path: Path) -> None:
    read = read_graph_file(write(tmp_path, "a b 1.5\nb c 2\nc d 0.123456\n"))
    assert read.weights == {(0, 1): 1.5, (1, 2): 2, (2, 3): 0.123456}
    assert read.graph.weights == {(0, 1): 1500, (1, 2): 2000, (2, 3): 123} and not read.weights_left_out
    times = (
        "weights are real numbers: questions print them times 1,000, rounded to whole numbers (1.5 as 1500)"
    )
    assert read.notes == [times]
    far = read_graph_file(write(tmp_path, "a b 0.00001234\nb c 123456789.5\n"))
    assert far.graph.weights is None and far.weights_left_out and "too far apart" in far.notes[0]
    some = read_graph_file(write(tmp_path, "a b 3\nb c\n"))
    assert some.graph.weights is None and some.notes == ["weights left out: 1 of 2 edges have none"]
    for lines, note in (("a b 0\n", "1 weights are 0"), ("a b -2\n", "1 negative weights, the smallest -2")):
        assert read_graph_file(write(tmp_path, lines)).notes[0].startswith(note)
    plain = read_graph_file(write(tmp_path, "a b 3\n"), weights=False)
    assert plain.graph.weights is None and plain.notes == ["weights left out, as --no-weights says"]


def test_graphml_labels_names_ids_and_directions(tmp_path: Path) -> None:
    graph = nx.MultiDiGraph()
    graph.add_node("x", label="Ann, B.\nC")
    graph.add_node("y", name="Bob")
    graph.add_node("z")
    graph.add_edges_from([("x", "y"), ("x", "y"), ("y", "x"), ("z", "z")])
    nx.write_graphml(graph, tmp_path / "g.graphml")
    read = read_graph_file(tmp_path / "g.graphml")
    assert read.labels == ["Ann, B.\nC", "Bob", "z"] and read.names == ["Ann B. C", "Bob", "z"]
    assert read.graph.edges == ((0, 1),)
    for words in ("1 self loops", "2 repeated edges", "direction dropped", "is written 'Ann B. C'"):
        assert any(words in note for note in read.notes)
    assert read_graph_file(tmp_path / "g.graphml", directed=True).graph.edges == ((0, 1), (1, 0))


def test_a_file_of_directed_edges_that_go_both_ways_is_read_with_directions(tmp_path: Path) -> None:
    file = write(tmp_path, "*Vertices 2\n*Arcs\n*Edges\n1 2\n", "g.net")
    read = read_graph_file(file, directed=True)
    assert read.graph.edges == ((0, 1), (1, 0)) and read.notes == ["undirected edges read in both directions"]
    with pytest.raises(InputError, match="the graph is undirected"):
        read_graph_file(write(tmp_path, "*Vertices 2\n*Edges\n1 2\n", "g.net"), directed=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g.dot", "digraph { a -> b; c -> b [dir=back]; c -> d [dir=both] }"),
        ("g.csv", "source,target,Directed\na,b,true\nb,c,true\nc,d,false\n"),
    ],
)
def test_edges_that_say_their_own_direction(name: str, text: str, tmp_path: Path) -> None:
    read = read_graph_file(write(tmp_path, text, name), directed=True)
    assert read.summary()["edge_list"] == ["a -> b", "b -> c", "c -> d", "d -> c"]
    assert read.notes == ["undirected edges read in both directions"]


def test_labels_that_repeat_give_way_to_ids(tmp_path: Path) -> None:
    graph = nx.path_graph(["n1", "n2", "n3"])
    nx.set_node_attributes(graph, {"n1": "Bob", "n2": "Ann", "n3": "Bob"}, "label")
    nx.write_graphml(graph, tmp_path / "g.graphml")
    read = read_graph_file(tmp_path / "g.graphml")
    assert read.names == ["n1", "n2", "n3"]
    assert read.notes == ["labels repeat, ids used: 2 nodes are called 'Bob'"]


def test_a_node_is_found_by_every_spelling(tmp_path: Path) -> None:
    graph = nx.path_graph(["n1", "n2", "n3"])
    labels = {"n1": "Zoe\u0308", "n2": "Smith, Al", "n3": "STRASSE"}
    nx.set_node_attributes(graph, labels, "label")
    nx.write_graphml(graph, tmp_path / "g.graphml")
    read = read_graph_file(tmp_path / "g.graphml")
    for u, spellings in enumerate(
        (("Zoe\u0308", "Zo\u00eb", "zo\u00eb", "n1"), ("Smith, Al", "Smith Al", "n2"), ("Straße",))
    ):
        assert [read.find(spelling) for spelling in spellings] == [u] * len(spellings)
    with pytest.raises(InputError, match="no node 'Bob'; it has"):
        read.find("Bob")


def test_names_stay_unique_whatever_the_labels(tmp_path: Path) -> None:
    labels = ["a", "a,", "a 2", "a\t,", "\u202ea", "\u00e9", "e\u0301", "", "  "]
    graph = nx.Graph()
    graph.add_nodes_from((i, {"label": label}) for i, label in enumerate(labels))
    nx.write_graphml(graph, tmp_path / "g.graphml")
    names = read_graph_file(tmp_path / "g.graphml").names
    assert len(set(names)) == len(labels)
    assert all(name and name.isprintable() for name in names)
    assert names[0] == "a" and names[7:] == ["7", "8"]


BAD = {
    "one column": ("g.txt", "a b\n\nlonely\n", "line 3: 1 column ('lonely')"),
    "commas and spaces": ("g.txt", "a,b 3\n", "divided at ',' and at spaces"),
    "four columns": ("g.txt", "a b 1 2\n", "line 1: 4 columns"),
    "not a number": ("g.txt", "a b 1\na c x\n", "line 2: weight 'x' is not a finite number"),
    "nan": ("g.txt", "a b nan\n", "line 1: weight 'nan' is not a finite number"),
    "not UTF-8": ("g.txt", b"a b\nc \xff\n", "line 2: byte 0xff is not UTF-8"),
    "empty": ("g.txt", "", "the file is empty"),
    "blank": ("g.graphml", " \n", "the file is empty"),
    "comments only": ("g.txt", "# nothing\n", "no edges"),
    "not XML": (
        "g.graphml",
        "graph [\n node\n]\n",
        "the ending .graphml is that of GraphML, but the content is GML",
    ),
    "cut XML": ("g.graphml", HEAD + '\n<node id="a">', "line 2: not XML"),
    "other XML": ("g.graphml", "<svg><g/></svg>", "not a GraphML file"),
    "no nodes": ("g.graphml", HEAD + "</graph></graphml>", "no nodes"),
    "no id": ("g.graphml", HEAD + "<node/></graph></graphml>", "a <node> has no id"),
    "no such node": (
        "g.graphml",
        HEAD + '<node id="a"/>\n<edge source="a" target="b"/></graph></graphml>',
        "line 2: an edge names",
    ),
    "no target": (
        "g.graphml",
        HEAD + '<node id="a"/><edge source="a"/></graph></graphml>',
        "an edge has no source or no target",
    ),
    "bad key": (
        "g.graphml",
        HEAD + '<node id="a"><data key="k">1</data></node></graph></graphml>',
        "no key k",
    ),
    "hyperedge": ("g.graphml", HEAD + '<node id="a"/><hyperedge/></graph></graphml>', "hyperedge"),
    "empty GML": ("g.gml", "graph [ ]", "the file has no nodes"),
    "missing": ("", "", "no such file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_get_one_line(tmp_path: Path, case: str) -> None:
    name, content, message = BAD[case]
    path = write(tmp_path, content, name) if name else tmp_path / "missing.txt"
    assert message in one_line_error(path)


def test_a_folder_is_no_graph(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory"):
        read_graph_file(tmp_path)


def test_undirected_file_cannot_be_read_as_directed() -> None:
    with pytest.raises(InputError, match="the graph is undirected"):
        read_graph_file(LES_MISERABLES, directed=True)


def test_entity_bombs_are_refused_before_they_grow(tmp_path: Path) -> None:
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 30))
    for doctype in (f"<!DOCTYPE graphml [{entities}]>", '<!DOCTYPE graphml SYSTEM "file:///etc/hostname">'):
        text = f'<?xml version="1.0" encoding="utf-16"?>\n{doctype}{HEAD}<node id="&a29;"/></graph></graphml>'
        with pytest.raises(InputError, match="line 2: document types and entities are refused"):
            read_graph_file(write(tmp_path, text.encode("utf-16"), "bomb.graphml"))


def test_samples_are_induced_named_and_of_the_asked_size() -> None:
    source = read_graph_file(LES_MISERABLES)
    whole = nx.relabel_nodes(to_networkx(source.graph), dict(enumerate(source.names)))
    met: Counter[str] = Counter()
    first: Counter[str] = Counter()
    for seed in range(300):
        graph, names = sample(source, Random(f"s/{seed}"), 5 + seed % 15)
        assert graph.n == len(names) == 5 + seed % 15
        named = nx.relabel_nodes(to_networkx(graph), dict(enumerate(names)))
        induced = whole.subgraph(names)
        assert {frozenset(e) for e in named.edges} == {frozenset(e) for e in induced.edges}
        assert all(graph.weight(u, v) == whole.edges[names[u], names[v]]["weight"] for u, v in graph.edges)
        assert (graph, names) == sample(source, Random(f"s/{seed}"), 5 + seed % 15)
        met.update(names)
        first[names[0]] += 1
    assert len(met) == 77
    assert max(first.values()) < 60  # ids are shuffled: node 0 is not always the hub


def test_samples_reach_every_component_and_never_ask_for_more_than_there_is(tmp_path: Path) -> None:
    source = read_graph_file(write(tmp_path, "a b\nc d\ne f\nf g\n"))
    for seed in range(20):
        graph, names = sample(source, Random(seed), 19)
        assert sorted(names) == list("abcdefg") and graph.m == 4
    met = Counter(name for seed in range(100) for name in sample(source, Random(seed), 2)[1])
    assert set(met) == set("abcdefg")


def test_directed_samples_keep_directions(tmp_path: Path) -> None:
    source = read_graph_file(write(tmp_path, "a b\nb c\nc a\nc b\n"), directed=True)
    graph, names = sample(source, Random(3), 3)
    assert {(names[u], names[v]) for u, v in graph.edges} == {("a", "b"), ("b", "c"), ("c", "a"), ("c", "b")}


def test_jumps_leave_nodes_apart_and_the_walk_does_not() -> None:
    source = read_graph_file(Path(__file__).parents[3] / "data" / "graphs" / "les_miserables.graphml")
    drawn = {
        how: [sample(source, Random(f"{how}/{i}"), 12, how)[0] for i in range(300)]
        for how in ("walk", "jump")
    }
    assert all(len(g.adjacency) == 12 for graphs in drawn.values() for g in graphs)
    connected = {how: sum(nx.is_connected(to_networkx(g)) for g in graphs) for how, graphs in drawn.items()}
    assert connected["walk"] > 290 and connected["jump"] < 100


def test_whole_graphs_are_one_question_set_without_train(tmp_path: Path) -> None:
    """All questions about a file share its graph, its names, its own weights, and one graph_id."""
    file = write(tmp_path, "source,target,weight\nUlm,Bonn,3\nBonn,Jena,2\nJena,Ulm,9\n", "roads.csv")
    keys = {"graphs": str(file), "unit": "graph", "tasks": "node_degree,weighted_shortest_path", "test": 4}
    config = load_config(None, {**keys, "workers": 1})
    build(config, tmp_path / "d")
    for task in config.tasks:
        rows = load_examples(tmp_path / "d", [task], "test")
        assert len(rows) == 4 and {row.graph_id for row in rows} == {"roads/test/whole"}
        assert all(json.loads(row.graph)["nodes"] == ["Ulm", "Bonn", "Jena"] for row in rows)
    assert "weight 9" in rows[0].question or ", 9)" in rows[0].question
    verdict = verify(tmp_path / "d")
    assert verdict.difference is None and verdict.rows == 8
    for more, message in (
        ({"train": 3}, "makes one question set"),
        ({"max_nodes": 9}, "leave max_nodes out"),
        ({"generators": "er"}, "and no generators"),
        ({"tasks": "tree_check"}, "changes the edges of a graph"),
    ):
        with pytest.raises(InputError, match=message):
            load_config(None, {**keys, **more})
    plain = load_config(None, {**keys, "tasks": "maximum_flow", "weights": False})
    with pytest.raises(InputError, match=r"weights of roads\.csv are left out"):
        build(plain, tmp_path / "e")


def test_no_network_gets_random_weights(tmp_path: Path) -> None:
    """Weighted tasks of a file without weights are refused by name, and left out of the default tasks."""
    file = write(tmp_path, "".join(f"n{u} n{(u * 7 + 1) % 40}\n" for u in range(40)))
    keys = {"graphs": str(file), "train": 2, "test": 2, "validation": 2}
    for task in ("weighted_shortest_path", "minimum_spanning_tree_weight", "maximum_flow"):
        with pytest.raises(InputError, match=r"needs a graph with edge \w+; g\.\w+ has none"):
            build(load_config(None, {**keys, "tasks": task}), tmp_path / "d")
    config = load_config(None, keys)
    fitting, left_out = with_compatible_tasks(config, open_files(config))
    assert "g.txt has none" in left_out["maximum_flow"] and "shortest_path" in fitting.tasks


def test_sizes_that_a_file_does_not_have_are_an_error(tmp_path: Path) -> None:
    file = write(tmp_path, "a b\nb c\n")
    for key in ("max_nodes", "test_max_nodes"):
        config = load_config(None, {"graphs": str(file), "tasks": "cycle_check", "min_nodes": 2, key: 100})
        with pytest.raises(InputError, match=r"max_nodes 100: 'g' has subgraphs of at most 3 nodes"):
            build(config, tmp_path / "d")


def test_subgraphs_of_a_small_network_share_their_edges(tmp_path: Path) -> None:
    nx.write_graphml(nx.florentine_families_graph(), tmp_path / "florence.graphml")
    ring = "".join(f"n{u} n{(u + 1) % 20_000}\n" for u in range(20_000))
    large = write(tmp_path, ring, "ring.txt")
    keys = {"tasks": "cycle_check", "train": 30, "test": 30, "min_nodes": 6, "max_nodes": 9}
    shares = {}
    for path in (tmp_path / "florence.graphml", large):
        config = load_config(None, {**keys, "graphs": str(path), "sampling": "jump"})
        shares |= shared_edges(config, open_files(config))
    assert shares["florence"] > 0.9 and shares["ring"] < 0.05
    assert shared_edges(config.model_copy(update={"train": 0}), open_files(config)) == {}
