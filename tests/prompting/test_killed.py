"""Whatever ends a run, kill -9, a full disk, a folder that cannot be written, a cap: nothing that was paid
for is lost or asked again.
"""

import ctypes
import itertools
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eval.prediction import Prediction, read_predictions
from prompting.backends.fake_server import FakeServer, plain_answer
from prompting.budget import Budget
from prompting.run import PromptRun, plan
from tests.helpers.prompt_data import forked, make_data, server_process, stored

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX processes")


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:  # not pytest's own, which no other user may read
        Path(folder).chmod(0o755)
        yield make_data(Path(folder) / "data", test=250)


def flags(data: Path, url: str, out: Path, *more: str) -> list[str]:
    return [
        "prompt",
        "--data",
        str(data),
        "--model",
        f"openai:fake@{url}",
        "--method",
        "zero_shot",
        "--out",
        str(out),
        *more,
    ]


def wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def arrivals(log: Path) -> list[str]:
    return (
        [prompt for what, prompt in map(json.loads, log.read_text().splitlines()) if what == "arrived"]
        if log.exists()
        else []
    )


def without_time(predictions: list[Prediction]) -> list[Prediction]:
    return [replace(p, seconds=0.0) for p in predictions]


def test_killed_twenty_times_in_one_run(data: Path, tmp_path: Path) -> None:
    log, out, rng = tmp_path / "log", tmp_path / "run", random.Random(20)
    with server_process(0.2, log) as url:
        for _ in range(20):
            before, told = stored(out / "journal.sqlite"), len(arrivals(log))
            child = forked(flags(data, url, out, "--concurrency", "8"), tmp_path / "printed")
            until, later = len(before) + rng.randint(0, 16), rng.uniform(0, 0.15)
            while len(stored(out / "journal.sqlite")) < until:
                assert os.waitpid(child, os.WNOHANG) == (0, 0), (tmp_path / "printed").read_text()
                time.sleep(0.005)
            time.sleep(later)
            assert os.waitpid(child, os.WNOHANG) == (0, 0), "it is still running"
            os.kill(child, signal.SIGKILL)
            assert wait(child) == -signal.SIGKILL
            assert before <= stored(out / "journal.sqlite")
            assert before.isdisjoint(arrivals(log)[told:]), "a completed prompt was sent again"
        before, told = stored(out / "journal.sqlite"), len(arrivals(log))
        assert 0 < len(before) < 500
        assert wait(forked(flags(data, url, out, "--concurrency", "64"), tmp_path / "printed")) == 0, (
            tmp_path / "printed"
        ).read_text()
        time.sleep(0.2)
        assert before.isdisjoint(arrivals(log)[told:])
    asked = plan(PromptRun(data, "zero_shot"))
    assert len(asked) == 500
    assert [(p.example_id, p.output, p.finish_reason) for p in read_predictions(out)] == [
        (e.id, plain_answer(q), "stop") for e, q in asked
    ]
    assert len(arrivals(log)) <= len({q for _, q in asked}) + 20 * 2 * 8, (
        "at most what was in flight, or not stored yet, was sent twice"
    )


def test_a_full_disk_loses_nothing(data: Path, tmp_path: Path) -> None:
    def small() -> None:
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (150_000, 150_000)
        )  # no file may grow beyond: the write fails as on a full disk

    log, out, printed = tmp_path / "log", tmp_path / "run", tmp_path / "printed"
    with server_process(0.0, log) as url:
        assert wait(forked(flags(data, url, out, "--concurrency", "4"), printed, small)) == 3
        said = printed.read_text()
        assert len(said.splitlines()) == 1 and "cannot be written" in said and "start again" in said, said
        before = stored(out / "journal.sqlite")
        assert 0 < len(before) < 500
        told = len(arrivals(log))
        assert wait(forked(flags(data, url, out), printed)) == 0, printed.read_text()
        assert before.isdisjoint(arrivals(log)[told:])
    assert len(read_predictions(out)) == 500


def heed_modes() -> None:
    """Root may write into any folder. Without the capability CAP_DAC_OVERRIDE, the modes of its own folders
    hold for it, too. It stays root, since another user may not be allowed to read the clone or the packages.
    """
    if os.getuid() == 0 and sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        assert libc.capget(header, sets) == 0
        sets[0] &= ~(1 << 1)  # of the effective capabilities
        assert libc.capset(header, sets) == 0


@pytest.mark.parametrize("existing", [False, True])
def test_a_folder_that_cannot_be_written_is_one_line(data: Path, existing: bool) -> None:
    with tempfile.TemporaryDirectory() as name, FakeServer() as server:
        folder = Path(name)
        folder.chmod(0o777)
        url, log, out = server.url, folder / "printed", folder / "runs" / "r"
        (folder / "runs").mkdir()
        if existing:
            assert wait(forked(flags(data, url, out, "--limit", "3"), log)) == 0
        for path in (*(folder / "runs").rglob("*"), folder / "runs"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        before = stored(out / "journal.sqlite") if existing else set()
        sent = server.arrived.total()
        log.unlink(missing_ok=True)
        code, said = wait(forked(flags(data, url, out, "--limit", "9"), log, heed_modes)), log.read_text()
        assert code in (2, 3), said
        assert len(said.splitlines()) == 1 and "cannot be written" in said, said
        assert server.arrived.total() == sent, "nothing is paid for that cannot be kept"
        if existing:
            assert stored(out / "journal.sqlite") == before and len(read_predictions(out)) == 6
        for path in ((folder / "runs"), *(folder / "runs").rglob("*")):
            path.chmod(0o755)


def clock_of_looks() -> None:
    """A millisecond passes whenever the budget looks at its clock, however busy the machine is."""
    looks = itertools.count()
    left = property(lambda budget: None if budget.max_time is None else budget.max_time - next(looks) / 1000)
    setattr(Budget, "seconds_left", left)  # noqa: B010


@pytest.mark.parametrize(
    ("cap", "fewest"),
    [
        (("--max-tokens-total", "20000"), 20),
        (("--max-cost", "0.02", "--config", "prices.yaml"), 20),
        (("--max-time", "0.3"), 20),
    ],
)
def test_a_cap_stops_with_one_line_and_the_next_start_goes_on(
    data: Path, tmp_path: Path, cap: tuple[str, ...], fewest: int
) -> None:
    (tmp_path / "prices.yaml").write_text("prices: {fake: {prompt: 1.0, output: 2.0}}\n")
    cap = tuple(str(tmp_path / word) if word.endswith(".yaml") else word for word in cap)
    out, log, printed = tmp_path / "run", tmp_path / "log", tmp_path / "printed"
    with server_process(0.02, log) as url:
        assert wait(forked(flags(data, url, out, *cap, "--concurrency", "4"), printed, clock_of_looks)) == 3
        said = printed.read_text()
        assert len(said.splitlines()) == 1 and cap[0] in said and "start the same command again" in said, said
        assert not (out / "predictions.parquet").exists()
        kept = stored(out / "journal.sqlite")
        assert fewest <= len(kept) < 500 and kept == set(arrivals(log)), "all that was sent is kept"
        assert wait(forked(flags(data, url, out, "--config", str(tmp_path / "prices.yaml")), printed)) == 0, (
            printed.read_text()
        )
        assert len(arrivals(log)) == len(set(arrivals(log))), "nothing was sent twice"
    usage = json.loads((out / "usage.json").read_text())
    assert usage["dollars"] == pytest.approx((usage["prompt_tokens"] + 2 * usage["output_tokens"]) / 1e6)


def test_the_key_is_nowhere(data: Path, tmp_path: Path) -> None:
    key = "sk-not-to-be-seen-4711"
    cases: list[tuple[str, Callable[[str, int], str], str | None, int]] = [
        ("fine", lambda prompt, attempt: "", key, 0),
        ("spoiled", lambda prompt, attempt: "refused" if "cycle" in prompt else "", key, 0),
        ("denied", lambda prompt, attempt: "", "sk-another", 2),
    ]
    for name, fault, wanted, code in cases:
        folder = tmp_path / name
        folder.mkdir()
        with FakeServer(key=wanted, fault=fault) as server:
            words = flags(data, server.url, folder / "run", "--limit", "20", "--api-key-env", "MY_KEY")
            child = forked(words, folder / "printed", lambda: os.environ.update(MY_KEY=key))
            assert wait(child) == code, (folder / "printed").read_text()
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert len(files) >= 3
        for path in files:
            assert key.encode() not in path.read_bytes(), path


def test_ctrl_c_is_one_line_and_the_next_start_goes_on(data: Path, tmp_path: Path) -> None:
    out, log, printed = tmp_path / "run", tmp_path / "log", tmp_path / "printed"
    with server_process(0.05, log) as url:
        child = forked(
            flags(data, url, out, "--concurrency", "4"),
            printed,
            lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        while len(stored(out / "journal.sqlite")) < 8:
            assert os.waitpid(child, os.WNOHANG) == (0, 0), printed.read_text()
            time.sleep(0.005)
        os.kill(child, signal.SIGINT)
        assert wait(child) == 130
        assert printed.read_text() == "graphtalk: interrupted; start the same command again to continue\n"
        before, told = stored(out / "journal.sqlite"), len(arrivals(log))
        assert wait(forked(flags(data, url, out), printed)) == 0, printed.read_text()
        assert before.isdisjoint(arrivals(log)[told:])
