"""Which training examples are shown before a question: drawn per question, and never the asked graph in disguise."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache

from data_builders.errors import InputError
from data_builders.example import Example
from data_builders.graph import graph_from_json
from data_builders.splits import graph_class


class Exemplars:
    """The training examples of one task, ready to be drawn from.

    A question is shown examples of its own encoder and, unless `any_generator`, its own generator, as GraphQA does.
    """

    def __init__(self, train: Sequence[Example], any_generator: bool = False) -> None:
        self._any_generator = any_generator
        self._groups: dict[tuple[str, str], list[Example]] = defaultdict(list)
        for example in train:
            self._groups[self._group(example)].append(example)

    def _group(self, example: Example) -> tuple[str, str]:
        return example.encoder, "" if self._any_generator else example.generator

    def draw(self, asked: Example, shots: int, seed: int) -> list[Example]:
        """`shots` examples for this question, in the order in which they are shown; the same for the same seed and question.

        No one's graph is isomorphic to the asked graph. No two show the same graph, unless there are not enough different ones.
        Raises InputError where the train split has fewer than `shots` examples that may be shown.
        """
        group = self._groups.get(self._group(asked), [])
        rng = random.Random(f"{seed}/exemplars/{asked.id}")
        seen = {_class_of(asked.graph)}
        chosen: list[Example] = []
        again: list[Example] = []  # another question about a graph that is already shown: only if nothing else is left
        for index in _in_random_order(len(group), rng):
            if len(chosen) == shots:
                return chosen
            example = group[index]
            drawn = _class_of(example.graph)
            if drawn not in seen:
                seen.add(drawn)
                chosen.append(example)
            elif drawn != _class_of(asked.graph):
                again.append(example)
        chosen += again[: shots - len(chosen)]
        if len(chosen) < shots:
            kind = f"encoder {asked.encoder}" + ("" if self._any_generator else f", generator {asked.generator}")
            raise InputError(
                f"{asked.id}: {shots} exemplars asked, but the train split has {len(chosen)} of task {asked.task}, {kind} "
                "whose graph is not the asked one; build more train graphs, or use --shots or --any-generator"
            )
        return chosen


@lru_cache(maxsize=1 << 16)
def _class_of(graph: str) -> str:
    return graph_class(graph_from_json(graph)[0])


def _in_random_order(n: int, rng: random.Random) -> Iterator[int]:
    """0 .. n-1 shuffled, paid for only as far as it is read (Fisher and Yates on a sparse array)."""
    moved: dict[int, int] = {}
    for i in range(n):
        j = rng.randrange(i, n)
        yield moved.get(j, j)
        moved[j] = moved.get(i, i)
