"""Estimates: an accuracy never travels without its 95% interval and its n."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from data_builders.errors import InputError

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Estimate:
    """An accuracy in [0, 1], the ends of its 95% interval, and the number of questions behind it."""

    value: float
    low: float
    high: float
    n: int


def proportion(correct: int, n: int) -> Estimate:
    """`correct` of `n`, with Wilson's score interval (JASA 1927): right for small n and near 0 and 1, never outside [0, 1].

    >>> e = proportion(8, 10)
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.8, 0.49, 0.943)
    """
    if not 0 <= correct <= n or n == 0:
        raise InputError(f"{correct} correct of {n} is not a proportion; it takes at least one question and 0 <= correct <= n")
    share = correct / n
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    # min and max: rounding must not push an end past the estimate itself when the share is 0 or 1
    return Estimate(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)), n)


def macro(tasks: Sequence[Estimate]) -> Estimate:
    """Unweighted mean of the tasks' accuracies, its interval stratified over the tasks.

    The distance to each end is the root of the summed squares of the tasks' own Wilson distances, divided by the number of tasks
    (Zou and Donner's MOVER, Statistics in Medicine 27, 2008). For one task it is that task's Wilson interval. It takes the
    tasks as independent strata; questions that share graphs make it a little too narrow.

    >>> m = macro([proportion(8, 10), proportion(40, 100)])
    >>> round(m.value, 3), round(m.low, 3), round(m.high, 3), m.n
    (0.6, 0.439, 0.687, 110)
    """
    if not tasks:
        raise InputError("a macro accuracy takes at least one task")
    k = len(tasks)
    value = sum(t.value for t in tasks) / k
    down = sqrt(sum((t.value - t.low) ** 2 for t in tasks)) / k
    up = sqrt(sum((t.high - t.value) ** 2 for t in tasks)) / k
    return Estimate(value, max(0.0, value - down), min(1.0, value + up), sum(t.n for t in tasks))


def above(a: Estimate, b: Estimate) -> bool:
    """Whether `a` is above `b` outside both 95% intervals: they do not touch. Stricter than a test at 5%.

    >>> above(proportion(90, 100), proportion(70, 100)), above(proportion(9, 10), proportion(7, 10))
    (True, False)
    """
    return a.low > b.high
