"""The page's section on calibration."""

from eval.analysis.calibration import calibrations
from eval.analysis.findings import percent, with_interval
from eval.analysis.runs import Dataset
from eval.report import plots
from eval.report.page_tables import points, simple_table

HEADS = ("run", "answers", "mean confidence", "accuracy", "too sure by", "calibration error", "AUROC")
HINT = """A confidence is the probability that a model gave to the whole of its output, or the share of its samples that state the
same answer. Dots are answers of like confidence, larger where there are more, with 95% intervals; on the dashed line a model is as often
right as it is sure. <em>AUROC</em> says how often a right answer came with more confidence than a wrong one (50: it cannot tell). Any long
text is improbable, whatever its answer: of a chain of thought only AUROC says something."""


def calibration_section(dataset: Dataset) -> str:
    """A panel and a line per run that recorded how sure it was; a sentence where none did."""
    known = calibrations(dataset)
    if not known:
        return '<h3>How sure they were</h3><p class="hint">These runs did not record how sure they were of their answers.</p>'
    body = []
    for row, found in known:
        gap = f"{points(found.gap.value)} [{points(found.gap.low)}, {points(found.gap.high)}]"
        order = with_interval(found.auroc) if found.auroc else "–"
        numbers = [percent(found.confidence), with_interval(found.accuracy), gap, percent(found.ece), order]
        body.append([row.label, f"{found.accuracy.n:,}", *numbers])
    absent = len(dataset.rows) - len(known)
    few = f" {absent} of the runs did not record it." if absent else ""
    panels = "".join(plots.reliability(row, found) for row, found in known)
    return (
        f'<h3>How sure they were</h3><p class="hint">{HINT}{few}</p><div class="panels narrow">{panels}</div>'
        f"{simple_table(HEADS, body, 'costs')}"
    )
