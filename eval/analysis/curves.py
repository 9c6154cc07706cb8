"""Accuracy against the size of the graph and against the distance between the asked nodes: the numbers behind
page and figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data_builders.example import Example
from data_builders.graphs.graph import graph_from_json
from data_builders.tasks.parallelizable import find_path
from eval.analysis.runs import FLOORS, MAJORITY, SHORTCUT, TREES, Dataset, Row
from eval.statistics.intervals import Estimate, accuracy

Points = dict[int, Estimate]  # tick -> accuracy of the questions there; ticks without questions are absent
DRAWN = (MAJORITY, SHORTCUT, TREES)  # the floors that plots show; random ones stand in the table
NO_WAY, APART = -1, "no path"  # the distance of nodes that no path joins, and its tick


@dataclass(frozen=True)
class Curves:
    """One task's panel: a curve per run over the ticks, and the floors of the largest sample."""

    task: str
    ticks: list[str]
    runs: list[tuple[Row, Points]]
    floors: dict[str, Points]


@dataclass(frozen=True, slots=True)
class Bins:
    """Graph sizes in steps of `width`, from `start`."""

    start: int
    width: int
    count: int

    def index(self, nodes: int) -> int:
        return (nodes - self.start) // self.width

    def label(self, i: int) -> str:
        low = self.start + i * self.width
        return f"{low}" if self.width == 1 else f"{low}–{low + self.width - 1}"


def size_bins(sizes: Sequence[int], most: int = 6) -> Bins:
    """The finest of the steps 1, 5, 10, 20, 50, .. with at most `most` bins, aligned to multiples of the
    step.

    >>> size_bins([5, 12, 19])
    Bins(start=5, width=5, count=3)
    """
    step, scale = 1, 1
    while True:
        for step in (1, 2, 5) if scale > 1 else (1, 5):
            width = step * scale
            start = min(sizes) // width * width
            count = (max(sizes) - start) // width + 1
            if count <= most:
                return Bins(start, width, count)
        scale *= 10


def by_size(dataset: Dataset) -> list[Curves]:
    """A panel per task: accuracy against the number of nodes; none where all graphs fall into one bin."""
    asked = [e for sample in dataset.samples for examples in sample.examples.values() for e in examples]
    bins = size_bins([e.num_nodes for e in asked])
    if bins.count < 2:
        return []
    ticks = [bins.label(i) for i in range(bins.count)]
    return [_curves(dataset, task, ticks, lambda e: bins.index(e.num_nodes)) for task in dataset.tasks]


def by_distance(dataset: Dataset, most: int = 7) -> list[Curves]:
    """A panel per task that asks about two nodes: accuracy against the edges of a shortest path between them.

    The last tick is of pairs that no path joins; distances of `most` or more are one tick. None where all
    pairs are equally far apart.
    """
    found: dict[str, dict[str, int]] = {}
    for sample in dataset.samples:
        for task, examples in sample.examples.items():
            pairs = {e.id: hops(e) for e in examples if len(set(e.query)) == 2}
            found.setdefault(task, {}).update(pairs)
    panels = []
    for task in dataset.tasks:
        far = found[task]
        reached = [d for d in far.values() if d != NO_WAY]
        if len(set(far.values())) < 2 or not reached:
            continue
        low, high = min(reached), min(max(reached), most)
        ticks = [str(d) for d in range(low, high + 1)]
        if max(reached) > most:
            ticks[-1] += "+"
        if NO_WAY in far.values():
            ticks.append(APART)
        panels.append(_curves(dataset, task, ticks, _place(far, low, high)))
    return panels


def _place(far: dict[str, int], low: int, high: int) -> Callable[[Example], int | None]:
    def place(e: Example) -> int | None:
        distance = far.get(e.id)
        if distance is None:
            return None
        return high - low + 1 if distance == NO_WAY else min(distance, high) - low

    return place


def hops(example: Example) -> int:
    """Edges of a shortest path from the first asked node to the second; NO_WAY where there is none.

    >>> graph = '{"directed": false, "nodes": ["A", "B", "C"], "edges": [[0, 1], [1, 2]]}'
    >>> hops(Example("i", "reachability", "", "", "", "", "", "", "", graph, "", 3, 2, [0, 2], "test"))
    2
    """
    graph, _ = graph_from_json(example.graph)
    path = find_path(graph.adjacency, example.query[0], example.query[1])
    return NO_WAY if path is None else len(path) - 1


def _curves(dataset: Dataset, task: str, ticks: list[str], place: Callable[[Example], int | None]) -> Curves:
    asked = [(sample, row) for sample in dataset.samples for row in sample.rows if task in row.cells]
    runs = []
    for sample, row in asked:
        assert row.run is not None
        right = [row.run.scores[e.id].outcome == "correct" for e in sample.examples[task]]
        runs.append((row, _points(sample.examples[task], right, place)))
    largest, first = next((sample, row.run) for sample, row in asked)
    assert first is not None
    floors: dict[str, Points] = {}
    for kind in DRAWN:
        own = (
            name
            for name in FLOORS[kind]
            if name in first.floors[task] and (name != "majority" or kind == MAJORITY)
        )
        if (name := next(own, None)) is not None:
            floors[kind] = _points(largest.examples[task], first.floors[task][name], place)
    return Curves(task, ticks, runs, floors)


def _points(
    examples: Sequence[Example], right: Sequence[bool], place: Callable[[Example], int | None]
) -> Points:
    at: dict[int, tuple[list[bool], list[str]]] = {}
    for e, hit in zip(examples, right, strict=True):
        tick = place(e)
        if tick is not None:
            hits, graphs = at.setdefault(tick, ([], []))
            hits.append(hit)
            graphs.append(e.graph_id)
    return {tick: accuracy(*at[tick]) for tick in sorted(at)}
