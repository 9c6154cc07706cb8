"""Scorer cases as the tests use them: raw records, so that a test can put another output in."""

import json
import os
from pathlib import Path
from typing import Any

from data_builders.example import Example
from eval.prediction import Prediction, Score
from eval.scoring.conformance import CASES, parse_case
from eval.scoring.scorer import score

OWN = CASES
SHARED = Path(__file__).parents[2].parent / "shared" / "reference" / "scorer_cases.jsonl"
NAMED = Path(os.environ.get("GRAPHTALK_SCORER_CASES", "/nowhere"))


def cases(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def example(case: dict[str, Any]) -> Example:
    return parse_case(case).example


def judged(case: dict[str, Any], output: str | None = None) -> Score:
    text = case["output"] if output is None else output
    return score(example(case), Prediction(case["case"], text, case["finish_reason"]))
