"""Scorer cases: outputs with the outcome that a careful reader gives, and how one becomes an Example."""

import json
import os
from pathlib import Path
from typing import Any

from data_builders.example import Example
from data_builders.tasks import TASKS
from eval.prediction import Prediction, Score
from eval.scoring import score

OWN = Path(__file__).parent / "scorer_cases.jsonl"
SHARED = Path(__file__).parents[1].parent / "shared" / "reference" / "scorer_cases.jsonl"
NAMED = Path(os.environ.get("GRAPHTALK_SCORER_CASES", "/nowhere"))
# Tasks whose answers are read already, although nothing builds their examples yet.
AHEAD = {
    "connectivity": "yes_no",
    "bipartite_check": "yes_no",
    "shortest_path_nodes": "path",
    "hamiltonian_path": "path",
    "topological_order": "order",
}


def cases(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def kind(task: str) -> str | None:
    return TASKS[task].answer_kind if task in TASKS else AHEAD.get(task)


def example(case: dict[str, Any]) -> Example:
    graph = {**case["graph"], **{key: case[key] for key in ("classes", "labels") if case.get(key)}}
    return Example(
        id=case["case"],
        task=case["task"],
        task_class="",
        question=case.get("question", ""),
        answer=case["answer"],
        answer_kind=kind(case["task"]) or "",
        rationale="",
        encoder="",
        generator="",
        graph=json.dumps(graph),
        graph_id="",
        num_nodes=len(graph["nodes"]),
        num_edges=len(graph["edges"]),
        query=case["query"],
        split="test",
    )


def judged(case: dict[str, Any], output: str | None = None) -> Score:
    text = case["output"] if output is None else output
    return score(example(case), Prediction(case["case"], text, case["finish_reason"]))
