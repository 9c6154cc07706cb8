"""The report of a set of runs: one HTML page, its table in Markdown, and every number as CSV."""

from pathlib import Path

from eval.page import page
from eval.prediction import write_atomic
from eval.rows import Report
from eval.tables import csv_text, markdown


def write_report(report: Report, out: Path) -> Path:
    """Write report.html (one self-contained page), report.md and scores.csv into `out`; the path of the page comes back."""
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / "scores.csv", csv_text(report))
    write_atomic(out / "report.md", markdown(report))
    write_atomic(out / "report.html", page(report))
    return out / "report.html"
