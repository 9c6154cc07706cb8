"""Figures for a paper: there, readable, the same bytes each time, and no label can do harm."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.example import read_examples, read_lock
from eval.analysis.runs import Report, gather
from eval.prediction import Prediction, write_config, write_predictions
from eval.report.figures import write_figures
from eval.report.plots import draw_plots

TASKS = ["shortest_path", "node_count"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    root = tmp_path_factory.mktemp("figures")
    build(
        load_config(None, {"tasks": ",".join(TASKS), "train": 9, "validation": 0, "test": 12, "workers": 1}),
        root / "data",
    )
    where = {
        "data": str(root / "data"),
        "dataset_fingerprint": read_lock(root / "data")["fingerprint"],
        "split": "test",
        "tasks": TASKS,
    }
    for run, label, limit in (("one", "costs $1 and $\\frac{", None), ("two", "<b>名\u202e", 5)):
        write_config({"label": label, **where, "limit": limit}, root / run)
        examples = [e for task in TASKS for e in read_examples(root / "data", task, "test")[:limit]]
        write_predictions([Prediction(e.id, e.answer) for e in examples], root / run)
    report = gather([root / "one", root / "two"])
    return replace(
        report, datasets=[replace(report.datasets[0], name="../a b")]
    )  # a name that would lead out of the folder


def test_every_figure_is_written_twice_and_the_same_each_time(report: Report, tmp_path: Path) -> None:
    plots = [draw_plots(dataset) for dataset in report.datasets]
    first, again = (write_figures(report, plots, tmp_path / name) for name in "fg")
    assert sorted(p.name for p in first) == [
        f"a_b_test_{what}.{kind}"
        for what in ("accuracy", "distance", "outcomes", "size")
        for kind in ("png", "svg")
    ]
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes(), one
        if one.suffix == ".svg":
            ElementTree.fromstring(one.read_text(encoding="utf-8"))
        else:
            assert one.read_bytes().startswith(b"\x89PNG") and one.stat().st_size > 10_000
    assert sorted((tmp_path / "f").iterdir()) == sorted(first)
