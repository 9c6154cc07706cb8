"""Confusion tables: right answers against the answers that were read, where there are few different ones."""

from collections import Counter
from dataclasses import dataclass

from data_builders.example import Example, truth
from eval.analysis.runs import Row
from eval.prediction import Score

MAX_ANSWERS = 12  # With more different right answers, a table cannot be read at a glance.
OTHER, NO_ANSWER, NO_PATH = "other", "no answer", "no path"


@dataclass(frozen=True)
class Confusion:
    """counts[i][j]: questions whose right answer is gold[i] and whose output was read as
    predicted[j]; they add up to n.
    """

    gold: list[str]
    predicted: list[str]
    counts: list[list[int]]


def kind_of(e: Example) -> str | None:
    """The right answer where there are few different ones: a yes or no, a number, no path, or a word.

    None for sets of nodes, paths and orders.

    >>> text = "Yes, there is a cycle."
    >>> kind_of(Example("i", "cycle_check", "", "", text, "yes_no", "", "", "", "", "", 3, 2, [], "test"))
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
    if not gold or None in golds or len(gold) > MAX_ANSWERS:
        return None
    for e, g in zip(examples, golds, strict=True):
        assert g is not None
        counts[g, _predicted_answer(row.run.scores[e.id], g, gold)] += 1
    predicted = [*gold, *(extra for extra in (OTHER, NO_ANSWER) if any(p == extra for _, p in counts))]
    return Confusion(gold, predicted, [[counts[g, p] for p in predicted] for g in gold])


def _predicted_answer(score: Score, gold: str, gold_answers: list[str]) -> str:
    if score.outcome == "correct":
        return gold
    if score.outcome != "wrong":
        return NO_ANSWER
    by_lower_case = {kind.lower(): kind for kind in gold_answers}
    return by_lower_case.get(score.parsed.lower(), OTHER)


def _order(kind: str) -> tuple[bool, int, str]:
    """Yes before no, numbers by size, then words; `no path` last."""
    if kind.isdigit():
        return (False, int(kind), "")
    return (kind == NO_PATH, 0, {"Yes": "0", "No": "1"}.get(kind, kind))
