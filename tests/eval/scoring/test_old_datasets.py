"""A dataset and a run that were written before the column `solution` open, score and report as then."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data_builders.building.verify import verify
from data_builders.example import dataset_tasks, read_examples, truth
from data_builders.tasks import TASKS
from eval.scoring.run import judge
from tests.eval.report.test_report import command

OLD = Path(__file__).parents[2] / "fixtures" / "before_solution"
LISTS = {task for task in TASKS if TASKS[task].answer_kind in ("node_set", "path", "order")}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    shutil.copytree(OLD, tmp_path / "old")
    return tmp_path / "old" / "run"


def test_the_fixture_is_old() -> None:
    for file in OLD.glob("data/*/*.parquet"):
        assert "solution" not in pq.read_schema(file).names


def test_its_solutions_are_those_that_the_graphs_give() -> None:
    assert verify(OLD / "data").difference is None
    for task in dataset_tasks(OLD / "data"):
        for e in read_examples(OLD / "data", task, "test"):
            names = json.loads(e.graph)["nodes"]
            # The text comes back from the value, whatever order a set is told in.
            expected = ", ".join(names[u] for u in truth(e)) + "." if truth(e) and task in LISTS else e.answer
            assert e.solution and e.answer == expected, e.id


def test_its_run_scores_as_it_did(run: Path) -> None:
    scores, metrics = pq.read_table(run / "scores.parquet"), json.loads((run / "metrics.json").read_text())
    now = judge(run, OLD / "data")
    assert pq.read_table(run / "scores.parquet").equals(scores)
    for task, numbers in metrics["tasks"].items():
        current = now.metrics["tasks"][task]
        if task in LISTS:  # their floors count nodes by their ids, no longer by what an encoder calls them
            for key in ("floors", "margin"):
                assert bool(current.pop(key)) is bool(numbers.pop(key))
        assert current == numbers, task
    assert now.metrics["macro"] == metrics["macro"]


def test_its_run_is_reported(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page"
    code, _, err = command(
        "report", run, "--data", OLD / "data", "--out", page, capsys=capsys, monkeypatch=monkeypatch
    )
    assert code == 0, err
    assert "mixed" in next(page.rglob("*.html")).read_text(encoding="utf-8")
