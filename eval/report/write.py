"""Writes the report of a set of runs: one HTML page, Markdown, CSV, and figures for a paper."""

from contextlib import ExitStack
from pathlib import Path

from data_builders.files import atomic_file
from eval.analysis.calibration import calibration_csv
from eval.analysis.runs import Report
from eval.analysis.slices import invariance_csv, slices_csv
from eval.report.page import page
from eval.report.plots import draw_plots
from eval.report.tables import markdown, scores_csv


def write_report(report: Report, out: Path, figures: bool = False) -> Path:
    """Write report.html (one self-contained page), report.md, scores.csv, slices.csv and invariance.csv.

    All go into the folder `out`, and the path of the page comes back. Where runs recorded confidences, there
    is a calibration.csv, too. figures: also write the plots, as SVG and PNG, into `out`/figures.
    """
    plots = [draw_plots(dataset) for dataset in report.datasets]
    texts = {
        "scores.csv": scores_csv(report),
        "slices.csv": slices_csv(report),
        "invariance.csv": invariance_csv(report),
        "calibration.csv": calibration_csv(report),
        "report.md": markdown(report),
        "report.html": page(report, plots),
    }
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:  # All are written before the first gets its name: a full disk changes none.
        for name, text in texts.items():
            if text:
                file = files.enter_context(atomic_file(out / name))
                file.write(text.encode())
                file.flush()
    if not texts["calibration.csv"]:
        (out / "calibration.csv").unlink(missing_ok=True)  # An earlier report may have left one.
    if figures:
        from eval.report.figures import write_figures  # matplotlib takes a second to import.

        write_figures(report, plots, out / "figures")
    return out / "report.html"
