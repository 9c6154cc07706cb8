"""`graphtalk graph`: what was understood of a file, in words, as JSON, and as a small picture."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data_builders.errors import InputError
from data_builders.files import write_text
from data_builders.options import options_of, validate
from data_builders.readers.source import OPTIONS, Options

if TYPE_CHECKING:  # `graphtalk --help` loads nothing heavy
    from data_builders.readers.graph_files import GraphFile

MOST_DRAWN = 60  # nodes of a picture; of a larger graph, those that a random walk meets


@options_of(Options)
def graph_command(
    file: Annotated[
        Path, typer.Argument(help="File of a graph: edge list, CSV, GraphML, GEXF, GML, JSON, Pajek, ...")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: names, edge_list, weights, notes, ...")
    ] = False,
    picture: Annotated[Path | None, typer.Option(help="Draw the graph into this .svg file.")] = None,
    **flags: Any,
) -> None:
    """Say what is understood of a graph file: format, size, direction, weights, names, what is left out."""
    from data_builders.readers.graph_files import read_graph_file

    if picture is not None and picture.suffix != ".svg":
        raise InputError(f"--picture {picture}: pictures are SVG; call the file {picture.stem}.svg")
    read = read_graph_file(file, **asdict(options_from(flags)))
    if picture is not None:
        write_text(picture, draw(read))
    if as_json:
        print(json.dumps(read.summary(), ensure_ascii=False, indent=1))
        return
    print("\n".join(describe(read)))
    if picture is not None:
        some = f" ({MOST_DRAWN} of its nodes, that a random walk meets)" if read.graph.n > MOST_DRAWN else ""
        print(f"picture: {picture}{some}")


def options_from(flags: Mapping[str, Any]) -> Options:
    """The options among the flags of a command; those that are None have their defaults."""
    values = {name: flags[name] for name in OPTIONS if flags.get(name) is not None}
    options: Options = validate(Options, values, None, values)
    return options


def describe(read: "GraphFile") -> list[str]:
    """What was understood of a file, a line a fact.

    >>> import networkx as nx
    >>> from data_builders.readers.graph_files import read_graph
    >>> print("\\n".join(describe(read_graph(nx.path_graph(["a", "b", "c"])))))
    format: networkx Graph
    nodes: 3 (a, b, c)
    edges: 2, undirected (a -- b, b -- c)
    weights: none
    """
    graph, summary = read.graph, read.summary()
    weights, labels = read.weights, read.labels or read.names
    direction = "directed" if graph.directed else "undirected"
    arrow = "->" if graph.directed else "--"
    some = [f"{labels[u]} {arrow} {labels[v]}" for u, v in graph.edges[:3]]
    lines = [
        f"format: {read.format}",
        f"nodes: {graph.n:,} ({_some(list(labels[:6]), graph.n)})",
        f"edges: {graph.m:,}, {direction}" + (f" ({_some(some, graph.m)})" if some else ""),
    ]
    if weights:
        low, high = min(weights.values()), max(weights.values())
        lines.append(f"weights: from {low:g} to {high:g}")
    else:
        lines.append("weights: left out" if read.weights_left_out else "weights: none")
    return [*lines, *(f"note: {note}" for note in summary["notes"])]


def _some(names: list[str], total: int) -> str:
    return ", ".join(name[:60] for name in names) + (", ..." if total > len(names) else "")


def draw(read: "GraphFile", size: int = 600) -> str:
    """The graph as SVG: a force-directed drawing, of a large graph of MOST_DRAWN nodes."""
    import networkx as nx

    from data_builders.graphs.graph import to_networkx
    from data_builders.readers.graph_files import GraphFile
    from data_builders.readers.sampling import sample

    labels = list(read.labels or read.names)
    graph = read.graph
    if graph.n > MOST_DRAWN:
        whole = GraphFile(graph, [str(u) for u in range(graph.n)], [], "", read.around)
        graph, picked = sample(whole, Random(0), MOST_DRAWN)
        labels = [labels[int(u)] for u in picked]
    places: dict[int, Any] = nx.spring_layout(to_networkx(graph), seed=0)
    margin = size / 10
    spots = {
        u: [margin + (1 + float(c)) / 2 * (size - 2 * margin) for c in spot] for u, spot in places.items()
    }
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" '
        f'font-family="sans-serif" font-size="11">',
        '<defs><marker id="to" viewBox="0 0 8 8" refX="14" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="#888"/></marker></defs>',
    ]
    arrow = ' marker-end="url(#to)"' if graph.directed else ""
    for u, v in graph.edges:
        (x1, y1), (x2, y2) = spots[u], spots[v]
        out.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#aaa"{arrow}/>')
        if graph.weights is not None:
            x, y = (x1 + x2) / 2, (y1 + y2) / 2
            out.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="#777">{graph.weight(u, v)}</text>')
    for u, (x, y) in spots.items():
        name = "".join(c if c.isprintable() else " " for c in labels[u][:30])
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#36c"/>')
        out.append(f'<text x="{x + 7:.1f}" y="{y - 5:.1f}">{escape(name)}</text>')
    return "\n".join([*out, "</svg>", ""])
