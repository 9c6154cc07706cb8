"""The report's plots as files for a paper: SVG and PNG, colour-blind safe, the same bytes for the same
runs.
"""

import re
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_builders.files import atomic_file
from eval.analysis.calibration import Calibration, calibrations
from eval.analysis.curves import APART, Curves, Points, by_distance, by_size
from eval.analysis.runs import MAJORITY, SHORTCUT, TREES, Dataset, Report, Row, Sample
from eval.escape import visible
from eval.prediction import OUTCOMES
from eval.report.plots import clipped
from eval.report.tables import FLOOR_TEXT
from eval.statistics.intervals import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette (2008); its yellow last, since it is faint on white paper
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666", "#F0E442")
MARKERS = "osD^vPX*"
OUTCOME_COLOURS: dict[str, str] = dict(
    zip(OUTCOMES, ("#0072B2", "#E69F00", "#8B929B", "#D0D4D9", "#CC79A7", "#000000"), strict=True)
)
FLOOR_STYLES = {MAJORITY: (0, (5, 3)), SHORTCUT: (0, (1, 1.5)), TREES: (0, (7, 2, 1, 2))}
STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # a $ in a label is a $
    "svg.hashsalt": "graphtalk",
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine draws the same letters
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "legend.frameon": False,
}
CORRECT = "percent correct"
ACROSS, WIDTH = 3, 7.0  # panels side by side; inches, the text width of a page


def write_figures(report: Report, out: Path) -> list[Path]:
    """Write each dataset's figures into `out` as NAME.svg and NAME.png (300 dots per inch); their paths come
    back.

    accuracy: each task with intervals and floors; size, distance: accuracy against them; outcomes: what the
        outputs were;
    calibration: accuracy against confidence, where a run recorded any.
    """
    import matplotlib

    out.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing"
        )  # a label in a script that the font lacks
        for i, dataset in enumerate(report.datasets):
            name = re.sub(r"\W+", "_", dataset.name, flags=re.ASCII).strip("_")[:40] or "dataset"
            stem = (
                f"{name}_{dataset.split}" if len(report.datasets) == 1 else f"{i + 1}_{name}_{dataset.split}"
            )
            for what, figure in _figures(dataset):
                paths += _save(figure, out / f"{stem}_{what}")
    return paths


def _save(figure: "Figure", stem: Path) -> list[Path]:
    paths = []
    for kind, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
        paths.append(stem.with_name(f"{stem.name}.{kind}"))
        with atomic_file(paths[-1]) as file:
            figure.savefig(file, format=kind, dpi=300, metadata=metadata, bbox_inches="tight")
    return paths


def _figures(dataset: Dataset) -> list[tuple[str, "Figure"]]:
    drawn = [("accuracy", _accuracy(dataset)), ("outcomes", _outcomes(dataset))]
    for what, unit, panels in (
        ("size", "nodes", by_size(dataset)),
        ("distance", "edges apart", by_distance(dataset)),
    ):
        if panels:
            drawn.append(
                (
                    what,
                    _grid(
                        len(panels),
                        1.7,
                        partial(_curve_panel, panels, unit),
                        _run_keys(dataset),
                        beside=CORRECT,
                    ),
                )
            )
    if known := calibrations(dataset):
        drawn.append(
            (
                "calibration",
                _grid(len(known), 2.2, partial(_reliability, known), [], "confidence in percent", CORRECT),
            )
        )
    return drawn


def _label(row: Row, longest: int = 30) -> str:
    return clipped(visible(row.label), longest).replace("\n", " ")


def _grid(
    count: int,
    height: float,
    draw: Callable[[int, Any], None],
    keys: Sequence[Any],
    below: str = "",
    beside: str = "",
) -> "Figure":
    """A figure of `count` panels, each `height` inches high, over a legend of `keys`; what the axes of all of
    them count.
    """
    from matplotlib.figure import Figure

    down = -(-count // ACROSS)
    legend = 0.15 * -(-len(keys) // ACROSS)
    figure = Figure(figsize=(WIDTH, down * height + legend), layout="constrained")
    panels = figure.subplots(down, min(count, ACROSS), squeeze=False).flat
    for k, axes in enumerate(panels):
        if k < count:
            draw(k, axes)
        else:
            axes.set_axis_off()
    figure.supxlabel(below, fontsize=8)
    figure.supylabel(beside, fontsize=8)
    figure.legend(handles=list(keys), loc="outside lower left", ncols=ACROSS, fontsize=7)
    return figure


def _floor_keys() -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color="black", linewidth=1.2, linestyle=style, label=FLOOR_TEXT[kind])
        for kind, style in FLOOR_STYLES.items()
    ]


def _run_keys(dataset: Dataset) -> list[Any]:
    from matplotlib.lines import Line2D

    rows = {row.label: row for row in dataset.rows}.values()
    return [*(Line2D([], [], label=_label(row), **_mark(row)) for row in rows), *_floor_keys()]


def _mark(row: Row) -> dict[str, Any]:
    return {
        "color": PALETTE[row.colour % 8],
        "marker": MARKERS[row.colour % 8],
        "markersize": 3.5,
        "linewidth": 1.2,
    }


def _accuracy(dataset: Dataset) -> "Figure":
    tasks = [*dataset.tasks, None]
    bars = sum(len(sample.rows) for sample in dataset.samples) + len(dataset.samples)
    return _grid(
        len(tasks),
        0.6 + 0.17 * bars,
        lambda k, axes: _bars(axes, dataset, tasks[k], k % ACROSS == 0),
        _floor_keys(),
        CORRECT,
    )


def _pick(row: Row, task: str | None) -> Estimate | None:
    return row.macro if task is None else row.cells.get(task)


def _bars(axes: Any, dataset: Dataset, task: str | None, named: bool) -> None:
    """A bar per run with its interval, groups of runs on the same questions apart, the floors as lines across
    each group.
    """
    places, labels, at = [], [], 0
    for sample in dataset.samples:
        first = at
        for row in sample.rows:
            e = _pick(row, task)
            if e is not None:
                axes.barh(
                    at,
                    100 * e.value,
                    0.75,
                    color=PALETTE[row.colour % 8],
                    xerr=_error([e]),
                    error_kw={"elinewidth": 0.8, "capsize": 2},
                )
            places.append(at)
            labels.append(
                f"{_label(row, 26)}{f' (n = {_pick_n(sample)})' if len(dataset.samples) > 1 else ''}"
            )
            at += 1
        _floor_lines(axes, sample, task, first - 0.5, at - 0.5)
        at += 1
    axes.set_xlim(0, 101)
    axes.set_xticks(range(0, 101, 25))
    axes.set_yticks(places, labels if named else [""] * len(labels))
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_title("macro mean" if task is None else task.replace("_", " "))


def _error(estimates: Sequence[Estimate]) -> list[list[float]]:
    """How far the intervals reach down and up, as matplotlib wants it."""
    return [[100 * (e.value - e.low) for e in estimates], [100 * (e.high - e.value) for e in estimates]]


def _pick_n(sample: Sample) -> str:
    counts = sorted({len(asked) for asked in sample.examples.values()})
    return f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"


def _floor_lines(axes: Any, sample: Sample, task: str | None, low: float, high: float) -> None:
    for kind, style in FLOOR_STYLES.items():
        floor = sample.floor(kind)
        e = _pick(floor, task) if floor else None
        if e is not None:
            axes.plot([100 * e.value] * 2, [low, high], color="black", linewidth=1.2, linestyle=style)


def _curve_panel(panels: Sequence[Curves], unit: str, k: int, axes: Any) -> None:
    curves = panels[k]
    step = min(0.08, 0.6 / max(1, len(curves.runs)))
    for kind, points in curves.floors.items():
        _line(
            axes,
            curves,
            points,
            0.0,
            {"color": "black", "linewidth": 1.1, "linestyle": FLOOR_STYLES[kind]},
            bars=False,
        )
    for k, (row, points) in enumerate(curves.runs):
        _line(axes, curves, points, (k - (len(curves.runs) - 1) / 2) * step, _mark(row), bars=True)
    axes.set_xticks(range(len(curves.ticks)), curves.ticks)
    axes.set_xlim(-0.5, len(curves.ticks) - 0.5)
    axes.set_ylim(-3, 103)
    axes.set_yticks(range(0, 101, 25))
    axes.set_xlabel(unit)
    axes.set_title(curves.task.replace("_", " "))


def _line(axes: Any, curves: Curves, points: Points, shift: float, style: dict[str, Any], bars: bool) -> None:
    """Joined over the numbers; what is no distance stands alone."""
    apart = [i for i in points if curves.ticks[i] == APART]
    for ticks in ([i for i in points if i not in apart], apart):
        x, y = [i + shift for i in ticks], [100 * points[i].value for i in ticks]
        if bars:
            axes.errorbar(x, y, yerr=_error([points[i] for i in ticks]), elinewidth=0.6, **style)
        elif ticks == apart:
            axes.hlines(
                y,
                [at - 0.3 for at in x],
                [at + 0.3 for at in x],
                colors=style["color"],
                linestyles=[style["linestyle"]],
            )
        else:
            axes.plot(x, y, **style)


def _reliability(known: Sequence[tuple[Row, Calibration]], k: int, axes: Any) -> None:
    """Accuracy of the answers of like confidence; on the diagonal a model is as often right as it is sure."""
    row, found = known[k]
    axes.plot([0, 100], [0, 100], color="black", linewidth=0.8, linestyle=FLOOR_STYLES[MAJORITY])
    for b in found.bins:
        e = b.accuracy
        size = 2 + 4 * (e.n / found.accuracy.n) ** 0.5
        axes.errorbar(
            100 * b.confidence,
            100 * e.value,
            yerr=_error([e]),
            elinewidth=0.6,
            **{**_mark(row), "markersize": size},
        )
    axes.set_xlim(-3, 103)
    axes.set_ylim(-3, 103)
    axes.set_xticks(range(0, 101, 25))
    axes.set_yticks(range(0, 101, 25))
    axes.set_title(_label(row))


def _outcomes(dataset: Dataset) -> "Figure":
    """A stacked bar per run: the shares of its outputs that were correct, wrong, unparsed, .."""
    from matplotlib.patches import Patch

    def draw(_: int, axes: Any) -> None:
        for at, row in enumerate(dataset.rows):
            total, left = sum(row.outcomes.values()), 0.0
            for outcome, count in row.outcomes.items():
                axes.barh(at, 100 * count / total, 0.75, left=left, color=OUTCOME_COLOURS[outcome])
                left += 100 * count / total
        axes.set_xlim(0, 100)
        axes.set_yticks(range(len(dataset.rows)), [_label(row) for row in dataset.rows])
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)

    keys = [Patch(color=colour, label=outcome) for outcome, colour in OUTCOME_COLOURS.items()]
    return _grid(1, 0.9 + 0.2 * len(dataset.rows), draw, keys, "percent of outputs")
