"""Slices and invariance, by hand on runs whose faults are known."""

import csv
from pathlib import Path

import networkx as nx
import pytest

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.example import Example, read_examples
from data_builders.graphs.graph import graph_from_json, to_networkx
from eval.analysis.runs import gather
from eval.analysis.slices import density, distance, invariance, slices
from eval.report.write import write_report
from tests.eval.report.test_report import gold, make

TASKS = ["reachability", "node_degree"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("slices") / "er"
    keys = {
        "tasks": ",".join(TASKS),
        "generators": "er,ba",
        "encoders": "adjacency,incident",
        "train": 30,
        "validation": 0,
        "test": 30,
    }
    build(
        load_config(None, {**keys, "seed": 4, "workers": 1, "test_min_nodes": 12, "test_max_nodes": 30}), out
    )
    return out


def half(e: Example) -> str:
    """Right on ER graphs told as adjacency, and on every third question told as incident."""
    right = e.generator == "er" and (e.encoder == "adjacency" or int(e.id.rsplit("/", 1)[1]) % 3 == 0)
    return e.answer if right else "I do not know."


def test_slices_hold_every_question_once_and_what_was_right(data: Path, tmp_path: Path) -> None:
    (dataset,) = gather([make(tmp_path / "half", data, half, tasks=TASKS)]).datasets
    rows = list(slices(dataset))
    examples = {task: read_examples(data, task, "test") for task in TASKS}
    for task in TASKS:
        for by in {s.by for s in rows}:
            sizes = [s.estimate.n for s in rows if (s.task, s.by) == (task, by)]
            assert sum(sizes) == (120 if by != "distance" or task == "reachability" else 0), by
    at = {(s.task, s.by, s.value): s.estimate for s in rows}
    assert (at["node_degree", "generator", "ba"].value, at["node_degree", "generator", "ba"].n) == (0, 60)
    assert at["node_degree", "encoder", "adjacency"].value == 0.5
    inside = [e.num_nodes <= 19 for e in examples["node_degree"]]
    assert at["node_degree", "training", "in distribution"].n == sum(inside)
    assert at["node_degree", "training", "out of distribution"].n == 120 - sum(inside)
    assert {by for task, by, _ in at} == {
        "nodes",
        "density",
        "distance",
        "answer",
        "generator",
        "encoder",
        "training",
    }


def test_density_and_distance_are_networkxs(data: Path) -> None:
    for e in read_examples(data, "reachability", "test"):
        graph = to_networkx(graph_from_json(e.graph)[0])
        low, high = map(float, density(e).split(" to "))
        assert low <= nx.density(graph) <= high
        lengths = nx.single_source_shortest_path_length(graph, e.query[0])
        assert distance(e) == str(lengths.get(e.query[1], "no path"))
    assert distance(read_examples(data, "node_degree", "test")[0]) is None


def test_invariance_counts_questions_and_not_tellings(data: Path, tmp_path: Path) -> None:
    runs = [
        make(tmp_path / "half", data, half, tasks=TASKS),
        make(tmp_path / "gold", data, gold, tasks=TASKS),
    ]
    (dataset,) = gather(runs).datasets
    rows = {(i.row.label, i.task): i for i in invariance(dataset)}
    assert set(rows) == {(label, task) for label in ("half", "gold") for task in TASKS}
    stable, some = rows["gold", "node_degree"], rows["half", "node_degree"]
    assert (stable.questions, stable.ways, stable.mean, stable.worst, stable.agreement) == (
        60,
        2,
        1.0,
        1.0,
        1.0,
    )
    thirds = sum(
        int(e.id.rsplit("/", 1)[1]) % 3 == 0
        for e in read_examples(data, "node_degree", "test")
        if e.id.split("/")[1:3] == ["er", "incident"]
    )
    assert (some.mean, some.worst, some.agreement) == pytest.approx(
        ((30 + thirds) / 120, thirds / 60, (30 + thirds) / 60)
    )


def test_the_report_writes_both_tables(data: Path, tmp_path: Path) -> None:
    report = gather([make(tmp_path / "half", data, half, tasks=TASKS)])
    write_report(report, tmp_path / "report")
    for name, columns, rows in [
        ("slices.csv", 10, len(list(slices(report.datasets[0])))),
        ("invariance.csv", 9, 2),
    ]:
        with (tmp_path / "report" / name).open(encoding="utf-8") as file:
            lines = list(csv.reader(file))
        assert len(lines) == rows + 1 and {len(line) for line in lines} == {columns}
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert (
        "| half | node degree | 60 | 2 |" in text and "### The same question under several encoders" in text
    )
