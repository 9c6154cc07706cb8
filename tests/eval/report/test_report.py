"""From run folders to the page: nothing dropped, nothing compared without an interval, nothing trusted that a
model wrote.
"""

import base64
import csv
import hashlib
import json
import re
import sys
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from markupsafe import escape

import graphtalk
from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.errors import InputError
from data_builders.example import Example, read_examples, read_lock
from eval.analysis.curves import by_size, size_bins
from eval.analysis.findings import findings
from eval.analysis.runs import gather
from eval.escape import visible
from eval.prediction import (
    OUTCOMES,
    Prediction,
    read_predictions,
    write_config,
    write_environment,
    write_predictions,
)
from eval.report.explorer import MAX_CHARACTERS, explorer_data
from eval.report.plots import MIN_QUESTIONS, draw_plots
from eval.report.write import write_report
from eval.scoring.run import score_run
from eval.statistics.intervals import proportion

TASKS = ["edge_existence", "cycle_check", "node_degree"]
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)></pre></details>\x00\u202e"
    "<style>*{display:none}</style>&amp; \"'"
)

Answer = Callable[[Example], str]


def gold(e: Example) -> str:
    return e.answer


def nonsense(e: Example) -> str:
    return "The graph is nice."


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "er"
    keys = {
        "tasks": ",".join(TASKS),
        "generators": "er",
        "train": 60,
        "validation": 0,
        "test": 60,
        "seed": 5,
        "workers": 1,
    }
    build(load_config(None, keys), out)
    return out


def make(
    run: Path, data: Path, answer: Answer, label: str | None = None, limit: int | None = None, **keys: Any
) -> Path:
    """A run that gives `answer` to everything it was asked."""
    config = {
        "label": label,
        "kind": "rule",
        "data": str(data),
        "dataset_fingerprint": read_lock(data)["fingerprint"],
        "split": "test",
    }
    write_config({**config, "tasks": TASKS, "limit": limit, **keys}, run)
    write_environment(run)
    examples = [e for task in keys.get("tasks", TASKS) for e in read_examples(data, task, "test")[:limit]]
    write_predictions([Prediction(e.id, answer(e)) for e in examples], run)
    return run


def command(
    *arguments: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command line, in this process."""
    monkeypatch.setattr(sys, "argv", ["graphtalk", *map(str, arguments)])
    code = 0
    try:
        graphtalk.main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, *capsys.readouterr()


def test_metrics_count_every_question_once(data: Path, tmp_path: Path) -> None:
    def mixed(e: Example) -> str:
        return e.answer if int(e.id.rsplit("/", 1)[1]) % 3 else "I cannot tell."

    run = make(tmp_path / "mixed", data, mixed, limit=30)
    metrics = score_run(run)
    assert metrics == json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["label"] == "mixed" and list(metrics["tasks"]) == TASKS
    for t in metrics["tasks"].values():
        assert (t["n"], t["correct"], sum(t["outcomes"].values()), t["outcomes"]["correct"]) == (
            30,
            20,
            30,
            20,
        )
        assert (t["low"], t["accuracy"], t["high"]) == ((e := proportion(20, 30)).low, e.value, e.high)
        assert set(t["floors"]) >= {"majority", "random", "rule", "trees_size"} and t["credit"] == t[
            "strict_accuracy"
        ] == pytest.approx(2 / 3)
    assert set(metrics["tasks"]["cycle_check"]) - set(metrics["tasks"]["node_degree"]) == {
        "balanced_accuracy"
    }
    assert (
        metrics["macro"]["n"] == 90
        and metrics["macro"]["low"] < metrics["macro"]["accuracy"] < metrics["macro"]["high"]
    )
    scores = pq.read_table(run / "scores.parquet").to_pylist()
    assert [s["example_id"] for s in scores] == [
        e.id for task in TASKS for e in read_examples(data, task, "test")[:30]
    ]
    assert not list(run.glob("*.part"))


def test_predictions_of_another_program_need_two_columns(data: Path, tmp_path: Path) -> None:
    run = make(tmp_path / "run", data, gold)
    whole = score_run(run)
    table = pq.read_table(run / "predictions.parquet")
    pq.write_table(table.select(["output", "example_id"]), run / "predictions.parquet")
    assert score_run(run) == whole
    gather([run])
    rows = table.to_pylist()
    for spoiled, message in (
        (
            [{"example_id": row["example_id"], "answer": row["output"]} for row in rows],
            "row 1 has no output; columns: example_id (string), ",
        ),
        ([*rows[:7], {**rows[7], "example_id": None}, *rows[8:]], "row 8 has no example_id"),
        ([{**row, "seconds": "long"} for row in rows], "cannot be read as predictions"),
        (
            [{**row, "confidence": 50} for row in rows],
            "row 1 has a confidence of 50.0; it is a probability, 0 to 1",
        ),
    ):
        pq.write_table(pa.Table.from_pylist(spoiled), run / "predictions.parquet")
        with pytest.raises(InputError, match=re.escape(message)):
            score_run(run)


def test_a_floor_is_what_a_run_of_the_same_answers_scores(data: Path, tmp_path: Path) -> None:
    common = {task: read_lock(data)["report"]["tasks"][task]["train"]["labels"] for task in TASKS}  # type: ignore[index]
    say = {"yes": "Yes.", "no": "No."}
    most = {task: say.get(next(iter(labels)), next(iter(labels))) for task, labels in common.items()}
    metrics = score_run(make(tmp_path / "majority", data, lambda e: most[e.task]))
    for t in metrics["tasks"].values():
        assert (
            t["accuracy"] == t["floors"]["majority"]
            and t["margin"] == t["accuracy"] - max(t["floors"].values()) <= 0
        )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda ps: ps[1:], "1 missing (first: edge_existence/er/adjacency/test/0)"),
        (lambda ps: [*ps, ps[2], ps[3]], "2 doubled (first: edge_existence/er/adjacency/test/2)"),
        (lambda ps: [*ps, Prediction("another/id", "Yes.")], "1 unknown (first: another/id)"),
        (
            lambda ps: [Prediction("another/id", "Yes."), *ps[1:]],
            "1 missing (first: edge_existence/er/adjacency/test/0), 1 unknown",
        ),
    ],
)
def test_predictions_that_do_not_match_are_refused_in_one_line(
    spoil: Callable[[list[Prediction]], list[Prediction]], message: str, data: Path, tmp_path: Path
) -> None:
    run = make(tmp_path / "run", data, gold)
    write_predictions(spoil(read_predictions(run)), run)
    with pytest.raises(InputError) as error:
        score_run(run)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (run / "metrics.json").exists() and not (run / "scores.parquet").exists()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"dataset_fingerprint": "0" * 64}, "fingerprint 000000000000.."),
        ({"data": "nowhere/at/all"}, "dataset nowhere/at/all is not there"),
        ({"tasks": ["nodecount"]}, "unknown task"),
        ({"tasks": []}, "no tasks"),
        ({"tasks": ["cycle_check", "cycle_check"]}, "each once"),
        ({"limit": 0}, "limit is 0"),
        ({"split": "dev"}, "no split 'dev'"),
        ({"dataset_fingerprint": None}, "no dataset_fingerprint"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(
    keys: dict[str, Any], message: str, data: Path, tmp_path: Path
) -> None:
    run = make(tmp_path / "run", data, gold)
    config = {
        "data": str(data),
        "dataset_fingerprint": read_lock(data)["fingerprint"],
        "split": "test",
        "tasks": TASKS,
        "limit": None,
    }
    write_config({**config, **keys}, run)
    with pytest.raises(InputError, match=r".*") as error:
        score_run(run)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_dataset_file_that_was_edited_is_noticed(data: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    run = make(tmp_path / "run", copy, gold)
    file = next((copy / "cycle_check").glob("test-*.parquet"))
    pq.write_table(pq.read_table(file).slice(0, 50), file)
    with pytest.raises(InputError, match=r"not the file that dataset\.lock was written for"):
        score_run(run)


def test_what_only_a_patient_reader_finds_is_said(data: Path, tmp_path: Path) -> None:
    def told(e: Example) -> str:
        return f"I think that the answer is {e.answer.strip(' .')}, as far as I can see from the edges."

    (dataset,) = gather([make(tmp_path / "told", data, told), make(tmp_path / "gold", data, gold)]).datasets
    sentences = {about: " ".join(texts) for about, texts in findings(dataset)}
    assert (
        "Read strictly, so that an answer must stand alone in its place, 0.0% instead of 100.0%."
        in sentences["told"]
    )
    assert "Read strictly" not in sentences["gold"]


def test_models_that_read_graphs_stand_against_those_that_read_text(data: Path, tmp_path: Path) -> None:
    make(tmp_path / "gin", data, gold, label="GIN", kind="graph_model")
    make(tmp_path / "t5", data, nonsense, label="T5", kind="finetune")
    text = " ".join(dict(findings(gather([tmp_path / "gin", tmp_path / "t5"]).datasets[0]))[""])
    assert "the best model that reads the graph itself (GIN, 100.0% [" in text
    assert "is above the best one that reads its text (T5, 0.0% [" in text
    make(tmp_path / "t5", data, gold, label="T5", kind="finetune")
    text = " ".join(dict(findings(gather([tmp_path / "gin", tmp_path / "t5"]).datasets[0])).get("", []))
    assert "is not above the best one that reads its text (T5, 100.0%" in text
    alone = dict(findings(gather([tmp_path / "gin"]).datasets[0])).get("", [])
    assert not any("reads the graph" in line for line in alone)


def test_mixed_versions_are_said_in_one_line(data: Path, tmp_path: Path) -> None:
    runs = [make(tmp_path / name, data, gold, limit=5) for name in ("one", "two", "three")]
    sentences = {about: " ".join(texts) for about, texts in findings(gather(runs).datasets[0])}
    assert "different versions" not in sentences[""]
    for run, version in zip(runs, ("5.20.0", "5.23.0", "5.23.0"), strict=True):
        (run / "environment.json").write_text(
            json.dumps({"versions": {"transformers": version, "graphtalk": "0.1.0"}}), encoding="utf-8"
        )
    sentences = {about: " ".join(texts) for about, texts in findings(gather(runs).datasets[0])}
    assert (
        "The runs were made with different versions: transformers 5.20.0 (one), 5.23.0 (three and two)."
        in sentences[""]
    )
    (runs[0] / "environment.json").write_text("{", encoding="utf-8")
    sentences = {about: " ".join(texts) for about, texts in findings(gather(runs).datasets[0])}
    assert "one/environment.json cannot be read" in sentences[""]


def test_a_moved_dataset_is_found_by_its_fingerprint(data: Path, tmp_path: Path) -> None:
    run = make(tmp_path / "run", data, gold)
    (run / "config.yaml").write_text(
        (run / "config.yaml").read_text(encoding="utf-8").replace(str(data), "gone/away")
    )
    assert gather([run], data=[data]).datasets[0].rows[0].label == "run"
    assert score_run(run, data)["macro"]["accuracy"] == 1.0


def test_runs_are_grouped_by_the_questions_they_answered(data: Path, tmp_path: Path) -> None:
    runs = [
        make(tmp_path / "gold", data, gold, "oracle"),
        make(tmp_path / "few", data, nonsense, "silent", limit=10),
        make(tmp_path / "few2", data, gold, "oracle on ten", limit=10),
        make(tmp_path / "one", data, gold, "one task", tasks=["cycle_check"]),
        make(tmp_path / "same", data, gold, "oracle"),
    ]
    (dataset,) = gather(runs).datasets
    assert [[row.label for row in sample.rows] for sample in dataset.samples] == [
        ["oracle (gold)", "oracle (same)"],
        ["one task"],
        ["oracle on ten", "silent"],
    ]
    for sample in dataset.samples:
        assert [row.label for row in sample.floors] == ["majority", "random", "shortcut", "trees"]
        assert all(
            row.cells[t].n == len(sample.examples[t])
            for row in sample.rows + sample.floors
            for t in sample.examples
        )
    sentences = {about: " ".join(texts) for about, texts in findings(dataset)}
    assert (
        "above silent; no clear difference from oracle (same) and oracle on ten; "
        "not compared (other tasks) with one task" in sentences["oracle (gold)"]
    )
    assert "Above the majority floor on 3 of 3 tasks" in sentences["oracle (gold)"]
    assert "No answer could be read from 100.0% of its outputs (30 unparsed of 30)" in sentences["silent"]
    assert "Above the majority floor on 0 of 3 tasks" in sentences["silent"]
    assert "On all 60 questions of each of 3 tasks (180 in all), no run" not in sentences[""]


def test_a_run_that_falls_short_is_told_so(data: Path, tmp_path: Path) -> None:
    weak = make(tmp_path / "weak", data, lambda e: "Yes." if e.answer_kind == "yes_no" else "1.")
    (dataset,) = gather([weak]).datasets
    sentences = {about: " ".join(texts) for about, texts in findings(dataset)}
    assert (
        "On none of the 3 tasks with a known shortcut does it show more than the shortcut would."
        in sentences["weak"]
    )
    assert "no run is above the shortcuts taken together" in sentences[""]
    assert (
        "With all 60 questions of each of 3 tasks (180 in all), a task's interval is up to" in sentences[""]
    )


class Page(HTMLParser):
    """Collects tags, and complains of one that is closed without being open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "line", "rect", "circle", "polyline", "polygon", "path", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "rect", "circle", "polyline", "polygon", "path"):
            assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def script_hash(page: str) -> str:
    script = page.rsplit("<script>", 1)[1].split("</script>")[0]
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def unpack(packed: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def test_hostile_text_stays_text(data: Path, tmp_path: Path) -> None:
    run = make(tmp_path / "run", data, lambda e: HOSTILE + e.answer, HOSTILE, limit=15, model=HOSTILE)
    out = tmp_path / "report"
    page = write_report(gather([run, tmp_path / f"no{HOSTILE[:8].replace('/', '')}"]), out).read_text(
        encoding="utf-8"
    )
    parser = Page()
    parser.feed(page)
    parser.close()
    assert not parser.open
    tags = [tag for tag, _ in parser.tags]
    assert "img" not in tags and tags.count("style") == 1
    scripts = [attributes for tag, attributes in parser.tags if tag == "script"]
    assert scripts.pop() == {} and all(
        set(a) == {"type", "id"} and a["type"] == "application/octet-stream" for a in scripts
    )
    assert f"script-src '{script_hash(page)}'" in page
    assert not [
        key
        for _, attributes in parser.tags
        for key in attributes
        if key.startswith("on") or key in ("src", "srcset")
    ]
    assert all((attributes.get("href") or "#").startswith("#") for _, attributes in parser.tags), (
        "a link leaves the page"
    )
    assert "\x00" not in page and "\u202e" not in page and "⟨U+202E⟩" in page
    assert page.count(escape(visible(HOSTILE))) >= 1 and "alert(1)</script>" not in page
    assert "url(http" not in page and "@import" not in page
    table = (out / "report.md").read_text(encoding="utf-8")
    assert "<" not in table and "\x00" not in table
    assert {
        line.count(" | ") for line in table.splitlines() if line.startswith("| ") and "n per task" not in line
    } == {len(TASKS) + 4}


def test_the_page_shows_outcomes_floors_and_examples(data: Path, tmp_path: Path) -> None:
    runs = [make(tmp_path / "gold", data, gold), make(tmp_path / "silent", data, nonsense, limit=20)]
    page = write_report(gather(runs), tmp_path / "report").read_text(encoding="utf-8")
    for text in (
        "majority of train",
        "shortcut rules",
        "What this shows",
        "95% interval",
        "unparsed 100.0",
        "numbering of their nodes",
        *OUTCOMES,
    ):
        assert text in page
    parser = Page()
    parser.feed(page)
    assert not parser.open
    assert page == write_report(gather(runs), tmp_path / "again").read_text(encoding="utf-8")


def test_the_explorer_holds_every_answer(data: Path, tmp_path: Path) -> None:
    def at_length(e: Example) -> str:
        return "so " * MAX_CHARACTERS + e.answer

    report = gather([make(tmp_path / "gold", data, gold), make(tmp_path / "long", data, at_length, limit=2)])
    packed_index, packed_blocks, _ = explorer_data(report)
    index, blocks = unpack(packed_index), map(unpack, packed_blocks)
    questions = [question for block in blocks for question in block]
    examples = {e.id: e for task in TASKS for e in read_examples(data, task, "test")}
    assert {q[0] for q in questions} == set(examples) and len(questions) == len(examples) == len(
        index["blocks"]
    )
    assert index["codes"][0] == "0" * len(examples) and sorted(index["codes"][1]) == ["."] * 174 + ["0"] * 6
    for i, (name, question, answer, graph, query, _, _, (first, second)) in enumerate(questions):
        e = examples[name]
        assert (question, answer, query) == (e.question, e.answer.strip(), e.query) and graph[
            "edges"
        ] == json.loads(e.graph)["edges"]
        assert (
            index["words"]["task"][index["columns"]["task"][i]] == e.task
            and index["columns"]["nodes"][i] == e.num_nodes
        )
        assert first[0] == e.answer and first[2].endswith("right.")
        assert second is None or (second[0].endswith(f"so {e.answer}") and " more characters)…" in second[0])
    assert [q[0].split("/", 1)[1] for q in questions[: len(TASKS)]] == ["er/adjacency/test/0"] * len(
        TASKS
    )  # a graph's questions together


def test_csv_holds_every_number(data: Path, tmp_path: Path) -> None:
    write_report(
        gather([make(tmp_path / "gold", data, gold), make(tmp_path / "silent", data, nonsense)]),
        tmp_path / "report",
    )
    with (tmp_path / "report" / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(r["row"], r["task"]) for r in rows} == {
        (row, t)
        for row in ("gold", "silent", "majority", "random", "shortcut", "trees")
        for t in [*TASKS, "macro"]
    }
    for r in rows:
        assert 0 <= float(r["low"]) <= float(r["accuracy"]) <= float(r["high"]) <= 1
        if r["kind"] != "floor":
            assert 0 <= float(r["strict"]) <= float(r["accuracy"]) and (r["balanced"] == "") is (
                r["task"] in ("node_degree", "macro")
            )
            assert sum(int(r[outcome]) for outcome in OUTCOMES) == int(r["n"])


def test_the_commands(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [
        make(tmp_path / "runs" / "gold", data, gold),
        make(tmp_path / "runs" / "[red]silent", data, nonsense),
    ]
    (tmp_path / "runs" / "unfinished").mkdir()

    def graphtalk_(*arguments: object) -> tuple[int, str, str]:
        return command(*arguments, capsys=capsys, monkeypatch=monkeypatch)

    code, out, _ = graphtalk_("score", *runs)
    assert code == 0 and "[red]silent" in out and "majority of train" in out and "100.0" in out
    code, out, err = graphtalk_("score", tmp_path / "runs" / "unfinished")
    assert (code, out) == (2, "") and err.count("\n") == 1 and "not a run folder" in err
    code, out, _ = graphtalk_("report", *sorted((tmp_path / "runs").iterdir()), "--out", tmp_path / "report")
    assert code == 0 and "left out" in out and (tmp_path / "report" / "report.html").is_file()
    assert "Not in this report" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    code, _, err = graphtalk_("report", tmp_path / "runs" / "unfinished", "--out", tmp_path / "none")
    assert code == 2 and err.count("\n") == 1 and not (tmp_path / "none").exists()
    code, _, err = graphtalk_("report", *runs, "--data", tmp_path)
    assert code == 2 and "not a dataset folder" in err


def test_without_a_train_split_the_report_says_so(tmp_path: Path) -> None:
    build(
        load_config(None, {"tasks": "edge_count", "train": 0, "validation": 0, "test": 10, "workers": 1}),
        tmp_path / "d",
    )
    run = make(tmp_path / "run", tmp_path / "d", gold, tasks=["edge_count"])
    page = write_report(gather([run]), tmp_path / "report").read_text(encoding="utf-8")
    assert "no train split, so there is no majority floor" in page


@pytest.mark.parametrize("sizes", [[5, 19], [7], [1, 2, 3], [3, 1000], [100, 101, 160], [0, 6]])
def test_bins_hold_every_size(sizes: list[int]) -> None:
    bins = size_bins(sizes)
    assert bins.count <= 6 and all(0 <= bins.index(n) < bins.count for n in sizes)


def test_two_datasets_of_one_name_are_told_apart(tmp_path: Path) -> None:
    runs = []
    for folder, seed in (("a/same", 1), ("b/same", 2), ("b/other", 3)):
        keys = {"name": "er", "tasks": "edge_count", "train": 3, "validation": 0, "test": 3}
        build(load_config(None, {**keys, "seed": seed, "workers": 1}), tmp_path / folder)
        runs.append(make(tmp_path / "runs" / str(seed), tmp_path / folder, gold, tasks=["edge_count"]))
    names = [dataset.name for dataset in gather(runs).datasets]
    assert len(set(names)) == 3 and names[2] == "er (other)"
    assert all(name.startswith("er (same) (") for name in names[:2])
    (alone,) = gather(runs[:1]).datasets
    assert alone.name == "er"


def test_points_of_few_questions_are_not_joined(data: Path, tmp_path: Path) -> None:
    (dataset,) = gather([make(tmp_path / "gold", data, gold)]).datasets
    panels = draw_plots(dataset)["size"].panels
    for task, panel in zip(TASKS, panels, strict=True):
        points = by_size(dataset)[TASKS.index(task)].runs[0][1]
        joined = sum(len(line.get("points", "").split()) for line in panel.svg.iter("polyline"))
        enough = [tick for tick, e in points.items() if e.n >= MIN_QUESTIONS]
        assert 0 < len(enough) < len(points)  # The fixture has both kinds of points.
        lines = 1 + len(dataset.samples[0].floors)
        assert joined <= len(enough) * lines
