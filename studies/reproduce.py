"""The paper's table with our numbers: `make reproduce`, or `python -m studies.reproduce --size small`.

A study is a YAML file: datasets, and rows, of which each is a command of graphtalk with its flags, run for
each seed and, where models are for one task each, for each task. Every run is a process of its own and is
skipped where it has already been finished with the same words; one that was killed continues as its command
does. The page is written from the run folders alone, so `--write` writes it from the runs that are there.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from data_builders.errors import InputError
from data_builders.example import read_examples
from data_builders.files import read_yaml, write_text
from eval.analysis.findings import percent
from eval.statistics.intervals import Estimate, accuracy

FOLDER = Path(__file__).parent
DONE = "study.json"  # in a run folder: the words that made it
LOSS = 0.1  # of accuracy, from the standard test to another, that is worth a word

LEGEND = """\
Percent right on held-out graphs that are isomorphic to no training graph [95% interval over the questions,
which knows which of them share a graph]; with several seeds their mean, and below it the lowest and the
highest seed. n: questions a task. Seconds: processor time of one training."""


@dataclass(frozen=True)
class Row:
    """One line of the table, and the runs that it is made of.

    label: its name on the page. command: a command of graphtalk. dataset: a name of the study's datasets.
    flags: the command's, {dataset}, {run} and {seed} being filled in. tasks: those of its columns.
    each_task: a model for each task, and not one for all. seeds: of its runs. about: what a reader should
    know, on the page.
    """

    label: str
    command: str
    dataset: str
    flags: dict[str, Any]
    tasks: tuple[str, ...]
    each_task: bool = False
    seeds: tuple[int, ...] = (0,)
    about: str = ""


@dataclass(frozen=True)
class Run:
    """One command, and the folder of its results."""

    folder: Path
    words: tuple[str, ...]
    tasks: tuple[str, ...]


def runs(row: Row, study: dict[str, Any], out: Path) -> Iterator[Run]:
    """The runs of a row: seeds by tasks."""
    for seed in row.seeds:
        for tasks in [(task,) for task in row.tasks] if row.each_task else [row.tasks]:
            name = "_".join([row.label.replace(" ", "_"), *(tasks if row.each_task else ()), str(seed)])
            folder = out / "runs" / name
            places = {"dataset": out / "data" / row.dataset, "run": folder, "seed": seed, "out": out}
            places["tasks"] = ",".join(tasks)
            flags = study["commands"][row.command] | row.flags
            yield Run(folder, words(row.command, flags, places), tasks)


def again(run: Run, name: str, row: Row, study: dict[str, Any], out: Path) -> Run | None:
    """The run in which a trained model answers the test of another dataset, without training; None where it
    knows none of that dataset's tasks, or where nothing was trained.
    """
    tasks = tuple(task for task in run.tasks if task in study["datasets"][name]["tasks"].split(","))
    if row.command not in study["again"] or not tasks:
        return None
    folder = run.folder.with_name(f"{run.folder.name}_on_{name}")
    places = {"dataset": out / "data" / name, "run": folder, "tasks": ",".join(tasks)}
    places["checkpoint"] = run.folder / "checkpoint"
    return Run(folder, words(row.command, study["again"][row.command], places), tasks)


def words(command: str, flags: dict[str, Any], places: dict[str, Any]) -> tuple[str, ...]:
    """A command line, with what stands for the braces of its flags."""
    parts = [command]
    for key, value in flags.items():
        parts += [f"--{key}"] if value is True else [f"--{key}", str(value).format(**places)]
    return tuple(parts)


def read_study(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """The file as it is, and its rows."""
    study = read_yaml(path)
    rows = []
    for given in study["rows"]:
        given = {"tasks": study["tasks"], **given}
        try:
            row = Row(**{**given, "tasks": tuple(given["tasks"]), "seeds": tuple(given.get("seeds", (0,)))})
        except TypeError as error:
            raise InputError(f"{path}: row {given.get('label')!r}: {error}") from None
        if row.dataset not in study["datasets"]:
            raise InputError(
                f"{path}: row {row.label!r}: unknown dataset {row.dataset!r}; "
                f"choose from {', '.join(study['datasets'])}"
            )
        rows.append(row)
    return study, rows


def graphtalk(words: Sequence[str], log: Path) -> bool:
    """Run a command with one thread, its output in a file; whether it went well."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(
            [sys.executable, "-m", "graphtalk", *words],
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
            stdout=file, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    return done.returncode == 0


def is_done(run: Run) -> bool:
    """Whether the folder holds this run, scored, made with the same words."""
    path = run.folder / DONE
    return path.is_file() and json.loads(path.read_text(encoding="utf-8")) == list(run.words)


def carry_out(run: Run) -> bool:
    """Make a run, unless it is there; say how it went, and return whether it is there now."""
    if is_done(run):
        return True
    log = run.folder.parent.parent / "logs" / f"{run.folder.name}.log"
    if graphtalk(run.words, log):
        write_text(run.folder / DONE, json.dumps(list(run.words), indent=1) + "\n")
        print(f"done    {run.folder}", flush=True)
        return True
    last = log.read_text(encoding="utf-8").strip().splitlines()[-1:]
    print(f"FAILED  {run.folder}: {' '.join(last)}; see {log}", flush=True)
    return False


def carry_out_all(run: Run, row: Row, study: dict[str, Any], out: Path) -> None:
    """A run, and after it those in which its model answers other datasets."""
    if carry_out(run):
        for name in study.get("other_tests", {}):
            if answered := again(run, name, row, study, out):
                carry_out(answered)


def make_datasets(study: dict[str, Any], names: Sequence[str], out: Path) -> None:
    """Build the datasets that are not there yet."""
    for name in names:
        keys = study["datasets"][name]
        words = ["build", *(word for key, value in keys.items() for word in (f"--{key}", str(value)))]
        log = out / "logs" / f"data_{name}.log"
        if not graphtalk([*words, "--name", name, "--out", str(out / "data" / name)], log):
            raise InputError(f"dataset {name} could not be built; see {log}")


def prepare(study: dict[str, Any], commands: set[str], out: Path) -> None:
    """What a command needs beforehand, such as a model's folder; each leaves alone what is there."""
    for command in sorted(commands & set(study.get("before", {}))):
        log = out / "logs" / f"before_{command}.log"
        if not graphtalk(study["before"][command].format(out=out).split(), log):
            raise InputError(f"{command} could not be prepared; see {log}")


def cell(finished: Sequence[Run], task: str, data: Path) -> tuple[Estimate, list[float]] | None:
    """Accuracy on a task over the finished runs with an interval over its questions, and that of each run."""
    right: list[bool] = []
    graphs: list[str] = []
    each = []
    examples = {e.id: e for e in read_examples(data, task, "test")}
    for run in finished:
        if task not in run.tasks:
            continue
        columns = ["example_id", "outcome"]
        scores = pq.read_table(run.folder / "scores.parquet", columns=columns).to_pylist()
        scores = [s for s in scores if s["example_id"] in examples]
        correct = [s["outcome"] == "correct" for s in scores]
        right += correct
        graphs += [examples[s["example_id"]].graph_id for s in scores]
        each.append(sum(correct) / len(correct))
    return (accuracy(right, graphs), each) if each else None


def read_facts(run: Path, name: str) -> dict[str, Any]:
    path = run / name
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def cells(finished: Sequence[Run], tasks: Sequence[str], data: Path) -> tuple[list[str], str]:
    """The cells of some tasks, and how many questions a task had."""
    texts, counts = [], set()
    for task in tasks:
        result = cell(finished, task, data) if any(task in run.tasks for run in finished) else None
        texts.append("")
        if result:
            estimate, each = result
            counts.add(estimate.n // len(each))
            texts[-1] = f"{percent(estimate.value)} [{percent(estimate.low)}, {percent(estimate.high)}]"
            if len(each) > 1:
                texts[-1] += f"<br>{percent(min(each))} to {percent(max(each))}"
    return texts, "/".join(map(str, sorted(counts)))


def line(row: Row, study: dict[str, Any], out: Path) -> list[str] | None:
    """The cells of a row as the page has them; None where no run of it is finished."""
    finished = [run for run in runs(row, study, out) if is_done(run)]
    if not finished:
        return None
    facts = [
        {**read_facts(r.folder, "launch.json"), **read_facts(r.folder, "training.json")} for r in finished
    ]
    size = max((f.get("parameters", 0) for f in facts), default=0)
    seconds = [f["processor_seconds"] for f in facts if "processor_seconds" in f]
    spent = f"{sum(seconds) / len(seconds):.0f}" if seconds else ""
    seeds = len({run.folder.name.rpartition("_")[2] for run in finished})
    texts, n = cells(finished, study["tasks"], out / "data" / row.dataset)
    return [row.label, *texts, f"{size:,}" if size else "", spent, str(seeds), n]


def other_test(name: str, about: str, rows: Sequence[Row], study: dict[str, Any], out: Path) -> str:
    """The table of a dataset that trained models answer without having trained on it, what it is, and which
    of them lose there what they seemed to know; empty where none has answered it.
    """
    tasks = [task for task in study["tasks"] if task in study["datasets"][name]["tasks"].split(",")]
    lines: list[list[str]] = []
    losses: list[str] = []
    answered: list[Run] = []
    for row in rows:
        trained = [run for run in runs(row, study, out) if is_done(run)]
        finished = [r for run in trained if (r := again(run, name, row, study, out)) and is_done(r)]
        if not finished:
            continue
        answered += finished
        texts, n = cells(finished, tasks, out / "data" / name)
        lines.append([row.label, *texts, n])
        for task in tasks:
            here = cell(finished, task, out / "data" / name)
            there = cell(trained, task, out / "data" / row.dataset)
            if here and there and here[0].high < there[0].low - LOSS:
                values = f"{percent(there[0].value)} to {percent(here[0].value)}"
                losses.append(f"{row.label} on {task.replace('_', ' ')} ({values})")
    if not lines:
        return ""
    floors = floor_lines(name, answered, tasks)
    loss = f"Lost there by more than {100 * LOSS:.0f} points: {'; '.join(losses) or 'nothing'}."
    head = ["row", *(task.replace("_", " ") for task in tasks), "n"]
    return "\n\n".join([f"### {name}", about.strip(), table(head, [*lines, *floors]), loss])


FLOORS = {
    "majority": ("majority",),
    "shortcut rule": ("rule",),
    "boosted trees on counts": ("trees_two_hop", "trees_degree", "trees_size"),
}
"""Line of the table -> the floors of a run's metrics that it takes: the highest."""


def floor_lines(dataset: str, answered: Sequence[Run], tasks: Sequence[str]) -> list[list[str]]:
    """The floors on a dataset's questions, as the finished runs on it have them in their metrics."""
    known: dict[str, dict[str, float]] = {}
    for run in answered:
        if is_done(run):
            for task, metrics in read_facts(run.folder, "metrics.json")["tasks"].items():
                if metrics["n"] >= known.get(task, {}).get("n", 0):
                    known[task] = {**metrics["floors"], "n": metrics["n"]}
    lines = []
    for label, floors in FLOORS.items():
        texts = []
        for task in tasks:
            values = [known[task][floor] for floor in floors if floor in known.get(task, {})]
            texts.append(percent(max(values)) if values else "")
        if any(texts):
            most = max(int(floors["n"]) for floors in known.values())
            lines.append([f"*{label}, {dataset}*", *texts, str(most)])
    return lines


def curve(row: Row, study: dict[str, Any], out: Path) -> str:
    """Validation accuracy by step of the first finished run that learned several tasks; empty without one."""
    for run in runs(row, study, out):
        path = run.folder / "log.json"
        if is_done(run) and path.is_file() and len(run.tasks) > 1:
            log = json.loads(path.read_text(encoding="utf-8"))
            thin = log[:: max(1, len(log) // 8)]
            thin += [log[-1]] if thin[-1] is not log[-1] else []
            names = ["loss", *run.tasks]
            lines = [
                [str(point["step"]), f"{point['loss']:.3f}", *(percent(point[task]) for task in run.tasks)]
                for point in thin
            ]
            head = ["step", *(name.replace("_", " ") for name in names)]
            return f"**{row.label}**, percent right on validation:\n\n{table(head, lines)}"
    return ""


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---", *["---:"] * (len(head) - 1)], *lines]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def page(study: dict[str, Any], rows: Sequence[Row], out: Path, size: str) -> str:
    """docs/results.md."""
    names = [task.replace("_", " ") for task in study["tasks"]]
    ours, about, missing = [], [], []
    for row in rows:
        found = line(row, study, out)
        if found is None:
            missing.append(row.label)
        else:
            ours.append(found)
            about += [f"- **{row.label}.** {row.about}"] if row.about else []
    paper = [
        [label, *(f"{values[t]}" if t in values else "" for t in study["tasks"])]
        for label, values in read_yaml(FOLDER / "paper.yaml").items()
    ]
    floors = []
    for name in study["datasets"]:
        answered = [run for row in rows if row.dataset == name for run in runs(row, study, out)]
        for *texts, n in floor_lines(name, answered, study["tasks"]):
            floors.append([*texts, "", "", "", n])
    parts = [
        "# Can a transformer stand in for a graph neural network?",
        f"Written by `make reproduce SIZE={size}` from the run folders; never by hand. "
        + study["about"].strip(),
        "## Ours",
        LEGEND,
        table(["row", *names, "parameters", "seconds", "seeds", "n"], [*ours, *floors]),
        "\n".join(about),
    ]
    tests = [
        text
        for name, note in study.get("other_tests", {}).items()
        if (text := other_test(name, note, rows, study, out))
    ]
    parts += ["## The same models on other tests", *tests] if tests else []
    curves = [text for row in rows if (text := curve(row, study, out))]
    parts += ["## Learning curves", *curves] if curves else []
    if missing:
        parts.insert(6, f"Not run yet: {'; '.join(missing)}.")
    parts += [
        "## As reported",
        study["paper"].strip(),
        table(["row", *names], paper),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size", default="small", help="small (two cores) or gpu: a YAML file of this folder"
    )
    parser.add_argument("--out", type=Path, help="folder of datasets and runs; default: runs/reproduce_SIZE")
    parser.add_argument("--page", type=Path, default=Path("docs/results.md"))
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--rows", help="only the rows whose label begins so")
    parser.add_argument("--write", action="store_true", help="only write the page from the finished runs")
    given = parser.parse_args()
    out = given.out or Path("runs") / f"reproduce_{given.size}"
    try:
        study, rows = read_study(FOLDER / f"{given.size}.yaml")
        chosen = [row for row in rows if row.label.startswith(given.rows or "")]
        if not given.write:
            trained = [row.dataset for row in chosen]
            make_datasets(study, list(dict.fromkeys([*trained, *study.get("other_tests", {})])), out)
            prepare(study, {row.command for row in chosen}, out)
            with ThreadPoolExecutor(given.jobs) as pool:
                for done in [
                    pool.submit(carry_out_all, run, row, study, out)
                    for row in chosen
                    for run in runs(row, study, out)
                ]:
                    done.result()
        write_text(given.page, page(study, rows, out, given.size))
        print(f"see {given.page}")
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
