"""Plots as inline SVG: colours and type come from the page's style sheet, so they follow light, dark and
print.
"""

from collections.abc import Callable, Sequence

from eval.analysis.calibration import Calibration
from eval.analysis.curves import APART, DRAWN, Curves
from eval.analysis.findings import percent
from eval.analysis.runs import Dataset, Row, Sample
from eval.escape import for_html
from eval.prediction import OUTCOMES
from eval.statistics.intervals import Estimate

COLOURS = 8  # the palette's --c0 .. --c7; a ninth run starts again, dashed
QUARTERS = (0, 0.25, 0.5, 0.75, 1)
WIDTH, LEFT, RIGHT = 400, 146, 40
ROW, GAP = 22, 18


def clipped(label: str, limit: int = 20) -> str:
    """The label, shortened in the middle for a plot, since labels differ at their ends; the whole stands in
    the tooltip.

    >>> clipped("SmolLM2-135M-Instruct few_shot"), clipped("T5")
    ('SmolLM2-…ct few_shot', 'T5')
    """
    return label if len(label) <= limit else f"{label[:8]}…{label[9 - limit :]}"


def spoken(label: str, e: Estimate) -> str:
    return for_html(f"{label}: {percent(e.value)}% [{percent(e.low)}, {percent(e.high)}], n = {e.n:,}")


def _svg(width: int, height: float, title: str, body: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {width} {height:g}" role="img" aria-label="{for_html(title)}" xmlns="http://www.w3.org/2000/svg">'
    return head + "".join(body) + "</svg>"


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def task_panels(dataset: Dataset) -> str:
    """One panel per task and one for the macro mean: a bar per run with its interval, and the floors as lines
    across the bars.
    """
    return "".join(_bars(dataset, task) for task in [*dataset.tasks, None])


def _pick(row: Row, task: str | None) -> Estimate | None:
    return row.macro if task is None else row.cells.get(task)


def _bars(dataset: Dataset, task: str | None) -> str:
    body: list[str] = []
    y = 4.0
    for sample in dataset.samples:
        rows = [(row, e) for row in sample.rows if (e := _pick(row, task))]
        if not rows:
            continue
        if len(dataset.samples) > 1:
            body.append(f'<text class="small" x="{LEFT + 4}" y="{y + 10}">n = {rows[0][1].n:,}</text>')
            y += 15
        top = y
        for row, e in rows:
            body.append(_bar(row, e, y))
            y += ROW
        body += [_floor_line(sample, name, task, top - 1, y - 3) for name in DRAWN]
        y += 8
    axis = [
        f'<line class="grid" x1="{_x(t):.1f}" x2="{_x(t):.1f}" y1="2" y2="{y - 4}"/>'
        f'<text class="tick" x="{_x(t):.1f}" y="{y + 9}" text-anchor="middle">{t * 100:.0f}</text>'
        for t in QUARTERS
    ]
    name = "macro mean" if task is None else task.replace("_", " ")
    return f"<figure><figcaption>{for_html(name)}</figcaption>{_svg(WIDTH, y + GAP, f'Accuracy in percent, {name}', axis + body)}</figure>"


def _bar(row: Row, e: Estimate, y: float) -> str:
    middle = y + 8
    return (
        f"<g><title>{spoken(row.label, e)}</title>"
        f'<text class="label" x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{for_html(clipped(row.label))}</text>'
        f'<rect class="bar c{row.colour % COLOURS}" x="{_x(0)}" y="{y}" width="{max(_x(e.value) - _x(0), 1):.1f}" height="16" rx="2"/>'
        f"{_whisker(_x(e.low), middle, _x(e.high), middle)}"
        f'<text class="value" x="{WIDTH}" y="{middle + 4}" text-anchor="end">{percent(e.value)}</text></g>'
    )


def _whisker(x1: float, y1: float, x2: float, y2: float) -> str:
    """A line with a cap at each end, horizontal or vertical."""
    dx, dy = (0, 4) if y1 == y2 else (3, 0)
    lines = [(x1, y1, x2, y2), (x1 - dx, y1 - dy, x1 + dx, y1 + dy), (x2 - dx, y2 - dy, x2 + dx, y2 + dy)]
    return "".join(
        f'<line class="whisker" x1="{a:.1f}" y1="{b:.1f}" x2="{c:.1f}" y2="{d:.1f}"/>' for a, b, c, d in lines
    )


def _floor_line(sample: Sample, name: str, task: str | None, top: float, bottom: float) -> str:
    row = sample.floor(name)
    e = _pick(row, task) if row else None
    if e is None:
        return ""
    x = _x(e.value)
    return f'<g><title>{spoken(name + " floor", e)}</title><line class="floor {name}" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/></g>'


def lines(curves: Curves, unit: str) -> str:
    """One panel: accuracy over the ticks, a line with intervals per run; `unit` is what a tick counts, for
    the tooltips.
    """
    left, width, height, bottom = 34.0, 366.0, 150.0, 158.0
    step = (width - 10) / len(curves.ticks)

    def x(i: int, shift: float = 0.0) -> float:
        return left + (i + 0.5) * step + shift

    def y(share: float) -> float:
        return bottom - share * height

    body = [_rung(left, left + width - 10, y(t), t) for t in QUARTERS]
    body += [
        f'<text class="tick" x="{x(i):.1f}" y="{bottom + 15}" text-anchor="middle">{tick}</text>'
        for i, tick in enumerate(curves.ticks)
    ]
    for kind, points in curves.floors.items():
        path = " ".join(f"{x(i):.1f},{y(e.value):.1f}" for i, e in points.items() if curves.ticks[i] != APART)
        alone = [(x(i) - 12, x(i) + 12, y(e.value)) for i, e in points.items() if curves.ticks[i] == APART]
        dash = "".join(
            f'<line class="floor {kind}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{at:.1f}" y2="{at:.1f}"/>'
            for x1, x2, at in alone
        )
        body.append(
            f'<g><title>{kind} floor</title><polyline class="floor {kind}" points="{path}"/>{dash}</g>'
        )
    spread = min(7.0, step / (len(curves.runs) + 1))
    for k, (row, points) in enumerate(curves.runs):
        shift = (k - (len(curves.runs) - 1) / 2) * spread
        named = [(x(i, shift), e, curves.ticks[i]) for i, e in points.items()]
        body.append(
            _line(row, [(at, e, tick if tick == APART else f"{tick} {unit}") for at, e, tick in named], y)
        )
    name = curves.task.replace("_", " ")
    plot = _svg(WIDTH, bottom + 22, f"Accuracy by {unit}, {name}", body)
    return f"<figure><figcaption>{for_html(name)}</figcaption>{plot}</figure>"


def _line(row: Row, points: Sequence[tuple[float, Estimate, str]], y: Callable[[float], float]) -> str:
    colour, dashed = f"c{row.colour % COLOURS}", " dashed" if row.colour >= COLOURS else ""
    path = " ".join(
        f"{px:.1f},{y(e.value):.1f}" for px, e, label in points if label != APART
    )  # it is no distance, so no line leads there
    marks = "".join(_dot(row, label, e, px, y, 3.2) for px, e, label in points)
    return f'<polyline class="line {colour}{dashed}" points="{path}"/>{marks}'


def _rung(left: float, right: float, y: float, share: float) -> str:
    """A line across a panel, and the share that it stands for."""
    line = f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return (
        f'{line}<text class="tick" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{share * 100:.0f}</text>'
    )


def _dot(row: Row, label: str, e: Estimate, x: float, y: Callable[[float], float], radius: float) -> str:
    """A run's estimate at x with its interval; `label` says in the tooltip where it belongs."""
    colour = f"c{row.colour % COLOURS}"
    return (
        f"<g><title>{spoken(f'{row.label}, {label}', e)}</title>"
        f'<line class="stem {colour}" x1="{x:.1f}" x2="{x:.1f}" y1="{y(e.low):.1f}" y2="{y(e.high):.1f}"/>'
        f'<circle class="dot {colour}" cx="{x:.1f}" cy="{y(e.value):.1f}" r="{radius:.1f}"/></g>'
    )


def reliability(row: Row, found: Calibration) -> str:
    """One run's panel: accuracy with its interval against mean confidence, bin by bin; on the diagonal the
    two agree.
    """
    left, size, top = 34.0, 190.0, 8.0

    def x(share: float) -> float:
        return left + share * size

    def y(share: float) -> float:
        return top + (1 - share) * size

    body = [
        f'{_rung(left, x(1), y(t), t)}<text class="tick" x="{x(t):.1f}" y="{y(0) + 15:.1f}" text-anchor="middle">{t * 100:.0f}</text>'
        for t in QUARTERS
    ]
    body.append(f'<line class="floor majority" x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}"/>')
    for b in found.bins:
        about = f"confidence {percent(b.confidence)}% ({percent(b.low)} to {percent(b.high)})"
        body.append(
            _dot(
                row, about, b.accuracy, x(b.confidence), y, 2.5 + 5 * (b.accuracy.n / found.accuracy.n) ** 0.5
            )
        )
    plot = _svg(int(left + size + 12), y(0) + 22, f"Accuracy by confidence, {row.label}", body)
    return f"<figure><figcaption>{for_html(row.label)}</figcaption>{plot}</figure>"


def legend(rows: Sequence[Row]) -> str:
    """Which colour is which run."""
    keys = {row.label: row.colour for row in rows}
    return "".join(
        f'<span><i class="swatch c{c % COLOURS}"></i>{for_html(label)}</span>' for label, c in keys.items()
    )


def outcome_bars(dataset: Dataset) -> str:
    """For each run one bar of its outcomes, over all tasks; the shares add up to all its answers."""
    out = []
    for row in dataset.rows:
        counts = row.outcomes
        total = sum(counts.values())
        parts = "".join(
            f'<span class="{outcome}" style="width:{100 * count / total:.3f}%" title="{outcome}: {count:,} of {total:,}">'
            f"{f'{100 * count / total:.0f}' if count * 20 >= total else ''}</span>"
            for outcome, count in counts.items()
            if count
        )
        label = for_html(row.label)
        out.append(
            f'<div class="stack"><b title="{label}">{label}</b><div>{parts}</div><small>n = {total:,}</small></div>'
        )
    keys = "".join(f'<span><i class="swatch {outcome}"></i>{outcome}</span>' for outcome in OUTCOMES)
    return f'<p class="legend">{keys}</p>' + "".join(out)
