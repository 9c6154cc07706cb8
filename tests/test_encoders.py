"""Every encoder's text can be read back into the graph that it describes, and that graph has the stored answers."""

import random
import re
from collections.abc import Callable

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_builders.encoders import ENCODERS
from data_builders.errors import InputError
from data_builders.graph import Graph, from_edges, from_networkx
from data_builders.names import SCHEMES, node_names
from data_builders.tasks import GRAPHQA, TASKS

ALL = sorted(ENCODERS)
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


# The decoders read the text alone, as a careful person would; only incident and expert leave open
# whether a graph without capacities is directed, so they are told.
Decoded = tuple[list[str], list[tuple[str, str, int | None]]]


def split_names(text: str) -> list[str]:
    """`a, b, and c` -> [a, b, c]; `and a` -> [a]."""
    *front, last = text.split(", ")
    assert last.startswith("and ")
    return [*front, last.removeprefix("and ")]


def decode_pairs(text: str, opening: str, header: str, edge: str) -> Decoded:
    """A text whose first line lists the nodes, and whose edges each match the pattern `edge`."""
    first, _, rest = text.partition("\n")
    found = re.fullmatch(opening, first)
    assert found, first
    if not rest:
        return split_names(found[1].rstrip(".")), []
    assert rest.startswith(header)
    body, edges, end = rest.removeprefix(header), [], 0
    for match in re.finditer(edge, body):
        assert match.start() == end, f"not an edge: {body[end : match.start()]!r}"
        end = match.end()
        edges.append((match[1], match[2], int(match[3]) if match[3] else None))
    assert body[end:] in ("", ".\n", "\n"), f"not an edge: {body[end:]!r}"
    return split_names(found[1].rstrip(".")), edges


def decode_adjacency(text: str) -> Decoded:
    opening = r"In an? (?:un)?directed graph, \(i,j(?:,c)?\) means that [^.]*\. G describes a graph among nodes (.*)\."
    return decode_pairs(text, opening, "The edges in G are: ", r"\(([^,()]+), ([^,()]+)(?:, (\d+))?\) ?")


def decode_people(kind: str, header: str, relation: str) -> Callable[[str], Decoded]:
    opening, edge = rf"G describes a {kind} graph among nodes (.*)\.", rf"(\w+) and (\w+) {relation}(?:, with a capacity of (\d+))?\.\n?"
    return lambda text: decode_pairs(text, opening, header + "\n", edge)


def decode_expert(text: str) -> Decoded:
    text = re.sub(r"\nG has the following (?:un)?directed edges(?:, each with its capacity)?:\n", "\nG has the following edges:\n", text)
    opening = r"You are a graph analyst and you have been given a graph G among nodes (.*)\."
    return decode_pairs(text, opening, "G has the following edges:\n", r"(\w+) -> (\w+)(?: \(capacity (\d+)\))?\n")


def decode_incident(text: str) -> Decoded:
    """Each end of an undirected edge has a line, so that it is read twice."""
    first, *lines = text.removesuffix("\n").split("\n")
    names = split_names(re.fullmatch(r"G describes a graph among nodes (.*)\.", first)[1])  # type: ignore[index]
    assert not lines or lines.pop(0) == "In this graph:"
    edges = []
    for line in lines:
        match = re.fullmatch(r"Node (\w+) is connected to node(s?) (.*)\.", line)
        assert match, line
        ends = match[3].split(", ")
        assert (len(ends) > 1) == (match[2] == "s")
        for end in ends:
            name, capacity = re.fullmatch(r"(\w+)(?: \(capacity (\d+)\))?", end).groups()  # type: ignore[union-attr]
            edges.append((match[1], name, int(capacity) if capacity else None))
    return names, edges


FRIENDS = decode_people("friendship", "We have the following edges in G:", "are friends")
NETWORK = decode_people("social network", "We have the following edges in G:", "are connected")
DECODERS: dict[str, Callable[[str], Decoded]] = {
    "adjacency": decode_adjacency,
    "random": decode_adjacency,
    "incident": decode_incident,
    "expert": decode_expert,
    "friendship": FRIENDS,
    "south_park": FRIENDS,
    "got": FRIENDS,
    "social_network": NETWORK,
    "politician": NETWORK,
    "coauthorship": decode_people("coauthorship", "In this coauthorship graph:", "wrote a paper together"),
}


def decode(encoder: str, text: str, directed: bool) -> tuple[Graph, list[str]]:
    """The graph and the node names of a text."""
    names, edges = DECODERS[encoder](text)
    ids = {name: i for i, name in enumerate(names)}
    assert len(ids) == len(names), "two nodes have one name"
    triples = [(ids[a], ids[b], c) for a, b, c in edges]
    if encoder == "incident" and not directed:
        assert {(v, u, c) for u, v, c in triples} == set(triples), "an edge has one end only"
        triples = [(u, v, c) for u, v, c in triples if u <= v]
    if encoder in ("adjacency", "random"):
        assert text.startswith("In a directed graph") == directed
    return from_edges(len(names), [(u, v) if c is None else (u, v, c) for u, v, c in triples], directed), names


def content(graph: Graph) -> tuple[int, bool, dict[tuple[int, int], int]]:
    """What a graph says whatever its order: size, direction, edges with their capacities."""
    edges = {((u, v) if graph.directed else (min(u, v), max(u, v))): graph.weight(u, v) for u, v in graph.edges}
    return graph.n, graph.directed, edges


def check_round_trip(encoder: str, graph: Graph, seed: int) -> None:
    """Text -> graph is the identity, and the graph that was read has the answers of the one that was written."""
    names = node_names(ENCODERS[encoder].names, graph.n, random.Random(seed))
    text = ENCODERS[encoder].text(graph, names)
    assert text.endswith("\n")
    written = [(u, v) for u, ends in graph.adjacency.items() for v in ends] if encoder == "incident" else graph.edges
    assert DECODERS[encoder](text)[1] == [(names[u], names[v], graph.weights and graph.weight(u, v)) for u, v in written]
    read, read_names = decode(encoder, text, graph.directed)
    assert read_names == names
    assert content(read) == content(graph)
    assert (read.weights is None) == (graph.weights is None or not graph.edges)
    for task in TASKS.values():
        if task.fits(graph) or task.fits(read) or task.name not in GRAPHQA:
            continue
        query = task.draw(graph, random.Random(seed))
        stored, again = task.solve(graph, query), task.solve(read, query)
        assert sorted(again) == sorted(stored) if isinstance(stored, list) else again == stored


@pytest.mark.parametrize("encoder", ALL)
@given(graph=graphs(), seed=st.integers(0, 9))
def test_text_reads_back_as_the_graph(encoder: str, graph: Graph, seed: int) -> None:
    check_round_trip(encoder, graph, seed)


@pytest.mark.parametrize("encoder", ALL)
@given(graph=graphs(weighted=True, most=20), seed=st.integers(0, 9))
def test_weighted_text_reads_back_with_its_capacities(encoder: str, graph: Graph, seed: int) -> None:
    check_round_trip(encoder, graph, seed)


@pytest.mark.parametrize("encoder", DIRECTED)
@given(graph=graphs(directed=True), seed=st.integers(0, 9))
def test_directed_text_reads_back(encoder: str, graph: Graph, seed: int) -> None:
    check_round_trip(encoder, graph, seed)


@pytest.mark.parametrize("encoder", DIRECTED)
@given(graph=graphs(directed=True, weighted=True, most=20), seed=st.integers(0, 9))
def test_directed_weighted_text_reads_back(encoder: str, graph: Graph, seed: int) -> None:
    check_round_trip(encoder, graph, seed)


PEOPLE = [name for name in ALL if name not in DIRECTED]


def test_which_encoders_accept_directed_graphs() -> None:
    assert DIRECTED == ["adjacency", "expert", "incident", "random"]


@pytest.mark.parametrize("encoder", PEOPLE)
def test_people_refuse_directed_graphs_and_name_those_that_do_not(encoder: str) -> None:
    message = f"encoder '{encoder}' cannot describe a directed graph; choose from adjacency, expert, incident, random"
    with pytest.raises(InputError, match=re.escape(message)):
        ENCODERS[encoder].text(from_edges(2, [(0, 1)], directed=True), ["Ned", "Cat"])


@pytest.mark.parametrize("encoder", ALL)
def test_a_graph_without_nodes_is_refused(encoder: str) -> None:
    with pytest.raises(InputError, match="at least 1 node"):
        ENCODERS[encoder].text(from_edges(0, []), [])


CAPACITIES = {
    "adjacency": "In an undirected graph, (i,j,c) means that node i and node j are connected with an undirected edge of capacity c. "
    "G describes a graph among nodes 0, 1, and 2.\nThe edges in G are: (0, 1, 7) (1, 2, 3).\n",
    "incident": "G describes a graph among nodes 0, 1, and 2.\nIn this graph:\nNode 0 is connected to node 1 (capacity 7).\n"
    "Node 1 is connected to nodes 0 (capacity 7), 2 (capacity 3).\nNode 2 is connected to node 1 (capacity 3).\n",
    "expert": "You are a graph analyst and you have been given a graph G among nodes A, B, and C.\n"
    "G has the following undirected edges, each with its capacity:\nA -> B (capacity 7)\nB -> C (capacity 3)\n",
    "got": "G describes a friendship graph among nodes Ned, Cat, and Daenerys.\nWe have the following edges in G:\n"
    "Ned and Cat are friends, with a capacity of 7.\nCat and Daenerys are friends, with a capacity of 3.\n",
    "coauthorship": "G describes a coauthorship graph among nodes James, Robert, and John.\nIn this coauthorship graph:\n"
    "James and Robert wrote a paper together, with a capacity of 7.\nRobert and John wrote a paper together, with a capacity of 3..\n",
}


@pytest.mark.parametrize("encoder", sorted(CAPACITIES))
def test_how_capacities_are_written(encoder: str) -> None:
    names = node_names(ENCODERS[encoder].names, 3, random.Random(0))
    assert ENCODERS[encoder].text(from_edges(3, [(0, 1, 7), (1, 2, 3)]), names) == CAPACITIES[encoder]


def test_directed_capacities_are_announced_as_directed() -> None:
    graph = from_edges(2, [(1, 0, 7)], directed=True)
    assert ENCODERS["adjacency"].text(graph, ["0", "1"]) == (
        "In a directed graph, (i,j,c) means that there is an edge of capacity c from node i to node j. "
        "G describes a graph among nodes 0, and 1.\nThe edges in G are: (1, 0, 7).\n"
    )
    assert "\nG has the following directed edges, each with its capacity:\nB -> A (capacity 7)\n" in ENCODERS["expert"].text(
        graph, ["A", "B"]
    )


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_every_node_of_a_large_graph_has_its_own_name(scheme: str) -> None:
    names = node_names(scheme, 2000, random.Random(1))
    assert len(set(names)) == len(names) == 2000
    assert all(re.fullmatch(r"\w+", name) for name in names), "a name with other characters could not be read back"
    assert names == node_names(scheme, 2000, random.Random(1))


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - {"random_integers"}))
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


def test_unknown_scheme_names_the_choices() -> None:
    with pytest.raises(InputError, match=r"unknown name scheme 'simpsons'; choose from alphabet, got, integers,"):
        node_names("simpsons", 3, random.Random(0))
