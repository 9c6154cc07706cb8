"""How far the answers' shares differ between the splits, and how the salt of `graphs.splits` was chosen.

    python -m benchmarks.splits                     the tables of docs/data_format.md
    python -m benchmarks.splits --families er --graphs 400000     what of it is not chance
    python -m benchmarks.splits --salts 5000000     the best of so many salts (half an hour on one core)

Graphs are drawn as a build draws them and then put into their splits: given its split, a graph is distributed
as the one that a build comes to by drawing until the side fits. Answers of less than 1% are left out.
"""

import argparse
from collections import Counter
from functools import partial
from multiprocessing import Pool
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_builders.building.card import label
from data_builders.building.config import BuildConfig
from data_builders.building.rows import graph_source
from data_builders.example import SPLITS
from data_builders.graphs.generators import GENERATORS
from data_builders.graphs.splits import SALT, SIDES, invariant
from data_builders.graphs.streams import Stream
from data_builders.tasks import GRAPH_TRANSFORMS, GRAPHQA, TASKS

FREQUENT = 0.01
SEARCH_GRAPHS, SEARCH_ER_GRAPHS = 60_000, 240_000
BATCH = 500  # salts at a time
KEPT = 500  # salts that are best for er, of which the one is taken that is best for all families
FEW_ANSWERS = ("edge_existence", "cycle_check", "reachability", "shortest_path", "node_classification")
# Points by which a family's answers may differ, in tasks of few answers; three times as many in the others.
# Families that are not named have hardly more classes than sizes.
ALLOWED = {"er": 1, "sbm": 2, "caveman": 12, "disconnected_blocks": 12} | dict.fromkeys(
    ("long_diameter", "watts_strogatz", "random_tree", "ba", "powerlaw_cluster", "sfn", "two_blocks"), 5
)


class Drawn(NamedTuple):
    """Graphs of a family: their invariants; per graph and task the number of the answer's label, -1 for a
    rare one; and per task the labels, by their numbers.
    """

    invariants: NDArray[np.uint64]
    answers: NDArray[np.int64]
    labels: list[list[str]]


def tasks_of(family: str) -> list[str]:
    return [task for task in GRAPHQA if TASKS[task].generator in (None, family)]


def draw(family: str, graphs: int, er_graphs: int, seed: int) -> Drawn:
    """Graphs of the default sizes, and the default tasks' answers."""
    if family == "er":
        graphs = er_graphs
    rng, size, graph_of = graph_source(BuildConfig(generators=(family,)), {}, family)
    tasks, stream = [TASKS[task] for task in tasks_of(family)], Stream()
    invariants, texts = np.empty(graphs, np.uint64), [[""] * graphs for _ in tasks]
    for index in range(graphs):
        rng.seed(f"{seed}/splits/{family}/{index}")
        graph, _ = graph_of(rng, size(rng))
        invariants[index] = invariant(graph)
        for task, of_task in zip(tasks, texts, strict=True):
            stream.seed(f"{seed}/splits/{family}/{task.name}/{index}")
            formed = GRAPH_TRANSFORMS[task.transform](graph, stream)
            of_task[index] = label(task.solve(formed, task.draw(formed, stream)))
    labels = [[text for text, n in Counter(t).most_common() if n >= FREQUENT * graphs] for t in texts]
    numbers = [{text: number for number, text in enumerate(of_task)} for of_task in labels]
    answers = [[known.get(text, -1) for text in t] for t, known in zip(texts, numbers, strict=True)]
    return Drawn(invariants, np.array(answers).T, labels)


def eighths(invariants: NDArray[np.uint64], salts: NDArray[np.uint64]) -> NDArray[np.int8]:
    """(salts, invariants): the places in SIDES. Products of uint64 are modulo 2^64."""
    return ((invariants[None] * salts[:, None]) >> np.uint64(61)).astype(np.int8)


def shares(drawn: Drawn, task: int, salt: int = SALT) -> NDArray[np.float64]:
    """(splits, labels): the share of each label of a task in each split, in points."""
    places = eighths(drawn.invariants, np.array([salt], np.uint64))[0]
    split = np.array([SPLITS.index(name) for name in SIDES])[places]
    width = len(drawn.labels[task]) + 1
    counts = np.bincount(split * width + drawn.answers[:, task] + 1, minlength=3 * width).reshape(3, width)
    return np.asarray(100 * counts[:, 1:] / counts.sum(1, keepdims=True))


class Classes(NamedTuple):
    """The classes that have four graphs or more, the only ones that a salt can put badly: per class how many
    graphs there are and how many with each answer; the same of all other graphs; and what each answer's shift
    counts.
    """

    invariants: NDArray[np.uint64]
    counts: NDArray[np.float32]
    rest: NDArray[np.float64]
    weights: NDArray[np.float64]


def classes(drawn: Drawn, family: str) -> Classes:
    found, of_graph, size = np.unique(drawn.invariants, return_inverse=True, return_counts=True)
    columns, weights = [np.ones(len(of_graph))], []
    for column, (task, labels) in enumerate(zip(tasks_of(family), drawn.labels, strict=True)):
        columns += [drawn.answers[:, column] == number for number in range(len(labels))]
        weights += [1 if task in FEW_ANSWERS else 1 / 3] * len(labels)
    counts = np.stack([np.bincount(of_graph, column, len(found)) for column in columns], 1)
    large = size >= (6 if family == "er" else 4)
    return Classes(found[large], counts[large].astype(np.float32), counts[~large].sum(0), np.array(weights))


def shifts(family: Classes, salts: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Per salt the largest weighted difference of an answer's share between two splits, in points."""
    places, rates = eighths(family.invariants, salts), []
    held_out = [(places == place).astype(np.float32) @ family.counts for place in (6, 7)]
    for share, counts in (
        (0.75, family.counts.sum(0) - sum(held_out)),
        *((0.125, part) for part in held_out),
    ):
        total = counts + share * family.rest
        rates.append(total[:, 1:] / np.maximum(total[:, :1], 1))
    return np.asarray((100 * np.ptp(np.stack(rates), axis=0) * family.weights).max(1))


def search(drawn: dict[str, Drawn], count: int) -> list[tuple[float, int]]:
    """The best of `count` salts, with the largest shift as a multiple of what is allowed.

    Left out are salts under which a split has no graph of the default sizes of some family.
    """
    rng, best = Random("salt3"), []
    few = [known for d in drawn.values() if len(known := np.unique(d.invariants)) < 100]
    by_class = {family: classes(drawn[family], family) for family in ALLOWED}
    for _ in range(count // BATCH):
        salts = np.array([rng.getrandbits(64) | 1 for _ in range(BATCH)], np.uint64)
        for invariants in few:
            places = eighths(invariants, salts)
            salts = salts[(places == 6).any(1) & (places == 7).any(1) & (places < 6).any(1)]
        best += zip(shifts(by_class["er"], salts).tolist(), salts.tolist(), strict=True)
        best = sorted(best)[:KEPT]
    salts = np.array([salt for _, salt in best], np.uint64)
    cost = np.max([shifts(by_class[family], salts) / points for family, points in ALLOWED.items()], axis=0)
    return sorted(zip(cost.tolist(), salts.tolist(), strict=True))


def tables(drawn: dict[str, Drawn]) -> list[str]:
    """Markdown: per family and task the largest shift; and the shares of er's commonest answers by split."""
    lines = [f"| family | classes | {' | '.join(GRAPHQA)} |", "|---" * (len(GRAPHQA) + 2) + "|"]
    for family, found in drawn.items():
        points = {task: np.ptp(shares(found, i), axis=0).max() for i, task in enumerate(tasks_of(family))}
        cells = [f"{points[task]:.1f}" if task in points else "-" for task in GRAPHQA]
        lines.append(f"| {family} | {len(np.unique(found.invariants)):,} | {' | '.join(cells)} |")
    lines += ["", "| task | answer | train | validation | test |", "|---|---|---|---|---|"]
    for i, task in enumerate(tasks_of("er") if "er" in drawn else ()):
        of_task = shares(drawn["er"], i)
        for number in range(1 if TASKS[task].answer_kind == "yes_no" else 3):
            cells = " | ".join(f"{share:.1f}" for share in of_task[:, number])
            lines.append(f"| {task} | {drawn['er'].labels[i][number]} | {cells} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--graphs", type=int, default=20_000, help="per family")
    parser.add_argument("--families", nargs="+", default=list(GENERATORS), choices=GENERATORS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--salts", type=int, help="look for a salt instead")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    sizes = (given.graphs, given.graphs) if given.salts is None else (SEARCH_GRAPHS, SEARCH_ER_GRAPHS)
    with Pool(given.workers) as pool:
        one = partial(draw, graphs=sizes[0], er_graphs=sizes[1], seed=given.seed)
        drawn = dict(zip(given.families, pool.map(one, given.families, chunksize=1), strict=True))
    if given.salts is None:
        print("\n".join(tables(drawn)))
        return
    for cost, salt in search(drawn, given.salts)[:10]:
        print(f"{salt:#018x}  {cost:.2f} times what is allowed")


if __name__ == "__main__":
    main()
