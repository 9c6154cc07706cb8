"""The evaluator against cases that a careful reader decided: ours, and any that the environment names; and
others against them.
"""

import json
from pathlib import Path

import pytest

from data_builders.errors import InputError
from data_builders.tasks import GRAPHQA, TASKS
from eval.prediction import OUTCOMES
from eval.scoring.conformance import conformance, read_cases, substring, total
from eval.scoring.scorer import score
from tests.eval.report.test_report import command
from tests.helpers.scorer_cases import NAMED, OWN, SHARED, cases


@pytest.mark.parametrize("path", [OWN, SHARED, NAMED], ids=["own", "shared", "named"])
def test_every_case_is_judged_as_a_careful_reader_does(path: Path, tmp_path: Path) -> None:
    if not path.is_file():
        pytest.skip(f"no cases: {path} is not there")
    built = [json.dumps(case) for case in cases(path) if case["task"] in TASKS]
    skipped = sorted({case["task"] for case in cases(path)} - set(TASKS))
    print(
        f"{len(built)} of {len(cases(path))} cases; tasks that are not built: {', '.join(skipped) or 'none'}"
    )
    (tmp_path / "known.jsonl").write_text("\n".join(built), encoding="utf-8")
    faults = total(conformance(score, read_cases(tmp_path / "known.jsonl"))).faults
    assert not faults, f"{len(faults)} of {len(built)}:\n" + "\n".join(faults)


def test_the_suite_has_cases_of_every_outcome() -> None:
    suite = read_cases()
    assert len(suite) >= 600 and len({case.example.id for case in suite}) == len(suite)
    assert {case.outcome for case in suite} == set(OUTCOMES)


def test_rates_of_a_scorer_by_hand() -> None:
    suite = read_cases()
    everything = total(conformance(lambda example, prediction: True, suite))
    nothing = total(conformance(lambda example, prediction: "wrong", suite))
    assert (everything.accepts, everything.rejects, everything.others) == (everything.wrong, 0, 0)
    assert (nothing.accepts, nothing.rejects) == (0, nothing.right) and 0 < nothing.others < nothing.wrong
    assert len(nothing.faults) == nothing.rejects + nothing.others


def test_a_substring_scorer_is_as_wrong_as_the_page_says() -> None:
    tally = total(conformance(substring, [case for case in read_cases() if case.example.task in GRAPHQA]))
    page = (Path(__file__).parents[3] / "docs" / "scoring.md").read_text(encoding="utf-8")
    assert f"{tally.accepts} of {tally.wrong}" in page and f"{tally.rejects} of {tally.right}" in page
    assert (
        f"{100 * tally.accepts / tally.wrong:.0f}%" in page
        and f"{100 * tally.rejects / tally.right:.0f}%" in page
    )


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_scorer.py").write_text(
        "def judge(example, prediction):\n    return len(prediction.output) % 2\n", encoding="utf-8"
    )

    def run(*arguments: object) -> tuple[int, str, str]:
        return command("conformance", *arguments, capsys=capsys, monkeypatch=monkeypatch)

    code, out, _ = run()
    assert code == 0 and "0.0% (0 of " in out and all(task.replace("_", " ") in out for task in TASKS)
    code, out, _ = run("--scorer", "my_scorer:judge", "--faults")
    assert code == 1 and "my_scorer:judge against" in out and "right, not unparsed" in out
    (tmp_path / "few.jsonl").write_text(json.dumps(cases(OWN)[0]) + "\n", encoding="utf-8")
    code, out, _ = run("--cases", "few.jsonl", "--scorer", "eval.scoring.conformance:substring")
    assert code == 0 and "against 1 cases" in out
    for arguments, message in [
        (("--scorer", "nowhere:judge"), "No module named"),
        (("--scorer", "my_scorer:jugde"), "give module:function"),
        (("--scorer", "json:__name__"), "is a str"),
        (("--cases", "none.jsonl"), "no such file"),
    ]:
        code, _, err = run(*arguments)
        assert code == 2 and message in err and err.count("\n") == 1
    (tmp_path / "few.jsonl").write_text('{"case": "x"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"few\.jsonl, line 1: not a case"):
        read_cases(tmp_path / "few.jsonl")
