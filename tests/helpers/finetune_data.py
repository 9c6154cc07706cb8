"""A small dataset folder for the fine-tuning tests: edge existence, node degree or neighbours on graphs of 3
to 7 nodes.
"""

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

from data_builders.example import SPLITS, Example, write_examples
from data_builders.graphs.graph import from_edges, graph_to_json

Command = Callable[..., tuple[int, str, str]]
"""What the fixture `command` gives."""


def example(task: str, split: str, index: int, names: list[str] | None = None) -> Example:
    rng = random.Random(f"7/{split}/{index}")
    n = rng.randint(3, 7)
    nodes = [str(i) for i in range(n)] if names is None else rng.sample(names, n)
    edges = [(u, v) for u in range(n) for v in range(u + 1, n) if rng.random() < 0.5]
    graph = from_edges(n, edges)
    s, t = rng.sample(range(n), 2)
    text = f"G describes a graph among nodes {', '.join(nodes[:-1])}, and {nodes[-1]}.\nThe edges in G are:"
    text += "".join(f" ({nodes[u]}, {nodes[v]})" for u, v in edges) + ".\n"
    if task == "edge_existence":
        asked, answer, query, kind = (
            f"Is node {nodes[s]} connected to node {nodes[t]}?",
            "Yes." if graph.has_edge(s, t) else "No.",
            [s, t],
            "yes_no",
        )
    elif task == "connected_nodes":
        asked, query, kind = (
            f"List all the nodes connected to {nodes[s]} in alphabetical order.",
            [s],
            "node_set",
        )
        answer = ", ".join(nodes[v] for v in graph.adjacency[s]) + "." if graph.adjacency[s] else " No nodes."
    else:
        asked, answer, query, kind = (
            f"What is the degree of node {nodes[s]}?",
            f"{len(graph.adjacency[s])}.",
            [s],
            "integer",
        )
    return Example(
        id=f"{task}/er/adjacency/{split}/{index}",
        task=task,
        task_class="retrieval",
        question=f"{text}Q: {asked}\nA: ",
        answer=answer,
        answer_kind=kind,
        rationale="",
        encoder="adjacency",
        generator="er",
        graph=graph_to_json(graph, nodes),
        graph_id=f"er/{split}/{index}",
        num_nodes=n,
        num_edges=graph.m,
        query=query,
        split=split,
    )


def write_dataset(
    folder: Path,
    sizes: dict[str, int],
    names: list[str] | None = None,
    tasks: tuple[str, ...] = ("edge_existence", "node_degree"),
    ragged: bool = False,
) -> Path:
    """A dataset folder with `sizes` graphs per split, each asked about once per task; ragged: the longest
    answers stand last.
    """
    files: dict[str, str] = {}
    for task in tasks:
        (folder / task).mkdir(parents=True)
        for split in SPLITS:
            if split in sizes:
                path = folder / task / f"{split}-00000-of-00001.parquet"
                examples = [example(task, split, i, names) for i in range(sizes[split])]
                write_examples(sorted(examples, key=lambda e: len(e.answer)) if ragged else examples, path)
                files[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    fingerprint = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    (folder / "dataset.lock").write_text(
        json.dumps(
            {
                "name": folder.name,
                "config": {},
                "versions": {},
                "files": files,
                "fingerprint": fingerprint,
                "report": {},
            }
        )
    )
    return folder
