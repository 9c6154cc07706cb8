"""Floors: what answers without understanding reach on the very same questions, so that a score can be read
against them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_builders.building.floors import train_answers as train_answers
from data_builders.example import Example
from data_builders.tasks.shortcuts import RULES as RULES
from data_builders.tasks.shortcuts import most_frequent, rule_answer, without_names
from eval.prediction import Prediction
from eval.scoring.scorer import score
from eval.scoring.trees import ROWS, tree_answers


def floors(data: Path, task: str, examples: Sequence[Example]) -> dict[str, list[bool]]:
    """For each floor, whether it is correct on each of the examples, judged by the same scorer as every run.

    majority: always the most frequent answer of the train split, never of the split that is judged. random:
    an answer drawn from the train split for each example. rule: the task's known shortcut. trees_size,
    trees_degree, trees_two_hop: boosted trees, see `eval.scoring.trees`. Those that need a train split, a
        rule, or few classes are absent where there is none.
    """
    counts = train_answers(data, task)
    return _judged(counts, _some_of_train(data, task) if counts else [], examples)


def answer_floors(train: Sequence[Example], examples: Sequence[Example]) -> dict[str, list[bool]]:
    """As `floors`, for examples of one task that are at hand and not in a folder."""
    return _judged(Counter(without_names(e.answer, e.answer_kind) for e in train), _spread(train), examples)


def _spread(train: Sequence[Example]) -> Sequence[Example]:
    """At most ROWS of the examples, from all over the split: generators and encoders follow one another in
    it.
    """
    return train[:: _step(len(train))]


def _step(rows: int) -> int:
    return max(1, -(-rows // ROWS))


def _some_of_train(data: Path, task: str) -> list[Example]:
    """`_spread` of a dataset's train split, without texts: of a hundred thousand examples only the few are
    made.
    """
    columns = ["task", "answer", "answer_kind", "graph", "query"]
    table = pa.concat_tables(
        [pq.read_table(file, columns=columns) for file in sorted((data / task).glob("train-*.parquet"))]
    )
    rows = table.take(list(range(0, len(table), _step(len(table))))).to_pylist()
    blank: dict[str, Any] = dict.fromkeys([f.name for f in fields(Example)], "")
    return [Example(**{**blank, **row}) for row in rows]


def _judged(
    counts: Counter[str], train: Sequence[Example], examples: Sequence[Example]
) -> dict[str, list[bool]]:
    answers: dict[str, list[str]] = {}
    if counts:
        answers["majority"] = [most_frequent(counts)] * len(examples)
        texts, weights = zip(*sorted(counts.items()), strict=True)
        answers["random"] = [Random(f"0/floor/{e.id}").choices(texts, weights)[0] for e in examples]
    if examples[0].task in RULES:
        answers["rule"] = [rule_answer(e) for e in examples]
    answers |= tree_answers(train, examples)
    return {
        name: [
            score(e, Prediction(e.id, text)).outcome == "correct"
            for e, text in zip(examples, texts, strict=True)
        ]
        for name, texts in answers.items()
    }
