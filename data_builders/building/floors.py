"""What a score on a dataset must beat: the commonest answer of train, and a rule of thumb. The build prints
and stores both.

eval judges the same floors, and learned ones, on the questions of a run; here they are known before anything
is trained.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_builders.example import SPLITS, Example, read_examples, solution_key
from data_builders.tasks.shortcuts import RULES, most_frequent, rule_answer

QUESTIONS = 1000  # per task: the first, which are a fair sample
# of their graphs; fewer questions where graphs are so large that the floors would take longer than the build
CHARACTERS = 4_000_000


def dataset_floors(folder: Path, tasks: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Task -> split, n, majority and rule: the share of the first n questions of test (else of the last
    split) that are answered so.

    majority is None without a train split, rule without a rule. An answer is right where it is the stored
    one.
    """
    questions = {task: _first(folder, task) for task in tasks}
    answers: dict[str, list[str]] = {task: [] for task in tasks}
    for row in zip_longest(
        *questions.values()
    ):  # tasks of one graph one after the other, so that it is read once
        for example in row:
            if example is not None and example.task in RULES:
                answers[example.task].append(json.dumps(rule_answer(example)))
    out = {}
    for task, examples in questions.items():
        want = [solution_key(e) for e in examples]
        counts = train_answers(folder, task)
        out[task] = {
            "split": examples[0].split,
            "n": len(examples),
            "majority": _share([most_frequent(counts)] * len(want), want) if counts else None,
            "rule": _share(answers[task], want) if task in RULES else None,
        }
    return out


def train_answers(folder: Path, task: str) -> Counter[str]:
    """How often each solution stands in the train split, which may not be there; as JSON, see
    `solution_key`.
    """
    files = sorted((folder / task).glob("train-*.parquet"))
    if not files:
        return Counter()
    if any("solution" not in pq.read_schema(file).names for file in files):
        return Counter(map(solution_key, read_examples(folder, task, "train")))
    counts: Counter[str] = Counter()
    table = pa.concat_tables([pq.read_table(file, columns=["solution", "answer_kind"]) for file in files])
    for row in table.group_by(["solution", "answer_kind"]).aggregate([([], "count_all")]).to_pylist():
        nodes = row["answer_kind"] == "node_set"
        counts[json.dumps(sorted(json.loads(row["solution"]))) if nodes else row["solution"]] += row[
            "count_all"
        ]
    return counts


def _first(folder: Path, task: str) -> list[Example]:
    """The first questions of test, else of the last split."""
    split = [split for split in SPLITS if any((folder / task).glob(f"{split}-*.parquet"))][-1]
    out: list[Example] = []
    characters = 0
    with pq.ParquetFile(min((folder / task).glob(f"{split}-*.parquet"))) as file:
        for batch in file.iter_batches(50):
            for row in batch.to_pylist():
                characters += len(row["graph"])
                if len(out) == QUESTIONS or (out and characters > CHARACTERS):
                    return out
                out.append(Example(**row))
    return out


def _share(answers: Iterable[str], want: Sequence[str]) -> float:
    return round(sum(a == b for a, b in zip(answers, want, strict=True)) / len(want), 4)
