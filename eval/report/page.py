"""report.html: gathers what the page shows as plain values; templates/*.html.j2 say how it looks.

The page needs no network, and does not trust what a model wrote: templates escape every text.
"""

import base64
import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from data_builders.building.card import ANSWER_COLUMNS, GRAPH_COLUMNS, answer_rows, graph_rows
from data_builders.tasks.shortcuts import RULES
from eval.analysis.calibration import calibrations
from eval.analysis.comparisons import MAX_RUNS, NOTE, p_text, pairs, to_json
from eval.analysis.confusion import confusion
from eval.analysis.costs import cost
from eval.analysis.findings import NO_TRAIN, caveats, estimate_text, failures, percent, tasks_above, warnings
from eval.analysis.runs import MAJORITY, SHORTCUT, TREES, Dataset, Report, Row, Sample
from eval.analysis.slices import Invariance, invariance, slices
from eval.escape import visible
from eval.prediction import OUTCOMES
from eval.report.explorer import clip, explorer_data, pack
from eval.report.plots import COLOURS, MIN_QUESTIONS, Plot
from eval.report.tables import FLOOR_TEXT, no_answer_rates, read_by_model
from eval.statistics.intervals import Estimate

HERE = Path(__file__).parent
SCRIPTS = ("explorer.js", "graph_view.js", "example_view.js", "compare.js")
STYLES = ("plots.css", "report.css")
SLICE_TITLES = {  # What is sliced by, and its title; nodes and distance are plotted instead.
    "training": "like the train split, or not",
    "generator": "generator",
    "encoder": "encoder",
    "density": "share of the possible edges",
    "answer": "right answer",
}
COST_HEADS = (
    *("run", "answers", "seconds", "answers per second", "prompt tokens", "output tokens"),
    *("output tokens per second", "dollars"),
)
Table = tuple[Sequence[str], Sequence[Sequence[str]]]  # heads and rows


def points(share: float) -> str:
    """A difference of accuracies in percentage points.

    >>> points(-0.125)
    '−12.5'
    """
    return f"{100 * share:+.1f}".replace("-", "−")


def _point_interval(value: float, low: float, high: float) -> str:
    return f"{points(value)} [{points(low)}, {points(high)}]"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _to_yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def _environment() -> Environment:
    """Templates that escape every value, and that fail on a name that they are not given."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # What is a Markup already has been through here; plain text may hold control characters.
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters |= {"percent": percent, "points": points, "words": _words, "clip": clip}
    environment.filters |= {"yaml": _to_yaml, "thousands": "{:,}".format}
    environment.globals |= {"OUTCOMES": OUTCOMES, "FLOOR_TEXT": FLOOR_TEXT, "COLOURS": COLOURS}
    environment.globals |= {"MIN_QUESTIONS": MIN_QUESTIONS}
    return environment


def page(report: Report, plots: Sequence[Mapping[str, Plot]]) -> str:
    """The whole page as text; the same report gives the same page.

    plots: those of each dataset, as `draw_plots` returns them.
    """
    script = "\n".join(_asset(name) for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    compared = [list(pairs(dataset)) for dataset in report.datasets]
    rows = [row for dataset in report.datasets for row in dataset.rows]
    index, blocks, prompts = explorer_data(report)
    data = {
        "index": index,
        "comparisons": pack([[to_json(pair) for pair in of_dataset] for of_dataset in compared]),
        **{f"block-{i}": block for i, block in enumerate(blocks)},
        **{f"prompts-{i}": block for i, block in prompts.items()},
    }
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            script=script,
            script_hash=f"sha256-{digest}",
            style="".join(_asset(name) for name in STYLES),
            answers=sum(sum(row.outcomes.values()) for row in rows),
            left_out=report.left_out,
            verdicts=[_verdicts(dataset) for dataset in report.datasets],
            datasets=[
                {"index": i, **_dataset(*parts)}
                for i, parts in enumerate(zip(report.datasets, compared, plots, strict=True))
            ],
            runs=[(row, row.run.environment) for row in rows if row.run],
            version=_version(),
            python=platform.python_version(),
            data=data,
        )
    )


def _asset(name: str) -> str:
    return (HERE / "assets" / name).read_text(encoding="utf-8")


def _version() -> str:
    try:
        return metadata.version("graphtalk")
    except metadata.PackageNotFoundError:
        return "from a clone"


def _dataset(dataset: Dataset, compared: Sequence[Any], plots: Mapping[str, Plot]) -> dict[str, Any]:
    """What dataset.html.j2 shows."""
    examples = dataset.examples
    sizes = [e.num_nodes for e in examples]
    return {
        "dataset": dataset,
        "title": dataset.name if dataset.split == "test" else f"{dataset.name} ({dataset.split})",
        "about": f"{dataset.split} split; graphs: {', '.join(sorted({e.generator for e in examples}))}; "
        f"text: {', '.join(sorted({e.encoder for e in examples}))}; {min(sizes)} to {max(sizes)} nodes",
        "scores": [(sample, _scores(dataset, sample)) for sample in dataset.samples],
        "caveats": caveats(dataset) + [NO_TRAIN] * (not all(s.floor(MAJORITY) for s in dataset.samples)),
        "rules": "; ".join(f"{_words(task)}: {RULES[task].text}" for task in dataset.tasks if task in RULES),
        "plots": plots,
        "slices": _slices(dataset),
        "invariance": _invariance(dataset),
        "comparison": _comparison(dataset, compared),
        "confusions": _confusions(dataset),
        "costs": _costs(dataset.rows),
        "calibration": _calibration(dataset),
        "data": _data(dataset),
    }


def _verdicts(dataset: Dataset) -> list[dict[str, Any]]:
    """A line per run: the tasks that have each kind of floor, those above it, the share without an answer."""
    return [
        {
            "row": row,
            "floors": [tasks_above(row, sample, kind) for kind in (MAJORITY, SHORTCUT, TREES)],
            "no_answer": sum(no_answer_rates(row).values()),
            "notes": " ".join(filter(None, [failures(row), *warnings(row)])),
        }
        for sample in dataset.samples
        for row in sample.rows
    ]


def _scores(dataset: Dataset, sample: Sample) -> list[dict[str, Any]]:
    """The lines of one sample: the macro mean and each task, with the margin over the highest floor."""
    floors = {floor.label: floor.macro.value for floor in sample.floors if floor.macro is not None}
    lines = []
    for row in sample.rows + sample.floors:
        cells: list[tuple[Estimate | None, str]] = []
        tasks = row.run.metrics["tasks"] if row.run else {}
        for task in dataset.tasks:
            own = tasks.get(task)
            cells.append((row.cells.get(task), _margin(own["accuracy"], own["floors"]) if own else ""))
        macro = _margin(row.macro.value, floors) if row.run and row.macro else ""
        rates = no_answer_rates(row) if row.run else {}
        read = read_by_model(row)
        lines.append(
            {"row": row, "macro": (row.macro, macro), "cells": cells, "no_answer": rates, "read": read}
        )
    return lines


def _margin(value: float, floors: Mapping[str, float]) -> str:
    """How far an accuracy is above or below the highest floor on the same questions."""
    if not floors:
        return ""
    name = max(floors, key=floors.__getitem__)  # Of equals it is the first, the majority.
    return f"{points(value - floors[name])} vs {'shortcut' if name == 'rule' else name.split('_')[0]}"


def _slices(dataset: Dataset) -> list[tuple[str, dict[tuple[str, str], list[Estimate | None]]]]:
    """Per respect in which questions differ: (task, slice) -> the accuracy of each run of the dataset."""
    tables: dict[str, dict[tuple[str, str], dict[str, Estimate]]] = {}
    for one in slices(dataset):
        line = tables.setdefault(one.by, {}).setdefault((one.task, one.value), {})
        line[one.row.label] = one.estimate
    labels = [row.label for row in dataset.rows]
    return [
        (title, {key: [line.get(label) for label in labels] for key, line in tables[by].items()})
        for by, title in SLICE_TITLES.items()
        if by in tables
    ]


def _invariance(dataset: Dataset) -> list[tuple[str, Invariance, list[Invariance | None]]]:
    """Per task: the run with most questions, and each run of the dataset."""
    tasks: dict[str, dict[str, Invariance]] = {}
    for one in invariance(dataset):
        tasks.setdefault(one.task, {})[one.row.label] = one
    return [
        (
            task,
            max(runs.values(), key=lambda one: one.questions),
            [runs.get(row.label) for row in dataset.rows],
        )
        for task, runs in tasks.items()
    ]


def _comparison(dataset: Dataset, compared: Sequence[Any]) -> dict[str, Any] | None:
    """The runs to choose from, and every pair over all questions; None for a single run."""
    rows = dataset.rows
    if len(rows) < 2:
        return None
    lines = []
    for pair in compared:
        p = pair.comparison.together
        names = f"{rows[pair.a].label} − {rows[pair.b].label}"
        lines.append([names, f"{p.n:,}", _point_interval(p.difference, p.low, p.high), p_text(p.p)])
    chosen = sorted({i for pair in compared for i in (pair.a, pair.b)})
    few = f" The {MAX_RUNS} best runs are compared." if len(rows) > len(chosen) else ""
    return {"runs": [(i, rows[i].label) for i in chosen], "note": NOTE + few, "lines": lines}


def _confusions(dataset: Dataset) -> list[tuple[str, list[tuple[Row, Any]]]]:
    """Per task the runs with a confusion table; tasks of which no run has one are left out."""
    tables = [(task, [(row, confusion(row, task)) for row in dataset.rows]) for task in dataset.tasks]
    return [
        (task, [(row, table) for row, table in of_task if table is not None])
        for task, of_task in tables
        if any(table is not None for _, table in of_task)
    ]


def _costs(rows: Sequence[Row]) -> Table | None:
    """Time, tokens and, where a config names the price, money per run; what no run recorded has no column."""
    lines: list[list[str]] = []
    for row in rows:
        c = cost(row)
        rate, speed = c.per_second(c.answers), c.per_second(c.output_tokens)
        amounts = [f"{c.seconds:,.1f}" if c.seconds else "", f"{rate:,.1f}" if rate else ""]
        amounts += [f"{tokens:,}" if tokens else "" for tokens in (c.prompt_tokens, c.output_tokens)]
        amounts += [f"{speed:,.0f}" if speed else "", "" if c.dollars is None else f"{c.dollars:,.4f}"]
        lines.append([row.label, f"{c.answers:,}", *amounts])
    columns = [k for k in range(len(COST_HEADS)) if any(line[k] for line in lines)]
    if len(columns) <= 2:
        return None
    return [COST_HEADS[k] for k in columns], [[line[k] or "–" for k in columns] for line in lines]


def _calibration(dataset: Dataset) -> dict[str, Any] | None:
    """A line per run that recorded confidences, and how many did not; None where none did."""
    lines = []
    for row, c in calibrations(dataset):
        gap = _point_interval(c.gap.value, c.gap.low, c.gap.high)
        order = estimate_text(c.auroc) if c.auroc else "–"
        numbers = [percent(c.confidence), estimate_text(c.accuracy), gap, percent(c.ece), order]
        lines.append([row.label, f"{c.accuracy.n:,}", *numbers])
    return {"lines": lines, "absent": len(dataset.rows) - len(lines)} if lines else None


def _data(dataset: Dataset) -> dict[str, Any]:
    """What the lock states of the dataset: source, answer counts, graphs, build config."""
    lock = dataset.lock
    facts = {"folder": dataset.path, "fingerprint": lock.get("fingerprint")}
    if isinstance(lock.get("versions"), dict):
        facts |= lock["versions"]
    counts = lock.get("report")
    return {
        "facts": ((), [[str(key), str(value)] for key, value in facts.items()]),
        "answers": (ANSWER_COLUMNS, answer_rows(counts)) if counts else None,
        "graphs": (GRAPH_COLUMNS, graph_rows(counts)) if counts else None,
        "config": lock.get("config"),
    }
