"""The study runner: what it runs, what it does not run again, and the page that it writes."""

from pathlib import Path

import pytest
import yaml

from data_builders.errors import InputError
from data_builders.files import read_yaml
from studies import reproduce
from studies.reproduce import FOLDER, is_done, read_study, runs

pytestmark = pytest.mark.torch

STUDY = """
about: Small.
paper: Not ours.
tasks: [cycle_check, node_degree]
datasets:
  er: {tasks: "cycle_check,node_degree", generators: er, train: 12, validation: 4, test: 6}
commands:
  fit: {dataset: "{dataset}", output_dir: "{run}", seed: "{seed}", tasks: "{tasks}", steps: 2}
rows:
  - {label: GIN, command: fit, dataset: er, flags: {model: gin, width: 8}, each_task: true, seeds: [0, 1],
     tasks: [cycle_check]}
  - {label: broken, command: fit, dataset: er, flags: {model: gin, width: many}}
"""


def test_a_study_becomes_a_page_and_is_not_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.yaml").write_text(STUDY)
    (tmp_path / "paper.yaml").write_bytes((FOLDER / "paper.yaml").read_bytes())
    monkeypatch.setattr(reproduce, "FOLDER", tmp_path)
    page = tmp_path / "results.md"
    words = [
        "reproduce",
        "--size",
        "tiny",
        "--out",
        str(tmp_path / "out"),
        "--page",
        str(page),
        "--jobs",
        "1",
    ]
    monkeypatch.setattr("sys.argv", words)
    reproduce.main()
    printed = capsys.readouterr().out
    assert printed.count("done") == 2 and "FAILED" in printed and "--width: input should be" in printed
    text = page.read_text()
    line = next(line for line in text.splitlines() if line.startswith("| GIN |"))
    assert line.endswith("| 2 | 6 |") and "[" in line and "<br>" in line
    assert "Not run yet: broken." in text and "| *majority, er* |" in text
    assert "| GraphToken | 96.4" not in text and "| GraphToken | 95.6 | 96.2 |" in text
    study, rows = read_study(tmp_path / "tiny.yaml")
    assert [is_done(run) for run in runs(rows[0], study, tmp_path / "out")] == [True] * 2
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("metrics.json")}
    reproduce.main()
    assert capsys.readouterr().out.count("done") == 0
    assert page.read_text() == text
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_an_unknown_key_or_dataset_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    for old, new, word in (
        ("dataset: er,", "dataset: re,", "unknown dataset 're'; choose from er"),
        ("seeds:", "sedes:", "row 'GIN'.*'sedes'"),
    ):
        path.write_text(STUDY.replace(old, new))
        with pytest.raises(InputError, match=word):
            read_study(path)


@pytest.mark.parametrize("size", ["small", "gpu"])
def test_the_studies_that_come_along_can_be_read(size: str, tmp_path: Path) -> None:
    study, rows = read_study(FOLDER / f"{size}.yaml")
    names = [run.folder.name for row in rows for run in runs(row, study, tmp_path)]
    assert len(names) == len(set(names)) > 0


TINY = {
    "fit": {"steps": 2, "evaluate_every": 2, "limit": 2},
    "finetune": {"num_train_epochs": 1, "limit": 2, "generation_max_length": 4},
    "prompt": {"limit": 1, "max-new-tokens": 2},
}


@pytest.mark.slow
def test_every_command_of_the_small_study_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The study as it is, with a dozen graphs and two steps: no row has a key that its command lacks."""
    study = read_yaml(FOLDER / "small.yaml")
    for keys in study["datasets"].values():
        keys |= {key: min(keys[key], most) for key, most in (("train", 24), ("validation", 4), ("test", 4))}
    for row in study["rows"]:
        row["flags"] |= TINY[row["command"]]
        row["seeds"] = [0]
        if row.get("each_task"):
            row["tasks"] = row["tasks"][-1:]
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    (tmp_path / "paper.yaml").write_bytes((FOLDER / "paper.yaml").read_bytes())
    monkeypatch.setattr(reproduce, "FOLDER", tmp_path)
    page = tmp_path / "results.md"
    monkeypatch.setattr("sys.argv", ["reproduce", "--out", str(tmp_path / "out"), "--page", str(page)])
    reproduce.main()
    assert "FAILED" not in capsys.readouterr().out
    text = page.read_text()
    assert "Not run yet" not in text
    first, _, others = text.partition("## The same models on other tests")
    for row in study["rows"]:
        assert f"| {row['label']} | " in first
        assert (f"| {row['label']} | " in others) == (row["command"] != "prompt")
    for name in study["other_tests"]:
        assert f"### {name}" in others and f"| *majority, {name}* |" in others
