"""The page's plots as files for a paper: SVG and PNG, the same bytes for the same runs.

Each SVG element of a plot becomes one matplotlib artist, in the colours and widths of `assets/plots.css`.
"""

import re
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from data_builders.files import atomic_file
from eval.analysis.runs import Report
from eval.escape import visible
from eval.report.plots import Panel, Plot, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHEET, INCHES = 848, 7.0  # The width of a figure in the plots' pixels, and on paper that of a page's text.
POINTS = 72 * INCHES / SHEET  # of one pixel
GAP, TITLE = 24, 20  # Pixels between panels, and above each for its caption.
RC: dict[Any, Any] = {
    "text.parse_math": False,  # A $ in a label is a $.
    "svg.hashsalt": "graphtalk",  # Otherwise the ids in an SVG are random.
    "font.family": "DejaVu Sans",  # It comes with matplotlib, so that every machine draws the same letters.
    "lines.scale_dashes": False,
}


def write_figures(report: Report, plots: Sequence[dict[str, Plot]], out: Path) -> list[Path]:
    """Write each plot of each dataset into `out` as DATASET_SPLIT_PLOT.svg and .png (300 dots per inch).

    plots: those of each dataset, as `draw_plots` returns them. The paths of the files come back.
    """
    import matplotlib

    out.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    with matplotlib.rc_context(RC), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # A label's script may not be in the font.
        for i, (dataset, by_name) in enumerate(zip(report.datasets, plots, strict=True), 1):
            name = re.sub(r"\W+", "_", dataset.name, flags=re.ASCII).strip("_")[:40] or "dataset"
            prefix = f"{i}_" if len(report.datasets) > 1 else ""
            for plot_name, plot in by_name.items():
                paths += _save(_figure(plot), out / f"{prefix}{name}_{dataset.split}_{plot_name}")
    return paths


def _save(figure: "Figure", stem: Path) -> list[Path]:
    paths = []
    for kind, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
        paths.append(stem.with_name(f"{stem.name}.{kind}"))
        with atomic_file(paths[-1]) as file:
            figure.savefig(file, format=kind, dpi=300, metadata=metadata)
    return paths


def _size(panel: Panel) -> tuple[float, float]:
    _, _, width, height = map(float, panel.svg.attrib["viewBox"].split())
    return width, height


def _figure(plot: Plot) -> "Figure":
    """The panels in rows, then what the axes count, then the legend in three columns."""
    from matplotlib.figure import Figure

    wide = max(_size(panel)[0] for panel in plot.panels) + GAP
    across = max(1, int(SHEET // wide))
    rows = [plot.panels[i : i + across] for i in range(0, len(plot.panels), across)]
    heights = [TITLE + max(_size(panel)[1] for panel in row) + GAP for row in rows]
    height = sum(heights) + 20 + 18 * -(-len(plot.legend) // 3)
    figure = Figure(figsize=(INCHES, INCHES * height / SHEET))
    axes = figure.add_axes(
        (0, 0, 1, 1), xlim=(-6, SHEET - 6), ylim=(height, 0)
    )  # y grows downwards, as in SVG
    axes.set_axis_off()
    y = 0.0
    for row, row_height in zip(rows, heights, strict=True):
        for k, panel in enumerate(row):
            _text(axes, panel.caption, k * wide, y + 12, 13, fontweight="bold")
            _paint(axes, panel.svg, k * wide, y + TITLE)
        y += row_height
    _text(axes, plot.axes, 0, y, 12)
    for k, key in enumerate(plot.legend):
        x, top = k % 3 * SHEET / 3, y + 12 + 18 * (k // 3)
        _paint(axes, key.svg, x, top)
        _text(axes, key.caption, x + 34, top + 10, 11)
    return figure


def _text(axes: "Axes", text: str, x: float, y: float, pixels: float, **style: Any) -> None:
    label = shorten(visible(text), 40).replace("\n", " ")
    axes.text(x, y, label, **{"fontsize": pixels * POINTS, "color": _rules()[1]["ink"], **style})


@cache
def _rules() -> tuple[list[tuple[frozenset[str], dict[str, str]]], dict[str, str]]:
    """The rules of plots.css, each as classes and declarations; and the values of its variables."""
    css = (Path(__file__).parent / "assets" / "plots.css").read_text(encoding="utf-8")
    variables = dict(re.findall(r"--(\w+): (#\w+);", css))
    rules = []
    for selectors, body in re.findall(r"^(\.[^{]+)\{([^}]*)\}", css, re.MULTILINE):
        body = re.sub(r"var\(--(\w+)\)", lambda match: variables[match[1]], body)
        declarations = dict(re.findall(r"([\w-]+): ([^;]+);", body))
        rules += [(frozenset(re.findall(r"\.(\w+)", one)), declarations) for one in selectors.split(",")]
    return rules, variables


def _style(element: Element) -> dict[str, str]:
    """What the style sheet says of an element; later rules win, as in a browser."""
    classes = set(element.get("class", "").split())
    style: dict[str, str] = {}
    for needed, declarations in _rules()[0]:
        if needed <= classes:
            style |= declarations
    return {key: style["color"] if value == "currentColor" else value for key, value in style.items()}


def _paint(axes: "Axes", svg: Element, left: float, top: float) -> None:
    """Paint a drawing with its corner at (left, top)."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Circle, Polygon, Rectangle

    def number(key: str) -> float:
        return float(element.get(key, 0)) + (left if "x" in key else top if "y" in key else 0)

    for element in svg.iter():
        style = _style(element)
        width = float(style.get("stroke-width", 0)) * POINTS
        corners = [tuple(map(float, point.split(","))) for point in element.get("points", "").split()]
        corners = [(left + x, top + y) for x, y in corners]
        fill: dict[str, Any] = {
            "facecolor": style.get("fill"),
            "edgecolor": style.get("stroke", "none"),
            "linewidth": width,
        }
        alpha = float(style.get("opacity", 1))
        match element.tag:
            case "line" | "polyline":
                ends = corners or [(number("x1"), number("y1")), (number("x2"), number("y2"))]
                dashes = tuple(float(part) * POINTS for part in style.get("stroke-dasharray", "").split())
                line: dict[str, Any] = {
                    "color": style["stroke"],
                    "linewidth": width,
                    "linestyle": (0, dashes) if dashes else "-",
                }
                axes.add_line(Line2D(*zip(*ends, strict=True), alpha=alpha, **line))
            case "rect":
                size = float(element.attrib["width"]), float(element.attrib["height"])
                axes.add_patch(Rectangle((number("x"), number("y")), *size, alpha=alpha, **fill))
            case "circle":
                axes.add_patch(Circle((number("cx"), number("cy")), number("r"), alpha=alpha, **fill))
            case "polygon":
                axes.add_patch(Polygon(corners, alpha=alpha, **fill))
            case "text":
                anchor = {"middle": "center", "end": "right"}.get(style.get("text-anchor", ""), "left")
                pixels = float(style["font-size"].removesuffix("px"))
                colour = {"ha": anchor, "color": style["fill"]}
                _text(axes, element.text or "", number("x"), number("y"), pixels, **colour)
