"""Where a run is right: by size, density, distance, answer, generator, encoder, and likeness to the train split.

Also how stable its answers are where one graph is described in several ways.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from data_builders.example import Example, truth
from eval.analysis.curves import NO_PATH, UNREACHABLE, hops, size_bins
from eval.analysis.runs import Dataset, Report, Row
from eval.escape import for_csv
from eval.statistics.intervals import Estimate, accuracy

DENSITIES = (0.1, 0.25, 0.5, 0.75)
ANSWERS = 12  # Of the most frequent answers each is a slice; all others together are one.
SLICE_COLUMNS = ("dataset", "split", "run", "task", "by", "slice", "n", "accuracy", "low", "high")
INVARIANCE_COLUMNS = (
    "dataset",
    "split",
    "run",
    "task",
    "questions",
    "encoders",
    "mean",
    "worst",
    "agreement",
)
Slicer = Callable[[Example], str | None]
"""The slice that an example belongs to, None where the question does not arise."""


@dataclass(frozen=True)
class Slice:
    """The questions of one task that are alike in one respect (`by`), and how many of them a run answered
    rightly.
    """

    row: Row
    task: str
    by: str
    value: str
    estimate: Estimate


@dataclass(frozen=True)
class Invariance:
    """One run on one task's questions that stand under several encoders.

    questions: how many. ways: under how many encoders each stands, at most. mean: accuracy over all of them;
    worst: share of questions that are answered rightly under every encoder; agreement: share that are
        answered alike, rightly everywhere or nowhere.
    """

    row: Row
    task: str
    questions: int
    ways: int
    mean: float
    worst: float
    agreement: float


def density(e: Example) -> str:
    """The range that the share of possible edges lies in.

    >>> density(Example("i", "t", "", "", "", "", "", "", "", '{"directed": true}', "g", 4, 6, [], "test"))
    '0.5 to 0.75'
    """
    possible = e.num_nodes * (e.num_nodes - 1) / (1 if e.graph.startswith('{"directed": true') else 2)
    share = e.num_edges / possible if possible else 0.0
    ends = (0.0, *DENSITIES, 1.0)
    i = sum(share >= end for end in DENSITIES)
    return f"{ends[i]:g} to {ends[i + 1]:g}"


def distance(e: Example) -> str | None:
    """Edges of a shortest path between two query nodes; None where the question is not about two."""
    if len(set(e.query)) != 2:
        return None
    length = hops(e)
    return NO_PATH if length == UNREACHABLE else str(length)


def _answer(e: Example) -> str:
    """The right answer's text; that there is no path, without the nodes of the question."""
    return "There is no path." if e.answer_kind == "distance" and truth(e) is None else e.answer.strip()


def slicers(dataset: Dataset, task: str, examples: Sequence[Example]) -> dict[str, Slicer]:
    """What a task's questions are sliced by; a respect in which all are alike is left out later."""
    bins = size_bins([e.num_nodes for e in examples])
    far = {e.id: distance(e) for e in examples}
    common = {text for text, _ in Counter(map(_answer, examples)).most_common(ANSWERS)}

    def answer(e: Example) -> str:
        text = _answer(e)
        return text if text in common else "other"

    return {
        "nodes": lambda e: bins.label(bins.index(e.num_nodes)),
        "density": density,
        "distance": lambda e: far[e.id],
        "answer": answer,
        "generator": lambda e: e.generator,
        "encoder": lambda e: e.encoder,
        **_training(dataset, task),
    }


def _training(dataset: Dataset, task: str) -> dict[str, Slicer]:
    """Whether a question is of a size, generator and encoder that the train split has; nothing where there is
    none.
    """
    files = sorted((dataset.path / task).glob("train-*.parquet"))
    if not files:
        return {}
    kinds: set[tuple[str, str]] = set()
    sizes: set[int] = set()
    for file in files:
        table = pq.read_table(file, columns=["generator", "encoder", "num_nodes"])
        kinds |= {
            (row["generator"], row["encoder"])
            for row in table.group_by(["generator", "encoder"]).aggregate([]).to_pylist()
        }
        sizes |= set(table["num_nodes"].unique().to_pylist())

    def like(e: Example) -> str:
        inside = min(sizes) <= e.num_nodes <= max(sizes) and (e.generator, e.encoder) in kinds
        return "in distribution" if inside else "out of distribution"

    return {"training": like}


def slices(dataset: Dataset) -> Iterator[Slice]:
    """Every slice of every run, tasks in order, without those that hold all questions of a task."""
    for sample in dataset.samples:
        for task, examples in sample.examples.items():
            for by, slicer in slicers(dataset, task, examples).items():
                at = [slicer(e) for e in examples]
                values = sorted({value for value in at if value is not None}, key=_order)
                for row in sample.rows if len(values) > 1 else []:
                    assert row.run is not None
                    for value in values:
                        chosen = [e for e, place in zip(examples, at, strict=True) if place == value]
                        right = [row.run.scores[e.id].outcome == "correct" for e in chosen]
                        yield Slice(row, task, by, value, accuracy(right, [e.graph_id for e in chosen]))


def _order(value: str) -> tuple[bool, float, str]:
    """Numbers and ranges by their first number, before words."""
    start = value.replace("–", " ").rstrip(".").split(" ")[0]
    number = start.replace(".", "", 1).isdigit()
    return not number, float(start) if number else 0.0, value


def invariance(dataset: Dataset) -> Iterator[Invariance]:
    """Per run and task, over the questions that stand under several encoders; the node names may differ, too."""
    for sample in dataset.samples:
        for task, examples in sample.examples.items():
            questions: dict[tuple[str, tuple[int, ...]], list[Example]] = {}
            for e in examples:
                questions.setdefault((e.graph_id, tuple(e.query)), []).append(e)
            several = [texts for texts in questions.values() if len({e.encoder for e in texts}) > 1]
            for row in sample.rows if several else []:
                assert row.run is not None
                scores = row.run.scores
                right = [[scores[e.id].outcome == "correct" for e in texts] for texts in several]
                flat = [hit for hits in right for hit in hits]
                n = len(several)
                worst, agreement = sum(map(all, right)) / n, sum(len(set(hits)) == 1 for hits in right) / n
                ways, mean = max(map(len, several)), sum(flat) / len(flat)
                yield Invariance(row, task, n, ways, mean, worst, agreement)


def slices_csv(report: Report) -> str:
    """slices.csv: one line per dataset, run, task and slice; accuracies in [0, 1] with 95% intervals."""
    lines: list[Sequence[object]] = [SLICE_COLUMNS]
    for d in report.datasets:
        for s in slices(d):
            e = s.estimate
            shares = [f"{share:.6f}" for share in (e.value, e.low, e.high)]
            lines.append([d.name, d.split, s.row.label, s.task, s.by, s.value, e.n, *shares])
    return for_csv(lines)


def invariance_csv(report: Report) -> str:
    """invariance.csv: one line per dataset, run and task with `invariance`; shares in [0, 1]."""
    lines: list[Sequence[object]] = [INVARIANCE_COLUMNS]
    for d in report.datasets:
        for i in invariance(d):
            shares = [f"{x:.6f}" for x in (i.mean, i.worst, i.agreement)]
            lines.append([d.name, d.split, i.row.label, i.task, i.questions, i.ways, *shares])
    return for_csv(lines)
