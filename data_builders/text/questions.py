"""The text of another dataset's question -> its task, its graph, and the nodes that it names.

A form is how one family of datasets writes: GraphQA (arXiv 2310.04560), NLGraph (2305.10037) and GraphWiz
(2402.16029), and GraphArena (2407.00379). Everything is read from the text alone, so that what is asked is
what a model was shown.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from data_builders.errors import InputError
from data_builders.graphs.graph import Graph, from_edges, graph_to_json
from data_builders.tasks import TASKS, Query
from data_builders.text.decoders import DECODERS, decode


@dataclass(frozen=True)
class ImportedQuestion:
    """A question about a graph: `form` is a key of FORMS, `task` one of TASKS."""

    form: str
    task: str
    graph: Graph
    names: list[str]
    query: Query


Edges = list[tuple[str, str, int | None]]


def read_question(text: str) -> ImportedQuestion:
    """What a text asks. InputError, in words that can stand after a row's number, where it is of no known
    form, asks what no task of ours asks, or does not show what its answer depends on.

    >>> read = read_question("In an undirected graph, the nodes are numbered from 0 to 3, and the edges are: "
    ...     "(0,1) (1,2)\\nQ: Is there a path between node 0 and node 3?\\nA:")
    >>> read.form, read.task, read.query.nodes, read.graph.n, read.graph.edges
    ('numbered', 'reachability', (0, 3), 4, ((0, 1), (1, 2)))
    """
    for form, read in FORMS.items():
        question = read(text)
        if question is not None:
            task, graph = TASKS[question.task], question.graph
            if (
                task.direction == "undirected" and graph.directed
            ):  # GraphWiz draws bipartite graphs with arrows
                pairs = dict.fromkeys((min(edge), max(edge)) for edge in graph.edges)
                graph = from_edges(graph.n, list(pairs), False)
            if task.weighted and graph.weights is None:
                raise InputError(
                    f"{question.task} needs a {task.quantity} of each edge, which the text does not show"
                )
            if not task.weighted:
                graph = replace(graph, weights=None)
            if reason := task.fits(graph):
                raise InputError(f"{question.task} {reason}")
            return replace(question, form=form, graph=graph)
    raise InputError(f"no form of question that is known here: {text.strip()[-60:]!r}")


def _pattern(task: str) -> re.Pattern[str]:
    """The question of a task of ours, with a group for each node that it names."""
    asked = (
        TASKS[task].ask(["<0>", "<1>"], Query((0, 1), ("<2>", "<3>"))).removeprefix("Q: ").partition("\n")[0]
    )
    return re.compile(re.sub(r"<\d>", "(.+)", re.escape(asked)))


_OURS = {task: _pattern(task) for task in TASKS}
_BAG = "Let's construct the graph with the nodes and edges first.\n"


def _graphqa(text: str) -> ImportedQuestion | None:
    """The last example of a prompt, of whatever method; its graph as one of our decoders reads it."""
    body, mark, rest = text.rpartition("Example: ")[2].rpartition("Q: ")
    sentence = rest.partition("\n")[0].strip()
    task, match = next(((t, m) for t, p in _OURS.items() if (m := p.fullmatch(sentence))), ("", None))
    if not mark or match is None:
        return None
    if task == "node_classification":
        raise InputError("node_classification: the answer is a planted block, which the text does not show")
    for encoder in DECODERS:
        try:
            graph, names = decode(encoder, body.removesuffix(_BAG))
        except InputError:
            continue
        return ImportedQuestion("", task, graph, names, _query(match.groups(), names))
    return None if body.strip() else _no_graph(sentence)


def _no_graph(sentence: str) -> ImportedQuestion:
    raise InputError(f"the text shows no graph, only {sentence!r}")


_ENDS = r"(?:from|between) (?:node )?(\d+) (?:to|and) (?:node )?(\d+)"
NUMBERED_TASKS = {
    rf"Is there a path {_ENDS}\?": "reachability",
    r"Is there a cycle in this graph\?": "cycle_check",
    r"Is this graph bipartite\?": "bipartite_check",
    rf"What is the maximum flow {_ENDS}\?": "maximum_flow",
    rf"Give (?:the weight of )?the shortest path {_ENDS}\.": "weighted_shortest_path",
    r"Is there a path in this graph that visits every node exactly once\?": "hamiltonian_path",
    r"Can all the nodes be visited\? Give the solution\.": "topological_order",
    r"Give one topology sorting path of this graph\.": "topological_order",
}
"""Sentence of NLGraph or GraphWiz -> task. Their other tasks have none: whether a subgraph or a
Hamiltonian path is there, sums of node weights, assignments, embeddings."""

_NUMBERED_EDGES = [
    re.compile(r"edge (?:from|between) node (\d+) (?:to|and) node (\d+)(?: with (?:weight|capacity) (\d+))?"),
    re.compile(r"\((\d+) ?-> ?(\d+)(?:, ?(\d+))?\)"),
    re.compile(r"\((\d+), ?(\d+)(?:, ?(\d+))?\)"),
    re.compile(r"node (\d+) should be visited before node (\d+)()"),
]


def _numbered(text: str) -> ImportedQuestion | None:
    """NLGraph and GraphWiz: nodes are numbers, edges stand in brackets or one in a line."""
    rest = text.rpartition("Q:")[2]
    tasks = ((task, re.search(sentence, rest)) for sentence, task in NUMBERED_TASKS.items())
    task, match = next(((task, match) for task, match in tasks if match), ("", None))
    if match is None:
        known = re.search(r"nodes? (?:of graph G )?are numbered|job applicants|an embedding", text)
        return (
            _no_task(rest.strip().partition("\n")[0].removesuffix(".").rpartition(". ")[2]) if known else None
        )
    if "(" not in text and "edge" not in text and "visited before" not in text:
        return None
    edges: Edges = []
    for pattern in _NUMBERED_EDGES:
        edges += [(u, v, int(w) if w else None) for u, v, w in pattern.findall(text)]
    range_ = re.search(r"numbered from 0 to (\d+)", text)
    ends = [int(name) for u, v, _ in edges for name in (u, v)] + [
        int(name) for name in match.groups() if name
    ]
    n = max([int(range_[1])] if range_ else ends, default=-1) + 1
    if n <= max(ends, default=-1):
        raise InputError(f"node {max(ends)} is not one of the nodes 0 to {n - 1}")
    directed = re.search(r"\bdirected graph", text) is not None
    names = [str(u) for u in range(n)]
    return ImportedQuestion("", task, _graph(names, edges, directed), names, _query(match.groups(), names))


def _named(text: str) -> ImportedQuestion | None:
    """GraphArena: entities by name, after any examples; of its tasks, the shortest path."""
    problem = text.rpartition("**Problem to Solve**")[2]
    listed = re.search(r"^- (?:Entities|Names|Authors|Users|Airports)[^:\n]*: (.+)$", problem, re.MULTILINE)
    if listed is None:
        return None
    sentence = re.search(r"shortest path between (.+) and (.+) in this network", problem)
    if sentence is None:
        return _no_task(problem.strip().splitlines()[-1])
    names = [name.strip() for name in listed[1].split(", ")]
    lines = re.findall(r"^ ?- (.+) is connected to (.+) via the relationship .*$", problem, re.MULTILINE)
    graph = _graph(names, [(u, v, None) for u, v in lines], False)
    return ImportedQuestion("", "shortest_path_nodes", graph, names, _query(sentence.groups(), names))


def _no_task(sentence: str) -> ImportedQuestion:
    raise InputError(f"no task of ours asks {sentence[:80]!r}")


FORMS: Mapping[str, Callable[[str], ImportedQuestion | None]] = {
    "graphqa": _graphqa,
    "numbered": _numbered,
    "named": _named,
}
"""Name, the `encoder` of an imported row -> how its text is read; None for a text of another form."""


def _query(nodes: tuple[str, ...], names: list[str]) -> Query:
    try:
        return Query(tuple(names.index(name) for name in nodes if name))
    except ValueError:
        raise InputError(f"the question names {' and '.join(nodes)}, not all of which are nodes") from None


def _graph(names: list[str], edges: Edges, directed: bool) -> Graph:
    """The graph of these edges, each once; InputError for one that is given two weights."""
    ids = {name: u for u, name in enumerate(names)}
    if len(ids) < len(names):
        raise InputError("two nodes have one name")
    known: dict[tuple[int, int], int | None] = {}
    for a, b, weight in edges:
        if a not in ids or b not in ids:
            raise InputError(f"the edge from {a} to {b} has an end that is no node")
        edge = (ids[a], ids[b])
        edge = edge if directed or edge in known else edge if edge[::-1] not in known else edge[::-1]
        if known.setdefault(edge, weight) != weight:
            raise InputError(f"the edge from {a} to {b} has the weights {known[edge]} and {weight}")
    return from_edges(
        len(names), [(u, v) if w is None else (u, v, w) for (u, v), w in known.items()], directed
    )


def imported_difference(row: Mapping[str, Any]) -> str | None:
    """What differs between an imported row and its own text, read once more; None where nothing does."""
    try:
        question = read_question(row["question"])
    except InputError as error:
        return f"the text cannot be read back: {error}"
    stored = graph_to_json(question.graph, question.names)
    have = (row["encoder"], row["task"], row["graph"], list(row["query"]))
    want = (question.form, question.task, stored, list(question.query.nodes))
    return None if have == want else "the text reads as another graph or question"
