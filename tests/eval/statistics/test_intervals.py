"""Intervals: the published numbers, the second implementation, and how often they cover."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm

from data_builders.errors import InputError
from eval.statistics.intervals import (
    Estimate,
    above,
    accuracy,
    balanced_accuracy,
    macro,
    macro_accuracy,
    proportion,
)

counts = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_the_interval_is_scipys_wilson_interval(case: tuple[int, int]) -> None:
    correct, n = case
    e = proportion(correct, n)
    expected = binomtest(correct, n).proportion_ci(0.95, method="wilson")
    assert (e.low, e.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= e.low <= e.value <= e.high <= 1 and e.n == n


@pytest.mark.parametrize(("correct", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_proportion_is_refused(correct: int, n: int) -> None:
    with pytest.raises(InputError, match="not a proportion"):
        proportion(correct, n)


@given(st.lists(counts, min_size=1, max_size=12))
def test_the_macro_mean_weighs_tasks_alike_and_lies_in_its_interval(cases: list[tuple[int, int]]) -> None:
    e = macro([proportion(*case) for case in cases])
    assert e.value == pytest.approx(sum(c / n for c, n in cases) / len(cases))
    assert 0 <= e.low <= e.value <= e.high <= 1 and e.n == sum(n for _, n in cases)


@given(counts, st.integers(2, 8))
def test_the_macro_interval_of_one_task_is_its_own_and_of_k_equal_tasks_narrower_by_the_root(
    case: tuple[int, int], k: int
) -> None:
    one, many = macro([proportion(*case)]), macro([proportion(*case)] * k)
    assert (one.low, one.high) == pytest.approx((proportion(*case).low, proportion(*case).high))
    assert (many.high - many.low) * k**0.5 == pytest.approx(one.high - one.low)


def test_no_task_has_no_macro() -> None:
    with pytest.raises(InputError, match="at least one task"):
        macro([])


@pytest.mark.parametrize(("p", "q"), [(0.5, 0.5), (0.1, 0.8), (0.05, 0.95), (0.02, 0.3)])
def test_the_macro_interval_covers_about_95_percent(p: float, q: float) -> None:
    """Exact coverage over all outcomes of two tasks of 20 and 40 questions."""
    n, m, truth = 20, 40, (p + q) / 2
    covered = 0.0
    for i in range(n + 1):
        for j in range(m + 1):
            e = macro([proportion(i, n), proportion(j, m)])
            if e.low <= truth <= e.high:
                covered += comb(n, i) * p**i * (1 - p) ** (n - i) * comb(m, j) * q**j * (1 - q) ** (m - j)
    assert 0.92 < covered < 0.99


def test_above_means_that_the_intervals_do_not_touch() -> None:
    a, b = Estimate(0.8, 0.6, 0.9, 10), Estimate(0.5, 0.3, 0.6, 10)
    assert not above(a, b) and not above(b, a)
    assert above(Estimate(0.8, 0.61, 0.9, 10), b)


@pytest.mark.parametrize(("n", "p"), [(50, 0.5), (100, 0.83), (500, 0.97), (500, 0.3)])
def test_binomial_intervals_cover_95_percent(n: int, p: float) -> None:
    """Exactly, over every outcome."""
    held = [(e := proportion(k, n)).low <= p <= e.high for k in range(n + 1)]
    assert 0.93 <= float(binom.pmf(np.arange(n + 1), n, p)[held].sum()) <= 0.97


@pytest.mark.parametrize(
    ("graphs", "each", "tasks", "shared", "p"),
    [
        (100, 5, 1, 0.5, 0.8),
        (60, 8, 1, 0.8, 0.9),
        (200, 3, 1, 0.0, 0.5),
        (100, 1, 5, 0.5, 0.7),
        (100, 1, 5, 0.0, 0.7),
        (60, 3, 3, 0.5, 0.6),
    ],
)
def test_intervals_of_questions_that_share_graphs_cover_95_percent(
    graphs: int, each: int, tasks: int, shared: float, p: float
) -> None:
    covered, plain = coverage(graphs, each, tasks, shared, p)
    assert 930 <= covered <= 970
    assert plain < 900 if shared else plain <= 970


@pytest.mark.parametrize(
    ("graphs", "each", "tasks", "shared", "p"),
    [
        (50, 10, 1, 0.8, 0.98),
        (100, 10, 1, 0.8, 0.98),
        (20, 10, 1, 0.8, 0.9),
        (30, 5, 1, 0.8, 0.95),
        (100, 2, 3, 0.8, 0.97),
    ],
)
def test_intervals_cover_no_less_where_few_graphs_have_wrong_answers(
    graphs: int, each: int, tasks: int, shared: float, p: float
) -> None:
    """They may cover more: how alike the answers about a graph are is anyone's guess where two or three
    graphs show it.
    """
    assert 930 <= coverage(graphs, each, tasks, shared, p)[0] <= 990


def coverage(graphs: int, each: int, tasks: int, shared: float, p: float) -> tuple[int, int]:
    """How many of 1,000 simulated runs our interval covers, and how many Wilson's; shared: how much of an
    answer is the graph's doing.
    """
    draw = np.random.default_rng(3)
    clusters = [str(i) for i in range(graphs) for _ in range(each)]
    covered, plain = 0, 0
    for _ in range(1000):
        skill = draw.normal(size=(graphs, 1))
        lots = [
            shared**0.5 * skill + (1 - shared) ** 0.5 * draw.normal(size=(graphs, each)) for _ in range(tasks)
        ]
        right = {str(t): (lot < norm.ppf(p)).ravel().tolist() for t, lot in enumerate(lots)}
        e = (
            accuracy(right["0"], clusters)
            if tasks == 1
            else macro_accuracy(right, dict.fromkeys(right, clusters))
        )
        covered += e.low <= p <= e.high
        naive = macro([proportion(sum(answers), len(answers)) for answers in right.values()])
        plain += naive.low <= p <= naive.high
    return covered, plain


def test_right_on_every_graph_claims_no_more_than_the_graphs_can_show() -> None:
    shared = accuracy([True] * 40, [str(i // 8) for i in range(40)])
    assert (shared.low, shared.high, shared.n) == (proportion(5, 5).low, 1.0, 40)
    assert accuracy([False] * 40, ["g"] * 40).high == proportion(0, 1).high
    assert accuracy([True, False] * 20, ["g"] * 40).low < 0.1
    with pytest.raises(InputError, match="graph of each answer"):
        accuracy([True], [])


def test_balanced_accuracy_does_not_reward_the_common_answer() -> None:
    answers = ["Yes."] * 83 + ["No."] * 17
    assert (
        balanced_accuracy([a == "Yes." for a in answers], answers) == 0.5
        and balanced_accuracy([True] * 100, answers) == 1.0
    )
