"""What a user gets wrong ends in one line that says what would be accepted, exit code 2, and nothing
written.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_builders.building.config import load_config
from data_builders.errors import InputError
from data_builders.files import read_yaml
from prompting.backends.model import ModelOptions

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
    ("key", "value"),
    [("train", "9" * 20), ("test", "9" * 20), ("max_nodes", "9" * 9), ("workers", "-1"), ("train", "-5")],
)
def test_absurd_sizes_are_refused_before_anything_is_built(key: str, value: str) -> None:
    with pytest.raises(InputError, match=f"--{key.replace('_', '-')}: input should be (less|greater) than"):
        load_config(None, {"tasks": "cycle_check", key: value})


def test_absurdly_many_requests_at_a_time_are_refused() -> None:
    with pytest.raises(InputError, match=r"--concurrency is 9+; it is a whole number of at most 100,000"):
        ModelOptions(1, concurrency=int("9" * 20))


@pytest.mark.parametrize("text", ["[" * 20_000, "\n".join(" " * i + "a:" for i in range(2_000))])
def test_deep_yaml_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "deep.yaml").write_text(f"a: {text}" if text.startswith("[") else text)
    with pytest.raises(InputError, match=r"deep\.yaml: not YAML that can be read \(nested too deep\)"):
        read_yaml(tmp_path / "deep.yaml")


def test_a_folder_that_half_a_locale_cannot_name_is_one_line(tmp_path: Path) -> None:
    """No HOME, no UTF-8: a name with an umlaut is no text for libraries that want UTF-8."""
    ascii_only = {
        "LC_ALL": "POSIX",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "PATH": os.environ["PATH"],
    }
    words = ["build", "--tasks", "cycle_check", *SMALL, "--out", "\u00fcber"]
    run = subprocess.run(
        [sys.executable, "-m", "graphtalk", *words],
        cwd=tmp_path, env={**ascii_only, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 2 and run.stderr.count(b"\n") == 1 and b"LC_ALL=C.UTF-8" in run.stderr, (
        run.stderr
    )


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
