"""The scores as a table: on the terminal, in Markdown and as CSV."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eval.analysis.findings import estimate_text, failures, findings, percent, readings
from eval.analysis.runs import MAJORITY, RANDOM, SHORTCUT, TREES, Dataset, Report, Row, Sample
from eval.analysis.slices import invariance
from eval.escape import for_csv, for_markdown, visible
from eval.prediction import OUTCOMES
from eval.statistics.intervals import Estimate

FLOOR_TEXT = {
    MAJORITY: "majority of train",
    RANDOM: "random of train",
    SHORTCUT: "shortcut rules",
    TREES: "boosted trees",
}
SCORE_COLUMNS = (
    *("dataset", "split", "row", "kind", "task", "n", "accuracy", "low", "high"),
    *("credit", "strict", "balanced", "margin", *OUTCOMES, "run"),
)
NOTE = (
    "Percent correct [95% interval]: Wilson per task, for the macro mean stratified over tasks (MOVER), both "
    "wider where questions share graphs and are answered alike. Outputs without a readable answer "
    "count as not correct. Floors answer the same questions: the most frequent answer of the train split; a "
    "random one of its answers; each task's known shortcut; and trees trained on a few counts around the "
    "query nodes (the majority where a task has no shortcut or trees)."
)


def no_answer_rates(row: Row) -> dict[str, float]:
    """Share of a run's outputs per outcome that states no answer: unparsed, truncated, refused, error."""
    counts = row.outcomes
    total = sum(counts.values())
    return {outcome: counts[outcome] / total for outcome in OUTCOMES if outcome not in ("correct", "wrong")}


def _label(row: Row) -> str:
    """What the first cell of a row says: its name, and how many of a run's requests failed, and why."""
    if row.run is None:
        return FLOOR_TEXT[row.label]
    failed = failures(row)
    return f"{row.label} ({failed.removesuffix('.')})" if failed else row.label


def _cells(dataset: Dataset, row: Row, show: Callable[[Estimate], str]) -> list[str]:
    estimates = [row.cells.get(task) for task in dataset.tasks] + [row.macro]
    return [show(e) if e else "–" for e in estimates]


def _no_answer(row: Row) -> list[str]:
    if row.run is None:
        return ["", ""]
    rates = no_answer_rates(row)
    return [percent(rates["unparsed"]), percent(sum(rates.values()) - rates["unparsed"])]


def read_by_model(row: Row) -> str:
    """How many unparsed outputs a language model read an answer in, and how many of those are right."""
    counts = readings(row)
    return "{} of {}, {} right".format(*counts) if counts else ""


def _has_reader(dataset: Dataset) -> bool:
    return any(map(readings, dataset.rows))


def _n(sample: Sample) -> str:
    counts = sorted(map(len, sample.examples.values()))
    return f"{counts[0]:,}" if counts[0] == counts[-1] else f"{counts[0]:,}–{counts[-1]:,}"


def print_tables(report: Report, console: Console | None = None) -> None:
    """Print one table per dataset, in parts where it is too wide, and then which folders were left out."""
    console = console or Console()
    if not console.is_terminal:
        console.width = 200  # A file or a pipe has no width to fit.
    for dataset in report.datasets:
        per_table = max(1, (console.width - 44) // 16)
        columns = range(len(dataset.tasks) + 3 + _has_reader(dataset))
        for first in columns[::per_table]:
            console.print(_terminal_table(dataset, columns[first : first + per_table]))
    console.print(NOTE.replace("[95% interval]", r"\[95% interval]"), style="dim")
    for line in report.left_out:
        console.print(f"left out: {escape(visible(line))}", style="bold")


def _terminal_table(dataset: Dataset, columns: range) -> Table:
    """Some of the columns macro, tasks, unparsed, other without an answer, and read by a model; beside the
    runs and their n.
    """
    title = f"{escape(visible(dataset.name))}, {escape(dataset.split)} split"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("run", overflow="fold", min_width=16)
    heads = [
        "n/task",
        "macro",
        *[task.replace("_", " ") for task in dataset.tasks],
        "unparsed",
        "other",
        "read by model",
    ]
    for i in (-1, *columns):
        table.add_column(heads[i + 1], justify="right", min_width=6)
    for sample in dataset.samples:
        for row in sample.rows + sample.floors:
            label = escape(visible(_label(row)))
            cells = _cells(dataset, row, lambda e: estimate_text(e).replace(" [", "\n["))
            values = [_n(sample), cells[-1], *cells[:-1], *_no_answer(row), read_by_model(row)]
            style = None if row.run else "dim"
            table.add_row(label, *[escape(values[i + 1]) for i in (-1, *columns)], style=style)
        table.add_section()
    return table


def markdown(report: Report) -> str:
    """report.md: per dataset the table and the findings."""
    out = ["# Graph questions: scores against their floors", "", NOTE, ""]
    for dataset in report.datasets:
        heads = [task.replace("_", " ") for task in dataset.tasks]
        out += [f"## {for_markdown(dataset.name)}, {for_markdown(dataset.split)} split", ""]
        columns = ["n per task", *heads, "macro", "unparsed", "truncated, refused, error"]
        columns += ["read by model"] * _has_reader(dataset)
        out += [f"| | {' | '.join(columns)} |"]
        out += ["|---|" + "---:|" * len(columns)]
        for sample in dataset.samples:
            for row in sample.rows + sample.floors:
                label = for_markdown(_label(row)) if row.run else f"*{_label(row)}*"
                cells = _cells(dataset, row, estimate_text)
                read = [read_by_model(row)] * _has_reader(dataset)
                out.append("| " + " | ".join([label, _n(sample), *cells, *_no_answer(row), *read]) + " |")
        out += [""]
        for about, sentences in findings(dataset):
            subject = f"**{for_markdown(about)}**: " if about else ""
            out += [f"- {subject}{for_markdown(' '.join(sentences))}"]
        out += ["", *_invariance(dataset)]
    if report.left_out:
        out += ["## Left out", "", *[f"- {for_markdown(line)}" for line in report.left_out], ""]
    return "\n".join(out)


def _invariance(dataset: Dataset) -> list[str]:
    """How stable answers are where one question stands under several encoders; nothing where none does."""
    rows = [
        f"| {for_markdown(i.row.label)} | {i.task.replace('_', ' ')} | {i.questions:,} | {i.ways} | "
        f"{percent(i.mean)} | {percent(i.worst)} | {percent(i.agreement)} |"
        for i in invariance(dataset)
    ]
    if not rows:
        return []
    heads = "| | task | questions | encoders | mean | right under every encoder | right under all or none |"
    return ["### The same question under several encoders", "", heads, "|---|---|" + "---:|" * 5, *rows, ""]


def scores_csv(report: Report) -> str:
    """scores.csv: one line per dataset, run or floor, and task.

    Accuracies are in [0, 1]; the outcome counts add up to n (empty for floors). strict: accuracy where the
    answer must stand alone; balanced: mean over gold answers (few-answer tasks); margin: over the highest
    floor.
    """
    lines: list[Sequence[object]] = [SCORE_COLUMNS]
    for dataset in report.datasets:
        for sample in dataset.samples:
            for row in sample.rows + sample.floors:
                kind = row.run.config.get("kind", "run") if row.run else "floor"
                for task, e in [*row.cells.items(), *([("macro", row.macro)] if row.macro else [])]:
                    about = (dataset.name, dataset.split, row.label, kind, task)
                    lines.append([*about, *_csv_numbers(row, task, e)])
    return for_csv(lines)


def _csv_numbers(row: Row, task: str, e: Estimate) -> list[object]:
    numbers: list[object] = [e.n, f"{e.value:.6f}", f"{e.low:.6f}", f"{e.high:.6f}"]
    if row.run is None:
        return [*numbers, *[""] * (len(OUTCOMES) + 5)]
    tasks = row.run.metrics["tasks"]
    if task == "macro":
        own, counts = row.run.metrics["macro"], row.outcomes
        credit = sum(t["credit"] for t in tasks.values()) / len(tasks)
    else:
        own, counts, credit = tasks[task], tasks[task]["outcomes"], tasks[task]["credit"]
    keys = ("strict_accuracy", "balanced_accuracy", "margin")
    more = [f"{own[key]:.6f}" if key in own else "" for key in keys]
    return [*numbers, f"{credit:.6f}", *more, *[counts[outcome] for outcome in OUTCOMES], str(row.run.folder)]
