"""Every plot of a dataset as SVG elements: the page embeds them, and `figures.py` paints them into files.

The elements have classes instead of colours. `assets/plots.css` says what the classes look like, so that the
plots follow the page into dark mode and print, and the files have the light colours of the same style sheet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import cos, pi, sin
from xml.etree.ElementTree import Element, SubElement, tostring

from eval.analysis.calibration import Calibration, calibrations
from eval.analysis.curves import NO_PATH, PLOTTED_FLOORS, Curves, Points, by_distance, by_size
from eval.analysis.findings import estimate_text, percent
from eval.analysis.runs import Dataset, Row, Sample
from eval.escape import visible
from eval.prediction import OUTCOMES
from eval.report.tables import FLOOR_TEXT
from eval.statistics.intervals import Estimate

MIN_QUESTIONS = 20  # Points of fewer are not joined by a line, which would show a trend where there is noise.
COLOURS = 8  # The palette is --c0 .. --c7 of plots.css; a ninth run starts again, with a dashed line.
QUARTERS = (0, 0.25, 0.5, 0.75, 1)
WIDTH, LEFT, RIGHT = 400, 146, 40  # of a bar panel: labels stand at its left and values at its right
# A shape per colour, for readers who see no colours: number of corners, turn in degrees, and how far in the
# points between two corners lie (1: the shape has none). No corners mean a circle.
MARKERS = ((0, 0, 1), (4, 45, 1), (4, 0, 1), (3, 0, 1), (3, 180, 1), (4, 0, 0.4), (4, 45, 0.4), (5, 0, 0.45))


@dataclass(frozen=True)
class Panel:
    """A small drawing and its caption."""

    caption: str
    svg: Element

    @property
    def markup(self) -> str:
        """The drawing as text; ElementTree has escaped what stands in it."""
        return tostring(self.svg, encoding="unicode")


@dataclass(frozen=True)
class Plot:
    """Panels of one kind, what their axes count, and a legend of small drawings with a caption each."""

    axes: str
    panels: list[Panel]
    legend: list[Panel]


def draw_plots(dataset: Dataset) -> dict[str, Plot]:
    """The plots of a dataset by name: accuracy, size, distance, outcomes, calibration; without the empty
    ones.
    """
    floors, runs = _floor_keys(dataset), [_run_key(row) for row in dataset.rows]
    bars = [_bars(dataset, task) for task in [*dataset.tasks, None]]
    sizes = [_curves(curves, "nodes") for curves in by_size(dataset)]
    distances = [_curves(curves, "edges apart") for curves in by_distance(dataset)]
    reliability = [_reliability(row, calibration) for row, calibration in calibrations(dataset)]
    plots = {
        "accuracy": Plot("percent correct", bars, floors),
        "size": Plot("percent correct by number of nodes", sizes, runs + floors),
        "distance": Plot("percent correct by distance", distances, runs + floors),
        "outcomes": Plot(
            "percent of outputs", [_outcomes(dataset)], [_outcome_key(name) for name in OUTCOMES]
        ),
        "calibration": Plot("percent correct by confidence in percent", reliability, []),
    }
    return {name: plot for name, plot in plots.items() if plot.panels}


def shorten(label: str, limit: int = 20) -> str:
    """Shorten a label in its middle, since labels differ at their ends; the tooltip has the whole.

    >>> shorten("SmolLM2-135M-Instruct few_shot"), shorten("T5")
    ('SmolLM2-…ct few_shot', 'T5')
    """
    return label if len(label) <= limit else f"{label[:8]}…{label[9 - limit :]}"


def _svg(width: float, height: float, label: str = "") -> Element:
    """An empty drawing; without a label it is decoration, which a screen reader passes over."""
    about = {"role": "img", "aria-label": visible(label)} if label else {"aria-hidden": "true"}
    return Element("svg", {"viewBox": f"0 0 {width:g} {height:g}", **about})


def _add(parent: Element, tag: str, classes: str, text: str = "", **attributes: float | str) -> None:
    """Add an element; numbers are pixels and get one decimal."""
    values = {key: v if isinstance(v, str) else f"{round(v, 1):g}" for key, v in attributes.items()}
    SubElement(parent, tag, {"class": classes, **values}).text = visible(text) or None


def _line(parent: Element, classes: str, x1: float, y1: float, x2: float, y2: float) -> None:
    _add(parent, "line", classes, x1=x1, y1=y1, x2=x2, y2=y2)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{round(x, 1):g},{round(y, 1):g}" for x, y in points)


def _group(parent: Element, tooltip: str) -> Element:
    group = SubElement(parent, "g")
    SubElement(group, "title").text = visible(tooltip)
    return group


def _tooltip(label: str, e: Estimate) -> str:
    return f"{label}: {estimate_text(e, '%')}, n = {e.n:,}"


def _whisker(parent: Element, x1: float, x2: float, y: float) -> None:
    """A horizontal interval with a cap at each end."""
    _line(parent, "whisker", x1, y, x2, y)
    for x in (x1, x2):
        _line(parent, "whisker", x, y - 4, x, y + 4)


def _marker(parent: Element, colour: int, x: float, y: float, radius: float) -> None:
    corners, turn, inner = MARKERS[colour % COLOURS]
    classes = f"dot c{colour % COLOURS}"
    if not corners:
        _add(parent, "circle", classes, cx=x, cy=y, r=radius)
        return
    points = []
    for k in range(2 * corners) if inner < 1 else range(0, 2 * corners, 2):
        angle, reach = pi * (k / corners + turn / 180), 1.25 * radius * (inner if k % 2 else 1)
        points.append((x + reach * sin(angle), y - reach * cos(angle)))
    _add(parent, "polygon", classes, points=_points(points))


def _line_style(row: Row) -> str:
    return f"line c{row.colour % COLOURS}{' dashed' if row.colour >= COLOURS else ''}"


def _run_key(row: Row) -> Panel:
    svg = _svg(26, 12)
    _line(svg, _line_style(row), 0, 6, 26, 6)
    _marker(svg, row.colour, 13, 6, 3.2)
    return Panel(row.label, svg)


def _floor_keys(dataset: Dataset) -> list[Panel]:
    interval = _svg(26, 12)
    _whisker(interval, 2, 24, 6)
    keys = [Panel("95% interval", interval)]
    for kind in PLOTTED_FLOORS:
        if any(sample.floor(kind) for sample in dataset.samples):
            svg = _svg(26, 12)
            _line(svg, kind, 0, 6, 26, 6)
            keys.append(Panel(FLOOR_TEXT[kind], svg))
    return keys


def _outcome_key(outcome: str) -> Panel:
    svg = _svg(26, 12)
    _add(svg, "rect", f"bar {outcome}", x=7, y=0, width=12, height=12)
    return Panel(outcome, svg)


def _estimate(row: Row | None, task: str | None) -> Estimate | None:
    """A row's accuracy on a task, or for None its macro mean."""
    return None if row is None else row.macro if task is None else row.cells.get(task)


def _bar_x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _bars(dataset: Dataset, task: str | None) -> Panel:
    """A bar per run with its interval, and the floors as lines across the bars of the same questions."""
    name = "macro mean" if task is None else task.replace("_", " ")
    svg = _svg(WIDTH, 0, f"Accuracy in percent, {name}")
    grid, y = SubElement(svg, "g"), 4.0
    for sample in dataset.samples:
        bars = [(row, e) for row in sample.rows if (e := _estimate(row, task))]
        if not bars:
            continue
        if len(dataset.samples) > 1:
            _add(svg, "text", "tick", f"n = {bars[0][1].n:,}", x=LEFT + 4, y=y + 10)
            y += 15
        top = y
        for row, e in bars:
            _bar(svg, row, e, y)
            y += 22
        for kind in PLOTTED_FLOORS:
            _floor_line(svg, sample, kind, task, top - 1, y - 3)
        y += 8
    for share in QUARTERS:
        _line(grid, "grid", _bar_x(share), 2, _bar_x(share), y - 4)
        _add(grid, "text", "tick middle", f"{100 * share:g}", x=_bar_x(share), y=y + 9)
    svg.set("viewBox", f"0 0 {WIDTH} {y + 18:g}")
    return Panel(name, svg)


def _bar(svg: Element, row: Row, e: Estimate, y: float) -> None:
    group = _group(svg, _tooltip(row.label, e))
    _add(group, "text", "label end", shorten(row.label), x=LEFT - 8, y=y + 12)
    width = max(_bar_x(e.value) - LEFT, 1)
    _add(group, "rect", f"bar c{row.colour % COLOURS}", x=LEFT, y=y, width=width, height=16, rx=2)
    _whisker(group, _bar_x(e.low), _bar_x(e.high), y + 8)
    _add(group, "text", "value end", percent(e.value), x=WIDTH, y=y + 12)


def _floor_line(svg: Element, sample: Sample, kind: str, task: str | None, top: float, bottom: float) -> None:
    if e := _estimate(sample.floor(kind), task):
        group, x = _group(svg, _tooltip(f"{kind} floor", e)), _bar_x(e.value)
        _line(group, kind, x, top, x, bottom)


def _curves(curves: Curves, unit: str) -> Panel:
    """Accuracy over the ticks, a line with intervals per run; `unit` is what a tick counts."""
    left, right, bottom = 34.0, 390.0, 158.0
    step = (right - left) / len(curves.ticks)
    name = curves.task.replace("_", " ")
    svg = _svg(WIDTH, bottom + 34, f"Accuracy by {unit}, {name}")

    def x(tick: int, shift: float = 0.0) -> float:
        return left + (tick + 0.5) * step + shift

    def y(share: float) -> float:
        return bottom - 150 * share

    for share in QUARTERS:
        _rung(svg, left, right, y(share), share)
    for tick, text in enumerate(curves.ticks):
        _add(svg, "text", "tick middle", text, x=x(tick), y=bottom + 15)
    _add(svg, "text", "tick middle", unit, x=(left + right) / 2, y=bottom + 30)
    for kind, points in curves.floors.items():
        group = _group(svg, f"{kind} floor")
        _path(group, kind, curves, points, x, y)
        for tick, e in points.items():
            if curves.ticks[tick] == NO_PATH:  # It is no distance, so it stands alone, as a short dash.
                _line(group, kind, x(tick) - 12, y(e.value), x(tick) + 12, y(e.value))
    spread = min(7.0, step / (len(curves.runs) + 1))  # The runs' points stand side by side on a tick.
    for k, (row, points) in enumerate(curves.runs):
        shift = (k - (len(curves.runs) - 1) / 2) * spread
        _path(svg, _line_style(row), curves, points, partial(x, shift=shift), y)
        for tick, e in points.items():
            text = curves.ticks[tick]
            _dot(svg, row, text if text == NO_PATH else f"{text} {unit}", e, x(tick, shift), y, 3.2)
    return Panel(name, svg)


def _path(
    parent: Element,
    classes: str,
    curves: Curves,
    points: Points,
    x: Callable[[int], float],
    y: Callable[[float], float],
) -> None:
    """Lines between points of enough questions; none leads to `no path`, which is no distance."""
    segments: list[list[tuple[float, float]]] = [[]]
    for tick, e in points.items():
        if e.n >= MIN_QUESTIONS and curves.ticks[tick] != NO_PATH:
            segments[-1].append((x(tick), y(e.value)))
        else:
            segments.append([])
    for segment in segments:
        if len(segment) > 1:
            _add(parent, "polyline", classes, points=_points(segment))


def _rung(svg: Element, left: float, right: float, y: float, share: float) -> None:
    """A line across a panel, and the share that it stands for."""
    _line(svg, "grid", left, y, right, y)
    _add(svg, "text", "tick end", f"{100 * share:g}", x=left - 6, y=y + 4)


def _dot(
    svg: Element, row: Row, label: str, e: Estimate, x: float, y: Callable[[float], float], radius: float
) -> None:
    """A run's estimate at x with its interval; `label` says in the tooltip where it belongs."""
    group = _group(svg, _tooltip(f"{row.label}, {label}", e))
    _line(group, f"stem c{row.colour % COLOURS}", x, y(e.low), x, y(e.high))
    _marker(group, row.colour, x, y(e.value), radius)


def _reliability(row: Row, calibration: Calibration) -> Panel:
    """One run's accuracy against its mean confidence, bin by bin; on the diagonal the two agree."""
    left, size, top = 34.0, 190.0, 8.0
    svg = _svg(left + size + 12, top + size + 22, f"Accuracy by confidence, {row.label}")

    def x(share: float) -> float:
        return left + share * size

    def y(share: float) -> float:
        return top + (1 - share) * size

    for share in QUARTERS:
        _rung(svg, left, x(1), y(share), share)
        _add(svg, "text", "tick middle", f"{100 * share:g}", x=x(share), y=y(0) + 15)
    _line(svg, "majority", x(0), y(0), x(1), y(1))
    for b in calibration.bins:
        label = f"confidence {percent(b.confidence)}% ({percent(b.low)} to {percent(b.high)})"
        radius = 2.5 + 5 * (b.accuracy.n / calibration.accuracy.n) ** 0.5
        _dot(svg, row, label, b.accuracy, x(b.confidence), y, radius)
    return Panel(row.label, svg)


def _outcomes(dataset: Dataset) -> Panel:
    """A stacked bar per run: the shares of its outputs that were correct, wrong, unparsed, .., over all
    tasks.
    """
    width, bar = 520, 520 - LEFT - 70
    svg = _svg(width, 22 * len(dataset.rows) + 4, "Outcomes in percent of outputs")
    for k, row in enumerate(dataset.rows):
        y, x, total = 22.0 * k, float(LEFT), sum(row.outcomes.values())
        _add(_group(svg, row.label), "text", "label end", shorten(row.label), x=LEFT - 8, y=y + 12)
        for outcome, count in row.outcomes.items():
            part = bar * count / total
            if count:
                group = _group(svg, f"{row.label}, {outcome}: {count:,} of {total:,}")
                _add(group, "rect", f"bar {outcome}", x=x, y=y, width=part, height=16)
                if part >= 18:
                    _add(
                        group,
                        "text",
                        f"share {outcome} middle",
                        f"{100 * count / total:.0f}",
                        x=x + part / 2,
                        y=y + 12,
                    )
            x += part
        _add(svg, "text", "value end", f"n = {total:,}", x=width, y=y + 12)
    return Panel("all tasks", svg)
