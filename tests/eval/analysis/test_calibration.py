"""Calibration: figures that are known, intervals that cover, and where it is shown."""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.example import read_examples, read_lock
from eval.analysis.calibration import COLUMNS, calibration
from eval.analysis.runs import gather
from eval.prediction import Prediction, read_predictions, write_config, write_environment, write_predictions
from eval.report.write import write_report


def test_bins_gap_and_error_by_hand() -> None:
    result = calibration([0.1, 0.1, 0.55, 0.6, 1.0], [False, True, False, True, True], "abcde")
    assert [(b.low, b.high, round(b.confidence, 3), b.accuracy.value, b.accuracy.n) for b in result.bins] == [
        (0.0, 0.1, 0.1, 0.5, 2), (0.5, 0.6, 0.575, 0.5, 2), (0.9, 1.0, 1.0, 1.0, 1)
    ]  # fmt: skip
    assert (
        result.gap.value == pytest.approx(0.47 - 0.6) and result.gap.low < result.gap.value < result.gap.high
    )
    assert result.ece == pytest.approx((2 * 0.4 + 2 * 0.075 + 0) / 5)
    assert calibration([0.0, 1.0], [True, True], "ab").auroc is None


def test_the_order_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    for n in (2, 5, 40, 300):
        right = rng.permutation(np.arange(n) % 2 == 0)
        confidence = rng.integers(0, 6, n) / 5  # with ties
        result = calibration(confidence.tolist(), right.tolist(), list(map(str, range(n)))).auroc
        assert result is not None and result.value == pytest.approx(roc_auc_score(right, confidence))
        assert 0 <= result.low <= result.value <= result.high <= 1


def random_answers(
    rng: np.random.Generator, graphs: int, each: int, alike: float
) -> tuple[list[float], list[bool], list[str]]:
    """Answers about `graphs` graphs; `alike`: how far those about one graph share whether they are right, and
    how sure of it.
    """
    common = alike * rng.normal(size=(graphs, 1))
    skill = common + rng.normal(size=(graphs, each))
    right = skill > -0.4
    confidence = 1 / (1 + np.exp(-(skill + 0.6 + common + rng.normal(size=(graphs, each)))))
    names = np.repeat(np.arange(graphs), each).astype(str)
    return confidence.ravel().tolist(), right.ravel().tolist(), names.tolist()


@pytest.mark.parametrize(("graphs", "each", "alike"), [(200, 1, 0.0), (80, 4, 1.0)])
def test_intervals_cover(graphs: int, each: int, alike: float) -> None:
    """95% of the intervals hold what a very large sample has, also where questions share graphs."""
    rng = np.random.default_rng(graphs)
    true = calibration(*random_answers(rng, 200_000, each, alike))
    assert true.auroc is not None
    gap = auroc = 0
    for _ in range(1500):
        result = calibration(*random_answers(rng, graphs, each, alike))
        assert result.auroc is not None
        gap += result.gap.low <= true.gap.value <= result.gap.high
        auroc += result.auroc.low <= true.auroc.value <= result.auroc.high
    assert 0.93 <= gap / 1500 <= 0.97 and 0.93 <= auroc / 1500 <= 0.97


def test_the_report_shows_what_runs_recorded(tmp_path: Path) -> None:
    keys = {"tasks": "cycle_check,node_count", "train": 4, "validation": 0, "test": 20, "workers": 1}
    build(load_config(None, keys), tmp_path / "data")
    examples = [
        e for task in ("cycle_check", "node_count") for e in read_examples(tmp_path / "data", task, "test")
    ]
    where = {
        "data": str(tmp_path / "data"),
        "dataset_fingerprint": read_lock(tmp_path / "data")["fingerprint"],
        "split": "test",
    }
    for name in ("sure", "silent"):
        write_config(
            {"label": name, "kind": "rule", **where, "tasks": ["cycle_check", "node_count"]}, tmp_path / name
        )
        write_environment(tmp_path / name)
        predictions = [
            Prediction(e.id, e.answer if i % 2 else "I do not know.", confidence=(i % 4 + 1) / 5)
            for i, e in enumerate(examples)
        ]
        write_predictions(
            predictions if name == "sure" else [Prediction(p.example_id, p.output) for p in predictions],
            tmp_path / name,
        )
    assert [p.confidence for p in read_predictions(tmp_path / "sure")][:4] == [0.2, 0.4, 0.6, 0.8]
    out = tmp_path / "report"
    page = write_report(gather([tmp_path / "silent"]), out).read_text()
    assert "did not record a confidence" in page and not (out / "calibration.csv").exists()
    page = write_report(gather([tmp_path / "sure", tmp_path / "silent"]), out, figures=True).read_text()
    assert 'aria-label="Accuracy by confidence, sure"' in page and "1 of the runs did not record it" in page
    assert page.count("confidence 20.0%") >= 1 and len(list((out / "figures").glob("*_calibration.*"))) == 2
    lines = list(csv.DictReader((out / "calibration.csv").open()))
    assert list(lines[0]) == COLUMNS and len(lines) == 5 and {line["run"] for line in lines} == {"sure"}
    whole, *bins = lines
    assert (whole["n"], whole["confidence"], whole["accuracy"], whole["gap"]) == (
        "40",
        "0.500000",
        "0.500000",
        "0.000000",
    )
    assert float(whole["auroc"]) == pytest.approx(0.75) and sum(int(line["n"]) for line in bins) == 40
    write_report(gather([tmp_path / "silent"]), out)
    assert not (out / "calibration.csv").exists(), "an earlier report's would be read as this one's"
