"""The pictures of a dataset's card: how often each answer comes, and one question with its graph."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_builders.example import Example
from data_builders.files import atomic_file
from data_builders.graphs.graph import graph_from_record, to_networkx

LABELS = 8  # of a task, each with a part of its bar; the rest is one part
LARGEST = 60  # nodes of a graph that is drawn
INK, SOFT = "#24292f", "#afb8c1"
NODE, QUERY, RULE = "#b6dcff", "#ffb77c", "#d1570b"


def draw_answers(report: Mapping[str, Any], split: str, path: Path) -> None:
    """A bar a task for one split of a lock's report: the share of each label, and a mark at the majority and
    at the rule of thumb, where the report has these floors.
    """
    from matplotlib import colormaps

    tasks = {task: by_split[split] for task, by_split in report["tasks"].items()}
    shades = colormaps["Blues"]
    figure = _figure(8, 0.9 + 0.34 * len(tasks))
    axes = figure.add_subplot()
    for y, (task, counted) in enumerate(tasks.items()):
        top = list(counted["labels"].items())[:LABELS]
        parts = [*top, ("", counted["n"] - sum(n for _, n in top))]
        left = 0.0
        for i, (label, n) in enumerate(parts):
            share = n / max(counted["n"], 1)
            colour = shades(0.75 - 0.6 * i / LABELS) if label else "#eaeef2"
            axes.barh(y, share, left=left, height=0.66, color=colour, edgecolor="white", linewidth=0.8)
            if share > 0.014 * len(label) and label:  # there is room for its name
                white = i < 2
                axes.text(
                    left + share / 2, y, label, ha="center", va="center", size=8, color="w" if white else INK
                )
            left += share
        rule = report.get("floors", {}).get(task, {}).get("rule")
        if rule is not None:
            axes.plot([rule, rule], [y - 0.44, y + 0.44], color=RULE, linewidth=2.2)
    if any(floor.get("rule") is not None for floor in report.get("floors", {}).values()):
        axes.plot([], [], color=RULE, linewidth=2.2, label="a rule of thumb is right so often")
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=8)
    axes.set_yticks(range(len(tasks)), [task.replace("_", " ") for task in tasks])
    axes.set_ylim(len(tasks) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _save(figure, path)


def draw_example(example: Example, path: Path) -> bool:
    """The graph of a question, its nodes on a circle and those that it names in colour, with the question and
    its answer; False, and no file, for a graph of too many nodes to be seen.
    """
    from networkx import circular_layout, draw_networkx_edges, draw_networkx_labels, draw_networkx_nodes

    record = json.loads(example.graph)
    graph, names = graph_from_record(record), [str(name) for name in record["nodes"]]
    if graph.n > LARGEST:
        return False
    drawn = to_networkx(graph)
    places = circular_layout(drawn)
    figure = _figure(5, 5)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.margins(0.12)
    draw_networkx_edges(drawn, places, ax=axes, edge_color=SOFT, width=0.8, node_size=420)
    colours = [QUERY if u in example.query else NODE for u in drawn]
    draw_networkx_nodes(drawn, places, ax=axes, node_color=colours, node_size=420)
    labels = {u: names[u] for u in drawn}
    draw_networkx_labels(drawn, places, labels, ax=axes, font_size=8, font_color=INK)
    question = example.question[example.question.rfind("\nQ: ") + 1 :].splitlines()[0]
    axes.set_title(f"{question}\nA: {example.answer.strip()}", fontsize=9, color=INK, wrap=True)
    _save(figure, path)
    return True


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure  # without pyplot, which would keep it and look for a display

    return Figure(figsize=(width, height), dpi=130, layout="constrained")


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        figure.savefig(file, format="png", metadata={"Software": None})
