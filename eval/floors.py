"""Floors: what answers without understanding reach on the very same questions, so that a score can be read against them."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path

import pyarrow.parquet as pq

from data_builders.example import Example
from data_builders.graph import Graph, graph_from_json
from eval.prediction import Prediction
from eval.scoring import score

NO_PATH = "There is no path."


def _density(graph: Graph) -> float:
    """Share of the possible edges that are there."""
    possible = graph.n * (graph.n - 1) / (1 if graph.directed else 2)
    return graph.m / possible if possible else 0.0


def _yes(holds: bool) -> str:
    return "Yes." if holds else "No."


def _outflow(graph: Graph, node: int) -> int:
    return sum(graph.weight(u, v) for u, v in graph.edges if u != v and (u == node or (not graph.directed and v == node)))


def _inflow(graph: Graph, node: int) -> int:
    return sum(graph.weight(u, v) for u, v in graph.edges if u != v and (v == node or (not graph.directed and u == node)))


def _leaves(graph: Graph, node: int) -> bool:
    """Whether any edge leads away from the node to another one."""
    return any(v != node for v in graph.adjacency[node])


def _arrives(graph: Graph, node: int) -> bool:
    return any(v == node != u for u, v in graph.edges) if graph.directed else _leaves(graph, node)


def _edge(graph: Graph, query: Sequence[int], record: Mapping[str, object]) -> str:
    return _yes(_density(graph) >= 0.5)


def _degree(graph: Graph, query: Sequence[int], record: Mapping[str, object]) -> str:
    return f"{round(2 * graph.m / graph.n)}."


def _cycle(graph: Graph, query: Sequence[int], record: Mapping[str, object]) -> str:
    return "Yes, there is a cycle." if graph.m >= graph.n else "No, there is no cycle."


def _reachable(graph: Graph, query: Sequence[int], record: Mapping[str, object]) -> str:
    return _yes(_leaves(graph, query[0]) and _arrives(graph, query[1]))


def _distance(graph: Graph, query: Sequence[int], record: Mapping[str, object]) -> str:
    if graph.has_edge(query[0], query[1]):
        return "1."
    return "2." if _leaves(graph, query[0]) and _arrives(graph, query[1]) else NO_PATH


def _triangles(graph: Graph, query: Sequence[int], record: Mapping[str, object]) -> str:
    return f"{round(comb(graph.n, 3) * _density(graph) ** 3)}."


def _flow(graph: Graph, query: Sequence[int], record: Mapping[str, object]) -> str:
    return f"{min(_outflow(graph, query[0]), _inflow(graph, query[1]))}."


def _liked(graph: Graph, query: Sequence[int], record: Mapping[str, object]) -> str:
    labels = record.get("labels")
    assert isinstance(labels, dict), "a node_classification example carries its labels in the graph column"
    return most_frequent(Counter(labels.values()))


@dataclass(frozen=True, slots=True)
class Rule:
    """A shortcut: what it says in words, and its answer from the graph, the asked nodes and the graph column's record."""

    text: str
    answer: Callable[[Graph, Sequence[int], Mapping[str, object]], str]


RULES: dict[str, Rule] = {
    "edge_existence": Rule("yes if at least half of all possible edges are there", _edge),
    "node_degree": Rule("the mean degree, rounded", _degree),
    "cycle_check": Rule("yes if there are at least as many edges as nodes", _cycle),
    "reachability": Rule("yes if both nodes have an edge", _reachable),
    "shortest_path": Rule("1 if joined by an edge, no path if either has no edge, else 2", _distance),
    "triangle_counting": Rule("the count expected from nodes and edges alone, rounded", _triangles),
    "maximum_flow": Rule("the smaller of the capacity out of the source and into the target", _flow),
    "node_classification": Rule("the class that most listed nodes like", _liked),
}


def most_frequent(counts: Counter[str]) -> str:
    """The most frequent answer; of equals the shortest, then the first in code-point order.

    >>> most_frequent(Counter({"Yes.": 2, "No.": 2, "3.": 1}))
    'No.'
    """
    return min(counts, key=lambda answer: (-counts[answer], len(answer), answer))


def majority_answer(data: Path, task: str) -> str | None:
    """The most frequent answer of the train split, never of the split that is judged; None where the dataset has no train split.

    Answers of shortest_path that state no path count as one, since they name the asked nodes.
    """
    counts: Counter[str] = Counter()
    for file in sorted((data / task).glob("train-*.parquet")):
        table = pq.read_table(file, columns=["answer", "answer_kind"]).group_by(["answer", "answer_kind"]).aggregate([([], "count_all")])
        for row in table.to_pylist():
            counts[_without_names(row["answer"], row["answer_kind"])] += row["count_all"]
    return most_frequent(counts) if counts else None


def _without_names(answer: str, kind: str) -> str:
    """The answer as a floor gives it: that there is no path, without the nodes of its question."""
    answer = answer.strip()
    return NO_PATH if kind == "distance" and not answer.rstrip(".").isdigit() else answer


def rule_answer(example: Example) -> str:
    """What the task's shortcut answers to this example; KeyError where the task has none."""
    graph, _ = graph_from_json(example.graph)
    return RULES[example.task].answer(graph, example.query, json.loads(example.graph))


def floors(data: Path, task: str, examples: Sequence[Example]) -> dict[str, list[bool]]:
    """For each floor, whether it is correct on each of the examples, judged by the same scorer as every run.

    `majority` is absent where the dataset has no train split, `rule` where the task has no known shortcut.
    """
    return _judged(majority_answer(data, task), examples)


def answer_floors(train: Sequence[Example], examples: Sequence[Example]) -> dict[str, list[bool]]:
    """As `floors`, for examples of one task that are at hand and not in a folder."""
    counts = Counter(_without_names(e.answer, e.answer_kind) for e in train)
    return _judged(most_frequent(counts) if counts else None, examples)


def _judged(common: str | None, examples: Sequence[Example]) -> dict[str, list[bool]]:
    answers: dict[str, list[str]] = {}
    if common is not None:
        answers["majority"] = [common] * len(examples)
    if examples[0].task in RULES:
        answers["rule"] = [rule_answer(e) for e in examples]
    return {
        name: [score(e, Prediction(e.id, text)).outcome == "correct" for e, text in zip(examples, texts, strict=True)]
        for name, texts in answers.items()
    }
