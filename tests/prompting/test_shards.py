"""Parts of a run, asked at several servers or by batch files, become the run that one process would make."""

import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest

from data_builders.errors import InputError
from eval.prediction import read_predictions
from prompting.backends.fake_server import FakeServer, plain_answer
from prompting.backends.model import ModelOptions
from prompting.budget import Stopped
from prompting.run import PromptRun, execute, plan
from prompting.settings import load_settings
from tests.helpers.prompt_data import make_data, stored
from tests.prompting.backends.test_batch_files import replies

OPTIONS = ModelOptions(8, attempts=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("shards") / "data", test=6)


def run(data: Path, model: str, out: Path, part: tuple[int, int] | None = None) -> dict[str, Any] | None:
    return execute(PromptRun(data, "few_shot"), model, OPTIONS, out, "r", lambda *args: None, part=part)


def answers(out: Path) -> list[tuple[str, str, str]]:
    return [(p.example_id, p.output, p.prompt) for p in read_predictions(out)]


def test_parts_at_several_servers_are_one_run(data: Path, tmp_path: Path) -> None:
    with FakeServer() as whole, FakeServer() as a, FakeServer() as b, FakeServer() as nobody:
        one = run(data, f"openai:m@{whole.url}", tmp_path / "one")
        for k, server in ((1, a), (2, b), (3, a)):
            assert run(data, f"openai:m@{server.url}", tmp_path / "parts", (k, 3)) is None
            assert len(stored(tmp_path / "parts" / f"journal-{k}-of-3.sqlite")) == 4
        assert not (tmp_path / "parts" / "predictions.parquet").exists()
        many = run(data, f"openai:m@{nobody.url}", tmp_path / "parts")
        assert one is not None and many is not None
        assert a.answered + b.answered == whole.answered and not nobody.arrived
        assert many == one and answers(tmp_path / "parts") == answers(tmp_path / "one")
        run(data, f"openai:m@{nobody.url}", tmp_path / "parts")  # merges again, and finds nothing new
        assert not nobody.arrived and len(stored(tmp_path / "parts" / "journal.sqlite")) == 12


def test_what_a_part_lacks_is_asked_at_the_end(data: Path, tmp_path: Path) -> None:
    def fails(prompt: str, attempt: int) -> str:
        return "error" if zlib.crc32(prompt.encode()) % 2 and "cycle" in prompt else ""

    out = tmp_path / "run"
    with FakeServer(fault=fails) as weak, FakeServer() as good:
        run(data, f"openai:m@{weak.url}", out, (1, 2))
        got = stored(out / "journal-1-of-2.sqlite")
        run(data, f"openai:m@{good.url}", out)  # the second part was never started
        assert set(good.answered).isdisjoint(got) and len(got) + len(good.answered) == 12
    assert {id: text for id, text, _ in answers(out)} == {
        e.id: plain_answer(prompt) for e, prompt in plan(PromptRun(data, "few_shot"))
    }


def test_batch_files_shard_by_shard(data: Path, tmp_path: Path) -> None:
    out, handover = tmp_path / "run", tmp_path / "handover"
    for k in (1, 2):
        with pytest.raises(Stopped, match="6 requests written"):
            run(data, f"batch:m@{handover / str(k)}", out, (k, 2))
        (requests,) = (handover / str(k)).glob("*.jsonl")
        (handover / str(k) / "answers.jsonl").write_bytes(replies(requests.read_bytes()))  # `vllm run-batch`
        assert run(data, f"batch:m@{handover / str(k)}", out, (k, 2)) is None
    shutil.rmtree(handover)
    metrics = run(data, f"batch:m@{handover}", out)
    assert metrics is not None and metrics["macro"]["n"] == 12 and not handover.exists()


def test_what_cannot_be_a_part_is_one_line(data: Path, tmp_path: Path) -> None:
    flags = {"data": str(data), "method": "zero_shot", "shard": "3/2"}
    with pytest.raises(InputError, match="--shard: expected K/N with 1 <= K <= N"):
        _ = load_settings(None, flags).part
    with pytest.raises(InputError, match="leave --journal out"):
        _ = load_settings(None, {**flags, "shard": "1/2", "journal": str(tmp_path / "j")}).part
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "journal-1-of-2.sqlite").write_text("no journal" * 100)
    with FakeServer() as server, pytest.raises(InputError, match=r"journal-1-of-2\.sqlite: not a journal"):
        run(data, f"openai:m@{server.url}", tmp_path / "run")
