"""Examples as flat arrays, and batches of graphs with their questions as tensors."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from data_builders.example import Example
from data_builders.graphs.graph import Graph, graph_from_record
from data_builders.tasks import TASKS, Query

Ints = npt.NDArray[np.int64]
POOL = 8  # batches that are cut from one pool of graphs sorted by size


class Ragged(NamedTuple):
    """Rows of different lengths: row i is values[offsets[i] : offsets[i + 1]]."""

    values: npt.NDArray[Any]
    offsets: Ints

    def lengths(self, rows: Ints) -> Ints:
        return self.offsets[rows + 1] - self.offsets[rows]

    def take(self, rows: Ints) -> npt.NDArray[Any]:
        """The values of some rows, one row after the other."""
        return self.values[spans(self.offsets[rows], self.lengths(rows))]


def ragged(rows: Sequence[Sequence[Any]], dtype: Any, shape: tuple[int, ...] = ()) -> Ragged:
    """Rows as one flat array; `shape` is that of one value.

    >>> ragged([[5, 6], [], [7]], np.int64).take(np.array([2, 0]))
    array([7, 5, 6])
    """
    offsets = np.cumsum([0, *map(len, rows)])
    values = np.array([value for row in rows for value in row], dtype).reshape(offsets[-1], *shape)
    return Ragged(values, offsets)


def spans(starts: Ints, lengths: Ints) -> Ints:
    """The numbers start, start + 1, .. of several spans, one span after the other.

    >>> spans(np.array([5, 0]), np.array([2, 3]))
    array([5, 6, 0, 1, 2])
    """
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + lengths, lengths)


@dataclass(frozen=True)
class Batch:
    """Some graphs, numbered one after the other, and questions about them.

    Shapes: G graphs with N nodes and E arcs in all (an undirected edge is two arcs), Q questions. Nodes of
    one graph stand together; arcs are sorted by their target.

    sizes: (G,) nodes of each graph.
    sources, targets: (E,) ends of each arc, numbers in the batch. weights: (E,) 1 in an unweighted graph.
    words: (N,) which of two class words a node is labelled with: 0, 1, or -1 for none.
    labels: (N,) the number by which a node is called, for models that know nodes by numbers.
    laplacian: (N, k) eigenvectors, k as the model wants.
    rows: (Q,) which examples these questions are. tasks: (Q,) number of the task. graphs: (Q,) which graph.
    query: (Q, 2) the nodes that the question names, numbers in the batch; -1 for none.
    answers: (Q,) the solution as a number, see `solution_number`.
    set_questions, set_nodes, set_answers: for questions whose answer is a set of nodes, one entry for each
        node of the graph: the question, the node, and whether it belongs to the answer.
    directed: whether any graph of the dataset is.
    """

    sizes: Tensor
    sources: Tensor
    targets: Tensor
    weights: Tensor
    words: Tensor
    labels: Tensor
    laplacian: Tensor
    rows: Tensor
    tasks: Tensor
    graphs: Tensor
    query: Tensor
    answers: Tensor
    set_questions: Tensor
    set_nodes: Tensor
    set_answers: Tensor
    directed: bool

    @cached_property
    def starts(self) -> Tensor:
        """(G,) number of each graph's first node."""
        return self.sizes.cumsum(0) - self.sizes

    @cached_property
    def node_graphs(self) -> Tensor:
        """(N,) the graph of each node."""
        return torch.repeat_interleave(self.sizes)

    def to(self, device: torch.device) -> "Batch":
        if device.type == "cpu":
            return self
        moved = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return Batch(
            directed=self.directed, **{f.name: moved[f.name] for f in fields(self) if f.name in moved}
        )


def solution_number(solution: Any, words: Sequence[str]) -> float:
    """A solution as a number: true 1, false 0, no path -1, a class word its place among the words on offer.

    >>> solution_number(True, ()), solution_number(None, ()), solution_number("tennis", ("golf", "tennis"))
    (1.0, -1.0, 1.0)
    """
    if isinstance(solution, str):
        return float(words.index(solution))
    if isinstance(solution, list):
        return 0.0  # a set of nodes is kept as such
    return -1.0 if solution is None else float(solution)


class Questions:
    """Examples as flat arrays, so that a batch is a few array operations and not a loop over Python objects.

    Questions about one graph (the same draw, nodes, edges, names and labels) share it. A small graph that was
    drawn a hundred times is a hundred graphs: as one, its questions would make rows of padding of all others.
    tasks: the names that number the tasks. laplacian: how many eigenvectors of each graph's Laplacian.
    """

    def __init__(self, examples: Sequence[Example], tasks: Sequence[str], laplacian: int = 0) -> None:
        numbers: dict[tuple[str, str], int] = {}
        keys = [(e.graph_id, e.graph) for e in examples]
        asked = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
        records = [json.loads(text) for _, text in numbers]
        graphs = [graph_from_record(record) for record in records]
        order = np.argsort(asked, kind="stable")
        self.examples = examples
        self.directed = any(graph.directed for graph in graphs)
        self.weighted = any(graph.weights is not None for graph in graphs)
        self.words = any("labels" in record for record in records)
        self.sizes = np.array([graph.n for graph in graphs], np.int64)
        arcs = [_arcs(graph) for graph in graphs]
        self._arcs = ragged(arcs, np.int64, (3,))
        self._words = ragged([_words(record) for record in records], np.int64)
        vectors = [_laplacian(graph, laplacian) for graph in graphs]
        self._laplacian = ragged(vectors, np.float32, (laplacian,))
        self._rows = Ragged(order, np.searchsorted(asked[order], np.arange(len(graphs) + 1)))
        self._tasks = np.array([tasks.index(e.task) for e in examples], np.int64)
        self._query = np.array([[*e.query, -1, -1][:2] for e in examples], np.int64).reshape(-1, 2)
        solutions = [_solution(e, graphs[i], records[i]) for e, i in zip(examples, asked, strict=True)]
        self.answers = np.array(
            [
                solution_number(s, records[i].get("classes", ()))
                for s, i in zip(solutions, asked, strict=True)
            ],
            np.float32,
        )
        self._sets = np.array([e.answer_kind == "node_set" for e in examples], bool)
        members = [s if e.answer_kind == "node_set" else [] for e, s in zip(examples, solutions, strict=True)]
        self._members = ragged(members, np.int64)

    def __len__(self) -> int:
        """Number of graphs."""
        return len(self.sizes)

    def lengths(self) -> Ints:
        """Number of nodes and edges of each graph, by which batches are made of like graphs."""
        return self.sizes + self._arcs.lengths(np.arange(len(self)))

    def count(self, graphs: Ints) -> int:
        """Number of questions about some graphs."""
        return int(self._rows.lengths(graphs).sum())

    def batch(self, graphs: Ints, copies: bool = False, orders: Ints | None = None) -> Batch:
        """Some graphs with all their questions.

        copies: one copy of the graph for each question. orders: (graphs, most nodes or more), the labels of
        each graph's first, second, .. node; without them nodes are called by their own numbers.

        A model that marks the nodes that a question names must have copies: with one graph for all its
        questions, the marks of one would be read by the others.
        """
        rows, counts = self._rows.take(graphs), self._rows.lengths(graphs)
        place = np.repeat(np.arange(len(graphs)), counts)
        if copies:
            orders = None if orders is None else orders[place]
            graphs, place = graphs[place], np.arange(len(rows))
        sizes = self.sizes[graphs]
        starts = np.cumsum(sizes) - sizes
        numbers = spans(np.zeros_like(sizes), sizes)
        arcs = self._arcs.take(graphs)
        shift = np.repeat(starts, self._arcs.lengths(graphs))
        query = self._query[rows]
        sets = np.flatnonzero(self._sets[rows])
        of_sets = sizes[place[sets]]
        member = np.zeros(of_sets.sum(), np.float32)
        first = np.repeat(np.cumsum(of_sets) - of_sets, self._members.lengths(rows[sets]))
        member[first + self._members.take(rows[sets])] = 1
        tensors = {
            "sizes": sizes,
            "sources": arcs[:, 0] + shift,
            "targets": arcs[:, 1] + shift,
            "weights": arcs[:, 2].astype(np.float32),
            "words": self._words.take(graphs),
            "labels": numbers if orders is None else orders[np.repeat(np.arange(len(sizes)), sizes), numbers],
            "laplacian": self._laplacian.take(graphs),
            "rows": rows,
            "tasks": self._tasks[rows],
            "graphs": place,
            "query": np.where(query < 0, -1, query + starts[place][:, None]),
            "answers": self.answers[rows],
            "set_questions": np.repeat(sets, of_sets),
            "set_nodes": spans(starts[place[sets]], of_sets),
            "set_answers": member,
        }
        return Batch(directed=self.directed, **{k: torch.from_numpy(v) for k, v in tensors.items()})


def _arcs(graph: Graph) -> list[tuple[int, int, int]]:
    """(source, target, weight) of each arc, sorted by target; a self loop is one arc."""
    arcs = [(v, u, graph.weight(u, v)) for u, v in graph.edges]
    if not graph.directed:
        arcs += [(u, v, w) for v, u, w in arcs if u != v]
    return [(u, v, w) for v, u, w in sorted(arcs)]


def _words(record: dict[str, Any]) -> list[int]:
    """Which of the two class words on offer each node is labelled with, -1 for none."""
    labels = record.get("labels", {})
    return [
        record["classes"].index(labels[str(u)]) if str(u) in labels else -1
        for u in range(len(record["nodes"]))
    ]


def _laplacian(graph: Graph, k: int) -> list[Any]:
    """(n, k) eigenvectors of the normalised Laplacian of the graph without directions, smallest eigenvalues
    first; columns of zeros where the graph has fewer.
    """
    out = np.zeros((graph.n, k), np.float32)
    if k:
        adjacency = np.zeros((graph.n, graph.n))
        for u, v in graph.edges:
            adjacency[u, v] = adjacency[v, u] = 1
        scale = 1 / np.sqrt(np.maximum(adjacency.sum(1), 1))
        vectors = np.linalg.eigh(np.eye(graph.n) - scale[:, None] * adjacency * scale)[1]
        out[:, : min(k, graph.n)] = vectors[:, :k]
    return list(out)


def _solution(example: Example, graph: Graph, record: dict[str, Any]) -> Any:
    return TASKS[example.task].solve(graph, question_query(example, record))


def question_query(example: Example, record: dict[str, Any]) -> Query:
    """What an example asks about; record: its `graph` column after `json.loads`."""
    labels = {int(node): word for node, word in record.get("labels", {}).items()}
    return Query(tuple(example.query), tuple(record.get("classes", ())), labels)


def epoch_batches(lengths: Ints, size: int, seed: int, epoch: int) -> Iterator[Ints]:
    """Batches of graphs of like length for one pass, an order that depends on the seed and the epoch alone.

    The graphs are shuffled and cut into pools of eight batches; within a pool they are sorted by length, so
    that little of a batch is padding, and the batches of all pools come in random order.

    >>> [len(batch) for batch in epoch_batches(np.arange(10), 4, seed=0, epoch=0)]
    [4, 2, 4]
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    batches: list[Ints] = []
    for start in range(0, len(order), POOL * size):
        pool = order[start : start + POOL * size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[at : at + size] for at in range(0, len(pool), size)]
    for i in rng.permutation(len(batches)):
        yield batches[i]


def random_orders(graphs: int, labels: int, *seed: int) -> Ints:
    """(graphs, labels): a random order of all labels for each graph, so that training sees each label at any
    node, in graphs of any size.

    >>> random_orders(2, 3, 0, 7).shape
    (2, 3)
    """
    return np.random.default_rng(seed).random((graphs, labels)).argsort(1)
