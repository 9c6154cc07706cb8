"""Any two runs side by side, question by question: what the page's comparison shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from eval.paired import Paired, holm, paired
from eval.rows import Dataset, Row

MOST_RUNS = 12  # of more, the best are compared: pairs grow with the square


@dataclass(frozen=True)
class Comparison:
    """Runs `a` and `b` (indices into `dataset.rows`) on the questions that both answered.

    tasks: task -> its paired comparison; adjusted: task -> its p-value after Holm over these tasks. together: all questions at once.
    """

    a: int
    b: int
    tasks: dict[str, Paired]
    adjusted: dict[str, float]
    together: Paired


def compared(dataset: Dataset) -> list[int]:
    """Indices into `dataset.rows` of the runs that are compared: all, or the best by macro accuracy where there are many."""
    best = sorted(range(len(dataset.rows)), key=lambda i: (-_macro(dataset.rows[i]), i))
    return sorted(best[:MOST_RUNS])


def comparisons(dataset: Dataset) -> Iterator[Comparison]:
    """Every pair of the compared runs that answered some question in common."""
    for a, b in combinations(compared(dataset), 2):
        first, second = dataset.rows[a].run, dataset.rows[b].run
        assert first is not None and second is not None
        tasks: dict[str, Paired] = {}
        answers: list[tuple[bool, bool, str]] = []
        for task in dataset.tasks:
            common = [e for e in first.examples.get(task, []) if e.id in second.scores]
            if common:
                right = [(_right(dataset.rows[a], e.id), _right(dataset.rows[b], e.id), e.graph_id) for e in common]
                tasks[task] = _paired(right)
                answers += right
        if tasks:
            adjusted = dict(zip(tasks, holm([found.p for found in tasks.values()]), strict=True))
            yield Comparison(a, b, tasks, adjusted, next(iter(tasks.values())) if len(tasks) == 1 else _paired(answers))


def packed(found: Comparison) -> dict[str, Any]:
    """A comparison as the page's compare.js reads it: one row per task, then one of all questions."""
    rows = [[task, *_numbers(of), round(found.adjusted[task], 6)] for task, of in found.tasks.items()]
    return {"a": found.a, "b": found.b, "rows": [*rows, ["all questions", *_numbers(found.together), round(found.together.p, 6)]]}


def _numbers(found: Paired) -> list[float]:
    return [found.n, found.both, found.only_a, found.only_b, *(round(x, 5) for x in (found.difference, found.low, found.high, found.mde))]


def _paired(answers: list[tuple[bool, bool, str]]) -> Paired:
    return paired([a for a, _, _ in answers], [b for _, b, _ in answers], [graph for _, _, graph in answers])


def _right(row: Row, example_id: str) -> bool:
    return row.run is not None and row.run.scores[example_id].outcome == "correct"


def _macro(row: Row) -> float:
    return row.macro.value if row.macro else 0.0
