"""One run in one folder: a second start waits its turn, another setting is named, and results are never cut
unasked.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.prediction import read_config, read_predictions
from prompting.backends.fake_server import FakeServer
from tests.helpers.prompt_data import forked, make_data, stored

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX processes")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("reruns") / "data", test=6)


@pytest.fixture
def prompt(data: Path, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run `graphtalk prompt` into the folder `run`; its exit code and all that it prints come back."""

    def run(server: FakeServer, *more: str) -> tuple[int, str]:
        words = ["prompt", "--data", str(data), "--model", f"openai:fake@{server.url}", "--no-chat"]
        words += [] if "--method" in more else ["--method", "zero_shot"]
        child = forked([*words, "--out", str(tmp_path / "run"), *more], tmp_path / "printed")
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code, (tmp_path / "printed").read_text(encoding="utf-8")

    return run


def results(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.iterdir() if not path.name.startswith("journal")}


def test_a_second_start_says_who_is_at_work_and_asks_nothing(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with FakeServer(delay=0.2) as server:
        words = ["prompt", "--data", str(data), "--model", f"openai:fake@{server.url}", "--no-chat"]
        words += ["--method", "zero_shot", "--concurrency", "1", "--out", str(out)]
        first = forked(words, tmp_path / "first")
        while not stored(out / "journal.sqlite"):
            assert os.waitpid(first, os.WNOHANG) == (0, 0), (tmp_path / "first").read_text()
        second = forked(words, tmp_path / "second")
        assert os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]) == 2
        printed = (tmp_path / "second").read_text()
        assert f"{out}: process {first} on " in printed and "is at work there; wait" in printed, printed
        assert printed.count("\n") == 1
        assert os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) == 0, (tmp_path / "first").read_text()
        assert server.arrived.total() == len(server.arrived) == 12
    assert len(read_predictions(out)) == 12 and not (out / ".running").exists()


@pytest.mark.parametrize(
    ("flags", "change"),
    [
        (("--method", "few_shot"), "method: zero_shot -> few_shot; shots: 0 -> 2"),
        (("--seed", "7"), "seed: 0 -> 7"),
        (("--split", "train"), "split: test -> train"),
        (("--answer-format",), "answer_format: False -> True"),
        (("--system", "Be brief."), "system: None -> Be brief."),
        (("--tasks", "cycle_check"), "tasks: without node_count, which would cut the run"),
        (("--limit", "1"), "limit: 2 -> 1, which would cut the run"),
    ],
)
def test_another_setting_is_named_and_replaces_nothing_unasked(
    flags: tuple[str, ...], change: str, prompt: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    with FakeServer() as server:
        more = () if "--limit" in flags else ("--limit", "2")
        assert prompt(server, "--limit", "2")[0] == 0
        before, sent, kept = results(tmp_path / "run"), server.arrived.total(), stored_in(tmp_path)
        code, printed = prompt(server, *more, *flags)
        assert code == 2 and f"of another run ({change})" in printed and "--overwrite" in printed, printed
        assert printed.count("\n") == 1
        assert results(tmp_path / "run") == before and server.arrived.total() == sent
        code, printed = prompt(server, *more, *flags, "--overwrite")
        assert code == 0 and results(tmp_path / "run") != before, printed
        assert kept <= stored_in(tmp_path), "what was paid for stays"


def stored_in(folder: Path) -> set[str]:
    return stored(folder / "run" / "journal.sqlite")


def test_a_higher_limit_keeps_what_was_there_until_all_is_answered(
    prompt: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with FakeServer() as server:
        assert prompt(server, "--limit", "2", "--tasks", "cycle_check")[0] == 0
        before, first = results(run), read_predictions(run)
        code, printed = prompt(server, "--limit", "4", "--max-tokens-total", "1")
        assert code == 3 and results(run) == before, printed
        assert prompt(server, "--limit", "4")[0] == 0
        assert read_predictions(run)[:2] == first and len(read_predictions(run)) == 8
        assert read_config(run)["limit"] == 4 and json.loads((run / "metrics.json").read_text())
        assert prompt(server)[0] == 0 and len(read_predictions(run)) == 12
        assert set(server.arrived.values()) == {1}, "nothing is asked twice"


def test_a_start_that_was_never_answered_can_be_mended(prompt: Callable[..., tuple[int, str]]) -> None:
    with FakeServer(fault=lambda text, attempt: "refused") as server:
        assert prompt(server, "--seed", "1")[0] == 2
        server.fault = lambda text, attempt: ""
        code, printed = prompt(server, "--seed", "2")
    assert code == 0, printed
