"""Slices and invariance as tables of report.html."""

from eval.analysis.findings import percent
from eval.analysis.runs import Dataset, Row
from eval.analysis.slices import Invariance, invariance, slices
from eval.escape import for_html
from eval.report.page_tables import cell
from eval.report.plots import COLOURS
from eval.statistics.intervals import Estimate

TITLES = {
    "training": "like what was trained on, or not",
    "generator": "generator",
    "encoder": "encoder",
    "density": "share of the possible edges",
    "answer": "right answer",
}
"""What is sliced by -> its title; nodes and distance are plotted instead."""


def slice_tables(dataset: Dataset) -> str:
    """One table for each respect in which questions differ: tasks and slices down, runs across; '' where all
    are alike.
    """
    found: dict[str, dict[tuple[str, str], dict[str, Estimate]]] = {}
    for one in slices(dataset):
        found.setdefault(one.by, {}).setdefault((one.task, one.value), {})[one.row.label] = one.estimate
    tables = [(title, found[by]) for by, title in TITLES.items() if by in found]
    shown = "".join(
        f'<details><summary>By {title}</summary><div class="inside">{_table(dataset, cells)}</div></details>'
        for title, cells in tables
    )
    return f"<h3>Accuracy on parts of the questions</h3>{shown}" if shown else ""


def _table(dataset: Dataset, cells: dict[tuple[str, str], dict[str, Estimate]]) -> str:
    labels = list(dict.fromkeys(row.label for row in dataset.rows))
    body, before = "", ""
    for (task, value), row in cells.items():
        shown = "".join(cell(row.get(label)) for label in labels)
        named = "" if task == before else for_html(task.replace("_", " "))
        body += f"<tr><th>{named}</th><td>{for_html(value)}</td>{shown}</tr>"
        before = task
    return _framed("<th>task</th><th>part</th>" + "".join(map(_head, dataset.rows)), body)


def _head(row: Row) -> str:
    return f'<th><i class="swatch c{row.colour % COLOURS}"></i>{for_html(row.label)}</th>'


def _framed(head: str, body: str) -> str:
    return f'<div class="scroll"><table class="flat"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def invariance_table(dataset: Dataset) -> str:
    """How stable each run's answers are where one question stands under several encoders; '' where none
    does.
    """
    found: dict[str, dict[str, Invariance]] = {}
    for one in invariance(dataset):
        found.setdefault(one.task, {})[one.row.label] = one
    labels = list(dict.fromkeys(row.label for row in dataset.rows))
    body = ""
    for task, by_run in found.items():
        asked = max(by_run.values(), key=lambda one: one.questions)
        cells = "".join(_stable(by_run.get(label)) for label in labels)
        body += f"<tr><th>{for_html(task.replace('_', ' '))}</th><td>{asked.questions:,} &times; {asked.ways}</td>{cells}</tr>"
    if not body:
        return ""
    hint = (
        "Questions about one graph that are told in several ways (encoders): percent right on average; right in every text (what is right "
        "only once may be luck); and alike in every text, right everywhere or nowhere."
    )
    head = "<th>task</th><th>questions &times; texts</th>" + "".join(map(_head, dataset.rows))
    return f'<h3>One graph, several texts</h3><p class="hint">{hint}</p>{_framed(head, body)}'


def _stable(one: Invariance | None) -> str:
    if one is None:
        return '<td><span class="soft">&ndash;</span></td>'
    return f"<td><b>{percent(one.mean)}</b><small>every {percent(one.worst)}</small><small>alike {percent(one.agreement)}</small></td>"
