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
            words = [row.command]
            for key, value in flags.items():
                words += [f"--{key}"] if value is True else [f"--{key}", str(value).format(**places)]
            yield Run(folder, tuple(words), tasks)


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


def carry_out(run: Run) -> None:
    """Make a run, unless it is there; say how it went."""
    if is_done(run):
        return
    log = run.folder.parent.parent / "logs" / f"{run.folder.name}.log"
    if graphtalk(run.words, log):
        write_text(run.folder / DONE, json.dumps(list(run.words), indent=1) + "\n")
        print(f"done    {run.folder}", flush=True)
    else:
        last = log.read_text(encoding="utf-8").strip().splitlines()[-1:]
        print(f"FAILED  {run.folder}: {' '.join(last)}; see {log}", flush=True)


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
    cells, asked = [], set()
    for task in study["tasks"]:
        found = cell(finished, task, out / "data" / row.dataset) if task in row.tasks else None
        cells.append("")
        if found:
            estimate, each = found
            asked.add(estimate.n // len(each))
            cells[-1] = f"{percent(estimate.value)} [{percent(estimate.low)}, {percent(estimate.high)}]"
            if len(each) > 1:
                cells[-1] += f"<br>{percent(min(each))} to {percent(max(each))}"
    seeds = len({run.folder.name.rpartition("_")[2] for run in finished})
    spent = f"{sum(seconds) / len(seconds):.0f}" if seconds else ""
    return [
        row.label,
        *cells,
        f"{size:,}" if size else "",
        spent,
        str(seeds),
        "/".join(map(str, sorted(asked))),
    ]


FLOORS = {
    "majority": ("majority",),
    "shortcut rule": ("rule",),
    "boosted trees on counts": ("trees_two_hop", "trees_degree", "trees_size"),
}
"""Line of the table -> the floors of a run's metrics that it takes: the highest."""


def floor_lines(dataset: str, rows: Sequence[Row], study: dict[str, Any], out: Path) -> list[list[str]]:
    """The floors on a dataset's questions, as the finished runs of its rows have them in their metrics."""
    known: dict[str, dict[str, float]] = {}
    for row in rows:
        for run in runs(row, study, out):
            if row.dataset == dataset and is_done(run):
                for task, metrics in read_facts(run.folder, "metrics.json")["tasks"].items():
                    if metrics["n"] >= known.get(task, {}).get("n", 0):
                        known[task] = {**metrics["floors"], "n": metrics["n"]}
    lines = []
    for label, floors in FLOORS.items():
        cells = []
        for task in study["tasks"]:
            values = [known[task][floor] for floor in floors if floor in known.get(task, {})]
            cells.append(percent(max(values)) if values else "")
        if any(cells):
            most = max(int(floors["n"]) for floors in known.values())
            lines.append([f"*{label}, {dataset}*", *cells, "", "", "", str(most)])
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
    floors = [line for name in study["datasets"] for line in floor_lines(name, rows, study, out)]
    parts = [
        "# Can a transformer stand in for a graph neural network?",
        f"Written by `make reproduce SIZE={size}` from the run folders; never by hand. "
        + study["about"].strip(),
        "## Ours",
        LEGEND,
        table(["row", *names, "parameters", "seconds", "seeds", "n"], [*ours, *floors]),
        "\n".join(about),
    ]
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
            make_datasets(study, list(dict.fromkeys(row.dataset for row in chosen)), out)
            prepare(study, {row.command for row in chosen}, out)
            with ThreadPoolExecutor(given.jobs) as pool:
                list(pool.map(carry_out, [run for row in chosen for run in runs(row, study, out)]))
        write_text(given.page, page(study, rows, out, given.size))
        print(f"see {given.page}")
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
