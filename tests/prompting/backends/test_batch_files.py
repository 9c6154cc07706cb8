"""Batch files: submitted to a server on loopback and collected, or written, answered elsewhere and read
back.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data_builders.errors import InputError
from eval.prediction import read_predictions
from prompting.backends.fake_server import FakeServer, plain_answer
from prompting.backends.model import ModelOptions
from prompting.budget import Budget, Price, Stopped
from prompting.run import PromptRun, execute, plan
from prompting.settings import load_settings
from tests.helpers.prompt_data import make_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("batches") / "data", test=6)


def replies(text: bytes, spoiled: dict[int, str] | None = None) -> bytes:
    """What a batch makes of a file of requests, in another order, as `plain_answer` says."""
    rows = []
    for number, line in enumerate(text.splitlines()):
        asked = json.loads(line)
        said = plain_answer(asked["body"]["messages"][-1]["content"])
        usage = {"prompt_tokens": 9, "completion_tokens": 2}
        body: Any = {"choices": [{"message": {"content": said}, "finish_reason": "stop"}], "usage": usage}
        row: dict[str, Any] = {
            "id": f"r{number}",
            "custom_id": asked["custom_id"],
            "response": {"status_code": 200, "body": body},
        }
        what = (spoiled or {}).get(number, "")
        if what == "error":
            row["response"] = {"status_code": 400, "body": {"error": {"message": "too long"}}}
        if what == "empty":
            row["response"]["body"] = {"choices": []}
        rows += [] if what == "missing" else [row, {**row, "id": "again"}] if what == "twice" else [row]
    return "".join(json.dumps(row) + "\n" for row in reversed(rows)).encode()


class FakeBatches:
    """/files and /batches of a server. A batch is done after `looks` looks at it."""

    def __init__(self, looks: int = 2, end: str = "completed", spoiled: dict[int, str] | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.seen: Counter[str] = Counter()
        self.looks, self.end, self.spoiled = looks, end, spoiled

    def __call__(self, method: str, path: str, body: bytes) -> Any:
        path = path.partition("?")[0]
        self.seen[f"{method} {re.sub('[0-9]+', 'N', path)}"] += 1
        if method == "POST" and path == "/files":
            return {
                "id": self._file(body[body.index(b'{"custom_id"') :].partition(b"\r\n--")[0]),
                "object": "file",
            }
        if method == "POST" and path == "/batches":
            asked = json.loads(body)
            name = f"batch_{len(self.batches)}"
            self.batches[name] = {"id": name, "object": "batch", "status": "in_progress", "looks": 0, **asked}
            return self.batches[name]
        if path == "/batches":
            return {"object": "list", "data": list(self.batches.values()), "has_more": False}
        if path.startswith("/batches/"):
            return self._look(self.batches[path.rpartition("/")[2]])
        if path.startswith("/files/"):
            return self.files[path.split("/")[2]]
        return None

    def _file(self, text: bytes) -> str:
        name = f"file_{len(self.files)}"
        self.files[name] = text
        return name

    def _look(self, batch: dict[str, Any]) -> dict[str, Any]:
        batch["looks"] += 1
        if batch["looks"] >= self.looks and batch["status"] == "in_progress":
            batch["status"] = self.end
            if self.end == "failed":
                batch["errors"] = {"data": [{"message": "no such model"}]}
            else:
                batch["output_file_id"] = self._file(
                    replies(self.files[batch["input_file_id"]], self.spoiled)
                )
        return batch


def run(data: Path, model: str, out: Path, budget: Budget | None = None) -> dict[str, Any]:
    return execute(
        PromptRun(data, "zero_shot"), model, ModelOptions(8, poll=0.01), out, None, lambda *args: None, budget
    )


def answers(out: Path) -> dict[str, tuple[str, str]]:
    return {p.example_id: (p.output, p.finish_reason) for p in read_predictions(out)}


def test_a_batch_is_submitted_polled_and_collected(data: Path, tmp_path: Path) -> None:
    batches = FakeBatches(looks=3)
    with FakeServer(more=batches) as server:
        metrics = run(data, f"batch:m@{server.url}", tmp_path / "run")
        assert metrics["macro"]["n"] == 12
        assert (
            batches.seen["POST /files"] == batches.seen["POST /batches"] == 1
            and batches.seen["GET /batches/batch_N"] == 3
        )
        run(data, f"batch:m@{server.url}", tmp_path / "run")
        assert len(batches.batches) == 1, "what is there is not asked again"
    assert answers(tmp_path / "run") == {
        e.id: (plain_answer(p), "stop") for e, p in plan(PromptRun(data, "zero_shot"))
    }
    first = json.loads(next(iter(batches.files.values())).splitlines()[0])
    assert (
        first["url"] == "/v1/chat/completions"
        and first["method"] == "POST"
        and first["body"]["max_tokens"] == 8
    )


def test_a_second_start_collects_the_first_starts_batch(data: Path, tmp_path: Path) -> None:
    batches = FakeBatches(looks=10**9)
    with FakeServer(more=batches) as server:
        with pytest.raises(
            Stopped,
            match=r"batch batch_0 is in_progress, and --max-time of 1 s is over; "
            "start the same command again",
        ):
            run(data, f"batch:m@{server.url}", tmp_path / "run", Budget(max_time=1.0))
        batches.looks = 0
        run(data, f"batch:m@{server.url}", tmp_path / "run")
    assert len(batches.batches) == 1 and len(answers(tmp_path / "run")) == 12


def test_spoiled_replies_are_errors_and_are_asked_again(data: Path, tmp_path: Path) -> None:
    batches = FakeBatches(spoiled={0: "error", 2: "missing", 3: "twice", 5: "empty"})
    with FakeServer(more=batches) as server:
        run(data, f"batch:m@{server.url}", tmp_path / "run")
        failed = [text for text, finish in answers(tmp_path / "run").values() if finish == "error"]
        assert len(failed) == 3
        assert sorted(text.split(":")[0] for text in failed) == ["bad_reply", "http_400", "missing_reply"]
        batches.spoiled = None
        run(data, f"batch:m@{server.url}", tmp_path / "run")
        assert len(batches.batches) == 2 and len(batches.files["file_2"].splitlines()) == 3
    assert {finish for _, finish in answers(tmp_path / "run").values()} == {"stop"}


def test_a_batch_that_fails_is_one_line_and_a_later_one_is_new(data: Path, tmp_path: Path) -> None:
    batches = FakeBatches(end="failed")
    with FakeServer(more=batches) as server:
        with pytest.raises(Stopped, match="batch batch_0 failed without a reply: no such model"):
            run(data, f"batch:m@{server.url}", tmp_path / "run")
        batches.end = "completed"
        run(data, f"batch:m@{server.url}", tmp_path / "run")
    assert len(batches.batches) == 2


def test_a_batch_over_the_cap_is_not_sent(data: Path, tmp_path: Path) -> None:
    batches = FakeBatches()
    with (
        FakeServer(more=batches) as server,
        pytest.raises(Stopped, match=r"--max-cost of \$0\.0001 is reached .*: nothing was sent"),
    ):
        run(data, f"batch:m@{server.url}", tmp_path / "run", Budget(max_cost=0.0001, price=Price(1.0, 1.0)))
    assert not batches.files


def test_written_here_and_answered_elsewhere(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hand_over"
    with pytest.raises(Stopped, match=r"m-[0-9a-f]+\.jsonl: 12 requests written; have them answered"):
        run(data, f"batch:org/m@{folder}", tmp_path / "run")
    (written,) = folder.glob("*.jsonl")
    text = written.read_bytes()
    half = b"".join(line + b"\n" for line in text.splitlines()[:7])
    (folder / "answers.jsonl").write_bytes(replies(half))
    run(data, f"batch:org/m@{folder}", tmp_path / "run")
    assert Counter(finish for _, finish in answers(tmp_path / "run").values()) == {"stop": 7, "error": 5}
    with pytest.raises(Stopped, match="5 requests written"):
        run(data, f"batch:org/m@{folder}", tmp_path / "run")
    (folder / "more.jsonl").write_bytes(replies(text))
    run(data, f"batch:org/m@{folder}", tmp_path / "run")
    assert answers(tmp_path / "run") == {
        e.id: (plain_answer(p), "stop") for e, p in plan(PromptRun(data, "zero_shot"))
    }


def test_a_file_that_is_no_output(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hand_over"
    with pytest.raises(Stopped):
        run(data, f"batch:m@{folder}", tmp_path / "run")
    (written,) = folder.glob("*.jsonl")
    (folder / "answers.jsonl").write_bytes(replies(written.read_bytes()) + b"{broken\n")
    with pytest.raises(InputError, match="batch output, line 13: not a reply of a batch"):
        run(data, f"batch:m@{folder}", tmp_path / "run")


def test_batches_cost_their_share() -> None:
    flags = {"data": "d", "method": "cot", "prices": {"m": {"prompt": 2.0, "output": 8.0, "batch": 0.25}}}
    for model in ("batch:m@folder", "batch:m@http://localhost:1/v1"):
        price = load_settings(None, {**flags, "model": model}).budget().price
        assert price is not None and (price.prompt, price.output) == (0.5, 2.0)
