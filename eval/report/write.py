"""The report of a set of runs: one HTML page, its table in Markdown, every number as CSV, and figures for a
paper.
"""

from pathlib import Path

from data_builders.files import write_text
from eval.analysis.calibration import calibration_csv
from eval.analysis.runs import Report
from eval.analysis.slices import invariance_csv, slices_csv
from eval.report.page import page
from eval.report.tables import csv_text, markdown


def write_report(report: Report, out: Path, figures: bool = False) -> Path:
    """Write report.html (one self-contained page), report.md, scores.csv, slices.csv and invariance.csv into
    `out`.

    The path of the page comes back. Where runs recorded confidences, there is a calibration.csv, too.

    figures: also the plots, as SVG and PNG, into `out`/figures.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "scores.csv", csv_text(report))
    write_text(out / "slices.csv", slices_csv(report))
    write_text(out / "invariance.csv", invariance_csv(report))
    if calibrated := calibration_csv(report):
        write_text(out / "calibration.csv", calibrated)
    else:
        (out / "calibration.csv").unlink(missing_ok=True)  # an earlier report's
    write_text(out / "report.md", markdown(report))
    write_text(out / "report.html", page(report))
    if figures:
        from eval.report.figures import write_figures  # matplotlib takes a second to import

        write_figures(report, out / "figures")
    return out / "report.html"
