"""Every encoder's text can be read back into the graph that it describes, and that graph has the stored
answers.
"""

import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_builders.building.build import build
from data_builders.building.config import BuildConfig
from data_builders.errors import InputError
from data_builders.example import read_examples
from data_builders.graphs.graph import Graph, from_edges, from_networkx, graph_from_json, to_networkx
from data_builders.graphs.names import RANDOM, SCHEMES, node_names
from data_builders.tasks import GRAPH_TRANSFORMS, GRAPHQA, TASKS
from data_builders.text.decoders import DECODERS, decode
from data_builders.text.encoders import ENCODERS, get_encoder
from data_builders.text.formal_encoders import FORMAL

ALL = sorted(ENCODERS)
assert set(DECODERS) == set(ENCODERS)
DIRECTED = [name for name in ALL if ENCODERS[name].directed]


@st.composite
def graphs(draw: st.DrawFn, directed: bool = False, weighted: bool = False, most: int = 60) -> Graph:
    """Any simple graph, with self loops, isolated nodes, and nodes and neighbours in any order."""
    n = draw(st.integers(1, most))
    nodes = draw(st.permutations(range(n)))
    node = st.integers(0, n - 1)
    graph: nx.Graph[int] = nx.DiGraph() if directed else nx.Graph()
    graph.add_nodes_from(nodes)
    for u, v, c in draw(st.lists(st.tuples(node, node, st.integers(1, 1000)), max_size=3 * n)):
        graph.add_edge(u, v, weight=c)
    return from_networkx(graph, "weight" if weighted else None)


def content(graph: Graph) -> tuple[int, bool, dict[tuple[int, int], int]]:
    """What a graph says whatever its order: size, direction, edges with their capacities."""
    edges = {
        ((u, v) if graph.directed else (min(u, v), max(u, v))): graph.weight(u, v) for u, v in graph.edges
    }
    return graph.n, graph.directed, edges


def check_round_trip(encoder: str, graph: Graph, names: list[str], seed: int = 0) -> None:
    """Text -> graph is the identity, and the graph that was read has the answers of the one that was
    written.
    """
    text = get_encoder(encoder).text(graph, names, random.Random(seed).choice(["capacity", "weight"]))
    assert text.endswith("\n")
    read, read_names = decode(encoder, text, graph.directed)
    assert read_names == names
    assert content(read) == content(graph)
    assert (read.weights is None) == (graph.weights is None or not graph.edges)
    if get_encoder(encoder).says_direction:
        assert decode(encoder, text, not graph.directed)[0] == read
    for task in TASKS.values():
        if task.name in GRAPHQA and not task.fits(graph) and not task.fits(read):
            query = task.draw(graph, random.Random(seed))
            stored, again = task.solve(graph, query), task.solve(read, query)
            assert sorted(again) == sorted(stored) if isinstance(stored, list) else again == stored


def own_names(encoder: str, graph: Graph, seed: int) -> list[str]:
    return node_names(get_encoder(encoder).names, graph.n, random.Random(seed))


@pytest.mark.parametrize("encoder", ALL)
@given(graph=graphs(), seed=st.integers(0, 9))
def test_text_reads_back_as_the_graph(encoder: str, graph: Graph, seed: int) -> None:
    check_round_trip(encoder, graph, own_names(encoder, graph, seed), seed)


@pytest.mark.parametrize("encoder", ALL)
@given(graph=graphs(weighted=True, most=20), seed=st.integers(0, 9))
def test_weighted_text_reads_back_with_its_capacities(encoder: str, graph: Graph, seed: int) -> None:
    check_round_trip(encoder, graph, own_names(encoder, graph, seed), seed)


@pytest.mark.parametrize("encoder", DIRECTED)
@given(graph=graphs(directed=True), seed=st.integers(0, 9))
def test_directed_text_reads_back(encoder: str, graph: Graph, seed: int) -> None:
    check_round_trip(encoder, graph, own_names(encoder, graph, seed), seed)


@pytest.mark.parametrize("encoder", DIRECTED)
@given(graph=graphs(directed=True, weighted=True, most=20), seed=st.integers(0, 9))
def test_directed_weighted_text_reads_back(encoder: str, graph: Graph, seed: int) -> None:
    check_round_trip(encoder, graph, own_names(encoder, graph, seed), seed)


CROSSES = [
    "got+incident",
    "shuffled_integers+adjacency",
    "alphabet+json",
    "random_integers+adjacency_matrix",
    "politicians+friendship",
    "south_park+expert",
]


@pytest.mark.parametrize("encoder", CROSSES)
@given(graph=graphs(most=20), weighted=graphs(weighted=True, most=20), seed=st.integers(0, 9))
def test_any_names_go_with_any_edges(encoder: str, graph: Graph, weighted: Graph, seed: int) -> None:
    for one in (graph, weighted):
        check_round_trip(encoder, one, own_names(encoder, one, seed), seed)


# Of the user's own graphs: spaces, stops, hyphens, apostrophes, other scripts, markup, and the tokens' own
# marks.
ODD = st.one_of(
    st.sampled_from(
        [
            "Mme. Burgon",
            "Jean-Luc O'Neil",
            "</script>",
            "v",
            "e",
            "12",
            "1.5",
            "-3",
            "end",
            "graph",
            "n1",
            "\u5f20\u4f1f",
            "na\u00efve",
            "&amp;",
            "#35;",
        ]
    ),
    st.text(st.characters(categories=["L", "N"], include_characters=" .-'/&<>#@"), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool),
)
HOSTILE = st.one_of(
    ODD,
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co", "Zl", "Zp"]), min_size=1, max_size=12),
)


@st.composite
def named_graphs(draw: st.DrawFn, directed: bool, names: st.SearchStrategy[str]) -> tuple[Graph, list[str]]:
    graph = draw(graphs(directed=directed, weighted=draw(st.booleans()), most=8))
    return graph, draw(st.lists(names, min_size=graph.n, max_size=graph.n, unique=True))


@pytest.mark.parametrize("encoder", ALL)
@given(data=st.data())
def test_odd_names_read_back(encoder: str, data: st.DataObject) -> None:
    directed = ENCODERS[encoder].directed and data.draw(st.booleans())
    check_round_trip(encoder, *data.draw(named_graphs(directed, HOSTILE if encoder in FORMAL else ODD)))


@given(graph=graphs(weighted=True, most=12), directed=graphs(directed=True, most=12))
def test_networkx_reads_the_formal_texts_too(graph: Graph, directed: Graph) -> None:
    """Not only our own decoders: GraphML, node-link JSON and the Python dictionary are what others call by
    these names.
    """
    for one in (graph, directed):
        names = [f"a{u}" for u in range(one.n)]
        want = nx.relabel_nodes(to_networkx(one), dict(enumerate(names)))
        link = nx.node_link_graph(json.loads(ENCODERS["json"].text(one, names, "weight")), edges="edges")
        ml = nx.parse_graphml(ENCODERS["graphml"].text(one, names, "weight"))
        space: dict[str, Any] = {}
        exec(ENCODERS["python"].text(replace(one, weights=None), names), space)
        assert space["G"] == {names[u]: [names[v] for v in ends] for u, ends in one.adjacency.items()}
        for read in (link, ml):
            assert dict(read.nodes) == dict(want.nodes) and read.is_directed() == one.directed
            assert {e: read.edges[e] for e in want.edges} == {
                e: want.edges[e] for e in want.edges
            } and read.number_of_edges() == want.number_of_edges()


@pytest.mark.parametrize("encoder", ALL)
@pytest.mark.parametrize(
    "text", ["", "\n", "G describes a graph\n", "In a directed graph\n0 1\n", "{}\n", "nodes: 0\nedges\n\n"]
)
def test_what_no_encoder_wrote_is_refused(encoder: str, text: str) -> None:
    with pytest.raises(InputError, match=f"this is no text of the encoder '{encoder}'"):
        decode(encoder, text)


def test_crosses_are_named_by_a_string_or_by_both_parts() -> None:
    cross = get_encoder({"names": "got", "edges": "incident"})
    assert cross == get_encoder("got+incident") and (cross.name, cross.names) == ("got+incident", "got")
    assert cross.text(from_edges(2, [(0, 1)]), ["Ned", "Cat"]).endswith(
        "Node Ned is connected to node Cat.\nNode Cat is connected to node Ned.\n"
    )
    with pytest.raises(InputError, match="unknown name scheme 'simpsons'; choose from alphabet"):
        get_encoder("simpsons+incident")
    with pytest.raises(InputError, match="unknown encoder 'sketch'; choose from adjacency"):
        get_encoder("got+sketch")
    with pytest.raises(InputError, match="an encoder has the keys names and edges, not edges"):
        get_encoder({"edges": "incident"})


@pytest.mark.parametrize("task", sorted(TASKS))
def test_tokens_ask_by_name(task: str) -> None:
    graph = replace(
        GRAPH_TRANSFORMS[TASKS[task].transform](from_edges(4, [(0, 1), (2, 3)]), random.Random(0)),
        blocks=(0, 1, 0, 1),
    )
    query = TASKS[task].draw(graph, random.Random(0))
    asked = ENCODERS["tokens"].ask(TASKS[task], list("0123"), query)
    *likes, question, end = asked.split("\n")
    assert question.split() == ["Q:", task, *map(str, query.nodes), *query.classes] and end == "A: "
    assert likes == [f"{node} {word}" for node, word in query.labels.items()]
    assert ENCODERS["adjacency"].ask(TASKS[task], list("0123"), query) == TASKS[task].ask(list("0123"), query)


PEOPLE = ["coauthorship", "friendship", "got", "politician", "social_network", "south_park"]


def test_which_encoders_accept_directed_graphs() -> None:
    assert [name for name in ALL if name not in DIRECTED] == PEOPLE
    assert [name for name in DIRECTED if not ENCODERS[name].says_direction] == ["expert", "incident"]


@pytest.mark.parametrize("encoder", PEOPLE)
def test_people_refuse_directed_graphs_and_name_those_that_do_not(encoder: str) -> None:
    message = f"encoder '{encoder}' cannot describe a directed graph; choose from {', '.join(DIRECTED)}"
    with pytest.raises(InputError, match=re.escape(message)):
        ENCODERS[encoder].text(from_edges(2, [(0, 1)], directed=True), ["Ned", "Cat"])


@pytest.mark.parametrize("encoder", ALL)
def test_a_graph_without_nodes_is_refused(encoder: str) -> None:
    with pytest.raises(InputError, match="at least 1 node"):
        ENCODERS[encoder].text(from_edges(0, []), [])


CAPACITIES = {
    "adjacency": (
        "In an undirected graph, (i,j,c) means that node i and node j are connected with an undirected edge"
        " of capacity c. G describes a graph among nodes 0, 1, and 2.\nThe edges in G are: (0, 1, 7) (1, 2,"
        " 3).\n"
    ),
    "incident": (
        "G describes a graph among nodes 0, 1, and 2.\nIn this graph:\nNode 0 is connected to node 1"
        " (capacity 7).\nNode 1 is connected to nodes 0 (capacity 7), 2 (capacity 3).\nNode 2 is connected to"
        " node 1 (capacity 3).\n"
    ),
    "expert": (
        "You are a graph analyst and you have been given a graph G among nodes A, B, and C.\nG has the"
        " following undirected edges, each with its capacity:\nA -> B (capacity 7)\nB -> C (capacity 3)\n"
    ),
    "got": (
        "G describes a friendship graph among nodes Ned, Cat, and Daenerys.\nWe have the following edges in"
        " G:\nNed and Cat are friends, with a capacity of 7.\nCat and Daenerys are friends, with a capacity"
        " of 3.\n"
    ),
    "coauthorship": (
        "G describes a coauthorship graph among nodes James, Robert, and John.\nIn this coauthorship"
        " graph:\nJames and Robert wrote a paper together, with a capacity of 7.\nRobert and John wrote a"
        " paper together, with a capacity of 3..\n"
    ),
}


@pytest.mark.parametrize("encoder", sorted(CAPACITIES))
def test_how_capacities_are_written(encoder: str) -> None:
    names = node_names(ENCODERS[encoder].names, 3, random.Random(0))
    assert ENCODERS[encoder].text(from_edges(3, [(0, 1, 7), (1, 2, 3)]), names) == CAPACITIES[encoder]


def test_directed_capacities_are_announced_as_directed() -> None:
    graph = from_edges(2, [(1, 0, 7)], directed=True)
    assert (
        ENCODERS["adjacency"].text(graph, ["0", "1"])
        == "In a directed graph, (i,j,c) means that there is an edge of capacity c from node i to node j. "
        "G describes a graph among nodes 0, and 1.\nThe edges in G are: (1, 0, 7).\n"
    )
    assert "\nG has the following directed edges, each with its capacity:\nB -> A (capacity 7)\n" in ENCODERS[
        "expert"
    ].text(graph, ["A", "B"])


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_every_node_of_a_large_graph_has_its_own_name(scheme: str) -> None:
    names = node_names(scheme, 2000, random.Random(1))
    assert len(set(names)) == len(names) == 2000
    assert all(re.fullmatch(r"\w+", name) for name in names), (
        "a name with other characters could not be read back"
    )
    assert names == node_names(scheme, 2000, random.Random(1))


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - set(RANDOM)))
def test_fixed_names_do_not_depend_on_size_or_stream(scheme: str) -> None:
    assert node_names(scheme, 2000, random.Random(1))[:30] == node_names(scheme, 30, random.Random(2))


def test_names_come_round_again_with_a_number() -> None:
    names = node_names("names", 2000, random.Random(0))
    first, second = names.index("James2"), names.index("James3")
    assert names[:first] == [name.removesuffix("2") for name in names[first:second]]


def test_random_integers_depend_on_their_stream_and_stay_below_a_million() -> None:
    one, two = (node_names("random_integers", 500, random.Random(seed)) for seed in (1, 2))
    assert one != two
    assert max(map(int, one + two)) < 1_000_000


def test_shuffled_integers_number_the_same_nodes_again() -> None:
    one, two = (node_names("shuffled_integers", 50, random.Random(seed)) for seed in (1, 2))
    assert sorted(one, key=int) == sorted(two, key=int) == node_names("integers", 50, random.Random(0))
    assert one != two and node_names("integers", 50, random.Random(0)) not in (one, two)


def test_relabelled_graphs_are_asked_the_same_questions(tmp_path: Path) -> None:
    """What `invariance` compares: one graph and one query under other numbers, its edges in another order."""
    encoders = ("adjacency", "shuffled_integers+adjacency")
    tasks = ("node_degree", "shortest_path", "connected_nodes")
    build(
        BuildConfig(
            tasks=tasks, encoders=encoders, generators=("er",), train=0, validation=0, test=40, workers=1
        ),
        tmp_path / "d",
    )
    moved = 0
    for task in tasks:
        rows = read_examples(tmp_path / "d", task, "test")
        for plain, shuffled in zip(rows[::2], rows[1::2], strict=True):
            (graph, names), (again, numbers) = graph_from_json(plain.graph), graph_from_json(shuffled.graph)
            assert graph == again and plain.query == shuffled.query and plain.graph_id == shuffled.graph_id
            assert sorted(names) == sorted(numbers)
            said = {number: name for name, number in zip(names, numbers, strict=True)}
            if task == "connected_nodes":
                back = [said.get(each, each) for each in shuffled.answer.rstrip(".").split(", ")]
                assert back == plain.answer.rstrip(".").split(", ")
            elif "path from" not in plain.answer:
                assert plain.answer == shuffled.answer
            moved += plain.question != shuffled.question
    assert moved > 100


def test_unknown_scheme_names_the_choices() -> None:
    with pytest.raises(
        InputError, match=r"unknown name scheme 'simpsons'; choose from alphabet, got, integers,"
    ):
        node_names("simpsons", 3, random.Random(0))
