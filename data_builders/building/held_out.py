"""The graphs that training must not see: their classes are found once per build and shared by all of its
processes.

Test is drawn first; validation stays away from test, train from both (`splits`). To stay away is cheap
because a class is worked out only where a graph has the numbers of nodes and edges and the degrees of one
that is held out.
"""

import json
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

from data_builders.building.balance import CANDIDATES, answers, wanted
from data_builders.building.config import BuildConfig
from data_builders.building.rows import Drawn, Files, candidate, drawing, numbered
from data_builders.files import write_text
from data_builders.graphs.splits import Taken, draw_apart, outline, take
from data_builders.tasks import TASKS

ORDER = ("test", "validation")  # what is held out, in the order of drawing


class Choice(NamedTuple):
    """A graph that some tasks ask about.

    nth: how many graphs were drawn for this index before. redraws: how often it made way for graphs of other
        splits.
    also_in: held-out splits that have its class all the same. tasks: None for all.
    """

    nth: int
    drawn: Drawn
    redraws: int
    also_in: tuple[str, ...]
    tasks: frozenset[str] | None


def hold_out(config: BuildConfig, files: Files, done: Path) -> None:
    """Write `test.held` and `validation.held` into the folder `done`: per source the outline of every
    graph.
    """
    for split in ORDER:
        path = done / f"{split}.held"
        if path.is_file():
            continue
        graphs = draws(config, files, split, done)
        held: dict[str, list[list[int | str]]] = {source: [] for source in graphs}
        for index in range(config.size(split)):
            for source in graphs:
                for choice in graphs[source].choices(index):
                    held[source].append(outline(choice.drawn[0]))
        write_text(path, json.dumps(held), sync=False)


def draws(config: BuildConfig, files: Files, split: str, done: Path) -> dict[str, "Draws"]:
    """Source -> its graphs for a split; what the split must stay away from is read from the folder `done`."""
    taken = {} if split == ORDER[0] else taken_by(config, done, split)
    return {
        source: Draws(config.of_split(split), files, split, source, taken.get(source, {}))
        for source in config.of_split(split).drawn
    }


class Draws:
    """The graphs of one source for one split, by index."""

    def __init__(self, config: BuildConfig, files: Files, split: str, source: str, taken: Taken) -> None:
        self._config, self._split, self._source, self._taken = config, split, source, taken
        self._stream = f"{config.seed}/{split}/{source}"
        self._rng, self._size, self._graph = drawing(config, files, source)
        self._among = {
            task: answers(task, TASKS[task].answer_kind, config.balance) for task in config.tasks_of(source)
        }
        self._balanced = any(self._among.values())

    def choices(self, index: int) -> list[Choice]:
        """The graphs for an index: one for all tasks, or with `balance`, for each task the first that gives
        the answer wanted.
        """
        first = self._draw(index, 0)
        if not self._balanced:
            return [Choice(0, *first, None)]
        found: dict[int, set[str]] = {0: {task for task, among in self._among.items() if not among}}
        drawn, left = {0: first}, self._among.keys() - found[0]
        for nth in range(CANDIDATES[self._config.balance]):
            if not left:
                break
            drawn[nth] = (
                first
                if nth == 0
                else self._draw(index, nth, first[0][0].n if self._config.balance == "rules" else None)
            )
            for task in sorted(left):
                graph, query, solution = candidate(self._stream, index, nth, drawn[nth][0][0], task)
                if wanted(task, self._config.balance, self._among[task], index, graph, query.nodes, solution):
                    found.setdefault(nth, set()).add(task)
                    left.discard(task)
        found[0] |= left
        return [Choice(nth, *drawn[nth], frozenset(found[nth])) for nth in sorted(found) if found[nth]]

    def _draw(self, index: int, nth: int, like: int | None = None) -> tuple[Drawn, int, tuple[str, ...]]:
        rng = self._rng
        rng.seed(f"{self._stream}/{numbered(index, nth)}")
        n = self._size(rng)
        if like is not None:  # no answer is told by a size at which it is frequent
            n = like
        return draw_apart(partial(self._graph, rng, n), self._split, self._taken)


@lru_cache(maxsize=4)
def taken_by(config: BuildConfig, done: Path, split: str) -> Mapping[str, Taken]:
    """Per source what a split must avoid: the graphs of the splits before it, of every source that shares a
    task.
    """
    before = ORDER[: ORDER.index(split)] if split in ORDER else ORDER
    own = config.of_split(split)
    out: dict[str, Taken] = {source: {} for source in own.drawn}
    for name in before:
        held = json.loads((done / f"{name}.held").read_text(encoding="utf-8"))
        for source in own.drawn:
            for rival in own.rivals(source, config.of_split(name)):
                for levels in held[rival]:
                    take(out[source], levels, name)
    return out
