"""Which graphs a split's questions are about: those of its own side (`graphs.splits`), drawn until they fit.

Nothing is looked up and nothing is remembered: the graphs for an index depend on the config, the split and
the index alone, so that every shard can be built by itself.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from data_builders.building.balance import CANDIDATES, answers, is_wanted
from data_builders.building.config import BuildConfig
from data_builders.building.rows import Files, LabelledGraph, graph_source, numbered
from data_builders.errors import InputError
from data_builders.graphs.generators import GENERATORS
from data_builders.graphs.graph import Graph
from data_builders.graphs.splits import invariants, side, split_of
from data_builders.graphs.streams import Stream
from data_builders.tasks import EDGE_CHANGING, GRAPH_TRANSFORMS, TASKS

COMPARED = 200  # graphs of a split, whose edges are compared; with more, the share can only grow
DRAWS = 1000  # for one graph: of an eighth of the classes, one is missed with a chance of 10^-58
BLOCK_NODES = 4096  # drawn at once
TRIED_PER_SIZE = 20  # graphs of a size, to name the sizes that a split has graphs of


class Choice(NamedTuple):
    """A graph that some tasks ask about.

    nth: how many graphs were drawn for this index before. invariant: of the graph, see `graphs.splits`.
    tasks: None for all.
    """

    nth: int
    graph: LabelledGraph
    invariant: int
    tasks: frozenset[str] | None


class Draws:
    """The graphs of one source for one split, by index."""

    def __init__(self, config: BuildConfig, files: Files, split: str, source: str) -> None:
        """`config` is the split's own, see BuildConfig.of_split."""
        self._config, self._files, self._split, self._source = config, files, split, source
        self._stream = f"{config.seed}/{split}/{source}"
        self._whole = config.unit == "graph"  # one question set, which is on no side
        self._rng, self._size, self._graph = graph_source(config, files, source)
        self._block = max(1, BLOCK_NODES // max(1, config.largest))
        self._rngs = [type(self._rng)("") for _ in range(self._block)]
        among = {
            task: answers(task, TASKS[task].answer_kind, config.balance) for task in config.tasks_of(source)
        }
        self._particular = {
            task: among[task] for task in among if among[task] or TASKS[task].transform in EDGE_CHANGING
        }
        self._others = frozenset(among.keys() - self._particular.keys())

    def choices(self, indices: Sequence[int]) -> Iterator[list[Choice]]:
        """For each index its graphs: the first for all tasks but the particular ones, each of which has the
        first that gives the answer wanted (with `balance`) and is still of this split after its transform.

        Raises InputError where no graph of the asked sizes is of this split.
        """
        for start in range(0, len(indices), self._block):
            block = indices[start : start + self._block]
            for index, first in zip(block, self.draw(block), strict=True):
                yield self._choices(index, first)

    def _choices(self, index: int, first: tuple[LabelledGraph, int] | None) -> list[Choice]:
        if first is None:
            raise self._none(f"graphs of {self._split}")
        if not self._particular:
            return [Choice(0, *first, None)]
        size = first[0][0].n if self._config.balance == "rules" else None  # no answer shows in the size
        chosen, left = {0: set(self._others)}, sorted(self._particular)
        candidates: dict[int, tuple[LabelledGraph, int]] = {}
        # Of this split, but with another answer: a family may not have the one wanted.
        second_best: dict[str, int] = {}
        for nth in range(CANDIDATES[self._config.balance]):
            candidate = self.draw([index], nth, size)[0] if left and nth else first
            if not left or candidate is None:
                break
            candidates[nth] = candidate
            for task in tuple(left):
                fits = self._fits(index, nth, candidate[0][0], task)
                if fits is not None:
                    second_best.setdefault(task, nth)
                if fits:
                    chosen.setdefault(nth, set()).add(task)
                    left.remove(task)
        for task in left:
            if task not in second_best:
                raise self._none(f"graphs that are of {self._split} after the transform of {task}")
            chosen.setdefault(second_best[task], set()).add(task)
        return [
            Choice(nth, *candidates[nth], frozenset(tasks)) for nth, tasks in sorted(chosen.items()) if tasks
        ]

    def draw(
        self, indices: Sequence[int], nth: int = 0, size: int | None = None
    ) -> list[tuple[LabelledGraph, int] | None]:
        """For each index the `nth` graph of this split, and its invariant; None where DRAWS graphs are of
        other splits.

        Size and graph are drawn again, from the same stream, until the graph is of this split; of a given
        `size` the graph alone. (A family may have one graph of a size, which is of another split.)
        """
        out: list[tuple[LabelledGraph, int] | None] = [None] * len(indices)
        for rng, index in zip(self._rngs, indices, strict=False):
            rng.seed(f"{self._stream}/{numbered(index, nth)}")
        places: Sequence[int] = range(len(indices))
        for _ in range(DRAWS):
            graphs = [
                self._graph(rng, self._size(rng) if size is None else size)
                for rng in map(self._rngs.__getitem__, places)
            ]
            drawn = list(zip(places, graphs, invariants([graph for graph, _ in graphs]), strict=True))
            for place, labelled, value in drawn:
                if self._whole or side(value) == self._split:
                    out[place] = labelled, value
            places = [place for place in places if out[place] is None]
            if not places:
                break
        return out

    def _fits(self, index: int, nth: int, graph: Graph, task: str) -> bool | None:
        """Whether the transformed graph gives the answer wanted; None where it has left the split."""
        place, transform, among = numbered(index, nth), TASKS[task].transform, self._particular[task]
        graph = GRAPH_TRANSFORMS[transform](graph, Stream(f"{self._stream}/{transform}/{place}"))
        if transform in EDGE_CHANGING and not self._whole and split_of(graph) != self._split:
            return None
        if not among:
            return True
        query = TASKS[task].draw(graph, Stream(f"{self._stream}/{task}/{place}"))
        solution = TASKS[task].solve(graph, query)
        return is_wanted(task, self._config.balance, among, index, graph, query.nodes, solution)

    def _none(self, what: str) -> InputError:
        low, high = self._config.smallest, self._config.largest
        most = self._files[self._source].graph.n if self._source in self._files else 2 * high
        least = GENERATORS[self._source].min_nodes if self._source in GENERATORS else 1
        sizes = [n for n in range(least, most + 1) if self._has(n)]
        named = ", ".join(map(str, sizes)) or "none up to " + str(most)
        return InputError(
            f"{self._source!r} has no {what} among those of {low} to {high} nodes; "
            f"sizes with graphs of {self._split}: {named} (set min_nodes and max_nodes so)"
        )

    def _has(self, n: int) -> bool:
        self._rng.seed(f"sizes/{self._source}/{n}")
        return any(
            split_of(graph) == self._split
            for graph, _ in map(partial(self._graph, self._rng), [n] * TRIED_PER_SIZE)
        )


def shared_edges(config: BuildConfig, files: Files) -> dict[str, float]:
    """Graph file -> the share of the edges of its first test graphs that are edges of its first train graphs.

    Files without a train or a test split, or without edges, are left out.
    """
    shares: dict[str, float] = {}
    for source in files if config.train and config.test else ():
        edges: dict[str, set[frozenset[str]]] = {}
        for split in ("train", "test"):
            of_split = config.of_split(split).model_copy(update={"names": "labels"})
            draws = Draws(of_split, files, split, source)
            drawn = [draws.draw([index])[0] for index in range(min(COMPARED, config.size(split)))]
            edges[split] = {
                frozenset((names[u], names[v]))
                for (graph, names), _ in filter(None, drawn)
                if names is not None
                for u, v in graph.edges
            }
        if edges["test"]:
            shares[source] = len(edges["test"] & edges["train"]) / len(edges["test"])
    return shares
