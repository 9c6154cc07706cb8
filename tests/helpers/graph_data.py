"""Small datasets for the tests of graph models."""

from pathlib import Path
from typing import Any

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.example import Example, load_examples

TASKS = ("edge_existence", "node_degree", "connected_nodes", "cycle_check", "shortest_path")


def dataset(folder: Path, tasks: tuple[str, ...] = TASKS, **keys: Any) -> Path:
    """A built dataset of small ER graphs."""
    sizes = {"train": 24, "validation": 6, "test": 8, "min_nodes": 4, "max_nodes": 9, "workers": 1}
    build(load_config(None, {"tasks": ",".join(tasks), "generators": "er", **sizes, **keys}), folder)
    return folder


def examples(folder: Path, split: str = "train", tasks: tuple[str, ...] | None = None) -> list[Example]:
    return load_examples(folder, tasks, split)
