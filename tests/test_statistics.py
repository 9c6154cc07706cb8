"""Intervals: the published numbers, the second implementation, and how often they cover."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from data_builders.errors import InputError
from eval.statistics import Estimate, above, macro, proportion

counts = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_the_interval_is_scipys_wilson_interval(case: tuple[int, int]) -> None:
    correct, n = case
    e = proportion(correct, n)
    known = binomtest(correct, n).proportion_ci(0.95, method="wilson")
    assert (e.low, e.high) == pytest.approx((known.low, known.high), abs=1e-12)
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
def test_the_macro_interval_of_one_task_is_its_own_and_of_k_equal_tasks_narrower_by_the_root(case: tuple[int, int], k: int) -> None:
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
