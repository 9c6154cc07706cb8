"""Runs of prompting and of fine-tuning that were written before the column `solution` score, report and go on
as they did.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from eval.prediction import read_config, read_predictions
from eval.scoring.run import score_run
from prompting.backends.fake_server import FakeServer
from tests.helpers.prompt_data import forked, stored

OLD = Path(__file__).parents[1] / "fixtures" / "before_solution"
STOP = '["\\nQ:", "\\nExample:"]'


@pytest.fixture(params=["prompted", "tuned"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    shutil.copytree(OLD / str(request.param), tmp_path / str(request.param))
    return tmp_path / str(request.param)


def graphtalk(printed: Path, *words: Any) -> tuple[int, str]:
    child = forked([str(word) for word in words], printed)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, printed.read_text(encoding="utf-8")


def test_an_old_run_scores_as_it_did(run: Path) -> None:
    scores, metrics = pq.read_table(run / "scores.parquet"), json.loads((run / "metrics.json").read_text())
    assert scores.num_rows == 32
    now = score_run(run, OLD / "data")
    assert pq.read_table(run / "scores.parquet").equals(scores)
    assert now["tasks"] == metrics["tasks"] and now["macro"] == metrics["macro"]


def test_an_old_run_is_reported(run: Path, tmp_path: Path) -> None:
    words = ("report", run, "--data", OLD / "data", "--out", tmp_path / "page")
    code, printed = graphtalk(tmp_path / "printed", *words)
    assert code == 0, printed
    page = next((tmp_path / "page").rglob("*.html")).read_text(encoding="utf-8")
    assert str(read_config(run)["label"]) in page


def test_an_old_prompting_run_goes_on_with_what_its_journal_holds(tmp_path: Path) -> None:
    out = tmp_path / "prompted"
    shutil.copytree(OLD / "prompted", out)
    before, kept = read_predictions(out), stored(out / "journal.sqlite")
    with FakeServer() as server:
        words = ["prompt", "--data", OLD / "data", "--method", "few_shot", "--shots", 1, "--out", out]
        words += ["--tasks", "cycle_check,node_degree", "--model", f"openai:fake@{server.url}"]
        code, printed = graphtalk(tmp_path / "printed", *words)
        assert code == 2 and f"to continue it, give --stop '{STOP}'" in printed, printed
        assert not server.arrived, "another default does not have everything asked anew"
        code, printed = graphtalk(tmp_path / "printed", *words, "--stop", STOP)
        assert code == 0 and not server.arrived, printed
    assert read_predictions(out) == before and stored(out / "journal.sqlite") == kept


@pytest.mark.torch
def test_an_old_checkpoint_answers_as_it_did(tmp_path: Path) -> None:
    before = read_predictions(OLD / "tuned")
    words = ["finetune", "--dataset", OLD / "data", "--model_name_or_path", OLD / "tuned" / "checkpoint"]
    words += ["--tasks=cycle_check,node_degree", "--do_train", "false", "--use_cpu"]
    words += ["--generation_max_length", 12, "--out", tmp_path / "again"]
    code, printed = graphtalk(tmp_path / "printed", *words)
    assert code == 0, printed
    after = read_predictions(tmp_path / "again")
    assert [(p.example_id, p.output) for p in after] == [(p.example_id, p.output) for p in before]
