"""Floors: by hand on small graphs, and the figures that are known for GraphQA's random graphs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data_builders.build import build
from data_builders.config import load_config
from data_builders.example import Example, read_examples, write_examples
from data_builders.graph import from_edges, graph_to_json
from data_builders.tasks import GRAPHQA, TASKS
from eval.floors import NO_PATH, RULES, floors, majority_answer, rule_answer


def make(out: Path, **keys: Any) -> Path:
    build(load_config(None, {"train": 40, "validation": 0, "test": 20, "seed": 3, "workers": 1, **keys}), out)
    return out


def asked(task: str, n: int, edges: Sequence[Sequence[int]], query: Sequence[int] = (), directed: bool = False, **extra: Any) -> Example:
    """An example as far as a rule looks at it."""
    graph = from_edges(n, edges, directed)
    text = graph_to_json(graph, [str(i) for i in range(n)], **extra)
    kind = TASKS[task].answer_kind
    return Example("id", task, "", "", "Yes.", kind, "", "adjacency", "er", text, "g", n, graph.m, list(query), "test")


PATH = [(0, 1), (1, 2)]
TRIANGLE = [(0, 1), (1, 2), (0, 2)]


@pytest.mark.parametrize(
    ("example", "answer"),
    [
        (asked("edge_existence", 3, PATH, (0, 2)), "Yes."),
        (asked("edge_existence", 4, PATH[:1], (0, 1)), "No."),
        (asked("node_degree", 4, TRIANGLE, (3,)), "2."),
        (asked("node_degree", 4, [(0, 1), (1, 2), (2, 0), (3, 0)], (3,), directed=True), "2."),
        (asked("cycle_check", 4, TRIANGLE), "No, there is no cycle."),
        (asked("cycle_check", 3, TRIANGLE), "Yes, there is a cycle."),
        (asked("reachability", 4, [(0, 1), (2, 3)], (0, 2)), "Yes."),
        (asked("reachability", 4, PATH, (0, 3)), "No."),
        (asked("reachability", 3, PATH, (2, 0), directed=True), "No."),
        (asked("reachability", 3, [(0, 0), (1, 2)], (0, 2)), "No."),
        (asked("shortest_path", 3, PATH, (0, 1)), "1."),
        (asked("shortest_path", 5, [(0, 1), (2, 3)], (0, 3)), "2."),
        (asked("shortest_path", 4, PATH, (3, 0)), NO_PATH),
        (asked("shortest_path", 3, PATH, (1, 0), directed=True), NO_PATH),
        (asked("triangle_counting", 4, [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]), "4."),
        (asked("maximum_flow", 3, [(0, 1, 7), (1, 2, 2), (0, 2, 4)], (0, 2)), "6."),
        (asked("maximum_flow", 3, [(0, 1, 7), (1, 2, 2)], (0, 2), directed=True), "2."),
        (
            asked("node_classification", 4, [(0, 1)], (3,), classes=["golf", "tennis"], labels={"0": "tennis", "1": "golf", "2": "golf"}),
            "golf",
        ),
    ],
)
def test_a_rule_says_what_its_text_says(example: Example, answer: str) -> None:
    assert rule_answer(example) == answer


def test_rules_are_for_tasks_that_exist() -> None:
    assert set(RULES) <= set(TASKS)


def test_the_majority_is_of_the_train_split_and_ties_are_settled_by_the_text(tmp_path: Path) -> None:
    base = asked("shortest_path", 3, PATH, (0, 2))
    answers = {"train": ["2.", "2.", "1.", *(f"There is no path from node {i} to node 3." for i in range(3))], "test": ["1."] * 9}
    (tmp_path / "shortest_path").mkdir()
    for split, texts in answers.items():
        write_examples(
            [replace(base, answer=a, split=split) for a in texts], tmp_path / "shortest_path" / f"{split}-00000-of-00001.parquet"
        )
    assert majority_answer(tmp_path, "shortest_path") == NO_PATH
    tied = [replace(base, answer=a, split="train") for a in ("7.", "11.", "3.", "11.", "3.", "7.")]
    write_examples(tied, tmp_path / "shortest_path" / "train-00000-of-00001.parquet")
    assert majority_answer(tmp_path, "shortest_path") == "3."


def test_every_task_has_a_majority_floor_judged_by_the_scorer(tmp_path: Path) -> None:
    data = make(tmp_path / "d", generators="er", encoders="adjacency,friendship")
    for task in GRAPHQA:
        examples = read_examples(data, task, "test")
        found = floors(data, task, examples)
        assert set(found) == ({"majority", "rule"} if task in RULES else {"majority"})
        assert all(len(right) == len(examples) for right in found.values())
        common = majority_answer(data, task)
        if task not in ("shortest_path", "connected_nodes", "disconnected_nodes"):  # there, texts differ and mean the same
            assert found["majority"] == [e.answer.strip() == common for e in examples]


def test_without_a_train_split_there_is_no_majority_floor(tmp_path: Path) -> None:
    data = make(tmp_path / "d", tasks="cycle_check,edge_count", train=0)
    assert set(floors(data, "cycle_check", read_examples(data, "cycle_check", "test"))) == {"rule"}
    assert floors(data, "edge_count", read_examples(data, "edge_count", "test")) == {}


@pytest.mark.parametrize(("task", "share"), [("cycle_check", 0.954), ("reachability", 0.972), ("shortest_path", 0.903)])
def test_the_rules_reach_what_is_known_of_them_on_random_graphs(task: str, share: float, tmp_path: Path) -> None:
    data = make(tmp_path / "d", tasks=task, generators="er", train=0, test=1500)
    right = floors(data, task, read_examples(data, task, "test"))["rule"]
    assert sum(right) / len(right) == pytest.approx(share, abs=0.03)
