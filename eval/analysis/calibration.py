"""Calibration: how well the confidence that runs recorded agrees with being right."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import expit, logit

from eval.analysis.runs import Dataset, Report, Row
from eval.escape import for_csv
from eval.statistics.intervals import Estimate, Z, accuracy, proportion

BINS = 10
COLUMNS = [
    *("dataset", "split", "run", "above", "up_to", "n", "confidence", "accuracy", "low", "high"),
    *("gap", "gap_low", "gap_high", "ece", "auroc", "auroc_low", "auroc_high"),  # of whole runs
]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidence lies in (low, high], their mean confidence and their accuracy."""

    low: float
    high: float
    confidence: float
    accuracy: Estimate


@dataclass(frozen=True)
class Calibration:
    """Of the answers of a run whose confidence is known.

    confidence: its mean. gap: mean confidence minus accuracy; above 0 it is overconfidence.
    ece: the expected calibration error, the mean over answers of |mean confidence - accuracy| of their bin
        (Guo et al., arXiv 1706.04599, eq. 3).
    auroc: how often a right answer has more confidence than a wrong one, 0.5 for a confidence that does not
        tell them apart; None where all or none are right.
    """

    accuracy: Estimate
    confidence: float
    gap: Estimate
    ece: float
    auroc: Estimate | None
    bins: list[Bin]


def calibration(confidences: Sequence[float], right: Sequence[bool], graphs: Sequence[str]) -> Calibration:
    """Calibration over bins of equal width; `graphs` is the graph_id of each answer, which widens intervals.

    >>> c = calibration([0.95, 0.85, 0.35, 0.25], [True, True, False, False], "abcd")
    >>> round(c.gap.value, 3), round(c.ece, 3), c.auroc.value, len(c.bins)
    (0.1, 0.2, 1.0, 4)
    """
    confidence, correct = np.asarray(confidences, dtype=float), np.asarray(right, dtype=float)
    _, cluster = np.unique(list(graphs), return_inverse=True)
    place = np.clip(np.ceil(np.round(confidence * BINS, 9)).astype(int) - 1, 0, BINS - 1)
    bins = []
    for k in range(BINS):
        here = np.flatnonzero(place == k).tolist()
        if here:
            share = accuracy([right[i] for i in here], [graphs[i] for i in here])
            bins.append(Bin(k / BINS, (k + 1) / BINS, float(confidence[here].mean()), share))
    ece = sum(b.accuracy.n * abs(b.confidence - b.accuracy.value) for b in bins) / len(confidence)
    auroc = _auroc(confidence, correct > 0, cluster) if 0 < correct.sum() < len(correct) else None
    mean, gap = float(confidence.mean()), _mean(confidence - correct, cluster)
    return Calibration(accuracy(right, graphs), mean, gap, ece, auroc, bins)


def _mean(values: Floats, cluster: npt.NDArray[Any]) -> Estimate:
    """A mean with Student's interval over clusters (linearised cluster totals)."""
    n, mean = len(values), float(values.mean())
    totals = np.bincount(cluster, values - mean)
    k = len(totals)
    if k < 2:
        return Estimate(mean, -1.0, 1.0, n)
    half = float(stats.t.ppf(0.975, k - 1)) * sqrt(k / (k - 1) * float(totals @ totals)) / n
    return Estimate(mean, max(-1.0, mean - half), min(1.0, mean + half), n)


def _auroc(confidence: Floats, right: npt.NDArray[np.bool_], cluster: npt.NDArray[Any]) -> Estimate:
    """The area under the ROC curve, ties as halves; interval on the logit scale, with Obuchowski's variance
    for clustered data (Biometrics 53, 1997), which without clusters is DeLong's."""
    above, below = confidence[right], confidence[~right]
    m, n = len(above), len(below)
    wins = _share_below(below, above)  # per right answer
    losses = 1 - _share_below(above, below)  # per wrong answer
    area = float(wins.mean())
    if area in (0.0, 1.0):  # Nothing shows how it varies, so the smaller group counts as so many trials.
        trials = proportion(round(area) * min(m, n), min(m, n))
        return Estimate(area, trials.low, trials.high, m + n)
    k = int(cluster.max()) + 1
    x = np.bincount(cluster[right], wins - area, k) / m
    y = np.bincount(cluster[~right], losses - area, k) / n
    with_right, with_wrong = (len(np.unique(cluster[side])) for side in (right, ~right))
    variance = _few(with_right) * float(x @ x) + _few(with_wrong) * float(y @ y) + 2 * _few(k) * float(x @ y)
    half = Z * sqrt(max(0.0, variance)) / (area * (1 - area))
    return Estimate(area, float(expit(logit(area) - half)), float(expit(logit(area) + half)), m + n)


def _share_below(values: Floats, limits: Floats) -> Floats:
    """For each limit the share of the values that are below it; equal ones count half."""
    order = np.sort(values)
    below = np.searchsorted(order, limits, "left") + np.searchsorted(order, limits, "right")
    return np.asarray(below / (2 * len(order)), dtype=np.float64)


def _few(clusters: int) -> float:
    """Bessel's correction of a variance over so many clusters."""
    return clusters / max(1, clusters - 1)


def calibrations(dataset: Dataset) -> list[tuple[Row, Calibration]]:
    """The runs that recorded confidences, each with its calibration over all tasks."""
    return [(row, result) for row in dataset.rows if (result := _of(row)) is not None]


def _of(row: Row) -> Calibration | None:
    assert row.run is not None
    confidences, right, graphs = [], [], []
    for e in (e for examples in row.run.examples.values() for e in examples):
        confidence = row.run.predictions[e.id].confidence
        if confidence is not None:
            confidences.append(confidence)
            right.append(row.run.scores[e.id].outcome == "correct")
            graphs.append(e.graph_id)
    return calibration(confidences, right, graphs) if confidences else None


def calibration_csv(report: Report) -> str:
    """calibration.csv: per run a line of all its answers with a confidence, then one per bin; '' without any."""
    lines: list[list[str]] = []
    for dataset in report.datasets:
        for row, c in calibrations(dataset):
            where = [dataset.name, dataset.split, row.label]
            whole = [*_ends(c.gap), c.ece, *(_ends(c.auroc) if c.auroc else [])]
            lines.append([*where, *_line(0, 1, c.confidence, c.accuracy), *map(_digits, whole)])
            lines += [[*where, *_line(b.low, b.high, b.confidence, b.accuracy)] for b in c.bins]
    padded = [line + [""] * (len(COLUMNS) - len(line)) for line in lines]
    return for_csv([COLUMNS, *padded]) if lines else ""


def _ends(e: Estimate) -> list[float]:
    return [e.value, e.low, e.high]


def _line(above: float, up_to: float, confidence: float, e: Estimate) -> list[str]:
    return [f"{above:g}", f"{up_to:g}", str(e.n), *map(_digits, [confidence, *_ends(e)])]


def _digits(number: float) -> str:
    return f"{number:.6f}"
