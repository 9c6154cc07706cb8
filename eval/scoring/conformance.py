"""The public conformance suite: outputs with the outcome that a careful reader gives, to hold any scorer
against.
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from data_builders.errors import InputError, check_choice
from data_builders.example import Example
from data_builders.tasks import TASKS
from eval.prediction import OUTCOMES, Prediction, Score

CASES = Path(__file__).parent / "conformance.jsonl"
Scorer = Callable[[Example, Prediction], object]
"""(example, prediction) -> a Score, an outcome, or whether the answer is right."""


@dataclass(frozen=True)
class Case:
    """One output. outcome: what a careful reader gives it; why: in a few words."""

    example: Example
    prediction: Prediction
    outcome: str
    why: str


@dataclass(frozen=True)
class Tally:
    """A scorer on the cases of one task.

    right, wrong: how many answers a careful reader takes and does not take. accepts: how many of the latter
    the scorer takes falsely; rejects: how many of the former it does not take. others: outcomes that differ
    otherwise (`wrong` for `unparsed`), where the scorer gives outcomes. faults: one line for each case
    decided otherwise than by the reader.
    """

    right: int
    wrong: int
    accepts: int
    rejects: int
    others: int
    faults: tuple[str, ...]


def read_cases(path: Path = CASES) -> list[Case]:
    """The cases of a file of the suite's form, one JSON object a line: case, task, graph, query, classes and
    labels (node_classification), answer, output, finish_reason, expect (outcome, why).

    >>> len(read_cases()) > 1300
    True
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file of cases")
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                cases.append(parse_case(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"{path}, line {number}: not a case ({error})") from None
    return cases


def parse_case(record: dict[str, Any]) -> Case:
    """One record of a file of cases."""
    task = TASKS[check_choice("task", record["task"], TASKS)]
    graph = {**record["graph"], **{key: record[key] for key in ("classes", "labels") if record.get(key)}}
    example = Example(
        id=record["case"],
        task=task.name,
        task_class=task.task_class,
        question=record.get("question", ""),
        answer=record["answer"],
        answer_kind=task.answer_kind,
        rationale="",
        encoder="",
        generator="",
        graph=json.dumps(graph),
        graph_id=record["case"],
        num_nodes=len(graph["nodes"]),
        num_edges=len(graph["edges"]),
        query=record["query"],
        split="test",
    )
    outcome = check_choice("outcome", record["expect"]["outcome"], OUTCOMES)
    return Case(
        example,
        Prediction(record["case"], record["output"], record["finish_reason"]),
        outcome,
        record["expect"]["why"],
    )


def load_scorer(name: str) -> Scorer:
    """The function called `module:function`, looked for in the working directory too."""
    module, _, function = name.partition(":")
    sys.path.append(str(Path.cwd()))
    try:
        scorer = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"--scorer {name!r}: {error}; give module:function, a function of an example and a prediction"
        ) from None
    if not callable(scorer):
        raise InputError(
            f"--scorer {name!r}: is a {type(scorer).__name__}; "
            "give module:function, a function of an example and a prediction"
        )
    return scorer  # type: ignore[no-any-return]


def substring(example: Example, prediction: Prediction) -> bool:
    """What published scripts do: right where the output has the gold answer in it, whatever the case.

    >>> case = read_cases()[5]
    >>> case.prediction.output, case.example.answer, substring(case.example, case.prediction)
    ('There is no edge between node 2 and node 3 in the graph.', 'Yes.', False)
    """
    return example.answer.strip(" .").lower() in prediction.output.lower()


def conformance(scorer: Scorer, cases: Iterable[Case]) -> dict[str, Tally]:
    """Task -> how a scorer decides its cases. A scorer that raises an error takes nothing."""
    decisions: dict[str, list[tuple[Case, str]]] = {}
    for case in cases:
        decisions.setdefault(case.example.task, []).append((case, _outcome(scorer, case)))
    return {
        task: _tally(rows)
        for task, rows in sorted(decisions.items(), key=lambda item: list(TASKS).index(item[0]))
    }


def _outcome(scorer: Scorer, case: Case) -> str:
    """An outcome; `right` or `not right` of a scorer that says no more."""
    verdict = scorer(case.example, case.prediction)
    outcome = verdict.outcome if isinstance(verdict, Score) else verdict
    return outcome if isinstance(outcome, str) else "right" if outcome else "not right"


def _tally(rows: Sequence[tuple[Case, str]]) -> Tally:
    decided = [(case, outcome, outcome in ("correct", "right")) for case, outcome in rows]
    accepts = sum(accepted and case.outcome != "correct" for case, _, accepted in decided)
    rejects = sum(not accepted and case.outcome == "correct" for case, _, accepted in decided)
    differ = [
        (case, outcome)
        for case, outcome, accepted in decided
        if (outcome != case.outcome if outcome in OUTCOMES else accepted is not (case.outcome == "correct"))
    ]
    right = sum(case.outcome == "correct" for case, _ in rows)
    faults = tuple(
        f"{c.example.id}: {outcome}, not {c.outcome} ({c.why}): {c.prediction.output[:80]!r}"
        for c, outcome in differ
    )
    return Tally(right, len(rows) - right, accepts, rejects, len(differ) - accepts - rejects, faults)


def print_tallies(name: str, tallies: dict[str, Tally], console: Console | None = None) -> None:
    """The rates per task on stdout."""
    console = console or Console()
    if not console.is_terminal:
        console.width = 120
    table = Table(
        title=f"{name} against {sum(t.right + t.wrong for t in tallies.values()):,} cases",
        title_justify="left",
    )
    table.add_column("task")
    for head in ("cases", "false accepts", "false rejects", "other outcome"):
        table.add_column(head, justify="right")
    for task, t in tallies.items():
        table.add_row(task.replace("_", " "), *_cells(t))
    table.add_section()
    table.add_row("all tasks", *_cells(total(tallies)))
    console.print(table)
    console.print(
        "False accepts: answers that are not right, but are taken for right. "
        "False rejects: right answers that are not.",
        style="dim",
    )


def total(tallies: dict[str, Tally]) -> Tally:
    """All tasks as one."""
    right, wrong, accepts, rejects, others = (
        sum(getattr(t, key) for t in tallies.values())
        for key in ("right", "wrong", "accepts", "rejects", "others")
    )
    return Tally(
        right, wrong, accepts, rejects, others, tuple(fault for t in tallies.values() for fault in t.faults)
    )


def _cells(t: Tally) -> list[str]:
    rates = [
        f"{100 * part / whole:.1f}% ({part} of {whole})" if whole else "–"
        for part, whole in ((t.accepts, t.wrong), (t.rejects, t.right))
    ]
    return [str(t.right + t.wrong), *rates, str(t.others)]
