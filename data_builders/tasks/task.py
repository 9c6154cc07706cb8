"""Task: a question about a graph, its solver, its answer text and its reason, in one frozen record of functions."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from data_builders.errors import InputError
from data_builders.graph import Graph


@dataclass(frozen=True)
class Query:
    """What one question asks about.

    nodes: the ids that the question names, in its order (source, target).
    classes, labels: node_classification only: the two words on offer, and the "likes" lines in their order.
    """

    nodes: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()
    labels: Mapping[int, str] = field(default_factory=dict)


class Explain(Protocol):
    """Graph, names, query, solution -> what chain of thought appends after the exemplar answer.

    witness: the path (source .. target) or the cycle (each node once) to tell; one is found where it is None.
    """

    def __call__(
        self, graph: Graph, names: Sequence[str], query: Query, solution: Any, witness: Sequence[int] | None = None
    ) -> str: ...  # pragma: no cover


@dataclass(frozen=True)
class Task:
    """One GraphQA task.

    task_class: the hierarchy of arXiv 2405.18512: retrieval, parallelizable, search or counting.
    answer_kind: how eval reads a free-text answer.
    draw: a query for a graph; InputError where the graph cannot carry one.
    ask: names and query -> "likes" lines, then `Q: ...` and `A: `.
    solve: the solution: bool, int, None (no path), list of node ids, or a class word.
    say: solution, names, query -> GraphQA's zero-shot answer, byte for byte.
    explain: the reason behind a chain-of-thought exemplar's answer.
    weighted: the graph must carry capacities, and the text shows them.
    generator: the only generator whose graphs carry this task; None for any graph.
    """

    name: str
    task_class: str
    answer_kind: str
    draw: Callable[[Graph, random.Random], Query]
    ask: Callable[[Sequence[str], Query], str]
    solve: Callable[[Graph, Query], Any]
    say: Callable[[Any, Sequence[str], Query], str]
    explain: Explain
    weighted: bool = False
    generator: str | None = None


def draw_nothing(graph: Graph, rng: random.Random) -> Query:
    """A query about the whole graph."""
    return Query()


def draw_node(graph: Graph, rng: random.Random) -> Query:
    """A query about one node, uniform."""
    if graph.n < 1:
        raise InputError("a question about a node needs a graph of at least 1 node; this one has none")
    return Query((rng.randrange(graph.n),))


def draw_pair(graph: Graph, rng: random.Random) -> Query:
    """A query about a source and a different target, uniform over ordered pairs."""
    if graph.n < 2:
        raise InputError(f"a question about two nodes needs a graph of at least 2 nodes; this one has {graph.n}")
    source, target = rng.sample(range(graph.n), 2)
    return Query((source, target))


def asking(sentence: str) -> Callable[[Sequence[str], Query], str]:
    """The `ask` of a sentence with one `{}` per node that the query names."""

    def ask(names: Sequence[str], query: Query) -> str:
        return f"Q: {sentence.format(*[names[u] for u in query.nodes])}\nA: "

    return ask


def say_yes_no(solution: bool, names: Sequence[str], query: Query) -> str:
    return "Yes." if solution else "No."


def say_number(solution: int, names: Sequence[str], query: Query) -> str:
    return f"{solution}."
