"""Outputs of other programs: rows of each of their formats, matched by id or question, and their verdicts
beside ours.
"""

import csv
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import graphtalk
from data_builders.errors import InputError
from data_builders.example import Example, load_examples
from data_builders.exports.wrong_answers import wrong_answer
from eval.analysis.comparisons import compare
from eval.analysis.runs import gather
from eval.prediction import read_predictions
from prompting.outputs.formats import DEFAULT_NAMES, Names, read_outputs
from prompting.outputs.imports import agreement, import_outputs
from tests.helpers.prompt_data import make_data

Rows = Sequence[dict[str, Any]]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("imports") / "data", test=4)


@pytest.fixture(scope="module")
def examples(data: Path) -> list[Example]:
    return load_examples(data, None, "test")


def lines(path: Path, rows: Rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def answers(examples: Sequence[Example]) -> list[str]:
    """Right and wrong in turn."""
    return [wrong_answer(e) if n % 2 else f"The answer is {e.answer.strip()}" for n, e in enumerate(examples)]


def lm_eval(examples: Sequence[Example], ids: bool) -> Rows:
    return [
        {
            "doc_id": n,
            "doc": {"id": e.id} if ids else {"text": "of a task of its own"},
            "arguments": {
                "gen_args_0": {"arg_0": f"Q: Another?\nA: 1.\n\n{e.question}", "arg_1": {"until": []}}
            },
            "resps": [[text]],
            "filtered_resps": [text],
            "filter": name,
            "exact_match": float(n % 4 == 0),
        }
        for name in ("none", "strict")
        for n, (e, text) in enumerate(zip(examples, answers(examples), strict=True))
    ]


def inspect_ai(examples: Sequence[Example], ids: bool) -> Rows:
    return [
        {
            "id": e.id if ids else n,
            "epoch": 1,
            "input": [{"role": "user", "content": f"attachment://{n}" if n % 2 else e.question}],
            "output": {
                "choices": [
                    {"message": {"content": [{"type": "text", "text": text}]}, "stop_reason": "stop"}
                ],
                "usage": {"input_tokens": 7, "output_tokens": 2},
            },
            "scores": {"match": {"value": "C" if n % 4 == 0 else "I"}},
            "attachments": {str(n): e.question},
        }
        for n, (e, text) in enumerate(zip(examples, answers(examples), strict=True))
    ]


def openai_batch(examples: Sequence[Example], ids: bool) -> Rows:
    names = [e.id if ids else f"request-{n}" for n, e in enumerate(examples)]
    requests = [
        {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": {"messages": [message]}}
        for name, e in zip(names, examples, strict=True)
        for message in [{"role": "user", "content": e.question}]
    ]
    replies = [
        {"custom_id": name, "error": None, "response": {"status_code": 200, "body": {"choices": [choice]}}}
        for name, text in zip(names, answers(examples), strict=True)
        for choice in [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]
    ]
    return [*replies, *requests]


def table(examples: Sequence[Example], ids: bool) -> Rows:
    return [
        {**({"id": e.id} if ids else {"question": e.question.strip()}), "output": text, "right": n % 4 == 0}
        for n, (e, text) in enumerate(zip(examples, answers(examples), strict=True))
    ]


@pytest.mark.parametrize("ids", [True, False], ids=["by id", "by question"])
@pytest.mark.parametrize("form", [lm_eval, inspect_ai, openai_batch, table])
def test_every_format_is_matched_and_scored(
    form: Any, ids: bool, data: Path, examples: list[Example], tmp_path: Path
) -> None:
    rows = form(examples, ids)
    imported = import_outputs([lines(tmp_path / "rows.jsonl", rows)], data, tmp_path / "run")
    assert not imported.matches.unmatched and not imported.unanswered
    assert len(imported.matches.repeated) == (len(examples) if form is lm_eval else 0)
    assert {o.format for o in imported.matches.outputs.values()} == {form.__name__}
    assert [p.output for p in read_predictions(tmp_path / "run")] == answers(examples)
    right = [imported.scores[e.id].outcome == "correct" for e in examples]
    assert right == [n % 2 == 0 for n in range(len(examples))]


def test_an_imported_run_is_reported_and_compared_like_any_other(
    data: Path, examples: list[Example], tmp_path: Path
) -> None:
    for name, rows in (("a", table(examples, True)), ("b", lm_eval(examples, False))):
        import_outputs([lines(tmp_path / f"{name}.jsonl", rows)], data, tmp_path / name, label=name.upper())
    (dataset,) = gather([tmp_path / "a", tmp_path / "b"]).datasets
    (sample,) = dataset.samples
    assert [row.label for row in sample.rows] == ["A", "B"]
    comparison = compare(tmp_path / "a", tmp_path / "b")
    assert comparison.only_one == 0 and comparison.together.n == len(examples)


def test_logs_are_zip_files(data: Path, examples: list[Example], tmp_path: Path) -> None:
    log = tmp_path / "a.eval"
    with zipfile.ZipFile(log, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("header.json", "{}")
        for row in inspect_ai(examples, True):
            file.writestr(f"samples/{row['id']}_epoch_1.json", json.dumps(row))
    whole = tmp_path / "log.json"
    whole.write_text(json.dumps({"version": 2, "eval": {}, "samples": inspect_ai(examples, True)}))
    for path in (log, whole):
        imported = import_outputs([path], data, tmp_path / "run", theirs="match")
        assert len(imported.matches.outputs) == len(examples) and imported.theirs[examples[0].id]
    log.write_bytes(log.read_bytes()[:100])
    with pytest.raises(InputError, match=r"a\.eval: cannot be read as a log"):
        import_outputs([log], data, tmp_path / "run")


def test_both_verdicts_item_by_item(data: Path, examples: list[Example], tmp_path: Path) -> None:
    """Theirs is right where n % 4 == 0, but for one that is wrong by ours; ours where n is even."""
    rows = [dict(row) for row in table(examples, True)]
    rows[1]["right"] = True
    path = lines(tmp_path / "rows.jsonl", rows)
    imported = import_outputs([path], data, tmp_path / "run", theirs="right")
    counts = agreement(imported.scores, imported.theirs)
    assert counts == {"both right": 2, "both not right": 3, "false accepts": 1, "false rejects": 2}
    with (tmp_path / "run" / "verdicts.csv").open(newline="") as file:
        items = list(csv.DictReader(file))
    assert [(i["example_id"], i["theirs"], i["ours"]) for i in items[:3]] == [
        (examples[0].id, "correct", "correct"),
        (examples[1].id, "correct", "wrong"),
        (examples[2].id, "wrong", "correct"),
    ]


def test_what_is_missing_is_left_out_and_said(data: Path, examples: list[Example], tmp_path: Path) -> None:
    rows = table(examples, True)
    first_of_each = [row for row, e in zip(rows, examples, strict=True) if e.id.endswith(("/0", "/1"))]
    stranger = {"id": "elsewhere", "output": "3"}
    imported = import_outputs(
        [lines(tmp_path / "a.jsonl", [*first_of_each, stranger])], data, tmp_path / "run"
    )
    assert [o.place for o in imported.matches.unmatched] == [f"{tmp_path / 'a.jsonl'}, row 5"]
    assert len(imported.unanswered) == 4
    (sample,) = gather([tmp_path / "run"]).datasets[0].samples
    assert sample.text.startswith("the first 2 questions") and sample.rows[0].label == "run"
    import_outputs([lines(tmp_path / "b.jsonl", rows[1:4])], data, tmp_path / "run")
    (sample,) = gather([tmp_path / "run"]).datasets[0].samples
    assert sample.rows[0].label == "run (partial: 3 of 4)" and list(sample.examples) == ["cycle_check"]
    assert sample.text == "3 questions of 1 task (3 in all)"


def test_runs_on_other_questions_are_no_rows_of_one_table(
    data: Path, examples: list[Example], tmp_path: Path
) -> None:
    rows = table(examples, True)
    import_outputs([lines(tmp_path / "a.jsonl", rows[1:3])], data, tmp_path / "a")
    import_outputs([lines(tmp_path / "b.jsonl", rows[2:4])], data, tmp_path / "b")
    assert len(gather([tmp_path / "a", tmp_path / "b"]).datasets[0].samples) == 2


def test_errors_refusals_and_cut_replies(tmp_path: Path) -> None:
    body = {"choices": [{"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}]}
    cut = {"choices": [{"message": {"content": "1"}, "finish_reason": "length"}]}
    rows: Rows = [
        {"custom_id": "a", "response": {"status_code": 200, "body": body}},
        {"custom_id": "b", "response": {"status_code": 200, "body": cut}},
        {"custom_id": "c", "response": {"status_code": 429, "body": {"error": {"message": "slow down"}}}},
        {"id": 1, "epoch": 1, "input": "Q?", "error": {"message": "broken"}},
    ]
    outputs = list(read_outputs([lines(tmp_path / "rows.jsonl", rows)], DEFAULT_NAMES))
    assert [o.finish_reason for o in outputs] == ["refusal", "length", "error", "error"]
    assert "slow down" in outputs[2].text and "broken" in outputs[3].text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no output answers an example"),
        ('{"id": "a", "text": "3"}\n', "row 1: its columns are id, text; a row needs an output"),
        ('{"id": "a", "output": "3"\n', "line 1: not JSON"),
        ("[1]\n", "row 1: a list; each row is an object"),
        ('{"doc": {}, "resps": [[1.5]], "arguments": [["Q", {}]]}\n', "row 1: not of the form of lm_eval"),
        ('{"id": "a", "output": "3", "finish_reason": "tired"}\n', "finish_reason is 'tired'"),
    ],
)
def test_files_that_cannot_be_used_are_refused(
    content: str, message: str, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text(content)
    with pytest.raises(InputError, match=message):
        import_outputs([tmp_path / "rows.jsonl"], data, tmp_path / "run")
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_tables_of_other_names(data: Path, examples: list[Example], tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["key", "said", "ok"])
        rows.writerows([e.id, e.answer, "maybe"] for e in examples)
    names = Names(id=("key",), output=("said",))
    imported = import_outputs([path], data, tmp_path / "run", names=names)
    assert imported.metrics["macro"]["accuracy"] == 1
    for field, message in (("ok", "--theirs ok is 'maybe'"), ("good", "its fields are key, said, ok")):
        with pytest.raises(InputError, match=message):
            import_outputs([path], data, tmp_path / "run", names=names, theirs=field)


def test_a_run_of_another_kind_is_not_replaced(data: Path, examples: list[Example], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("kind: prompt\n")
    with pytest.raises(InputError, match="kind 'prompt', not 'import'"):
        import_outputs([lines(tmp_path / "rows.jsonl", table(examples, True))], data, tmp_path / "run")


def test_the_command(
    data: Path,
    examples: list[Example],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [*table(examples, True)[:7], {"id": "x\x1b", "output": "3", "right": True}]
    words = [str(lines(tmp_path / "rows.jsonl", rows)), "--data", str(data), "--theirs", "right"]
    monkeypatch.setattr("sys.argv", ["graphtalk", "import-outputs", *words, "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as stop:
        graphtalk.main()
    printed = capsys.readouterr().out
    assert not stop.value.code and "7 outputs are answers" in printed and "1 outputs match no" in printed
    assert "row 8: 'x\\x1b'" in printed and "1 examples have no output" in printed
    assert "both right 2, both not right 3, false accepts 0, false rejects 2" in printed
