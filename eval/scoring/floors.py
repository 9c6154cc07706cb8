"""Floors: what simple answers without understanding reach on the same questions, to compare scores with."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from data_builders.building.floors import train_answers as train_answers
from data_builders.example import Example, read_examples, solution_key
from data_builders.tasks.shortcuts import RULES as RULES
from data_builders.tasks.shortcuts import most_frequent, rule_answer
from eval.scoring.scorer import is_right
from eval.scoring.trees import ROWS, tree_answers


def floors(data: Path, task: str, examples: Sequence[Example]) -> dict[str, list[bool]]:
    """For each floor, whether it is right about each of the examples, by the same scorer as every run.

    majority: always the most frequent answer of the train split, never of the split that is scored. random:
    an answer drawn from the train split for each example. rule: the task's known shortcut. trees_size,
    trees_degree, trees_two_hop: boosted trees, see `eval.scoring.trees`. Those that need a train split, a
        rule, or few classes are absent where there is none.
    """
    counts = train_answers(data, task)
    return _score_floors(counts, spread(read_examples(data, task, "train")) if counts else [], examples)


def answer_floors(train: Sequence[Example], examples: Sequence[Example]) -> dict[str, list[bool]]:
    """As `floors`, for examples of one task that are at hand and not in a folder."""
    return _score_floors(Counter(map(solution_key, train)), spread(train), examples)


def spread(train: Sequence[Example]) -> Sequence[Example]:
    """At most ROWS of the examples, at equal steps over the whole split.

    The generators and sizes of a split may follow one another, so its first rows are no fair sample.
    """
    return train[:: max(1, -(-len(train) // ROWS))]


def _score_floors(
    counts: Counter[str], train: Sequence[Example], examples: Sequence[Example]
) -> dict[str, list[bool]]:
    answers: dict[str, list[str]] = {}
    if counts:
        answers["majority"] = [most_frequent(counts)] * len(examples)
        texts, weights = zip(*sorted(counts.items()), strict=True)
        answers["random"] = [Random(f"0/floor/{e.id}").choices(texts, weights)[0] for e in examples]
    if examples[0].task in RULES:
        answers["rule"] = [json.dumps(rule_answer(e)) for e in examples]
    answers |= tree_answers(train, examples)
    return {
        name: [is_right(e, json.loads(text)) for e, text in zip(examples, texts, strict=True)]
        for name, texts in answers.items()
    }
