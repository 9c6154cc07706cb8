"""How fast answers are judged: `make bench-eval`.

Rates are per second of processor time on one core, each over a mix of all thirty tasks. "canonical" answers
are GraphQA's own, "marked" and "unmarked" are chains of thought of 1.5 kB that go through the graph node by
node and end with or without `Answer:`.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.example import Example, read_examples
from data_builders.tasks import TASKS
from eval.prediction import Prediction
from eval.scoring.conformance import read_cases
from eval.scoring.scorer import score

LENGTH = 1500
# how an unmarked chain of thought ends, by task or else by kind; where the answer alone would be no sentence
SAID = {
    "node_count": "So there are {} nodes in the graph",
    "edge_count": "So there are {} edges in the graph",
    "node_degree": "So its degree is {}",
    "triangle_counting": "So there are {} triangles",
    "maximum_flow": "So the maximum flow is {}",
    "component_count": "So there are {} connected components",
    "strongly_connected_components": "So there are {} strongly connected components",
    "minimum_spanning_tree_weight": "So the total weight is {}",
    "maximum_matching_size": "So a maximum matching has {} edges",
    "core_number": "So its core number is {}",
    "diameter": "So the diameter is {}",
    "radius": "So the radius is {}",
    "distance": "So the length of the path is {}",
    "node_set": "So the nodes are {}",
    "label": "So it likes {}",
    "path": "So the path is {}",
    "order": "So the order is {}",
}


def examples(graphs: int) -> list[Example]:
    """Questions of every task about random graphs of 8 to 15 nodes, as adjacency and as people in books."""
    keys = {
        "tasks": ",".join(TASKS),
        "train": 0,
        "validation": 0,
        "test": graphs,
        "workers": 1,
        "min_nodes": 8,
        "max_nodes": 15,
    }
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "data"
        build(load_config(None, {**keys, "generators": "er,ba", "encoders": "adjacency,got+edge_list"}), out)
        return [e for task in TASKS for e in read_examples(out, task, "test")]


def chain_of_thought(e: Example, marked: bool) -> str:
    """A text of about 1.5 kB that recites the neighbours of every node, gives the reason, and then the
    answer.
    """
    record = json.loads(e.graph)
    names = [str(name) for name in record["nodes"]]
    lines = ["Let's think step by step. First, I will look at the edges of each node in the graph."]
    for u, name in enumerate(names):
        ends = [names[v] if a == u else names[a] for a, v, *_ in record["edges"] if u in (a, v)]
        lines.append(
            f"{u + 1}. Node {name} is connected to {', '.join(ends)}."
            if ends
            else f"{u + 1}. Node {name} has no edges."
        )
    lines.append(e.rationale.strip())
    while sum(map(len, lines)) < LENGTH - 120:
        lines.append(
            "I go through the list once more, since it is easy to miss an edge when there are many nodes in"
            " the graph."
        )
    gold = e.answer.strip()
    said = SAID.get(e.task, SAID.get(e.answer_kind, "So, {}"))
    end = (
        f"Answer: {gold}"
        if marked
        else f"{said.format(gold.rstrip('.'))}."
        if "no " not in gold.lower()
        else f"So, {gold}"
    )
    return "\n".join([*lines, end])


def rate(pairs: Iterable[tuple[Example, Prediction]], seconds: float) -> tuple[float, float]:
    """Answers per second of processor time and the share that is judged correct; at least `seconds` long."""
    work = list(pairs)
    done, right, start = 0, 0, time.process_time()
    while time.process_time() - start < seconds:
        right += sum(score(e, p).outcome == "correct" for e, p in work)
        done += len(work)
    return done / (time.process_time() - start), right / done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", type=int, default=100, help="graphs per generator")
    parser.add_argument("--seconds", type=float, default=3.0, help="processor time per line")
    given = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python"
        f" {platform.python_version()}",
        end="; ",
    )
    print(", ".join(f"{name} {metadata.version(name)}" for name in ("pyarrow", "graphtalk")))
    asked = examples(given.graphs)

    def said(text: Callable[[Example], str]) -> list[tuple[Example, Prediction]]:
        return [(e, Prediction(e.id, text(e))) for e in asked]

    lines = {
        "canonical": said(lambda e: e.answer),
        "conformance suite": [(case.example, case.prediction) for case in read_cases()],
        "marked, 1.5 kB": said(lambda e: chain_of_thought(e, marked=True)),
        "unmarked, 1.5 kB": said(lambda e: chain_of_thought(e, marked=False)),
    }
    print(f"{'answers':24} {'number':>8} {'bytes':>7} {'per s':>9} {'MB/s':>6} {'correct':>8}")
    for name, pairs in lines.items():
        size = sum(len(p.output) for _, p in pairs) / len(pairs)
        per_second, right = rate(pairs, given.seconds)
        print(
            f"{name:24} {len(pairs):8,} {size:7.0f} {per_second:9,.0f} {per_second * size / 1e6:6.1f}"
            f" {100 * right:7.1f}%",
            flush=True,
        )


if __name__ == "__main__":
    main()
