"""The evaluator from Python: results, Trainer's metric, GRPO's reward."""

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.errors import InputError
from data_builders.example import Example, read_examples
from data_builders.tasks import TASKS
from eval.api import compute_metrics, evaluate, graph_reward
from eval.prediction import Prediction
from eval.scoring.scorer import score
from tests.helpers.scorer_cases import OWN, cases, example


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "er"
    keys = {"tasks": ",".join(TASKS), "train": 12, "validation": 0, "test": 12, "seed": 5, "workers": 1}
    build(load_config(None, keys), out)
    return out


@pytest.fixture(scope="module")
def examples(data: Path) -> list[Example]:
    return [e for task in TASKS for e in read_examples(data, task, "test")]


def test_gold_answers_of_every_task_are_right_and_strictly_so(data: Path, examples: list[Example]) -> None:
    train = [e for task in TASKS for e in read_examples(data, task, "train")]
    results = evaluate(examples, [e.answer for e in examples], train)
    assert set(results.tasks) == set(results.strict) == set(results.floors) == set(TASKS)
    assert {e.value for e in [*results.tasks.values(), *results.strict.values(), results.macro]} == {1.0}
    assert all("majority" in known for known in results.floors.values())
    frame = results.to_pandas()
    assert len(frame) == len(examples) and frame.groupby("task")["credit"].mean().eq(1).all()
    assert list(frame["example_id"]) == [e.id for e in examples]


def test_predictions_may_come_in_any_order_and_none_is_dropped(examples: list[Example]) -> None:
    predictions = [Prediction(e.id, e.answer) for e in examples]
    assert evaluate(examples, predictions[::-1]).macro.value == 1.0
    for spoiled, fault in [
        (predictions[1:], "1 missing"),
        ([*predictions, predictions[3]], "1 doubled"),
        ([*predictions, Prediction("x", "")], "1 unknown"),
    ]:
        with pytest.raises(InputError, match=fault):
            evaluate(examples, spoiled)
    with pytest.raises(InputError, match="texts for"):
        evaluate(examples, ["Yes."])
    with pytest.raises(InputError, match="at least one"):
        evaluate([], [])


class Letters:
    """A tokenizer of code points."""

    def batch_decode(self, ids: list[list[int]], skip_special_tokens: bool) -> list[str]:
        assert skip_special_tokens
        return ["".join(map(chr, row)) for row in ids]


def test_trainers_metric_reads_padded_ids(examples: list[Example]) -> None:
    some = [e for e in examples if e.task in ("cycle_check", "node_degree")]
    texts = [e.answer if e.task == "cycle_check" else "It is hot." for e in some]
    ids = np.full((len(some), max(map(len, texts))), -100)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = list(map(ord, text))
    for predictions in (ids, (ids, None)):
        result = compute_metrics(some, Letters())(SimpleNamespace(predictions=predictions, label_ids=None))
        assert (result["accuracy"], result["accuracy_cycle_check"], result["accuracy_node_degree"]) == (
            0.5,
            1.0,
            0.0,
        )
        assert (result["correct"], result["unparsed"], result["credit"]) == (0.5, 0.5, 0.5)


def columns(examples: list[Example]) -> dict[str, list[Any]]:
    return {name: [asdict(e)[name] for e in examples] for name in asdict(examples[0])}


def test_the_reward_rises_with_the_answer(examples: list[Example]) -> None:
    assert set(graph_reward([e.answer for e in examples], **columns(examples), trainer_state=None)) == {1.0}
    chat = [[{"role": "assistant", "content": f"<think>Hm.</think>{e.answer}"}] for e in examples]
    assert set(graph_reward(chat, **columns(examples))) == {1.0}
    assert set(graph_reward(["The graph is nice."] * len(examples), **columns(examples))) == {0.0}
    assert graph_reward([[]], **columns(examples[:1])) == [0.0]
    few = {
        key: values
        for key, values in columns(examples).items()
        if key in ("task", "answer", "answer_kind", "graph", "query")
    }
    assert set(graph_reward([e.answer for e in examples], **few)) == {1.0}
    with pytest.raises(InputError, match="given no answer_kind, graph"):
        graph_reward(["Yes."], task=["cycle_check"], answer=["Yes."], query=[[]])


def make_example(
    task: str, edges: list[list[int]], answer: str, query: tuple[int, ...] = (), directed: bool = False
) -> Example:
    n = 1 + max(map(max, edges))
    graph = json.dumps({"directed": directed, "nodes": [str(i) for i in range(n)], "edges": edges})
    return Example(
        "i",
        task,
        "",
        "",
        answer,
        TASKS[task].answer_kind,
        "",
        "",
        "",
        graph,
        "g",
        n,
        len(edges),
        list(query),
        "test",
    )


SQUARE = [[0, 1], [1, 2], [2, 3], [0, 3], [0, 4], [4, 5]]
DAG = [[0, 1], [0, 2], [1, 3], [2, 3]]


@pytest.mark.parametrize(
    ("example", "output", "credit"),
    [
        (make_example("shortest_path_nodes", SQUARE, "1, 0, 4.", (1, 4)), "1, 0, 4", 1.0),
        (make_example("shortest_path_nodes", SQUARE, "1, 0, 4.", (1, 4)), "1, 2, 3, 0, 4", 0.5),
        (make_example("shortest_path_nodes", SQUARE, "1, 0, 4.", (1, 4)), "1, 3, 4", 0.0),
        (make_example("shortest_path_nodes", SQUARE, "1, 0, 4.", (1, 4)), "1, 0", 0.0),
        (make_example("hamiltonian_path", SQUARE, "1, 2, 3, 0, 4, 5.", ()), "1, 2, 3, 0, 4", 0.5 * 5 / 6),
        (make_example("hamiltonian_path", SQUARE, "1, 2, 3, 0, 4, 5.", ()), "1, 2, 3, 0, 1", 0.0),
        (make_example("topological_order", DAG, "0, 1, 2, 3.", (), True), "0, 2, 1", 0.5 * 3 / 4),
        (make_example("topological_order", DAG, "0, 1, 2, 3.", (), True), "3, 0, 1, 2", 0.0),
        (make_example("bfs_order", SQUARE, "0, 1, 3, 4, 2, 5.", (0,)), "0, 4, 1, 3, 5, 2", 0.5),
        (make_example("bfs_order", SQUARE, "0, 1, 3, 4, 2, 5.", (0,)), "0, 4, 1, 3, 2, 5", 0.0),
        (make_example("bfs_order", SQUARE, "0, 1, 3, 4, 2, 5.", (0,)), "0, 1, 3, 4", 0.0),
    ],
)
def test_a_valid_answer_that_was_not_asked_for_earns_at_most_half(
    example: Example, output: str, credit: float
) -> None:
    result = score(example, Prediction("i", output))
    assert result.credit == pytest.approx(credit) and (result.outcome == "correct") is (credit == 1)
    assert graph_reward([output], **columns([example])) == pytest.approx([0.1 + 0.9 * credit])


def test_invented_nodes_and_edges_are_counted() -> None:
    path = make_example("shortest_path_nodes", SQUARE, "1, 0, 4.", (1, 4))
    result = score(path, Prediction("i", "1, 3, 5, 4"))
    assert (result.outcome, result.invented_nodes, result.invented_edges) == ("wrong", 0, 2)
    result = score(path, Prediction("i", "1, 9, 4"))
    assert (result.outcome, result.invented_nodes) == ("wrong", 1)
    result = score(
        make_example("connected_nodes", SQUARE, "1, 3, 4.", (0,)), Prediction("i", "1, 3, 4, 8, 9.")
    )
    assert (result.outcome, result.invented_nodes, result.invented_edges) == ("wrong", 2, 0)


@pytest.mark.parametrize(
    ("task", "output", "strict"),
    [
        ("cycle_check", "Yes, there is a cycle.", True),
        ("cycle_check", "yes", True),
        ("cycle_check", "There is a cycle: 0, 1, 2, 3.", False),
        ("cycle_check", "Nodes 0 to 3 form a ring.\n\nAnswer: Yes.", True),
        ("cycle_check", "Nodes 0 to 3 form a ring, so there is a cycle.\nYes", True),
        ("cycle_check", "The answer is yes, since 0, 1, 2 and 3 form one.", False),
        ("node_degree", "Node 0 is connected to 1, 3, and 4. So its degree is \\boxed{3}.", True),
        ("node_degree", "The degree of node 0 is 3.", False),
        ("node_degree", "3 edges", False),
        ("node_degree", "**3**", True),
        ("connected_nodes", "The nodes are 1, 3 and 4.", True),
        ("connected_nodes", "4, 3, 1", True),
        ("connected_nodes", "Node 0 is connected to 1, 3 and 4.", False),
        ("reachability", "No.", False),
    ],
)
def test_strict_wants_the_answer_alone_in_its_place(task: str, output: str, strict: bool) -> None:
    answers = {
        "cycle_check": "Yes, there is a cycle.",
        "node_degree": "3.",
        "connected_nodes": "1, 3, 4.",
        "reachability": "Yes.",
    }
    query = {"cycle_check": (), "reachability": (0, 2)}.get(task, (0,))
    assert score(make_example(task, SQUARE, answers[task], query), Prediction("i", output)).strict is strict


def test_strict_answers_are_some_of_the_correct_ones() -> None:
    result = [score(example(c), Prediction(c["case"], c["output"], c["finish_reason"])) for c in cases(OWN)]
    assert all(s.outcome == "correct" for s in result if s.strict)
    strict, correct = sum(s.strict for s in result), sum(s.outcome == "correct" for s in result)
    assert 0.2 < strict / correct < 0.8


def test_a_hamiltonian_path_that_does_not_exist_earns_nothing(examples: list[Example]) -> None:
    """Three steps of four that the star has earn no part of the credit, since there is no such path."""
    star = make_example("hamiltonian_path", [[0, 1], [0, 2], [0, 3]], "There is no Hamiltonian path.")
    for answer in ("1, 0, 2", "1, 0, 2, 3", "1, 0"):
        result = score(star, Prediction("i", answer))
        assert (result.outcome, result.credit) == ("wrong", 0.0), answer
        assert graph_reward([answer], **columns([star])) == [0.1]
    assert graph_reward(["There is no Hamiltonian path."], **columns([star])) == [1.0]
