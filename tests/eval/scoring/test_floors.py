"""Floors: by hand on small graphs, and the figures that are known for GraphQA's random graphs."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.example import Example, read_examples, write_examples
from data_builders.graphs.graph import from_edges, graph_to_json
from data_builders.tasks import GRAPHQA, TASKS
from data_builders.tasks.shortcuts import RULES, most_frequent, rule_answer
from eval.scoring.floors import answer_floors, floors, spread, train_answers
from eval.scoring.trees import FEATURES, GIVEN_AWAY, KINDS, ROWS, tree_answers


def make(out: Path, **keys: Any) -> Path:
    build(load_config(None, {"train": 40, "validation": 0, "test": 20, "seed": 3, "workers": 1, **keys}), out)
    return out


def make_example(
    task: str,
    n: int,
    edges: Sequence[Sequence[int]],
    query: Sequence[int] = (),
    directed: bool = False,
    **extra: Any,
) -> Example:
    """An example as far as a rule looks at it."""
    graph = from_edges(n, edges, directed)
    text = graph_to_json(graph, [str(i) for i in range(n)], **extra)
    kind = TASKS[task].answer_kind
    return Example(
        "id", task, "", "", "Yes.", kind, "", "adjacency", "er", text, "g", n, graph.m, list(query), "test"
    )


PATH = [(0, 1), (1, 2)]
TRIANGLE = [(0, 1), (1, 2), (0, 2)]


@pytest.mark.parametrize(
    ("example", "answer"),
    [
        (make_example("edge_existence", 3, PATH, (0, 2)), True),
        (make_example("edge_existence", 4, PATH[:1], (0, 1)), False),
        (make_example("node_degree", 4, TRIANGLE, (3,)), 2),
        (make_example("node_degree", 4, [(0, 1), (1, 2), (2, 0), (3, 0)], (3,), directed=True), 2),
        (make_example("cycle_check", 4, TRIANGLE), False),
        (make_example("cycle_check", 3, TRIANGLE), True),
        (make_example("reachability", 4, [(0, 1), (2, 3)], (0, 2)), True),
        (make_example("reachability", 4, PATH, (0, 3)), False),
        (make_example("reachability", 3, PATH, (2, 0), directed=True), False),
        (make_example("reachability", 3, [(0, 0), (1, 2)], (0, 2)), False),
        (make_example("shortest_path", 3, PATH, (0, 1)), 1),
        (make_example("shortest_path", 5, [(0, 1), (2, 3)], (0, 3)), 2),
        (make_example("shortest_path", 4, PATH, (3, 0)), None),
        (make_example("shortest_path", 3, PATH, (1, 0), directed=True), None),
        (make_example("triangle_counting", 4, [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]), 4),
        (make_example("maximum_flow", 3, [(0, 1, 7), (1, 2, 2), (0, 2, 4)], (0, 2)), 6),
        (make_example("maximum_flow", 3, [(0, 1, 7), (1, 2, 2)], (0, 2), directed=True), 2),
        (
            make_example(
                "node_classification",
                4,
                [(0, 1)],
                (3,),
                classes=["golf", "tennis"],
                labels={"0": "tennis", "1": "golf", "2": "golf"},
            ),
            "golf",
        ),
        (make_example("connectivity", 4, [(0, 1), (2, 3)]), True),
        (make_example("connectivity", 4, TRIANGLE), False),
        (make_example("component_count", 6, [(0, 1), (2, 3)]), 3),
        (make_example("component_count", 2, []), 2),
        (make_example("bipartite_check", 3, TRIANGLE), False),
        (make_example("bipartite_check", 4, TRIANGLE), True),
        (make_example("tree_check", 4, TRIANGLE), True),
        (make_example("tree_check", 4, PATH), False),
        (make_example("euler_circuit_check", 6, [*TRIANGLE, (3, 4), (4, 5), (3, 5)]), True),
        (make_example("euler_circuit_check", 3, PATH), False),
        (make_example("minimum_spanning_tree_weight", 3, [(0, 1, 4), (1, 2, 3), (0, 2, 9)]), 7),
        (make_example("shortest_path_nodes", 4, [(0, 1), (1, 2), (2, 3)], (0, 2)), [0, 1, 2]),
        (make_example("shortest_path_nodes", 4, [(0, 1), (1, 2), (2, 3)], (3, 2)), [3, 2]),
        (make_example("shortest_path_nodes", 4, [(0, 1), (1, 2), (2, 3)], (0, 3)), None),
        (make_example("weighted_shortest_path", 3, [(0, 1, 4), (1, 2, 3), (0, 2, 9)], (0, 2)), 9),
        (make_example("weighted_shortest_path", 4, [(0, 1, 4), (1, 2, 1), (2, 3, 3)], (0, 3)), 7),
        (make_example("weighted_shortest_path", 3, [(0, 1, 4)], (0, 2)), None),
        (make_example("diameter", 3, TRIANGLE), 1),
        (make_example("diameter", 5, [(0, 1), (1, 2), (2, 3), (3, 4)]), 2),
        (make_example("diameter", 4, TRIANGLE), None),
        (make_example("radius", 3, PATH), 1),
        (make_example("radius", 4, [(0, 1), (2, 3)]), 2),
        (make_example("radius", 4, TRIANGLE), None),
        (make_example("bfs_order", 5, [(1, 4), (1, 2), (2, 3), (3, 0)], (1,)), [1, 2, 4, 0, 3]),
        (make_example("topological_order", 3, [(2, 1), (2, 0), (0, 1)], (), True), [2, 0, 1]),
        (
            make_example("directed_cycle_check", 3, [(0, 1), (1, 2), (2, 0)], (), True),
            True,
        ),
        (
            make_example("directed_cycle_check", 4, [(0, 1), (1, 2), (2, 1), (2, 3)], (), True),
            False,
        ),
        (make_example("strongly_connected_components", 4, [(0, 1), (1, 0), (1, 2), (2, 3)], (), True), 2),
        (make_example("hamiltonian_path", 3, [(2, 1), (1, 0)]), [0, 1, 2]),
        (make_example("hamiltonian_path", 4, [(0, 1), (0, 2), (0, 3)]), None),
        (make_example("planarity_check", 5, [(i, j) for i in range(5) for j in range(i)]), False),
        (make_example("planarity_check", 3, TRIANGLE), True),
        (make_example("maximum_matching_size", 5, [(0, 1), (0, 2), (0, 3)]), 2),
        (make_example("core_number", 4, TRIANGLE, (3,)), 0),
        (make_example("core_number", 4, TRIANGLE, (0,)), 1),
    ],
)
def test_a_rule_says_what_its_text_says(example: Example, answer: object) -> None:
    assert rule_answer(example) == answer and type(rule_answer(example)) is type(answer)


def test_rules_are_for_tasks_that_exist() -> None:
    assert set(RULES) < set(TASKS)
    assert set(GIVEN_AWAY) < set(TASKS) and {TASKS[task].answer_kind for task in GIVEN_AWAY} < set(KINDS)


def test_the_majority_is_of_the_train_split_and_ties_are_settled_by_the_text(tmp_path: Path) -> None:
    base = make_example("shortest_path", 3, PATH, (0, 2))
    answers = {
        "train": ["2.", "2.", "1.", *(f"There is no path from node {i} to node 3." for i in range(3))],
        "test": ["1."] * 9,
    }
    (tmp_path / "shortest_path").mkdir()
    for split, texts in answers.items():
        write_examples(
            [replace(base, answer=a, split=split) for a in texts],
            tmp_path / "shortest_path" / f"{split}-00000-of-00001.parquet",
        )
    assert most_frequent(train_answers(tmp_path, "shortest_path")) == "null"
    tied = [replace(base, answer=a, split="train") for a in ("7.", "11.", "3.", "11.", "3.", "7.")]
    write_examples(tied, tmp_path / "shortest_path" / "train-00000-of-00001.parquet")
    assert most_frequent(train_answers(tmp_path, "shortest_path")) == "3"


def test_every_task_has_a_majority_floor_judged_by_the_scorer(tmp_path: Path) -> None:
    data = make(tmp_path / "d", generators="er", encoders="adjacency,friendship")
    for task in GRAPHQA:
        examples = read_examples(data, task, "test")
        result = floors(data, task, examples)
        trees = set(FEATURES) - set(GIVEN_AWAY.get(task, ())) if TASKS[task].answer_kind in KINDS else set()
        assert set(result) == {"majority", "random"} | ({"rule"} if task in RULES else set()) | trees
        assert all(len(right) == len(examples) for right in result.values())
        common = most_frequent(train_answers(data, task))
        if task not in (
            "shortest_path",
            "connected_nodes",
            "disconnected_nodes",
        ):  # there, texts differ and mean the same
            assert result["majority"] == [e.solution == common for e in examples]


def test_without_a_train_split_there_is_no_majority_floor(tmp_path: Path) -> None:
    data = make(tmp_path / "d", tasks="cycle_check,edge_count", train=0)
    assert set(floors(data, "cycle_check", read_examples(data, "cycle_check", "test"))) == {"rule"}
    assert floors(data, "edge_count", read_examples(data, "edge_count", "test")) == {}


@pytest.mark.parametrize(
    ("task", "share"), [("cycle_check", 0.954), ("reachability", 0.972), ("shortest_path", 0.903)]
)
def test_the_rules_reach_what_is_known_of_them_on_random_graphs(
    task: str, share: float, tmp_path: Path
) -> None:
    data = make(tmp_path / "d", tasks=task, generators="er", train=0, test=1500)
    right = floors(data, task, read_examples(data, task, "test"))["rule"]
    assert sum(right) / len(right) == pytest.approx(share, abs=0.03)


def test_random_answers_are_those_of_the_train_split_in_their_shares(tmp_path: Path) -> None:
    data = make(tmp_path / "d", tasks="reachability", generators="er", train=200, test=600)
    examples = read_examples(data, "reachability", "test")
    right = floors(data, "reachability", examples)["random"]
    yes = train_answers(data, "reachability")["true"] / 200
    gold = sum(e.answer == "Yes." for e in examples) / len(examples)
    assert sum(right) / len(right) == pytest.approx(yes * gold + (1 - yes) * (1 - gold), abs=0.06)
    assert right == floors(data, "reachability", examples)["random"]


def test_trees_learn_what_their_features_show_and_are_the_same_every_time(tmp_path: Path) -> None:
    data = make(
        tmp_path / "d", tasks="reachability,node_degree,connected_nodes", generators="er", train=400, test=150
    )
    examples, train = (
        read_examples(data, "reachability", "test"),
        read_examples(data, "reachability", "train"),
    )
    result = {name: sum(right) / len(right) for name, right in answer_floors(train, examples).items()}
    assert (
        result["majority"] - 0.03 <= result["trees_size"]
        and result["majority"] + 0.05 < result["trees_two_hop"] > 0.9
    )
    assert answer_floors(train, examples) == floors(data, "reachability", examples)
    degree = tree_answers(
        read_examples(data, "node_degree", "train"), read_examples(data, "node_degree", "test")
    )
    assert set(degree) == {"trees_size"}  # the others would look at the answer
    assert (
        tree_answers(
            read_examples(data, "connected_nodes", "train"), read_examples(data, "connected_nodes", "test")
        )
        == {}
    )
    assert tree_answers(train[:10], examples) == tree_answers([], examples) == tree_answers(train, []) == {}


def test_trees_that_know_rare_answers_know_the_common_ones_no_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 2,000 distances a handful are 6 or 7, and leaves of hardly any weight are easily scored too high."""
    two_hop = {"trees_two_hop": FEATURES["trees_two_hop"]}
    monkeypatch.setattr("eval.scoring.trees.FEATURES", two_hop)
    data = make(tmp_path / "d", tasks="shortest_path", generators="er", train=ROWS, test=200)
    train, examples = (read_examples(data, "shortest_path", split) for split in ("train", "test"))
    assert min(train_answers(data, "shortest_path").values()) < 5
    right = answer_floors(train, examples)["trees_two_hop"]
    assert sum(right) / len(right) > 0.97


def test_floors_look_at_rows_from_all_over_the_train_split() -> None:
    """Generators and sizes may follow one another in a split, so the first rows alone are no fair sample."""
    base = make_example("node_degree", 3, PATH, (0,))
    rows = [replace(base, id=str(i)) for i in range(3 * ROWS + 1)]
    chosen = [int(e.id) for e in spread(rows)]
    assert len(chosen) <= ROWS and chosen[0] == 0 and chosen[-1] >= 3 * ROWS - 3
    assert {after - before for before, after in pairwise(chosen)} == {4}
    assert list(spread(rows[:ROWS])) == rows[:ROWS]


@pytest.mark.parametrize("in_folder", [True, False])
def test_trees_are_trained_on_rows_from_the_whole_split(
    in_folder: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first rows of this train split are triangles with a cycle, the others are paths without one."""
    step = 4
    count = 100 * step
    monkeypatch.setattr("eval.scoring.floors.ROWS", count // step)
    triangle = replace(
        make_example("cycle_check", 3, TRIANGLE), answer="Yes, there is a cycle.", split="train"
    )
    path = replace(make_example("cycle_check", 6, PATH), answer="No, there is no cycle.", split="train")
    train = [replace(triangle if i < 45 * step else path, id=str(i)) for i in range(count)]
    (tmp_path / "cycle_check").mkdir()
    (tmp_path / "dataset.lock").write_text("{}")
    write_examples(train, tmp_path / "cycle_check" / "train-00000-of-00001.parquet")
    rows: list[str] = []

    def record(examples: Sequence[Example], *_: object) -> dict[str, list[str]]:
        rows.extend(e.id for e in examples)
        return tree_answers(examples, *_)  # type: ignore[arg-type]

    monkeypatch.setattr("eval.scoring.floors.tree_answers", record)
    questions = [replace(triangle, id="a"), replace(path, id="b")]
    result = floors(tmp_path, "cycle_check", questions) if in_folder else answer_floors(train, questions)
    assert rows == [str(i) for i in range(0, count, step)]
    # The majority is that of all rows, also of those that no tree has seen.
    assert result["majority"] == [False, True] and result["trees_size"] == [True, True]
