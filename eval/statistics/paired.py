"""Paired comparison: how far two runs on the same questions are apart, and whether that could be chance."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from data_builders.errors import InputError
from eval.statistics.intervals import Z

DRAWS = 2000
MIN_GRAPHS = 6  # With fewer, the exact test cannot reach p = 0.05, even where all differ in one direction.
Z_POWER = NormalDist().inv_cdf(0.8)  # for 80% power


@dataclass(frozen=True, slots=True)
class Paired:
    """How two runs, A and B, differ on n questions.

    both, only_a, only_b, neither: how many questions each answered rightly; they add up to n.
    difference: accuracy of A less that of B, in [-1, 1]; low, high: the ends of its 95% interval.
    p: two-sided, for no difference. mde: the minimum detectable difference, which so many questions show with
        80% power at 5%; None where they are too few to show any, even one of 100 points.
    """

    n: int
    both: int
    only_a: int
    only_b: int
    neither: int
    difference: float
    low: float
    high: float
    p: float
    mde: float | None


def paired(a: Sequence[bool], b: Sequence[bool], clusters: Sequence[str]) -> Paired:
    """Compare two runs question by question.

    a, b: whether each run is right, in one order of questions. clusters: the graph_id of each question;
    questions about one graph are not independent, so whole graphs are resampled and change sides.

    p is McNemar's exact test; where questions share graphs it is the same test with whole graphs changing
    sides (the exact sign-flip test of each graph's difference). The interval is the percentile bootstrap over
    graphs, 2,000 draws of one fixed stream, after Bonett and Price (JEBS 37, 2012) with one question more for
    each side, so that runs that never differ do not get an interval of no width. mde is 2.8 of the
    bootstrap's standard errors: 5% two-sided, 80% power.

    Raises InputError where the lengths differ or there are no questions.

    >>> pair = paired([True] * 9 + [False], [True] * 4 + [False] * 6, [f"g{i}" for i in range(10)])
    >>> pair.both, pair.only_a, pair.only_b, pair.neither, pair.difference, round(pair.p, 4)
    (4, 5, 0, 1, 0.5, 0.0625)
    """
    if not len(a) == len(b) == len(clusters) or not a:
        raise InputError(
            "a paired comparison takes one answer of A, one of B and one graph per question; "
            f"got {len(a)}, {len(b)}, {len(clusters)}"
        )
    counts = Counter(zip(map(bool, a), map(bool, b), strict=True))
    differences: Counter[str] = Counter()
    for right_a, right_b, cluster in zip(a, b, clusters, strict=True):
        differences[cluster] += right_a - right_b
    sizes = Counter(clusters)
    draws = _bootstrap([(differences[c], sizes[c]) for c in sizes])
    low, high = np.percentile(draws, [2.5, 97.5])
    difference = sum(differences.values()) / len(a)
    mde = float((Z + Z_POWER) * draws.std())
    return Paired(
        len(a),
        counts[True, True],
        counts[True, False],
        counts[False, True],
        counts[False, False],
        difference,
        min(float(low), difference),
        max(float(high), difference),
        _p_value(differences.values()),
        mde if mde <= 1 and len(sizes) >= MIN_GRAPHS else None,
    )


def _bootstrap(clusters: Iterable[tuple[int, int]]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Differences of resampled clusters, each a (sum of differences, number of questions).

    Clusters that are alike are counted, so a draw is one multinomial over the few kinds of them.
    """
    kinds = Counter(clusters)
    kinds[1, 1] += 1
    kinds[-1, 1] += 1
    total = kinds.total()
    values = np.array(list(kinds))
    weights = np.random.default_rng(0).multinomial(total, np.array(list(kinds.values())) / total, size=DRAWS)
    sums = weights @ values
    return np.asarray(sums[:, 0] / sums[:, 1], dtype=np.float64)


def _p_value(differences: Iterable[int]) -> float:
    """The exact chance of a sum at least this far from 0 if each difference were as likely negative as
    positive.
    """
    from scipy.signal import fftconvolve
    from scipy.stats import binom, binomtest

    sizes = Counter(abs(d) for d in differences if d)
    total = abs(sum(differences))
    if not sizes:
        return 1.0
    if len(sizes) == 1:
        ((size, n),) = sizes.items()
        return float(binomtest((n + total // size) // 2, n).pvalue)
    chances = np.ones(1)  # of the sums -s, -s + 2, .., s over the sizes so far
    for size, n in sorted(sizes.items()):
        one = np.zeros(size * n + 1)
        one[::size] = binom.pmf(np.arange(n + 1), n, 0.5)
        chances = fftconvolve(chances, one)
    reach = sum(size * n for size, n in sizes.items())
    tail = chances[(reach + total) // 2 :].sum()
    return float(min(1.0, 2 * tail)) if total else 1.0


def holm(p: Sequence[float]) -> list[float]:
    """P-values adjusted for the number of comparisons, in their order (Holm, Scandinavian Journal of
    Statistics 6, 1979).

    >>> [round(q, 3) for q in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        highest = max(highest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = highest
    return adjusted
