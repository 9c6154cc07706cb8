"""Two runs on the questions that both answered: how far apart they are per task, and how certain that is."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data_builders.errors import InputError
from eval.analysis.findings import join_words, percent
from eval.analysis.runs import Dataset, Row, gather
from eval.escape import visible
from eval.statistics.paired import Paired, holm, paired

MAX_RUNS = 12  # With more runs, only the best are compared, since the pairs grow with the square.
HEADS = (
    "n",
    "both",
    "only A",
    "only B",
    "neither",
    "difference",
    "p",
    "p adjusted",
    "least difference",
    "better",
)
NOTE = (
    "Difference: accuracy of A less B in points [95% interval: bootstrap over graphs]. p: McNemar's exact "
    "test, by graph where questions share graphs; adjusted for the number of tasks (Holm). Least difference: "
    "the smallest one that so many questions detect with 80% power at 5%; – where they are too few for any."
)


@dataclass(frozen=True)
class Comparison:
    """Run A against run B.

    tasks: task -> the questions of it that both answered. holm: task -> its p, adjusted for the number of
        tasks.
    together: all questions at once. only_one: how many questions only one of the two answered; they are left
        out.
    """

    a: str
    b: str
    dataset: str
    tasks: dict[str, Paired]
    holm: dict[str, float]
    together: Paired
    only_one: int

    def to_dict(self) -> dict[str, Any]:
        """The comparison as `graphtalk compare --json` prints it."""
        tasks = {task: {**asdict(pair), "p_holm": self.holm[task]} for task, pair in self.tasks.items()}
        header = {key: getattr(self, key) for key in ("a", "b", "dataset", "only_one")}
        return {**header, "tasks": tasks, "together": asdict(self.together)}


class Pair(NamedTuple):
    """The indices of two runs in `dataset.rows`, and their comparison."""

    a: int
    b: int
    comparison: Comparison


def compare(run_a: Path, run_b: Path, data: Sequence[Path] = ()) -> Comparison:
    """Judge two runs and pair their answers.

    Raises InputError where they answered other datasets, other splits or other questions.
    """
    report = gather([run_a, run_b], data, strict=True)
    if len(report.datasets) != 1:
        names = [f"the {dataset.split} split of {dataset.name}" for dataset in report.datasets]
        raise InputError(
            f"{run_a} and {run_b} answered different questions ({join_words(names)}); "
            "compare runs on one split of one dataset"
        )
    rows = {row.run.folder: row for row in report.datasets[0].rows if row.run}
    if len(rows) != 2:
        raise InputError(f"{run_a} is both runs; name two")
    return compare_rows(report.datasets[0], rows[Path(run_a)], rows[Path(run_b)])


def compare_rows(dataset: Dataset, a: Row, b: Row) -> Comparison:
    """Compare two runs of one dataset that are judged already."""
    assert a.run and b.run, "a floor is no run"
    answers: dict[str, tuple[list[bool], list[bool], list[str]]] = {}
    for task, examples in a.run.examples.items():
        both = [e for e in examples if e.id in b.run.scores]
        right_a, right_b = ([run.scores[e.id].outcome == "correct" for e in both] for run in (a.run, b.run))
        if both:
            answers[task] = (right_a, right_b, [e.graph_id for e in both])
    if not answers:
        raise InputError(
            f"{a.run.folder} and {b.run.folder} share no question; "
            f"their tasks are {join_words(list(a.cells))}, and {join_words(list(b.cells))}"
        )
    tasks = {task: paired(*columns) for task, columns in answers.items()}
    adjusted = dict(zip(tasks, holm([pair.p for pair in tasks.values()]), strict=True))
    together = paired(*([x for columns in answers.values() for x in columns[i]] for i in range(3)))  # type: ignore[arg-type]
    only_one = len(a.run.scores.keys() ^ b.run.scores.keys())
    title = f"{dataset.name}, {dataset.split} split"
    return Comparison(a.label, b.label, title, tasks, adjusted, together, only_one)


def best_rows(dataset: Dataset) -> list[int]:
    """The indices in `dataset.rows` of the runs to compare: all of them, or the MAX_RUNS best by macro
    accuracy.
    """
    macros = [row.macro.value if row.macro else 0.0 for row in dataset.rows]
    return sorted(sorted(range(len(macros)), key=lambda i: (-macros[i], i))[:MAX_RUNS])


def pairs(dataset: Dataset) -> Iterator[Pair]:
    """Compare every two of the best runs that answered some question in common."""
    rows = dataset.rows
    for a, b in combinations(best_rows(dataset), 2):
        first, second = rows[a].run, rows[b].run
        if first and second and not first.scores.keys().isdisjoint(second.scores):
            yield Pair(a, b, compare_rows(dataset, rows[a], rows[b]))


def to_json(pair: Pair) -> dict[str, Any]:
    """A pair as the page's compare.js reads it: one row per task, then one of all questions."""
    comparison = pair.comparison
    rows = [[task, *_numbers(of, comparison.holm[task])] for task, of in comparison.tasks.items()]
    if len(rows) > 1:
        rows.append(["all questions", *_numbers(comparison.together, comparison.together.p)])
    return {"a": pair.a, "b": pair.b, "rows": rows}


def _numbers(of: Paired, adjusted: float) -> list[float | None]:
    shares = [round(share, 5) for share in (of.difference, of.low, of.high)]
    mde = None if of.mde is None else round(of.mde, 5)
    return [of.n, of.both, of.only_a, of.only_b, *shares, mde, round(adjusted, 6)]


def p_text(p: float) -> str:
    """A p-value with three decimals."""
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print the comparison as a table on stdout."""
    console = console or Console()
    if not console.is_terminal:
        console.width = 160
    title = f"A: {comparison.a}   B: {comparison.b}   ({comparison.dataset})"
    table = Table(title=escape(visible(title)), title_justify="left")
    table.add_column("task")
    for head in HEADS:
        table.add_column(head, justify="right")
    for task, pair in comparison.tasks.items():
        table.add_row(task.replace("_", " "), *_cells(pair, comparison.holm[task]))
    if len(comparison.tasks) > 1:
        table.add_section()
        cells = _cells(comparison.together, comparison.together.p)
        table.add_row("all questions", *cells[:7], "", *cells[8:])
    console.print(table)
    if comparison.only_one:
        console.print(f"{comparison.only_one:,} questions that only one of the two answered are left out.")
    console.print(NOTE, style="dim")


def _cells(pair: Paired, adjusted: float) -> list[str]:
    counts = [f"{count:,}" for count in (pair.n, pair.both, pair.only_a, pair.only_b, pair.neither)]
    interval = f"{100 * pair.difference:+.1f} [{100 * pair.low:+.1f}, {100 * pair.high:+.1f}]"
    least = "–" if pair.mde is None else percent(pair.mde)
    return [*counts, interval, p_text(pair.p), p_text(adjusted), least, better(pair, adjusted)]


def better(pair: Paired, p: float) -> str:
    """Which run is better, at 5%: A or B, or why neither can be named."""
    if p <= 0.05:
        return "A" if pair.difference > 0 else "B"
    return "too few questions" if pair.mde is None else "no clear difference"
