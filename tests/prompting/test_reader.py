"""A language model reads what the scorer could not: kept apart, counted on demand, measured on the suite."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import graphtalk
from data_builders.example import Example, load_examples, read_lock
from data_builders.exports.wrong_answers import wrong_answer
from eval.analysis.findings import findings
from eval.analysis.runs import gather
from eval.prediction import Prediction, write_config, write_predictions
from eval.report.tables import markdown
from eval.report.write import write_report
from eval.scoring.readings import agreement, agreement_cases, read_readings
from prompting.backends.fake_server import FakeServer
from prompting.reader import END, NO_ANSWER, reading_prompt
from tests.helpers.prompt_data import make_data

MUTTERING = "It is as was said of the third kind above, which the reader will find: {}"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("reader") / "data", test=4)


@pytest.fixture
def run(data: Path, tmp_path: Path) -> Path:
    """Of each task: a right answer, a wrong one, and two outputs that the scorer cannot read."""
    config = {
        "label": "m",
        "kind": "prompt",
        "data": str(data),
        "dataset_fingerprint": read_lock(data)["fingerprint"],
        "split": "test",
        "tasks": ["cycle_check", "node_count"],
        "limit": None,
    }
    predictions = []
    for n, e in enumerate(load_examples(data, None, "test")):
        unread = MUTTERING.format(f"see {e.id}")
        predictions.append(Prediction(e.id, (e.answer, wrong_answer(e), unread, unread)[n % 4]))
    write_config(config, tmp_path / "run")
    write_predictions(predictions, tmp_path / "run")
    return tmp_path / "run"


def reader_of(examples: list[Example]) -> Callable[[str], str]:
    """A model that reads `see ID` as the right answer of ID where it ends in 2, and finds none in others."""
    answers = {e.id: e.answer.strip() for e in examples}

    def reply(prompt: str) -> str:
        named = re.search(r"see (\S+)\n", prompt)
        return f"Answer: {answers[named[1]]}" if named and named[1].endswith("2") else f"Answer: {NO_ANSWER}"

    return reply


@contextmanager
def served(
    run: Path, data: Path, monkeypatch: pytest.MonkeyPatch, *more: str
) -> Iterator[tuple[FakeServer, list[str]]]:
    """A server with `reader_of`, and the words of the command that lets it read the run."""
    with FakeServer(answer=reader_of(load_examples(data, None, "test"))) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield server, ["score", str(run), "--reader", f"openai:m@{server.url}", *more]


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["graphtalk", *words])
    with pytest.raises(SystemExit) as stop:
        graphtalk.main()
    return int(stop.value.code or 0)


def test_readings_are_counted_apart(
    run: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = load_examples(data, None, "test")
    with served(run, data, monkeypatch, "--agreement-cases", "9") as (server, words):
        assert command(monkeypatch, *words) == 0
        first = dict(server.answered)
        assert command(monkeypatch, *words) == 0
        assert dict(server.answered) == first and sum(first.values()) == 4 + 9, "all is in the journal"
    printed = capsys.readouterr().out
    assert "reads an answer in 2 of 4 unparsed outputs" in printed
    assert "agrees with careful readings on 3 of 9 cases" in printed, "the three that state none"
    scores = {row["example_id"]: row for row in pq.read_table(run / "scores.parquet").to_pylist()}
    read = {e.id: scores[e.id]["read_by_model"] for e in examples}
    assert [read[e.id] for e in examples] == ["", "", "correct", "unparsed"] * 2
    assert all(scores[e.id]["outcome"] == "unparsed" for e in examples if read[e.id])
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["macro"]["accuracy"] == 0.25 and metrics["reader"]["outcomes"] == {
        "correct": 2,
        "unparsed": 2,
    }
    (dataset,) = gather([run]).datasets
    (told,) = (" ".join(texts) for about, texts in findings(dataset) if about == "m")
    assert "reads an answer in 2 of 4 unparsed outputs, 2 of them right; they do not count here" in told
    assert "| read by model |" in markdown(gather([run])) and "2 of 4, 2 right" in markdown(gather([run]))
    page = write_report(gather([run]), run / "report").read_text(encoding="utf-8")
    assert "read by a model 2 of 4, 2 right" in page


def test_counted_on_demand(
    run: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(run, data, monkeypatch, "--agreement-cases", "0") as (_, words):
        assert command(monkeypatch, *words, "--count-reader") == 0
    assert json.loads((run / "metrics.json").read_text())["macro"]["accuracy"] == 0.5
    assert command(monkeypatch, "report", str(run), "--out", str(run / "report")) == 0
    assert json.loads((run / "metrics.json").read_text())["macro"]["accuracy"] == 0.25
    assert command(monkeypatch, "report", str(run), "--out", str(run / "report"), "--count-reader") == 0
    assert json.loads((run / "metrics.json").read_text())["macro"]["accuracy"] == 0.5
    capsys.readouterr()


def test_a_reading_counts_for_its_output_only(
    run: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = load_examples(data, None, "test")
    with served(run, data, monkeypatch, "--agreement-cases", "0") as (_, words):
        assert command(monkeypatch, *words) == 0
    write_predictions([Prediction(e.id, "Another text, just as dark.") for e in examples], run)
    assert gather([run], count_reader=True).datasets[0].rows[0].run.metrics["reader"]["outcomes"] == {}  # type: ignore[union-attr]
    capsys.readouterr()


def test_the_reader_never_sees_graph_or_answer(data: Path) -> None:
    for e in load_examples(data, None, "test"):
        prompt = reading_prompt(e, "Well. " * END)
        assert "(0, 1)" not in prompt and "The edges" not in prompt and len(prompt) < END + 1200
        sentence = e.question.rpartition("Q: ")[2].partition("\n")[0]
        assert f"Question: {sentence}\n" in prompt


def test_a_cap_stops_the_reading_and_the_journal_keeps_it(
    run: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(run, data, monkeypatch, "--max-tokens-total", "10") as (_, words):
        assert command(monkeypatch, *words) == 3
        assert "--max-tokens-total of 10 is reached" in capsys.readouterr().err
    assert read_readings(run) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--max-cost", "1"), "--max-cost is for --reader"),
        (("--reader", "gpt"), "does not say where it runs"),
        (("--reader", "openai:m@http://127.0.0.1:1/v1", "--max-cost", "1"), "needs the price"),
    ],
)
def test_wrong_words_are_one_line(
    words: tuple[str, ...],
    message: str,
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(monkeypatch, "score", str(run), *words) == 2
    assert message in capsys.readouterr().err


def test_agreement_by_hand() -> None:
    """A perfect reader, one that always says Yes, and one that never finds an answer."""
    cases = agreement_cases(60)
    assert len({case.example.task for case in cases}) > 10
    careful = {c.example.id: "" if c.outcome == "unparsed" else c.prediction.output for c in cases}
    assert agreement(cases, careful) == {"cases": 60, "agree": 60, "false_accepts": 0, "false_rejects": 0}
    silent = agreement(cases, {c.example.id: "" for c in cases})
    assert silent == {"cases": 60, "agree": 20, "false_accepts": 0, "false_rejects": 20}
    gold = agreement(cases, {c.example.id: c.example.answer for c in cases})
    assert gold == {"cases": 60, "agree": 20, "false_accepts": 40, "false_rejects": 0}
