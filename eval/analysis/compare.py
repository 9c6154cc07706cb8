"""Two runs on the questions that both answered: per task, how far apart and how surely."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data_builders.errors import InputError
from eval.analysis.findings import listed, percent
from eval.analysis.runs import Dataset, Row, gather
from eval.escape import visible
from eval.statistics.paired import Paired, holm, paired


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
        """As `graphtalk compare --json` prints it."""
        tasks = {task: {**asdict(found), "p_holm": self.holm[task]} for task, found in self.tasks.items()}
        kept = {key: getattr(self, key) for key in ("a", "b", "dataset", "only_one")}
        return {**kept, "tasks": tasks, "together": asdict(self.together)}


def compare(run_a: Path, run_b: Path, data: Sequence[Path] = ()) -> Comparison:
    """Judge two runs and pair their answers. Raises InputError where they answered other datasets, other
    splits or other questions.
    """
    report = gather([run_a, run_b], data, strict=True)
    if len(report.datasets) != 1:
        names = [f"the {dataset.split} split of {dataset.name}" for dataset in report.datasets]
        raise InputError(
            f"{run_a} and {run_b} answered different questions ({listed(names)}); compare runs on one split of one dataset"
        )
    rows = {row.run.folder: row for row in report.datasets[0].rows if row.run}
    if len(rows) != 2:
        raise InputError(f"{run_a} is both runs; name two")
    return compare_rows(report.datasets[0], rows[Path(run_a)], rows[Path(run_b)])


def compare_rows(dataset: Dataset, a: Row, b: Row) -> Comparison:
    """Two runs of one dataset that are judged already."""
    assert a.run and b.run, "a floor is no run"
    answers: dict[str, tuple[list[bool], list[bool], list[str]]] = {}
    for task, asked in a.run.examples.items():
        both = [e for e in asked if e.id in b.run.scores]
        right_a, right_b = ([run.scores[e.id].outcome == "correct" for e in both] for run in (a.run, b.run))
        if both:
            answers[task] = (right_a, right_b, [e.graph_id for e in both])
    if not answers:
        raise InputError(
            f"{a.run.folder} and {b.run.folder} share no question; their tasks are {listed(list(a.cells))}, and {listed(list(b.cells))}"
        )
    tasks = {task: paired(*found) for task, found in answers.items()}
    adjusted = dict(zip(tasks, holm([found.p for found in tasks.values()]), strict=True))
    together = paired(*([x for found in answers.values() for x in found[i]] for i in range(3)))  # type: ignore[arg-type]
    only_one = len(a.run.scores.keys() ^ b.run.scores.keys())
    return Comparison(
        a.label, b.label, f"{dataset.name}, {dataset.split} split", tasks, adjusted, together, only_one
    )


def verdict(found: Paired, p: float) -> str:
    """What a comparison shows, at 5%: `A`, `B`, or that they are not told apart."""
    return "not told apart" if p > 0.05 else "A" if found.difference > 0 else "B"


NOTE = (
    "Difference: accuracy of A less B in points [95% interval: bootstrap over graphs]. p: McNemar's exact test, by graph where questions "
    "share graphs; adjusted for the number of tasks (Holm). Least difference: what so many questions show four times of five at 5%."
)


def print_comparison(found: Comparison, console: Console | None = None) -> None:
    """The comparison as a table on stdout."""
    console = console or Console()
    if not console.is_terminal:
        console.width = 160
    table = Table(
        title=escape(visible(f"A: {found.a}   B: {found.b}   ({found.dataset})")), title_justify="left"
    )
    table.add_column("task")
    for head in (
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
    ):
        table.add_column(head, justify="right")
    for task, pair in found.tasks.items():
        table.add_row(task.replace("_", " "), *_shown(pair, found.holm[task]))
    if len(found.tasks) > 1:
        table.add_section()
        shown = _shown(found.together, found.together.p)
        table.add_row("all questions", *shown[:7], "", *shown[8:])
    console.print(table)
    if found.only_one:
        console.print(f"{found.only_one:,} questions that only one of the two answered are left out.")
    console.print(NOTE, style="dim")


def _shown(pair: Paired, adjusted: float) -> list[str]:
    counts = [f"{count:,}" for count in (pair.n, pair.both, pair.only_a, pair.only_b, pair.neither)]
    between = f"{100 * pair.difference:+.1f} [{100 * pair.low:+.1f}, {100 * pair.high:+.1f}]"
    return [*counts, between, _p(pair.p), _p(adjusted), percent(pair.mde), verdict(pair, adjusted)]


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<0.001"
