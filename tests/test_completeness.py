"""What every task, encoder and generator needs beside its own functions; all that one lacks is listed at
once.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from data_builders.graphs.graph import from_edges
from data_builders.graphs.names import SCHEMES
from data_builders.tasks import GRAPH_TRANSFORMS, TASKS, Query, Task
from data_builders.tasks.second_opinion import SECOND, WITNESS
from data_builders.tasks.shortcuts import RULES
from data_builders.text.decoders import DECODERS
from data_builders.text.encoders import ENCODERS
from eval.answers.kinds import KINDS
from eval.answers.kinds.yes_no import TOPICS
from eval.scoring.conformance import read_cases
from prompting.prompts.algorithms import ALGORITHMS

ROOT = Path(__file__).parents[1]
CASES = 3  # conformance cases that must be correct, and as many that must not be


def documented(task: Task) -> str:
    """The task's row in docs/data_format.md."""
    graph = replace(GRAPH_TRANSFORMS[task.transform](from_edges(2, [(0, 1)]), Random(0)), blocks=(0, 1))
    query = Query((0, 1)[: len(task.draw(graph, Random(0)).nodes)], ("C0", "C1"))
    question = task.ask(["S", "T"], query).removeprefix("Q: ").partition("\n")[0]
    graphs = task.generator or task.direction
    return (
        f"| {task.name} | {task.task_class} | {task.answer_kind} | {task.transform} | {graphs} | {question} |"
    )


def missing_of_tasks() -> Iterator[str]:
    rows = (ROOT / "docs" / "data_format.md").read_text(encoding="utf-8").splitlines()
    files = (ROOT / "tests" / "data_builders" / "tasks").glob("test_*.py")
    tests = "".join(path.read_text(encoding="utf-8") for path in files)
    outcomes = Counter((case.example.task, case.outcome == "correct") for case in read_cases())
    for name, task in TASKS.items():
        if task.answer_kind not in KINDS:
            yield f"{name}: the kind {task.answer_kind!r} in KINDS of eval/answers/kinds"
        if name not in SECOND and name not in WITNESS:
            yield f"{name}: a second opinion, in SECOND or WITNESS of data_builders/tasks/second_opinion.py"
        if name not in RULES and task.task_class != "retrieval":
            yield f"{name}: a shortcut that a score must beat, in RULES of data_builders/tasks/shortcuts.py"
        if task.answer_kind == "yes_no" and name not in TOPICS:
            yield f"{name}: how its answer is worded, in TOPICS of eval/answers/kinds/yes_no.py"
        if name not in ALGORITHMS:
            yield f"{name}: its algorithm in words, in ALGORITHMS of prompting/prompts/algorithms.py"
        if min(outcomes[name, True], outcomes[name, False]) < CASES:
            yield f"{name}: {CASES} correct and {CASES} other cases in eval/scoring/conformance.jsonl"
        if documented(task) not in rows:
            yield f"{name}: the row of docs/data_format.md, {documented(task)}"
        if f'"{name}"' not in tests:
            yield f"{name}: a test in tests/data_builders/tasks/"


def missing_of_encoders() -> Iterator[str]:
    page = (ROOT / "docs" / "data_format.md").read_text(encoding="utf-8")
    direction = {(True, True): "yes", (True, False): "only where the question does not depend on it"}
    for name, encoder in ENCODERS.items():
        row = (
            f"| {name} | {encoder.names} |"
            f" {direction.get((encoder.directed, encoder.says_direction), 'no')} |"
        )
        if row not in page:
            yield f"{name}: the row of docs/data_format.md, {row}"
        if name not in DECODERS:
            yield f"{name}: a decoder, in DECODERS of data_builders/text/decoders.py"
    for scheme in SCHEMES:
        if scheme not in page:
            yield f"{scheme}: its line in docs/data_format.md"


def test_nothing_is_missing() -> None:
    missing = [*missing_of_tasks(), *missing_of_encoders()]
    assert not missing, "still to be written:\n" + "\n".join(missing)
