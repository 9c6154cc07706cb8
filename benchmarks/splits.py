"""How far the answers' shares differ between the splits, and how the salt of `data_builders.graphs.splits` was chosen.

    python -m benchmarks.splits                    the shift table of docs/data_format.md
    python -m benchmarks.splits --salts 4000       the salts among so many under which the answers differ least

Graphs are drawn as a build draws them and put into their splits: given its split, a graph is distributed as the one
that a build comes to by drawing until the side fits. Answers of less than 1% are left out.
"""

import argparse
from collections import Counter
from functools import partial
from multiprocessing import Pool
from random import Random

import numpy as np
from numpy.typing import NDArray

from data_builders.building.card import label
from data_builders.building.config import BuildConfig
from data_builders.building.rows import drawing
from data_builders.graphs.generators import GENERATORS
from data_builders.graphs.splits import SALT, SIDES, invariant
from data_builders.graphs.streams import Stream
from data_builders.tasks import FORMS, GRAPHQA, TASKS

SPLITS = ("train", "validation", "test")
FREQUENT = 0.01

Answers = NDArray[np.int64]  # graphs x tasks: the number of an answer's label, -1 for a rare one
Drawn = tuple[
    NDArray[np.uint64], Answers, list[dict[int, str]]
]  # invariants, answers, and per task number -> label


def tasks_of(family: str) -> list[str]:
    return [task for task in GRAPHQA if TASKS[task].generator in (None, family)]


def draw(family: str, graphs: int, seed: int) -> Drawn:
    """Graphs of the default sizes, and what the default tasks' answers are."""
    config = BuildConfig(generators=(family,))
    rng, size, graph_of = drawing(config, {}, family)
    tasks, stream = [TASKS[task] for task in tasks_of(family)], Stream()
    invariants, labels = np.empty(graphs, np.uint64), [[""] * graphs for _ in tasks]
    for index in range(graphs):
        rng.seed(f"{seed}/splits/{family}/{index}")
        graph, _ = graph_of(rng, size(rng))
        invariants[index] = invariant(graph)
        names = [str(u) for u in range(graph.n)]
        for task, said in zip(tasks, labels, strict=True):
            stream.seed(f"{seed}/splits/{family}/{task.name}/{index}")
            formed = FORMS[task.form](graph, stream)
            query = task.draw(formed, stream)
            said[index] = label(task.answer_kind, task.say(task.solve(formed, query), names, query))
    return invariants, *numbered(labels, graphs)


def numbered(labels: list[list[str]], graphs: int) -> tuple[Answers, list[dict[int, str]]]:
    out, meanings = np.full((graphs, len(labels)), -1), []
    for column, said in enumerate(labels):
        counts = Counter(said).most_common()
        frequent = {text: number for number, (text, n) in enumerate(counts) if n >= FREQUENT * graphs}
        out[:, column] = [frequent.get(text, -1) for text in said]
        meanings.append({number: text for text, number in frequent.items()})
    return out, meanings


def sides(invariants: NDArray[np.uint64], salt: int) -> NDArray[np.int64]:
    """0, 1, 2 for train, validation, test; uint64 products are modulo 2^64."""
    eighths = (invariants * np.uint64(salt)) >> np.uint64(61)
    return np.array([SPLITS.index(split) for split in SIDES])[eighths.astype(np.int64)]


def shares(answers: NDArray[np.int64], splits: NDArray[np.int64], labels: int) -> NDArray[np.float64]:
    """(splits, labels): the share of each label of one task in each split; nan for a split without graphs."""
    counts = np.bincount(splits * (labels + 1) + answers + 1, minlength=3 * (labels + 1)).reshape(3, -1)
    with np.errstate(invalid="ignore"):
        return np.asarray(counts[:, 1:] / counts.sum(1, keepdims=True))


def shift(drawn: Drawn, salt: int) -> list[float]:
    """Per task the largest difference of an answer's share between any two splits, in points."""
    invariants, answers, meanings = drawn
    splits = sides(invariants, salt)
    return [
        100 * float(np.ptp(shares(answers[:, column], splits, len(known)), axis=0).max())
        for column, known in enumerate(meanings)
    ]


def salts(count: int, drawn: dict[str, Drawn], few_classes: set[str]) -> list[tuple[float, int]]:
    """The best salts and their cost: the largest shift of er, or half of that of another family, if it is larger.

    Salts are left out under which a split has none of the default sizes of some family.
    """
    rng = Random("salt")
    candidates = [rng.getrandbits(64) | 1 for _ in range(count)]
    classes = [np.unique(found[0]) for found in drawn.values()]
    candidates = [salt for salt in candidates if all(len(set(sides(c, salt))) == 3 for c in classes)]
    by_er = sorted((max(shift(drawn["er"], salt)), salt) for salt in candidates)[: max(10, count // 20)]
    others = [family for family in drawn if family not in few_classes and family != "er"]
    return sorted((max(er, *(max(shift(drawn[f], salt)) / 2 for f in others)), salt) for er, salt in by_er)


def table(drawn: dict[str, Drawn]) -> list[str]:
    """Markdown: per family and task the largest shift in points, and how many classes of the invariant there are."""
    lines = [f"| family | classes | {' | '.join(GRAPHQA)} |", "|---" * (len(GRAPHQA) + 2) + "|"]
    for family, found in drawn.items():
        points = dict(zip(tasks_of(family), shift(found, SALT), strict=True))
        cells = ["-" if task not in points else f"{points[task]:.1f}" for task in GRAPHQA]
        lines.append(f"| {family} | {len(np.unique(found[0])):,} | {' | '.join(cells)} |")
    return lines


def yes_table(found: Drawn) -> list[str]:
    """Markdown: what share of er's graphs the two or three commonest answers have, by split."""
    lines = ["| task | answer | train | validation | test |", "|---|---|---|---|---|"]
    splits = sides(found[0], SALT)
    for column, task in enumerate(tasks_of("er")):
        by_split = 100 * shares(found[1][:, column], splits, len(found[2][column]))
        for number in range(min(2 if TASKS[task].answer_kind == "yes_no" else 3, by_split.shape[1])):
            cells = " | ".join(f"{share:.1f}" for share in by_split[:, number])
            lines.append(f"| {task} | {found[2][column][number]} | {cells} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--graphs", type=int, default=20_000, help="per family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--salts", type=int, help="look for salts instead of printing the table")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    with Pool(given.workers) as pool:
        made = pool.map(partial(draw, graphs=given.graphs, seed=given.seed), GENERATORS, chunksize=1)
    drawn = dict(zip(GENERATORS, made, strict=True))
    if given.salts is None:
        print("\n".join([*table(drawn), "", *yes_table(drawn["er"])]))
        return
    few = {
        family
        for family, found in drawn.items()
        if np.unique(found[0], return_counts=True)[1].max() > given.graphs / 50
    }
    print(f"not looked at, since a class of theirs has 2% of their graphs: {', '.join(sorted(few))}")
    for cost, salt in salts(given.salts, drawn, few)[:10]:
        print(f"{salt:#018x}  {cost:.2f} points")


if __name__ == "__main__":
    main()
