"""Runs of `graphtalk fit`: what they leave, how they continue, and what they refuse."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from data_builders.errors import InputError
from data_builders.locks import exclusive
from eval.prediction import read_config, read_predictions
from eval.scoring.run import score_run
from graph_models import train
from graph_models.commands import fit_arguments
from graph_models.config import load_config
from graph_models.data import Questions, epoch_batches
from graph_models.graph_model import GraphModel
from graph_models.train import schedule
from tests.helpers.graph_data import dataset, examples
from tests.helpers.torchrun import ENVIRONMENT, command

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("data") / "er")


def arguments(data: Path, run: Path, *more: str) -> list[str]:
    steps = ["--steps", "12", "--evaluate_every", "4", "--save_every", "2", "--batch_size", "8"]
    return [
        "gin",
        "--dataset",
        str(data),
        "--output_dir",
        str(run),
        "--width",
        "16",
        "--depth",
        "2",
        *steps,
        *more,
    ]


def test_a_run_is_a_row_of_the_report_and_its_checkpoint_answers_elsewhere(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "gin"
    fit_arguments(
        arguments(data, run, "--label", "GIN", "--limit", "5", "--tasks", "node_degree,cycle_check")
    )
    assert {p.name for p in run.iterdir()} == {
        "config.yaml", "environment.json", "log.json", "training.json", "checkpoint",
        "predictions.parquet", "scores.parquet", "metrics.json",
    }  # fmt: skip
    written = read_config(run)
    assert (written["kind"], written["label"], written["arguments"]["width"]) == ("graph_model", "GIN", 16)
    predictions = read_predictions(run)
    assert len(predictions) == 10
    assert score_run(run)["macro"]["n"] == 10
    before = (run / "predictions.parquet").read_bytes()
    fit_arguments(
        arguments(data, run, "--label", "renamed", "--limit", "5", "--tasks", "node_degree,cycle_check")
    )
    assert (run / "predictions.parquet").read_bytes() == before
    assert "is trained already" in capsys.readouterr().out
    tasks = ("--tasks", "node_degree,cycle_check")
    with exclusive(run), pytest.raises(InputError, match=r"gin: process .* is at work there"):
        fit_arguments(arguments(data, run, "--limit", "5", *tasks))
    fit_arguments(arguments(data, run, "--limit", "6", *tasks))
    more = read_predictions(run)
    assert len(more) == 12 and set(predictions) < set(more), "what was answered stays"
    with pytest.raises(InputError, match=r"another run \(limit: 6 -> 5, which would cut the run\)"):
        fit_arguments(arguments(data, run, "--limit", "5", *tasks))
    fit_arguments(arguments(data, run, "--limit", "5", *tasks, "--overwrite"))
    assert read_predictions(run) == predictions
    other = tmp_path / "elsewhere"
    where = [
        "--dataset",
        str(data),
        "--output_dir",
        str(other),
        "--tasks",
        "node_degree,cycle_check",
        "--limit",
        "5",
    ]
    fit_arguments([str(run / "checkpoint"), *where])
    assert [p.output for p in read_predictions(other)] == [p.output for p in predictions]
    with pytest.raises(
        InputError, match=r"gin holds checkpoint.* of another run \(width: 16 -> 8\); use another"
    ):
        fit_arguments(
            arguments(data, run, "--limit", "5", "--tasks", "node_degree,cycle_check", "--width", "8")
        )


def test_the_command_line_takes_the_model_as_a_word_or_from_a_file(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("model: gin\nwidth: 16\ndepth: 1\n")
    flags = [
        "--dataset",
        str(data),
        "--output_dir",
        str(tmp_path / "run"),
        "--steps",
        "2",
        "--tasks",
        "cycle_check",
    ]
    for start in (["--config", str(path)], ["gin", "--config", str(path)]):
        done = subprocess.run(
            [sys.executable, "-m", "graphtalk", "fit", *start, *flags],
            env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert read_config(tmp_path / "run")["arguments"]["steps"] == 2


KILLED = """
import os, signal, sys
from graph_models import train
from graph_models.commands import fit_arguments

take_step = train.take_step

def killed(*args):
    loss = take_step(*args)
    if args[-1] == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    return loss

train.take_step = killed
fit_arguments(sys.argv[1:])
"""


def test_a_killed_run_continues_as_if_nothing_had_happened(data: Path, tmp_path: Path) -> None:
    more = ["--dropout", "0.2"]
    worker = tmp_path / "worker.py"
    for step in (7, 8):  # before and after a checkpoint
        worker.write_text(KILLED.format(step=step))
        done = subprocess.run(
            [sys.executable, str(worker), *arguments(data, tmp_path / "killed", *more)],
            env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert not (tmp_path / "killed" / "checkpoint").exists()
    for name in ("killed", "whole"):
        done = subprocess.run(
            [sys.executable, "-m", "graph_models", *arguments(data, tmp_path / name, *more)],
            env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert ("continue from step 8" in done.stdout) == (name == "killed")
    for file in ("log.json", "checkpoint/model.safetensors", "scores.parquet"):
        a, b = ((tmp_path / name / file).read_bytes() for name in ("killed", "whole"))
        if file == "log.json":  # the mean loss of the steps since a kill covers fewer steps
            a, b = (json.dumps([{**row, "loss": 0} for row in json.loads(text)]).encode() for text in (a, b))
        assert a == b, file


def test_damaged_and_foreign_files_of_a_model_are_refused(data: Path, tmp_path: Path) -> None:
    state = tmp_path / "run" / train.STATE
    state.parent.mkdir()
    torch.save({"step": 1, "weights": torch.zeros(100)}, state)
    assert train.read_state(state)["step"] == 1
    content = bytearray(state.read_bytes())
    content[content.index(bytes(200)) + 100] ^= 1
    state.write_bytes(content)
    with pytest.raises(InputError, match=r"training.pt: damaged .*delete it to train from the start"):
        train.read_state(state)
    state.unlink()
    (tmp_path / "secret").write_text("{}")
    state.symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match=r"training.pt: a link that leads out of"):
        fit_arguments(arguments(data, state.parent))
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "config.json").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match=r"config.json: a link that leads out of"):
        fit_arguments([str(tmp_path / "checkpoint"), *arguments(data, tmp_path / "other")[1:5]])


@pytest.mark.parametrize("kind", ["gin", "transformer"])
def test_a_step_of_two_processes_is_a_step_of_one(kind: str, data: Path, tmp_path: Path) -> None:
    weights = []
    for processes in (1, 2):
        run = tmp_path / str(processes)
        done = subprocess.run(
            command(processes, "-m", "graph_models", kind, *arguments(data, run)[1:], "--batch_size", "5"),
            env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("trained in") == 1
        weights.append(load_file(run / "checkpoint" / "model.safetensors"))
    one, two = weights
    for name in one:
        assert torch.allclose(one[name], two[name], atol=2e-5), name


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("gni", ("unknown model 'gni'; choose from gat, gcn, gin",)),
        ("gin --widht 3", ("unknown key 'widht' for model gin; accepted keys are model, dataset",)),
        ("gin --heads 3", ("unknown key 'heads' for model gin",)),
        ("gin --width many", ("--width: input should be a valid integer", "'many'")),
        ("gin --pooling median", ("--pooling: input should be 'sum', 'mean' or 'max', not 'median'",)),
        ("gin --steps 0", ("--steps: input should be greater than or equal to 1, not '0'",)),
        ("gat --width 10 --heads 4", ("width 10 is no multiple of heads 4",)),
        ("gin --width", ("--width needs a value",)),
        ("gin width 3", ("unexpected 'width'",)),
        ("", ("no model; give a kind (gat, gcn, gin",)),
        ("nowhere/checkpoint", ("unknown model 'nowhere/checkpoint'",)),
        ("gin --dataset nowhere", ("nowhere: not a dataset folder",)),
        ("gin --tasks triangle_counting", ("unknown task in", "triangle_counting", "node_degree")),
        ("gin --validation_split dev", ("has no split 'dev'; it has test, train, validation",)),
        ("gin --config nowhere.yaml", ("nowhere.yaml",)),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(
    flags: str, words: tuple[str, ...], data: Path, tmp_path: Path
) -> None:
    given = flags.split()
    if "--dataset" not in given:
        given += ["--dataset", str(data)]
    with pytest.raises(InputError) as refused:
        fit_arguments([*given, "--output_dir", str(tmp_path / "run")])
    assert all(word in str(refused.value) for word in words), refused.value
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_keys_of_a_file_and_what_is_wrong_in_it(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("model: gin\nwidth: 32\ntasks: [a, b]\n")
    read = load_config(path, {"dataset": "d", "output_dir": "r", "tasks": "c,d"})
    assert (read.model, read.model_dump()["width"], read.tasks) == ("gin", 32, ("c", "d"))
    for text, word in (
        ("model: [", "not YAML"),
        ("- gin", "expected"),
        ("model: gin\nwidht: 1", "'widht'"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=word):
            load_config(path, {"dataset": "d", "output_dir": "r"})


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "configs/graph_models").glob("*.yaml")))
def test_the_configs_that_come_along_are_valid(path: Path) -> None:
    assert load_config(path, {"dataset": "d", "output_dir": "r"}).steps > 0


def test_every_graph_comes_once_in_an_epoch_in_an_order_of_its_own(data: Path) -> None:
    lengths = Questions(
        examples(data), ["connected_nodes", "cycle_check", "edge_existence", "node_degree", "shortest_path"]
    ).lengths()
    first, second = (list(epoch_batches(lengths, 4, 0, epoch)) for epoch in (0, 1))
    for batches in (first, second):
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert [b.tolist() for b in first] != [b.tolist() for b in second]


def test_early_stopping_keeps_the_best(data: Path, tmp_path: Path) -> None:
    fit_arguments(
        arguments(
            data,
            tmp_path / "r",
            "--steps",
            "400",
            "--patience",
            "2",
            "--learning_rate",
            "1e-9",
            "--tasks",
            "cycle_check",
        )
    )
    log = json.loads((tmp_path / "r" / "log.json").read_text())
    assert len(log) == 3 and max(row["macro"] for row in log) == log[0]["macro"]


def test_of_equally_good_weights_the_last_are_kept(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few hundred questions of an easy task are all right long before training ends."""
    seen: list[dict[str, torch.Tensor]] = []

    def validate(model: GraphModel, _: Questions) -> dict[str, float]:
        seen.append(train.weights(model))
        return {"macro": (0.5, 1.0, 1.0, 0.5)[len(seen) - 1]}

    monkeypatch.setattr(train, "validate", validate)
    run = tmp_path / "r"
    fit_arguments(arguments(data, run, "--steps", "16", "--tasks", "cycle_check"))
    kept = load_file(run / "checkpoint" / "model.safetensors")
    same = [all(torch.equal(kept[name], value) for name, value in weights.items()) for weights in seen]
    assert same == [False, False, True, False]


def test_the_learning_rate_rises_and_falls_to_zero() -> None:
    config = load_config(
        None, {"model": "gin", "dataset": "d", "output_dir": "r", "steps": "100", "warmup": "0.1"}
    )
    rates = [schedule(step, config) for step in range(100)]
    assert rates.index(max(rates)) == 10 and max(rates) == 1.0
    assert rates[:11] == sorted(rates[:11]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 1e-3
