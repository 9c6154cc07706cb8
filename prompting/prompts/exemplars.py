"""Which training examples are shown before a question: drawn per question, and never the asked graph in
disguise.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, zip_longest

from data_builders.errors import InputError
from data_builders.example import Example
from data_builders.graphs.graph import graph_from_json
from data_builders.graphs.splits import invariant


class Exemplars:
    """The training examples of one task, ready to be drawn from.

    A question is shown examples of its own encoder and, unless `any_generator`, its own generator, as GraphQA
    does.
    balanced: answers take turns, as far as there are different ones. fixed: the questions that are asked; all
    of one encoder and generator are shown the same examples then, none of which shows a graph of theirs.
    """

    def __init__(
        self,
        train: Sequence[Example],
        any_generator: bool = False,
        balanced: bool = False,
        fixed: Sequence[Example] = (),
    ) -> None:
        self._any_generator, self._balanced = any_generator, balanced
        self._groups: dict[tuple[str, str], list[Example]] = defaultdict(list)
        for example in train:
            self._groups[self._group(example)].append(example)
        self._fixed: dict[tuple[str, str], list[Example]] = defaultdict(list)
        for example in fixed:
            self._fixed[self._group(example)].append(example)
        self._chosen: dict[tuple[tuple[str, str], int, int], list[Example]] = {}

    def _group(self, example: Example) -> tuple[str, str]:
        return example.encoder, "" if self._any_generator else example.generator

    def draw(self, asked: Example, shots: int, seed: int) -> list[Example]:
        """`shots` examples for this question, in the order in which they are shown; the same for the same
        seed and question.

        No one's graph is isomorphic to the asked graph. No two show the same graph, unless there are not
        enough different ones. Raises InputError where the train split has fewer than `shots` examples that
        may be shown.
        """
        if not self._fixed:
            return self._draw(asked, [asked], shots, f"{seed}/exemplars/{asked.id}")
        group = self._group(asked)
        if (group, shots, seed) not in self._chosen:
            stream = f"{seed}/exemplars/{'/'.join((asked.task, *group))}"
            self._chosen[group, shots, seed] = self._draw(asked, self._fixed[group], shots, stream)
        return self._chosen[group, shots, seed]

    def _draw(self, asked: Example, hidden: Sequence[Example], shots: int, stream: str) -> list[Example]:
        """hidden: examples whose graphs may not be shown."""
        group = self._groups.get(self._group(asked), [])
        barred = {_class_of(example.graph) for example in hidden}
        seen = set(barred)
        chosen: list[Example] = []
        again: list[
            Example
        ] = []  # another question about a graph that is already shown: only if nothing else is left
        for index in self._order(group, random.Random(stream)):
            if len(chosen) == shots:
                return chosen
            example = group[index]
            drawn = _class_of(example.graph)
            if drawn not in seen:
                seen.add(drawn)
                chosen.append(example)
            elif drawn not in barred:
                again.append(example)
        chosen += again[: shots - len(chosen)]
        if len(chosen) < shots:
            kind = f"encoder {asked.encoder}" + (
                "" if self._any_generator else f", generator {asked.generator}"
            )
            whose = (
                "whose graph is not the asked one"
                if len(hidden) == 1
                else "whose graph no question asks about"
            )
            raise InputError(
                f"{asked.id}: {shots} exemplars asked, but the train split has {len(chosen)} of task {asked.task}, {kind} "
                f"{whose}; build more train graphs, or use --shots or --any-generator"
            )
        return chosen

    def _order(self, group: Sequence[Example], rng: random.Random) -> Iterator[int]:
        """Indices into the group, in the order in which they are tried."""
        if not self._balanced:
            return _in_random_order(len(group), rng)
        by_answer: dict[str, list[int]] = defaultdict(list)
        for index in _in_random_order(len(group), rng):
            by_answer[group[index].answer].append(index)
        answers = sorted(by_answer)
        rng.shuffle(answers)  # else a common answer would mostly be the first
        turns = zip_longest(*(by_answer[answer] for answer in answers))
        return (index for index in chain.from_iterable(turns) if index is not None)


@lru_cache(maxsize=1 << 16)
def _class_of(graph: str) -> int:
    return invariant(graph_from_json(graph)[0])


def _in_random_order(n: int, rng: random.Random) -> Iterator[int]:
    """0 .. n-1 shuffled, paid for only as far as it is read (Fisher and Yates on a sparse array)."""
    moved: dict[int, int] = {}
    for i in range(n):
        j = rng.randrange(i, n)
        yield moved.get(j, j)
        moved[j] = moved.get(i, i)
