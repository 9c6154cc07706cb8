"""Folders from strangers, damaged files and full disks, on the real command line."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.example import read_examples, read_lock
from data_builders.locks import exclusive
from eval.prediction import Prediction, write_config, write_environment, write_predictions
from tests.helpers.prompt_data import forked
from tests.prompting.test_killed import heed_modes

ROOT = Path(__file__).parents[2]
SECRET = "secret: do not show me"


def graphtalk(
    *arguments: object, folder: Path, largest_file: int | None = None
) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own; largest_file: bytes that it may write into one file."""

    def limit() -> None:
        if largest_file is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run(
        [sys.executable, "-m", "graphtalk", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        preexec_fn=limit,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dataset and two runs on it, `good` and `other`, with a stranger's file beside them."""
    keys = {"tasks": "edge_count", "train": 4, "validation": 0, "test": 4, "workers": 1}
    build(load_config(None, keys), tmp_path / "data")
    examples = read_examples(tmp_path / "data", "edge_count", "test")
    for name in ("good", "other"):
        run = tmp_path / "runs" / name
        where = {"data": str(tmp_path / "data"), "split": "test", "tasks": ["edge_count"]}
        fingerprint = read_lock(tmp_path / "data")["fingerprint"]
        write_config({"label": name, "dataset_fingerprint": fingerprint, **where}, run)
        write_environment(run)
        write_predictions([Prediction(e.id, e.answer) for e in examples], run)
    (tmp_path / "secret").write_text(SECRET)
    return tmp_path


def report(root: Path, **keys: Any) -> subprocess.CompletedProcess[str]:
    return graphtalk("report", "runs/good", "runs/other", "--out", "report", folder=root, **keys)


def one_line(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 2 and result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("graphtalk: ") and all(word in result.stderr for word in words)


@pytest.mark.parametrize("name", ["environment.json", "usage.json", "config.yaml", "predictions.parquet"])
def test_no_link_is_read_that_leads_out_of_a_run(name: str, root: Path) -> None:
    path = root / "runs" / "other" / name
    path.unlink(missing_ok=True)
    path.symlink_to(root / "secret")
    result = report(root)
    assert result.returncode == 0 and f"{name}: a link that leads out of" in result.stdout
    texts = [file.read_text(encoding="utf-8") for file in (root / "report").iterdir()]
    assert not any(SECRET in text for text in [*texts, result.stdout, result.stderr])
    one_line(graphtalk("score", "runs/other", folder=root), name, "a link that leads out of")


@pytest.mark.parametrize("name", ["metrics.json", "scores.parquet"])
def test_no_link_is_written_through(name: str, root: Path) -> None:
    (root / "runs" / "good" / name).symlink_to(root / "secret")
    (root / "runs" / "good" / f"{name}.part").symlink_to(root / "secret")
    assert graphtalk("score", "runs/good", folder=root).returncode == 0
    assert (root / "secret").read_text() == SECRET and not (root / "runs" / "good" / name).is_symlink()


def test_no_link_is_read_that_leads_out_of_a_dataset(root: Path) -> None:
    (path,) = (root / "data" / "edge_count").glob("test-*.parquet")
    path.rename(root / "elsewhere.parquet")
    path.symlink_to(root / "elsewhere.parquet")
    one_line(graphtalk("score", "runs/good", folder=root), path.name, "a link that leads out of")
    path.unlink()
    shutil.copy(root / "elsewhere.parquet", path)
    assert graphtalk("score", "runs/good", folder=root).returncode == 0


def test_a_name_does_not_lead_out_of_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    keys = {"name": "../../escape", "generators": ["er"], "tasks": ["edge_existence"], "train": 2, "test": 1}
    (tmp_path / "work" / "c.yaml").write_text(yaml.safe_dump(keys))
    one_line(graphtalk("build", "c.yaml", folder=tmp_path / "work"), "../../escape", "--out")
    assert [path.name for path in tmp_path.iterdir()] == ["work"]


def test_terminal_escapes_are_shown_and_not_sent(root: Path) -> None:
    config = yaml.safe_load((root / "runs" / "other" / "config.yaml").read_text())
    write_config({**config, "label": "\x1b[2Jhello", "data": "\x1b[31mnowhere"}, root / "runs" / "other")
    result = report(root)
    assert result.returncode == 0 and "\x1b" not in result.stdout + result.stderr
    result = graphtalk("score", "runs/other", folder=root)
    one_line(result, "⟨U+001B⟩[31mnowhere")
    assert "\x1b" not in result.stderr


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


@pytest.mark.slow  # a command for each
@pytest.mark.parametrize("damage", [cut, empty, deep])
@pytest.mark.parametrize("name", ["config.yaml", "predictions.parquet", "usage.json"])
def test_a_damaged_run_is_named_and_the_others_are_reported(
    damage: Callable[[Path], None], name: str, root: Path
) -> None:
    path = root / "runs" / "other" / name
    if not path.exists():
        path.write_text('{"dollars": 1}')
    damage(path)
    result = report(root)
    assert result.returncode == 0 and "left out:" in result.stdout and "Traceback" not in result.stderr
    assert "good" in (root / "report" / "report.md").read_text()
    one_line(graphtalk("score", "runs/other", folder=root), f"runs/other/{name}")


@pytest.mark.slow  # a command for each
@pytest.mark.parametrize("damage", [cut, flip, empty, deep])
@pytest.mark.parametrize("name", ["dataset.lock", "edge_count/test-00000-of-00001.parquet"])
def test_a_damaged_dataset_is_one_line(damage: Callable[[Path], None], name: str, root: Path) -> None:
    damage(root / "data" / name)
    result = graphtalk("score", "runs/good", folder=root)
    one_line(result)
    assert name in result.stderr or "fingerprint" in result.stderr


def test_a_full_disk_is_one_line_and_leaves_the_earlier_report(root: Path) -> None:
    assert report(root).returncode == 0
    before = {path.name: path.read_bytes() for path in (root / "report").iterdir()}
    (root / "runs" / "good" / "config.yaml").write_text(
        (root / "runs" / "good" / "config.yaml").read_text().replace("label: good", "label: renamed")
    )
    one_line(report(root, largest_file=20_000), "report/report.html", "file too large")
    assert {path.name: path.read_bytes() for path in (root / "report").iterdir()} == before
    folder = root / "new"
    flags = ["--tasks", "edge_count", "--train", "500", "--test", "5", "--workers", "1", "--out", folder]
    one_line(graphtalk("build", *flags, folder=root, largest_file=4_000), "file too large")
    assert not (folder / "dataset.lock").exists() and not list(folder.rglob("*.part"))
    assert graphtalk("build", *flags, folder=root).returncode == 0


def test_the_row_of_a_run_says_how_many_requests_failed_and_why(root: Path) -> None:
    usage = {
        "finish_reasons": {"error": 3, "stop": 1},
        "errors": {"http_429: <Busy>": 2, "connection: lost": 1},
        "warnings": ["2 of 4 answers are empty"],
    }
    (root / "runs" / "other" / "usage.json").write_text(json.dumps(usage))
    result = report(root)
    assert result.returncode == 0 and "3 requests failed, most" in result.stdout, result.stdout
    text, page = ((root / "report" / name).read_text() for name in ("report.md", "report.html"))
    assert "| other (3 requests failed, most with http\\_429: &lt;Busy&gt;) |" in text
    assert "2 of 4 answers are empty." in text
    assert "3 requests failed, most with http_429: &lt;Busy&gt;. 2 of 4 answers are empty" in page
    for damaged in ('{"errors": 3}', '{"errors": {"a": "b"}, "warnings": {}}', '{"finish_reasons": []}'):
        (root / "runs" / "other" / "usage.json").write_text(damaged)
        result = report(root)
        assert result.returncode == 0 and "failed" not in result.stdout, result.stderr


def test_a_second_report_says_who_writes_the_first(root: Path) -> None:
    with exclusive(root / "report"):
        one_line(report(root), f"report: process {os.getpid()} on ", "is at work there")
    assert report(root).returncode == 0 and not (root / "report" / ".running").exists()


@pytest.mark.parametrize(
    "words",
    ["report runs/good --out closed/report", "score runs/good", "build --tasks edge_count --out closed/data",
     "export data --to trl --out closed/trl"],
)  # fmt: skip
def test_a_read_only_folder_is_one_line(words: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "closed").mkdir()
    for folder in (root / "closed", root / "runs" / "good"):
        folder.chmod(0o555)
    monkeypatch.chdir(root)
    child = forked(words.split(), root / "printed", heed_modes)
    code, printed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), (root / "printed").read_text()
    assert code == 2 and printed.count("\n") == 1 and "permission denied" in printed, printed
    assert not [*(root / "closed").iterdir()] and not (root / "runs" / "good" / "scores.parquet").exists()


def test_a_full_tmpfs_is_one_line(root: Path) -> None:
    disk = root / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a tmpfs")
    try:
        result = graphtalk("report", "runs/good", "--out", disk / "report", folder=root)
        one_line(result, "no space left on device")
        assert not [path for path in disk.rglob("*") if path.is_file()]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
