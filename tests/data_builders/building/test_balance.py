"""Balanced answers are equally frequent, and the hard preset leaves the known rules of thumb at chance."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data_builders.building.balance import ALIKE, answer_of, answers
from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.building.verify import verify
from data_builders.example import Example, read_examples, read_lock, truth
from data_builders.graphs.graph import from_edges, graph_from_json
from data_builders.graphs.splits import invariant
from data_builders.tasks.shortcuts import rule_answer
from eval.scoring.floors import floors

ROOT = Path(__file__).parents[3]
THREE = "cycle_check,reachability,shortest_path"
KEYS: dict[str, Any] = {"tasks": THREE, "train": 60, "validation": 20, "test": 40, "workers": 1}


def make(out: Path, **keys: Any) -> dict[str, Example]:
    config = load_config(None, {**KEYS, **keys})
    build(config, out)
    splits = [split for split in ("train", "validation", "test") if config.size(split)]
    return {e.id: e for task in config.tasks for split in splits for e in read_examples(out, task, split)}


def spread(examples: dict[str, Example], task: str, split: str = "test") -> Counter[str]:
    return Counter(
        e.answer if "no path" not in e.answer else "none"
        for e in examples.values()
        if (e.task, e.split) == (task, split)
    )


def line(first: int, nodes: int) -> list[tuple[int, int]]:
    return [(u, u + 1) for u in range(first, first + nodes - 1)]


FAR = {
    "five steps apart": (7, line(0, 6), (0, 5), True),  # and a node alone, as there are two parts
    "four steps apart": (7, line(0, 6), (0, 4), False),
    "apart, with five steps to go from both": (12, [*line(0, 6), *line(6, 6)], (0, 6), True),
    "apart, with four steps to go from the source": (11, [*line(0, 5), *line(5, 6)], (0, 5), False),
    "apart, with four steps to go from the target": (11, [*line(0, 6), *line(6, 5)], (0, 6), False),
    "three parts": (13, [*line(0, 6), *line(6, 6)], (0, 6), False),
}


@pytest.mark.parametrize("case", FAR)
def test_hard_questions_about_reachability_are_far_apart(case: str) -> None:
    """Within four steps a glance would do; a search that ends early would give the answer away."""
    n, edges, nodes, expected = FAR[case]
    graph = from_edges(n, edges)
    assert ALIKE["reachability"](graph, nodes) == expected == ALIKE["reachability"](graph, nodes[::-1])


def test_long_distances_count_together() -> None:
    counted = [answer_of(solution) for solution in (None, 1, 2, 3, 4, 5, False)]
    assert counted == ["no path", "1", "2", "3", "4 or more", "4 or more", "no"]
    assert answers("shortest_path", "distance", "rules") == ("no path", "2", "3", "4 or more")
    assert answers("shortest_path", "distance", "none") == answers("cycle_check", "yes_no", "none") == ()


def test_answers_are_equally_frequent(tmp_path: Path) -> None:
    examples = make(tmp_path / "d", balance="answers", tasks=THREE + ",edge_count,tree_check")
    for split, n in (("train", 60), ("test", 40)):
        assert set(spread(examples, "cycle_check", split).values()) == {n // 2}
        assert set(spread(examples, "reachability", split).values()) == {n // 2}
        found = spread(examples, "shortest_path", split)
        assert all(abs(found[answer] - n // 5) <= 1 for answer in ("none", "1.", "2.", "3."))
    assert verify(tmp_path / "d").difference is None
    same: dict[str, set[str]] = {}
    for e in examples.values():
        same.setdefault(e.graph_id, set()).add(
            invariant(graph_from_json(e.graph)[0]) if e.task != "tree_check" else ""
        )
    assert all(len(found - {""}) <= 1 for found in same.values()) and any(
        "." in graph_id for graph_id in same
    )


def test_balance_keeps_splits_apart_and_streams_independent(tmp_path: Path) -> None:
    more = make(tmp_path / "more", balance="answers", min_nodes=10)
    few = make(tmp_path / "few", balance="answers", min_nodes=10, tasks="reachability")
    assert all(more[key].question == e.question for key, e in few.items() if e.split == "test")
    classes = {
        s: {invariant(graph_from_json(e.graph)[0]) for e in more.values() if e.split == s}
        for s in ("train", "test")
    }
    assert not classes["train"] & classes["test"]
    plain = make(tmp_path / "plain", min_nodes=10)
    kept = [key for key, e in more.items() if e.split == "test" and e.graph_id == plain[key].graph_id]
    assert kept and all(
        more[key] == plain[key] for key in kept
    )  # the first candidate is the example that is drawn without balance


def test_the_hard_preset_leaves_the_rules_at_chance(tmp_path: Path) -> None:
    config = load_config(
        ROOT / "configs" / "data" / "hard.yaml", {"train": 0, "validation": 0, "test": 40, "workers": 1}
    )
    build(config, tmp_path / "d")
    for task, chance in (("cycle_check", 1 / 2), ("reachability", 1 / 2), ("shortest_path", 1 / 4)):
        examples = read_examples(tmp_path / "d", task, "test")
        right = 0
        for e in examples:
            right += rule_answer(e) == truth(e)
            assert ALIKE[task](graph_from_json(e.graph)[0], e.query)
        assert abs(right / len(examples) - chance) <= 0.05, (task, right / len(examples))


@pytest.mark.slow
def test_boosted_trees_are_at_chance_on_the_hard_preset(tmp_path: Path) -> None:
    """On sizes and degrees everywhere; how short a path is shows in two hops, and a little of what is
    reachable, too.
    """
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    config = load_config(
        ROOT / "configs" / "data" / "hard.yaml", {"train": 2000, "validation": 0, "test": 400, "workers": 1}
    )
    build(config, tmp_path / "d")
    for task, chance in (("cycle_check", 1 / 2), ("reachability", 1 / 2), ("shortest_path", 1 / 4)):
        judged = floors(tmp_path / "d", task, read_examples(tmp_path / "d", task, "test"))
        for name in ("trees_size", "trees_degree", "trees_two_hop")[: 3 if task == "cycle_check" else 2]:
            assert abs(sum(judged[name]) / 400 - chance) < 0.1, (task, name, sum(judged[name]) / 400)
        assert sum(judged["trees_two_hop"]) / 400 < 0.75


def test_a_family_without_the_answer_keeps_its_first_draw(tmp_path: Path) -> None:
    examples = make(
        tmp_path / "d",
        balance="answers",
        generators="complete",
        tasks="cycle_check",
        train=0,
        validation=0,
        test=6,
    )
    assert set(spread(examples, "cycle_check")) == {"Yes, there is a cycle."} and all(
        "." not in e.graph_id for e in examples.values()
    )
    assert read_lock(tmp_path / "d")["report"]["tasks"]["cycle_check"]["test"]["majority"] == 1.0  # type: ignore[index]


@pytest.mark.parametrize("balance", ["answers", "rules"])
def test_workers_and_shards_change_nothing(
    balance: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_builders.building.build.SHARD_ROWS", 16)
    keys = {
        "rules": {"generators": "disconnected_blocks", "min_nodes": 18, "max_nodes": 20},
        "answers": {"density": "0,0.4"},
    }[balance]
    one, two = (
        make(tmp_path / str(workers), balance=balance, workers=workers, train=20, **keys)
        for workers in (1, 2)
    )
    assert one == two
