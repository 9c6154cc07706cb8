"""The numbers behind the page's panels: comparisons, confusion, curves, costs."""

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.errors import InputError
from data_builders.example import Example, read_examples, read_lock
from eval.analysis.comparisons import MAX_RUNS, best_rows, pairs, to_json
from eval.analysis.confusion import NO_ANSWER, OTHER, confusion
from eval.analysis.costs import cost
from eval.analysis.curves import NO_PATH, by_distance, by_size, hops
from eval.analysis.runs import Dataset, Report, gather
from eval.prediction import Prediction, write_config, write_predictions
from eval.report.explorer import MAX_NODES, explorer_data
from eval.report.write import write_report

TASKS = ["shortest_path", "node_degree", "cycle_check", "connected_nodes"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("parts") / "d"
    keys = {
        "tasks": ",".join(TASKS),
        "train": 10,
        "validation": 0,
        "test": 60,
        "seed": 7,
        "density": "0.12",
        "generators": "er",
        "workers": 1,
    }
    build(load_config(None, keys), out)
    return out


def make(
    run: Path, data: Path, say: Callable[[Example], Prediction], limit: int | None = None, **keys: object
) -> Path:
    where = {
        "data": str(data),
        "dataset_fingerprint": read_lock(data)["fingerprint"],
        "split": "test",
        "tasks": TASKS,
        "limit": limit,
    }
    write_config({"label": run.name, **where, **keys}, run)
    write_predictions([say(e) for task in TASKS for e in read_examples(data, task, "test")[:limit]], run)
    return run


def gold(e: Example) -> Prediction:
    return Prediction(e.id, e.answer)


def near(e: Example) -> Prediction:
    """Right about neighbours only, and silent about every fifth degree."""
    if e.task == "shortest_path":
        return Prediction(e.id, e.answer if e.answer == "1." else "2.")
    if e.task == "node_degree" and e.id.endswith(("0", "5")):
        return Prediction(e.id, "Hm.")
    return Prediction(
        e.id, "Yes." if e.task == "cycle_check" else "77." if e.task == "node_degree" else e.answer
    )


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    root = tmp_path_factory.mktemp("runs")
    return gather(
        [
            make(root / "gold", data, gold),
            make(root / "near", data, near),
            make(root / "few", data, near, limit=9),
        ]
    )


@pytest.fixture(scope="module")
def dataset(runs: Report) -> Dataset:
    return runs.datasets[0]


def test_pairs_count_every_common_question_once(dataset: Dataset) -> None:
    comparisons = {(dataset.rows[a].label, dataset.rows[b].label): c for a, b, c in pairs(dataset)}
    assert set(comparisons) == {("gold", "near"), ("gold", "few"), ("near", "few")}
    for (a, b), c in comparisons.items():
        n = 9 if "few" in (a, b) else 60
        assert {of.n for of in c.tasks.values()} == {n} and c.together.n == n * len(TASKS)
    assert (
        comparisons["near", "few"].together.difference == 0
        and comparisons["gold", "near"].holm["node_degree"] < 0.001
    )
    first = to_json(next(pairs(dataset)))
    assert [row[0] for row in first["rows"]] == [*TASKS, "all questions"] and {
        len(row) for row in first["rows"]
    } == {10}


def test_of_many_runs_the_best_are_compared(data: Path, tmp_path: Path) -> None:
    runs = [make(tmp_path / f"r{i:02}", data, gold if i % 2 else near, limit=3) for i in range(MAX_RUNS + 3)]
    (many,) = gather(runs).datasets
    best = best_rows(many)
    assert len(best) == MAX_RUNS and {many.rows[i].macro.value for i in best[:7]} == {1.0}  # type: ignore[union-attr]


def test_confusion_counts_add_up(dataset: Dataset) -> None:
    row = next(row for row in dataset.rows if row.label == "near")
    for task in TASKS:
        table = confusion(row, task)
        if task == "connected_nodes":
            assert table is None
            continue
        assert table is not None and sum(map(sum, table.counts)) == 60 == row.cells[task].n
        right = sum(table.counts[i][table.predicted.index(g)] for i, g in enumerate(table.gold))
        assert right == round(row.cells[task].value * 60)
    distance, degree = confusion(row, "shortest_path"), confusion(row, "node_degree")
    assert distance is not None and distance.gold[-1] == "no path" and distance.predicted == distance.gold
    assert (
        degree is not None
        and degree.predicted == [*degree.gold, OTHER, NO_ANSWER]
        and sum(c[-1] for c in degree.counts) == 12
    )


def test_curves_hold_every_question(dataset: Dataset) -> None:
    for curves in by_size(dataset):
        for row, points in curves.runs:
            assert sum(e.n for e in points.values()) == row.cells[curves.task].n
    (far,) = by_distance(dataset)
    assert far.task == "shortest_path" and far.ticks[-1] == NO_PATH and far.ticks[0] == "1"
    lines = {row.label: points for row, points in far.runs}
    assert sum(e.n for e in lines["near"].values()) == 60
    assert {far.ticks[i]: e.value for i, e in lines["near"].items()} == {
        far.ticks[i]: float(far.ticks[i] in ("1", "2")) for i in lines["near"]
    }


def test_hops_agree_with_the_stored_distances(data: Path) -> None:
    for e in read_examples(data, "shortest_path", "test"):
        answer = e.answer.strip().rstrip(".")
        assert hops(e) == (int(answer) if answer.isdigit() else -1)


def test_slices_and_invariance_are_shown_where_there_are_any(runs: Report, tmp_path: Path) -> None:
    page = write_report(runs, tmp_path / "whole").read_text(encoding="utf-8")
    assert (
        "By right answer" in page
        and "no path" in page
        and "By generator" not in page
        and "One graph, several texts" not in page
    )
    keys = {
        "tasks": "reachability",
        "train": 0,
        "validation": 0,
        "test": 9,
        "encoders": "adjacency,incident",
        "generators": "er,path",
    }
    build(load_config(None, {**keys, "workers": 1}), tmp_path / "d")

    def one_way(e: Example) -> Prediction:
        return Prediction(e.id, e.answer if e.encoder == "incident" else "Hm.")

    where = {
        "data": str(tmp_path / "d"),
        "dataset_fingerprint": read_lock(tmp_path / "d")["fingerprint"],
        "split": "test",
    }
    write_config({**where, "tasks": ["reachability"], "limit": None}, tmp_path / "run")
    write_predictions(
        [one_way(e) for e in read_examples(tmp_path / "d", "reachability", "test")], tmp_path / "run"
    )
    page = write_report(gather([tmp_path / "run"]), tmp_path / "report").read_text(encoding="utf-8")
    assert "<b>50.0</b><small>every 0.0</small><small>alike 0.0</small>" in page
    assert "By encoder" in page and "By generator" in page and "<b>100.0</b>" in page


def test_costs_are_sums_and_money_needs_a_price(data: Path, tmp_path: Path) -> None:
    def paid(e: Example) -> Prediction:
        return Prediction(e.id, e.answer, "stop", 1000, 10, 0.5)

    runs = [
        make(tmp_path / "paid", data, paid, price={"prompt": 2, "output": 10.0}),
        make(tmp_path / "free", data, gold),
    ]
    free, priced = gather(runs).datasets[0].rows
    assert cost(free).dollars is None and cost(free).per_second(240) is None
    assert (
        cost(priced).dollars == pytest.approx(240 * (2000 + 100) / 1e6)
        and cost(priced).per_second(240) == 2.0
    )
    (tmp_path / "paid" / "usage.json").write_text('{"dollars": 0.75}', encoding="utf-8")
    _, priced = gather(runs).datasets[0].rows
    assert cost(priced).dollars == 0.75
    (tmp_path / "paid" / "usage.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"paid/usage\.json: not JSON"):
        gather(runs, strict=True)
    (tmp_path / "paid" / "usage.json").unlink()
    page = write_report(gather(runs), tmp_path / "both").read_text(encoding="utf-8")
    assert "<th>dollars</th>" in page and "<td>0.5040</td>" in page
    page = write_report(gather(runs[1:]), tmp_path / "free_only").read_text(encoding="utf-8")
    assert "neither time nor tokens" in page and "<th>dollars</th>" not in page


def test_of_a_large_graph_the_part_around_the_asked_nodes_is_packed(tmp_path: Path) -> None:
    keys = {
        "tasks": "shortest_path",
        "train": 5,
        "validation": 0,
        "test": 5,
        "min_nodes": 300,
        "max_nodes": 300,
        "density": "0.02",
    }
    build(load_config(None, {**keys, "generators": "er", "workers": 1}), tmp_path / "d")
    run = tmp_path / "run"
    where = {
        "data": str(tmp_path / "d"),
        "dataset_fingerprint": read_lock(tmp_path / "d")["fingerprint"],
        "split": "test",
    }
    write_config({**where, "tasks": ["shortest_path"], "limit": None}, run)
    examples = read_examples(tmp_path / "d", "shortest_path", "test")
    write_predictions([gold(e) for e in examples], run)
    (block,) = explorer_data(gather([run]))[1]
    for e, (_, question, _, graph, query, _, edges, _) in zip(
        examples, json.loads(zlib.decompress(base64.b64decode(block))), strict=True
    ):
        whole = json.loads(e.graph)
        assert (graph["n"], graph["m"], len(graph["nodes"])) == (300, e.num_edges, MAX_NODES)
        assert [graph["nodes"][u] for u in query] == [whole["nodes"][u] for u in e.query]
        answer = e.answer.strip().rstrip(".")
        assert [u for u, _ in edges[:1]] + [v for _, v in edges[-1:]] == (query if answer.isdigit() else [])
        assert len(edges) == (int(answer) if answer.isdigit() else 0)
        names = {(graph["nodes"][u], graph["nodes"][v]) for u, v in graph["edges"]}
        assert names < {(whole["nodes"][u], whole["nodes"][v]) for u, v in whole["edges"]}
        assert question.endswith(e.question[-200:]) and len(question) < len(e.question)
