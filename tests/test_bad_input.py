"""What a user gets wrong ends in one line that says what would be accepted, exit code 2, and nothing
written.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "PYTHONSAFEPATH": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}
SMALL = ("--train", "3", "--validation", "1", "--test", "2", "--workers", "1")


def graphtalk(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "graphtalk", *args],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def refused(*args: str, cwd: Path) -> str:
    """The one line that a refused command prints."""
    run = graphtalk(*args, cwd=cwd)
    assert run.returncode == 2, run
    assert "Traceback" not in run.stderr
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 1, run.stderr
    return lines[0]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad_input")
    run = graphtalk(
        "build", "--tasks", "cycle_check", *SMALL, "--validation", "0", "--out", "data", cwd=folder
    )
    assert run.returncode == 0, run.stderr
    return folder


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (("--tasks", "nodecount"), ("unknown task 'nodecount'", "node_count", "edge_existence")),
        (("--encoders", "adjacent"), ("unknown encoder 'adjacent'", "adjacency", "incident")),
        (("--generators", "erdos"), ("unknown generator 'erdos'", "er", "sbm")),
        (("--encoders", "friendship", "--directed"), ("'friendship'", "directed", "adjacency")),
        (("--encoders", "coauthorship", "--directed"), ("'coauthorship'", "directed", "adjacency")),
        (("--train", "many"), ("'--train'", "integer")),
        (("--graphs", "nowhere.graphml"), ("nowhere.graphml",)),
    ],
)
def test_flags_of_build(flags: tuple[str, ...], parts: tuple[str, ...], tmp_path: Path) -> None:
    line = refused("build", *SMALL, *flags, "--out", "data", cwd=tmp_path)
    assert all(part in line for part in parts), line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("config.yaml", "tasks: [cycle_check]\ntrian: 5\n", ("config.yaml", "'trian'", "train")),
        ("config.yaml", "tasks: [cycle_check\n", ("config.yaml", "line 2")),
        ("graph.graphml", "source,target\n1,2\n", ("graph.graphml", "not XML")),
        ("graph.txt", "a b\nc\n", ("graph.txt", "line 2", "'c'")),
    ],
)
def test_files_of_build(name: str, content: str, parts: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    flags = [name] if name.endswith(".yaml") else ["--graphs", name, "--tasks", "cycle_check", *SMALL]
    line = refused("build", *flags, "--out", "data", cwd=tmp_path)
    assert all(part in line for part in parts), line
    assert not (tmp_path / "data").exists()


@pytest.mark.torch
@pytest.mark.parametrize(
    ("command", "parts"),
    [
        ("prompt --data data --model hf:nowhere --method zero_shot --out runs/x", ("nowhere",)),
        (
            "prompt --data data --model hf:x --method zero_shot --split validation --out runs/x",
            ("data", "'validation'", "train", "test"),
        ),
        (
            "prompt --data data --model hf:nowhere --method zeroshot --out runs/x",
            ("unknown prompt method 'zeroshot'", "zero_shot", "cot_bag"),
        ),
        (
            "prompt --data nowhere --model hf:x --method zero_shot --out runs/x",
            ("nowhere", "graphtalk build"),
        ),
        ("finetune --model_name_or_path ./nowhere --dataset data --output_dir runs/x", ("nowhere",)),
        (
            "finetune --model_config t5_1m --dataset nowhere --output_dir runs/x",
            ("nowhere", "graphtalk build"),
        ),
        (
            "finetune --model_config t5_1m --dataset data --test_split validation --output_dir runs/x",
            ("data", "'validation'", "train", "test"),
        ),
        (
            "finetune --model_config t5_1m --dataset data --learning_rat 1 --output_dir runs/x",
            ("--learning_rat", "learning_rate"),
        ),
        ("finetune --model_config t5_1m --dataset data --fp16 --output_dir runs/x", ("fp16", "bf16")),
        ("score data", ("data", "config.yaml")),
        ("report data --out report", ("data",)),
    ],
)
def test_runs(command: str, parts: tuple[str, ...], built: Path) -> None:
    line = refused(*command.split(), cwd=built)
    assert all(part in line for part in parts), line
    assert not (built / "runs" / "x" / "predictions.parquet").exists()
