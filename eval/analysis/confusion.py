"""Which answers are taken for which: right answers against read ones, where there are few kinds of them."""

from collections import Counter
from dataclasses import dataclass

from data_builders.example import Example, truth
from eval.analysis.runs import Row
from eval.prediction import Score

MOST = 12  # different right answers; with more, a table says nothing at a glance
OTHER, SILENT, NO_PATH = "other", "no answer", "no path"


@dataclass(frozen=True)
class Confusion:
    """counts[i][j]: questions whose right answer is gold[i] and whose output was read as said[j]; they add up
    to n.
    """

    gold: list[str]
    said: list[str]
    counts: list[list[int]]


def kind_of(e: Example) -> str | None:
    """The right answer as one of a few: a yes or no, a number, no path, a word; None for lists of nodes,
    paths and orders.

    >>> kind_of(Example("i", "cycle_check", "", "", "Yes, there is a cycle.", "yes_no", "", "", "", "", "", 3, 2, [], "test"))
    'Yes'
    """
    if e.answer_kind not in ("yes_no", "integer", "label", "distance"):
        return None
    solution = truth(e)
    if solution is None:
        return NO_PATH
    return ("No", "Yes")[solution] if isinstance(solution, bool) else str(solution)


def confusion(row: Row, task: str) -> Confusion | None:
    """The table of one run and task; None where the answers are of too many kinds."""
    assert row.run is not None
    counts: Counter[tuple[str, str]] = Counter()
    examples = row.run.examples.get(task, [])
    golds = [kind_of(e) for e in examples]
    gold = sorted({g for g in golds if g is not None}, key=_order)
    if not gold or None in golds or len(gold) > MOST:
        return None
    for e, g in zip(examples, golds, strict=True):
        assert g is not None
        counts[g, _read(row.run.scores[e.id], g, gold)] += 1
    said = [*gold, *(extra for extra in (OTHER, SILENT) if any(s == extra for _, s in counts))]
    return Confusion(gold, said, [[counts[g, s] for s in said] for g in gold])


def _read(score: Score, gold: str, kinds: list[str]) -> str:
    if score.outcome == "correct":
        return gold
    if score.outcome != "wrong":
        return SILENT
    found = {kind.lower(): kind for kind in kinds}
    return found.get(score.parsed.lower(), OTHER)


def _order(kind: str) -> tuple[bool, int, str]:
    """Yes before no, numbers by size, then words; `no path` last."""
    if kind.isdigit():
        return (False, int(kind), "")
    return (kind == NO_PATH, 0, {"Yes": "0", "No": "1"}.get(kind, kind))
