"""A build that is killed or interrupted, started again, ends with the bytes of an undisturbed one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data_builders.building.build import build
from data_builders.building.config import BuildConfig

ROOT = Path(__file__).parents[3]
# small shards, so that there is much to come back to
PROGRAM = "import data_builders.building.build as b; b.SHARD_ROWS = 90; import graphtalk; graphtalk.main()"
FLAGS = ["--tasks", "shortest_path,cycle_check,maximum_flow,node_classification", "--generators", "er,ba"]
FLAGS += ["--train", "1800", "--validation", "30", "--test", "30"]

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs POSIX process groups")


def start(out: Path, workers: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PROGRAM, "build", *FLAGS, "--workers", str(workers), "--out", str(out)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # a shell ignores it for what it starts in the background
    )


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def wait_for(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Poll until the condition holds; a process that ends before is an error of the test."""
    while not condition():
        assert process.poll() is None, f"the build ended too early: {process.communicate()[1]}"
        time.sleep(0.001)


def parquets(out: Path, part: str = "") -> int:
    """Files that are there, whole or (with part) half-written, while folders come and go: os.walk passes over
    what vanishes.
    """
    return sum(
        name.endswith((".parquet", part or ".parquet")) for _, _, names in os.walk(out) for name in names
    )


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed") / "d"
    process = start(out, 1)
    error = process.communicate()[1]
    assert process.returncode == 0, error
    files = bytes_of(out)
    assert sum(name.endswith(".parquet") for name in files) > 20
    return files


def test_killed_at_many_moments(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    """SIGKILL as the first file, and then the next few, appear, half-written ones included; no finished shard
    is made twice.
    """
    out = tmp_path / "d"
    finished: dict[Path, int] = {}
    for moment in (0, 1, 6, 14, 23):
        process = start(out, 2 if moment == 14 else 1)
        wait_for(
            lambda moment=moment: (out / ".build").is_dir() and parquets(out, ".part") >= moment, process
        )
        workers = children(process.pid)
        process.kill()
        process.communicate()
        wait_until_gone(workers)
        assert not (out / "dataset.lock").exists()
        assert all(path.stat().st_mtime_ns == at for path, at in finished.items())
        for record in out.glob(".build/*/*-*.json"):
            finished |= {
                out / name: (out / name).stat().st_mtime_ns
                for name in json.loads(record.read_text())["files"]
            }
    assert finished
    process = start(out, 2)
    error = process.communicate()[1]
    assert process.returncode == 0 and error == ""
    assert bytes_of(out) == undisturbed
    assert all(path.stat().st_mtime_ns == at for path, at in finished.items())


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, f"workers {pids} outlive their killed parent"
        time.sleep(0.05)


def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    process = start(tmp_path / "d", 2)
    wait_for(lambda: parquets(tmp_path / "d") >= 1, process)
    workers = children(process.pid)
    assert len(workers) >= 2 or not Path("/proc/self/task").exists()
    process.kill()
    process.communicate()
    wait_until_gone(workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_is_one_line_and_the_next_start_continues(
    workers: int, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    process = start(tmp_path / "d", workers)
    wait_for(lambda: parquets(tmp_path / "d") >= 5, process)
    os.killpg(process.pid, signal.SIGINT)
    error = process.communicate()[1]
    assert process.returncode == 130
    assert error == "graphtalk: interrupted; start the same command again to continue\n"
    again = start(tmp_path / "d", workers)
    assert again.communicate()[1] == "" and again.returncode == 0
    assert bytes_of(tmp_path / "d") == undisturbed


def test_overwrite_that_is_killed_leaves_nothing_of_the_old_dataset(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "d"
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        "build",
        "--tasks",
        "edge_count",
        "--train",
        "5",
        "--test",
        "5",
        "--out",
        str(out),
    ]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    FLAGS.append("--overwrite")
    try:
        process = start(out, 1)
        wait_for(lambda: parquets(out / "shortest_path") >= 2, process)
        process.kill()
        process.communicate()
    finally:
        FLAGS.remove("--overwrite")
    again = start(out, 1)
    assert again.communicate()[1] == "" and again.returncode == 0
    assert bytes_of(out) == undisturbed


def test_ctrl_c_in_a_destructor_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python prints and drops what is raised in a `__del__`; the build would go on as if nobody had pressed a
    key.
    """

    class Writer(pq.ParquetWriter):  # type: ignore[misc]
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)
            super().__del__()

    monkeypatch.setattr(pq, "ParquetWriter", Writer)
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell ignores it for what it starts in the background
    try:
        with pytest.raises(KeyboardInterrupt):
            build(
                BuildConfig(tasks=("edge_count",), train=5, validation=5, test=5, workers=1), tmp_path / "d"
            )
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.undo()
    assert build(BuildConfig(tasks=("edge_count",), train=5, validation=5, test=5, workers=1), tmp_path / "d")
