"""`graphtalk compare`: two runs, question by question."""

import json
from pathlib import Path

import pytest

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.errors import InputError
from data_builders.example import Example
from eval.analysis.comparisons import compare
from eval.statistics.paired import holm, paired
from tests.eval.report.test_report import TASKS, command, data, gold, make, nonsense

__all__ = ["data"]  # a fixture


def often(e: Example) -> str:
    return e.answer if int(e.id.rsplit("/", 1)[1]) % 4 else "I cannot tell."


def test_two_runs_are_paired_by_question(data: Path, tmp_path: Path) -> None:
    comparison = compare(make(tmp_path / "gold", data, gold), make(tmp_path / "often", data, often))
    assert (comparison.a, comparison.b, comparison.only_one) == ("gold", "often", 0) and list(
        comparison.tasks
    ) == TASKS
    for pair in [*comparison.tasks.values(), comparison.together]:
        assert pair.both + pair.only_a == pair.n and pair.only_b == pair.neither == 0
        assert (
            pair.difference == pytest.approx(0.25)
            and 0.1 < pair.low < 0.25 < pair.high < 0.4
            and 0.1 < pair.mde < 0.25
        )
    assert comparison.together.n == 180 and len({pair.n for pair in comparison.tasks.values()}) == 1
    same = paired([True] * 60, [bool(i % 4) for i in range(60)], [str(i) for i in range(60)])
    assert comparison.tasks["cycle_check"] == same
    assert list(comparison.holm.values()) == holm([same.p] * 3)
    # a graph is missed for all three tasks or for none: no more evidence than one task brings
    assert comparison.together.p == pytest.approx(same.p)


def test_only_shared_questions_are_compared(data: Path, tmp_path: Path) -> None:
    comparison = compare(
        make(tmp_path / "gold", data, gold),
        make(tmp_path / "few", data, gold, limit=10, tasks=["cycle_check"]),
    )
    assert (
        list(comparison.tasks) == ["cycle_check"]
        and comparison.tasks["cycle_check"].n == 10
        and comparison.only_one == 170
    )
    assert (
        comparison.tasks["cycle_check"].p == 1.0
        and comparison.tasks["cycle_check"].low < 0 < comparison.tasks["cycle_check"].high
    )


def test_what_cannot_be_compared_is_said_in_one_line(data: Path, tmp_path: Path) -> None:
    build(
        load_config(None, {"tasks": "cycle_check", "train": 5, "validation": 0, "test": 9, "workers": 1}),
        tmp_path / "other",
    )
    one = make(tmp_path / "one", data, gold, tasks=["cycle_check"])
    cases = [
        (
            make(tmp_path / "elsewhere", tmp_path / "other", gold, tasks=["cycle_check"]),
            "answered different questions",
        ),
        (make(tmp_path / "degree", data, gold, tasks=["node_degree"]), "share no question"),
        (one, "is both runs"),
        (tmp_path / "nowhere", "not a run folder"),
    ]
    for other, message in cases:
        with pytest.raises(InputError) as error:
            compare(one, other)
        assert message in str(error.value) and "\n" not in str(error.value)


def test_the_command_prints_a_table_or_json(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [make(tmp_path / "gold", data, gold), make(tmp_path / "[red]silent", data, nonsense)]
    code, out, _ = command("compare", *runs, capsys=capsys, monkeypatch=monkeypatch)
    assert (
        code == 0
        and "[red]silent" in out
        and "+100.0 [" in out
        and "<0.001" in out
        and "all questions" in out
    )
    code, out, _ = command("compare", *runs[::-1], "--json", capsys=capsys, monkeypatch=monkeypatch)
    comparison = json.loads(out)
    assert (
        code == 0
        and comparison["a"] == "[red]silent"
        and comparison["tasks"]["cycle_check"]["difference"] == -1.0
    )
    assert set(comparison["tasks"]["cycle_check"]) >= {
        "n",
        "both",
        "only_a",
        "only_b",
        "neither",
        "low",
        "high",
        "p",
        "p_holm",
        "mde",
    }
    code, _, err = command("compare", runs[0], tmp_path / "none", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2 and err.count("\n") == 1


def test_few_questions_are_said_to_be_too_few(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [make(tmp_path / name, data, answer, limit=4) for name, answer in (("a", gold), ("b", nonsense))]
    _, out, _ = command("compare", *runs, capsys=capsys, monkeypatch=monkeypatch)
    assert out.count("too few questions") == len(TASKS) + 1  # and all together, on the same four graphs
    _, out, _ = command("compare", *runs, "--json", capsys=capsys, monkeypatch=monkeypatch)
    comparison = json.loads(out)
    assert all(task["mde"] is None for task in comparison["tasks"].values())
