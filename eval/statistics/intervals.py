"""Estimates: an accuracy never travels without its 95% interval and its n."""

from collections import Counter
from collections.abc import Mapping, Sequence
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
    """`correct` of `n`, with Wilson's score interval (JASA 1927): right for small n and near 0 and 1, never
    outside [0, 1].

    >>> e = proportion(8, 10)
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.8, 0.49, 0.943)
    """
    if not 0 <= correct <= n or n == 0:
        needed = "it takes at least one question and 0 <= correct <= n"
        raise InputError(f"{correct} correct of {n} is not a proportion; {needed}")
    return _wilson(correct / n, n, n)


def _wilson(share: float, effective: float, counted: int) -> Estimate:
    """Wilson's interval for as many independent questions as `counted` ones are worth."""
    n = effective
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    # By min and max, rounding cannot push an end past the estimate itself when the share is 0 or 1.
    return Estimate(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)), counted)


def accuracy(right: Sequence[bool], clusters: Sequence[str]) -> Estimate:
    """The share of right answers; Wilson's interval where every question has a graph of its own.

    clusters: the graph_id of each question. Questions about one graph (under several encoders, or relabelled)
    tend to be answered alike, so n of them are worth n divided by the design effect, the variance of the
    share by graphs over that by questions (Kish, Survey Sampling, 1965), never less than 1. Where all or none
    are right nothing shows how alike answers are: then questions about one graph count as one.

    >>> accuracy([True] * 8 + [False] * 2, "abcdefghij") == proportion(8, 10)
    True
    >>> alike = accuracy([True] * 8 + [False] * 2, "aabbccddee")
    >>> round(alike.low, 3), round(alike.high, 3), alike.n
    (0.223, 0.982, 10)
    """
    n, correct = len(right), sum(right)
    if len(clusters) != n:
        raise InputError(
            f"{n} answers and {len(clusters)} graphs; an accuracy takes the graph of each answer"
        )
    sizes = Counter(clusters)
    if len(sizes) == n:
        return proportion(correct, n)
    return _wilson(correct / n, n / design_effect({"": right}, {"": clusters}), n)


def design_effect(right: Mapping[str, Sequence[bool]], clusters: Mapping[str, Sequence[str]]) -> float:
    """The factor, at least 1, by which shared graphs raise the variance of the tasks' mean accuracy.

    right, clusters: by task, in one order. The variance is that of linearised graph totals, as in survey
        sampling.
    """
    questions = sum(map(len, clusters.values()))
    if len(set().union(*clusters.values())) == questions:
        return 1.0
    shares = {task: sum(answers) / len(answers) for task, answers in right.items()}
    open_tasks = [task for task, share in shares.items() if 0 < share < 1]
    # Where all or none are right, every graph counts as if its questions were answered alike.
    alike = not open_tasks
    totals: Counter[str] = Counter()
    single = 0.0
    for task in right if alike else open_tasks:
        n, share = len(right[task]), 0.0 if alike else shares[task]
        single += (1.0 if alike else share * (1 - share)) / n
        for answer, cluster in zip(right[task], clusters[task], strict=True):
            totals[cluster] += (1.0 if alike else answer - share) / n  # type: ignore[assignment]
    graphs, squares = len(totals), [total * total for total in totals.values()]
    if graphs < 2:
        return float(questions)
    few = 1.0 if alike else graphs / (graphs - 1) * (_student(squares) / Z) ** 2
    return max(1.0, few * sum(squares) / single)


def _student(squares: Sequence[float]) -> float:
    """Student's quantile in place of the normal one, since the variance of few graphs is itself an estimate.

    Its degrees of freedom are what the squared totals of the graphs show: twice the squared variance over the
    variance's own variance (Satterthwaite, Biometrics Bulletin 2, 1946). At 98% right, all depends on the few
    graphs with wrong answers.
    """
    from scipy.special import stdtrit  # Here, since the import takes longer than many a command.

    graphs, total = len(squares), sum(squares)
    spread = sum(square * square for square in squares) / (total * total) - 1 / graphs if total else 0.0
    return float(stdtrit(min(graphs - 1, 2 / spread) if spread > 0 else graphs - 1, 0.975))


def macro(tasks: Sequence[Estimate]) -> Estimate:
    """Unweighted mean of the tasks' accuracies, its interval stratified over the tasks.

    The distance to each end is the root of the summed squares of the tasks' own Wilson distances, divided by
    the number of tasks (Zou and Donner's MOVER, Statistics in Medicine 27, 2008). For one task it is that
    task's Wilson interval. It takes the tasks as independent strata; see `macro_accuracy` for questions that
    share graphs.

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


def macro_accuracy(right: Mapping[str, Sequence[bool]], clusters: Mapping[str, Sequence[str]]) -> Estimate:
    """`macro` of the tasks, with an interval that the design effect widens where questions share graphs.

    right, clusters: by task, as in `accuracy`.

    >>> right = {"a": [True, False] * 10, "b": [True, False] * 10}
    >>> own = macro_accuracy(right, {"a": list("abcdefghijklmnopqrst"), "b": list("ABCDEFGHIJKLMNOPQRST")})
    >>> shared = macro_accuracy(right, dict.fromkeys("ab", list("abcdefghijklmnopqrst")))
    >>> round(own.low, 3), round(shared.low, 3)
    (0.358, 0.28)
    """
    mean = macro([proportion(sum(answers), len(answers)) for answers in right.values()])
    wider = sqrt(design_effect(right, clusters))
    low = max(0.0, mean.value - wider * (mean.value - mean.low))
    high = min(1.0, mean.value + wider * (mean.high - mean.value))
    return Estimate(mean.value, low, high, mean.n)


def balanced_accuracy(right: Sequence[bool], answers: Sequence[str]) -> float:
    """Mean over the gold answers of the accuracy on their questions, in [0, 1].

    Always giving the most frequent answer does not raise it.

    >>> balanced_accuracy([True, True, True, False], ["Yes.", "Yes.", "Yes.", "No."])
    0.5
    """
    total, correct = Counter(answers), Counter(answer for answer, r in zip(answers, right, strict=True) if r)
    return sum(correct[answer] / n for answer, n in total.items()) / len(total)


def above(a: Estimate, b: Estimate) -> bool:
    """Whether `a` is above `b` outside both 95% intervals: they do not touch. Stricter than a test at 5%.

    >>> above(proportion(90, 100), proportion(70, 100)), above(proportion(9, 10), proportion(7, 10))
    (True, False)
    """
    return a.low > b.high
