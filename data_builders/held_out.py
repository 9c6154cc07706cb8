"""The graphs that training must not see: their classes are found once per build and shared by all of its processes.

Test is drawn as it comes; validation stays away from test, train from both. To stay away is cheap because a class is
worked out only where a graph has the numbers of nodes and edges and the degrees of one that is held out.
"""

import json
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from random import Random

from data_builders.config import BuildConfig
from data_builders.folder import write_text
from data_builders.rows import Drawn, Files, draw_graph
from data_builders.splits import Taken, draw_apart, graph_class, outline

ORDER = ("test", "validation")  # what is held out, in the order of drawing


def hold_out(config: BuildConfig, files: Files, done: Path) -> None:
    """Write `test.held` and `validation.held` into the folder `done`: per source the outline and class of every graph."""
    sources = config.drawn
    for split in ORDER:
        path = done / f"{split}.held"
        if path.is_file():
            continue
        taken = {} if split == "test" else taken_by(config, done, split)
        held: dict[str, list[tuple[int, str]]] = {source: [] for source in sources}
        for index in range(config.size(split)):
            for source in sources:
                graph = draw_one(config, files, split, source, index, taken.get(source, {}))[0][0]
                held[source].append((outline(graph), graph_class(graph)))
        write_text(path, json.dumps(held), unique=True)


def draw_one(config: BuildConfig, files: Files, split: str, source: str, index: int, taken: Taken) -> tuple[Drawn, int, tuple[str, ...]]:
    """The graph `index` of a source, the number of redraws, and the held-out splits that have its class all the same."""
    rng = Random(f"{config.seed}/{split}/{source}/{index}")
    return draw_apart(partial(draw_graph, config, files, source, rng), lambda drawn: drawn[0], taken)


@lru_cache(maxsize=4)
def taken_by(config: BuildConfig, done: Path, split: str) -> Mapping[str, Taken]:
    """Per source what a split must avoid: the graphs of the splits before it, of every source that shares a task."""
    before = ORDER[: ORDER.index(split)] if split in ORDER else ORDER
    out: dict[str, dict[int, dict[str, tuple[str, ...]]]] = {source: {} for source in config.drawn}
    for name in before:
        held = json.loads((done / f"{name}.held").read_text(encoding="utf-8"))
        for source in config.drawn:
            for rival in config.rivals(source):
                for found, its_class in held[rival]:
                    splits = out[source].setdefault(found, {}).setdefault(its_class, ())
                    if name not in splits:
                        out[source][found][its_class] = (*splits, name)
    return out
