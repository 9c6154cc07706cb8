"""Every pair of runs side by side, question by question: what the page's comparison shows."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

from eval.analysis.compare import Comparison, compare_rows
from eval.analysis.runs import Dataset, Row
from eval.statistics.paired import Paired

MOST_RUNS = 12  # of more, the best are compared: pairs grow with the square


class Pair(NamedTuple):
    """Indices of two runs into `dataset.rows`, and their comparison."""

    a: int
    b: int
    found: Comparison


def compared(dataset: Dataset) -> list[int]:
    """Indices into `dataset.rows` of the runs that are compared: all, or the best by macro accuracy where
    there are many.
    """
    best = sorted(range(len(dataset.rows)), key=lambda i: (-_macro(dataset.rows[i]), i))
    return sorted(best[:MOST_RUNS])


def pairs(dataset: Dataset) -> Iterator[Pair]:
    """Every pair of the compared runs that answered some question in common."""
    rows = dataset.rows
    for a, b in combinations(compared(dataset), 2):
        first, second = rows[a].run, rows[b].run
        if first and second and not first.scores.keys().isdisjoint(second.scores):
            yield Pair(a, b, compare_rows(dataset, rows[a], rows[b]))


def packed(pair: Pair) -> dict[str, Any]:
    """A pair as the page's compare.js reads it: one row per task, then one of all questions."""
    found = pair.found
    rows = [[task, *_numbers(of), round(found.holm[task], 6)] for task, of in found.tasks.items()]
    together = (
        [["all questions", *_numbers(found.together), round(found.together.p, 6)]] if len(rows) > 1 else []
    )
    return {"a": pair.a, "b": pair.b, "rows": [*rows, *together]}


def _numbers(found: Paired) -> list[float]:
    return [
        found.n,
        found.both,
        found.only_a,
        found.only_b,
        *(round(x, 5) for x in (found.difference, found.low, found.high, found.mde)),
    ]


def _macro(row: Row) -> float:
    return row.macro.value if row.macro else 0.0
