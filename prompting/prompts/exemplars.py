"""Exemplars: the training examples that a prompt shows before its question.

None of them shows a graph that is isomorphic to the question's.
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
    """The training examples of one task, from which exemplars are sampled.

    A question gets exemplars of its own encoder and, unless `any_generator`, its own generator, as in
    GraphQA.

    balanced: answers take turns, as far as there are different ones. fixed: all questions of the run. Those
    of one encoder and generator then get the same exemplars, none of which shows a graph of theirs.
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

    def draw(self, question: Example, shots: int, seed: int) -> list[Example]:
        """Sample `shots` examples for a question, in the order in which the prompt shows them.

        They depend on the seed and on the question only. None has a graph that is isomorphic to the
        question's. No two have the same graph, unless there are too few different ones. Raises InputError
        where the train split has fewer than `shots` such examples.
        """
        if not self._fixed:
            return self._draw(question, [question], shots, f"{seed}/exemplars/{question.id}")
        group = self._group(question)
        if (group, shots, seed) not in self._chosen:
            stream = f"{seed}/exemplars/{'/'.join((question.task, *group))}"
            self._chosen[group, shots, seed] = self._draw(question, self._fixed[group], shots, stream)
        return self._chosen[group, shots, seed]

    def _draw(self, question: Example, hidden: Sequence[Example], shots: int, stream: str) -> list[Example]:
        """hidden: examples whose graphs may not be shown."""
        group = self._groups.get(self._group(question), [])
        excluded = {_graph_class(example.graph) for example in hidden}
        seen = set(excluded)
        chosen: list[Example] = []
        repeats: list[Example] = []  # of graphs that are chosen already, for want of others
        for index in self._order(group, random.Random(stream)):
            if len(chosen) == shots:
                return chosen
            example = group[index]
            graph_class = _graph_class(example.graph)
            if graph_class not in seen:
                seen.add(graph_class)
                chosen.append(example)
            elif graph_class not in excluded:
                repeats.append(example)
        chosen += repeats[: shots - len(chosen)]
        if len(chosen) < shots:
            kind = f"encoder {question.encoder}" + (
                "" if self._any_generator else f", generator {question.generator}"
            )
            whose = (
                "whose graph is not the asked one"
                if len(hidden) == 1
                else "whose graph no question asks about"
            )
            raise InputError(
                f"{question.id}: {shots} exemplars asked, but the train split has {len(chosen)} of task "
                f"{question.task}, {kind} "
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
        rng.shuffle(answers)  # Else a common answer would mostly come first.
        turns = zip_longest(*(by_answer[answer] for answer in answers))
        return (index for index in chain.from_iterable(turns) if index is not None)


@lru_cache(maxsize=1 << 16)
def _graph_class(graph: str) -> int:
    """A number that isomorphic graphs share."""
    return invariant(graph_from_json(graph)[0])


def _in_random_order(n: int, rng: random.Random) -> Iterator[int]:
    """0 .. n-1 shuffled (Fisher and Yates on a sparse array), so that the few that are read cost little."""
    moved: dict[int, int] = {}
    for i in range(n):
        j = rng.randrange(i, n)
        yield moved.get(j, j)
        moved[j] = moved.get(i, i)
