"""The graphs that training must not see: their classes are found once per build and shared by all of its processes.

Test is drawn as it comes; validation stays away from test, train from both. To stay away is cheap because a class is
worked out only where a graph has the numbers of nodes and edges and the degrees of one that is held out.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import NamedTuple

from data_builders.balance import CANDIDATES, answers, wanted
from data_builders.config import BuildConfig
from data_builders.folder import write_text
from data_builders.rows import Drawn, Files, candidate, draw_graph, numbered
from data_builders.splits import Taken, draw_apart, graph_class, outline
from data_builders.tasks import TASKS

ORDER = ("test", "validation")  # what is held out, in the order of drawing


class Choice(NamedTuple):
    """A graph that some tasks ask about.

    nth: how many graphs were drawn for this index before. redraws: how often it made way for held-out graphs.
    also_in: held-out splits that have its class all the same. tasks: None for all.
    """

    nth: int
    drawn: Drawn
    redraws: int
    also_in: tuple[str, ...]
    tasks: frozenset[str] | None


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
                for choice in draw_one(config, files, split, source, index, taken.get(source, {})):
                    graph = choice.drawn[0]
                    held[source].append((outline(graph), graph_class(graph)))
        write_text(path, json.dumps(held), unique=True)


def draw_one(config: BuildConfig, files: Files, split: str, source: str, index: int, taken: Taken) -> Iterator[Choice]:
    """The graphs for an index of a source: one for all tasks, or with `balance`, for each task the first that gives the answer wanted."""
    left = set(config.tasks_of(source))
    among = {task: answers(task, TASKS[task].answer_kind, config.balance) for task in left}
    if not any(among.values()):
        yield Choice(0, *_draw(config, files, split, source, index, 0, taken), None)
        return
    first = _draw(config, files, split, source, index, 0, taken)
    found: dict[int, set[str]] = {0: {task for task in left if not among[task]}}
    drawn = {0: first}
    left -= found[0]
    for nth in range(CANDIDATES):
        if not left:
            break
        drawn[nth] = first if nth == 0 else _draw(config, files, split, source, index, nth, taken)
        for task in sorted(left):
            graph, query, solution = candidate(config, split, source, index, nth, drawn[nth][0][0], task)
            if wanted(task, config.balance, among[task], index, graph, query.nodes, solution):
                found.setdefault(nth, set()).add(task)
                left.discard(task)
    found[0] |= left
    for nth in sorted(found):
        if found[nth]:
            yield Choice(nth, *drawn[nth], frozenset(found[nth]))


def _draw(
    config: BuildConfig, files: Files, split: str, source: str, index: int, nth: int, taken: Taken
) -> tuple[Drawn, int, tuple[str, ...]]:
    rng = Random(f"{config.seed}/{split}/{source}/{numbered(index, nth)}")
    return draw_apart(partial(draw_graph, config.of_split(split), files, source, rng), lambda drawn: drawn[0], taken)


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
