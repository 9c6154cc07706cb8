"""Task: a question about a graph, its solver, its answer text and its reason, in one frozen record of
functions.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from data_builders.errors import InputError
from data_builders.graphs.graph import Graph
from data_builders.tasks.requirements import Requirement, directed, undirected

Names = Sequence[str]
Witness = Sequence[int] | None


class Query(NamedTuple):
    """What one question asks about.

    nodes: the ids that the question names, in its order (source, target).
    classes, labels: node_classification only: the two words on offer, and the "likes" lines in their order.
    """

    nodes: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()
    labels: Mapping[int, str] = MappingProxyType({})


class Explain(Protocol):
    """Graph, names, query, solution -> what chain of thought appends after the exemplar answer.

    witness: the path (source .. target) or the cycle (each node once) to tell; one is found where it is None.
    """

    def __call__(
        self,
        graph: Graph,
        names: Sequence[str],
        query: Query,
        solution: Any,
        witness: Sequence[int] | None = None,
    ) -> str: ...  # pragma: no cover


@dataclass(frozen=True)
class Task:
    """One task.

    task_class: the hierarchy of arXiv 2405.18512: retrieval, parallelizable, search or counting.
    answer_kind: how eval reads a free-text answer.
    sample: a query for a graph that fits.
    ask: names and query -> "likes" lines, then `Q: ...` and `A: `.
    solve: the solution: bool, int, None (no path, no such order), list of node ids, or a class word.
    say: solution, names, query -> the zero-shot answer; GraphQA's, byte for byte, for its twelve tasks.
    explain: the reason behind a chain-of-thought exemplar's answer.
    transform: what is done to a drawn graph so that it carries the task, see
        `data_builders.tasks.transforms.GRAPH_TRANSFORMS`.
    requirements: what a graph must be, see `data_builders.tasks.requirements`.
    generator: the only generator whose graphs carry this task; None for any graph.
    """

    name: str
    task_class: str
    answer_kind: str
    sample: Callable[[Graph, random.Random], Query]
    ask: Callable[[Sequence[str], Query], str]
    solve: Callable[[Graph, Query], Any]
    say: Callable[[Any, Sequence[str], Query], str]
    explain: Explain
    transform: str = "plain"
    requirements: tuple[Requirement, ...] = ()
    generator: str | None = None

    def fits(self, graph: Graph) -> str | None:
        """Why a graph cannot carry this task, in words that go on after the task's name, or None where it
        can.

        >>> from data_builders.tasks import TASKS
        >>> TASKS["reachability"].fits(Graph({0: ()}))
        'needs a graph of at least 2 nodes; this one has 1'
        """
        for requirement in self.requirements:
            reason = requirement(graph)
            if reason is not None:
                return reason
        return None

    def draw(self, graph: Graph, rng: random.Random) -> Query:
        """A query for a graph; InputError where the graph does not fit."""
        reason = self.fits(graph)
        if reason is not None:
            raise InputError(f"{self.name} {reason}")
        return self.sample(graph, rng)

    @property
    def weighted(self) -> bool:
        """Whether the text shows what edges weigh."""
        return self.transform in ("capacity", "weight")

    @property
    def quantity(self) -> str:
        """What the text calls the weight of an edge."""
        return self.transform if self.weighted else "capacity"

    @property
    def direction(self) -> str:
        """Which graphs carry the task: "directed", "undirected" or "any"."""
        return (
            "directed"
            if directed in self.requirements
            else "undirected"
            if undirected in self.requirements
            else "any"
        )


def draw_nothing(graph: Graph, rng: random.Random) -> Query:
    """A query about the whole graph."""
    return Query()


def draw_node(graph: Graph, rng: random.Random) -> Query:
    """A query about one node, uniform."""
    return Query((int(graph.n * rng.random()),))


def draw_pair(graph: Graph, rng: random.Random) -> Query:
    """A query about a source and a different target, uniform over ordered pairs."""
    others = graph.n - 1
    source, target = divmod(int(graph.n * others * rng.random()), others)
    return Query((source, target + (target >= source)))


def question(sentence: str) -> Callable[[Sequence[str], Query], str]:
    """The `ask` of a sentence with one `{}` per node that the query names."""

    def ask(names: Sequence[str], query: Query) -> str:
        return f"Q: {sentence.format(*[names[u] for u in query.nodes])}\nA: "

    return ask


def say_yes_no(solution: bool, names: Sequence[str], query: Query) -> str:
    return "Yes." if solution else "No."


def say_number(solution: int, names: Sequence[str], query: Query) -> str:
    return f"{solution}."


def say_nodes(solution: Sequence[int], names: Sequence[str], query: Query) -> str:
    """The nodes in the order given, as in `0, 2, 1.`"""
    return f"{', '.join([names[u] for u in solution])}."
