"""Paired comparisons against second implementations, by enumeration, and by how often they are wrong."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from data_builders.errors import InputError
from eval.statistics.paired import MIN_GRAPHS, holm, paired

pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def split(answers: list[tuple[bool, bool]]) -> tuple[list[bool], list[bool]]:
    return [a for a, _ in answers], [b for _, b in answers]


@given(pairs)
def test_with_one_question_per_graph_p_is_mcnemars(answers: list[tuple[bool, bool]]) -> None:
    a, b = split(answers)
    result = paired(a, b, [str(i) for i in range(len(a))])
    assert result.both + result.only_a + result.only_b + result.neither == result.n == len(a)
    expected = mcnemar([[result.both, result.only_a], [result.only_b, result.neither]], exact=True).pvalue
    assert result.p == pytest.approx(expected)
    assert result.low <= result.difference <= result.high
    assert (result.mde is None) if len(a) < MIN_GRAPHS else (result.mde is None or 0 < result.mde <= 1)
    mirrored = paired(b, a, [str(i) for i in range(len(a))])
    assert (mirrored.difference, mirrored.p) == (-result.difference, pytest.approx(result.p))


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from("abcdefgh")), min_size=1, max_size=40)
)
def test_with_shared_graphs_p_counts_every_change_of_sides(answers: list[tuple[bool, bool, str]]) -> None:
    a, b, clusters = [x for x, _, _ in answers], [y for _, y, _ in answers], [c for _, _, c in answers]
    sums = [sum(x - y for x, y, c in answers if c == cluster) for cluster in sorted(set(clusters))]
    flipped = [
        abs(sum(s * d for s, d in zip(signs, sums, strict=True)))
        for signs in product((1, -1), repeat=len(sums))
    ]
    assert paired(a, b, clusters).p == pytest.approx(sum(f >= abs(sum(sums)) for f in flipped) / len(flipped))


def test_runs_that_never_differ_still_have_an_interval() -> None:
    same = paired([True] * 50, [True] * 50, [str(i) for i in range(50)])
    assert same.p == 1.0 and same.difference == 0.0 and same.low < 0 < same.high
    assert same == paired([True] * 50, [True] * 50, [str(i) for i in range(50)])


@pytest.mark.parametrize("lengths", [(0, 0, 0), (2, 1, 2), (2, 2, 1)])
def test_what_is_no_pair_is_refused(lengths: tuple[int, int, int]) -> None:
    with pytest.raises(InputError, match="one answer of A, one of B"):
        paired([True] * lengths[0], [True] * lengths[1], ["g"] * lengths[2])


@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(list(multipletests(p, method="holm")[1]))


def simulated(
    graphs: int, each: int, shared: float, alike: float, shares: tuple[float, float], repeats: int
) -> tuple[float, float]:
    """How often the interval holds the true difference, and how often p < 0.05.

    shared: correlation of one run's answers about one graph. alike: correlation of the two runs' answers to
        one question.
    """
    draw = np.random.default_rng(7)
    truth, covered, rejected = shares[0] - shares[1], 0, 0
    clusters = [str(i) for i in range(graphs) for _ in range(each)]
    for _ in range(repeats):
        graph, question = draw.normal(size=(3, graphs, 1)), draw.normal(size=(3, graphs, each))
        right = []
        for run, share in enumerate(shares):
            of_graph = alike**0.5 * graph[2] + (1 - alike) ** 0.5 * graph[run]
            of_question = alike**0.5 * question[2] + (1 - alike) ** 0.5 * question[run]
            right.append(
                ((shared**0.5 * of_graph + (1 - shared) ** 0.5 * of_question) < norm.ppf(share))
                .ravel()
                .tolist()
            )
        result = paired(right[0], right[1], clusters)
        covered += result.low <= truth <= result.high
        rejected += result.p < 0.05
    return covered / repeats, rejected / repeats


@pytest.mark.parametrize(
    ("graphs", "each", "shared", "alike", "shares"),
    [
        (100, 1, 0.0, 0.5, (0.8, 0.7)),
        (200, 1, 0.0, 0.3, (0.5, 0.5)),
        (100, 6, 0.5, 0.5, (0.8, 0.7)),
        (150, 4, 0.8, 0.3, (0.6, 0.6)),
    ],
)
def test_the_interval_covers_and_the_test_is_seldom_wrong(
    graphs: int, each: int, shared: float, alike: float, shares: tuple[float, float]
) -> None:
    """Of 600 simulated comparisons: 95% intervals cover 93 to 97%; without a difference, p < 0.05 in at most
    6%.
    """
    covered, rejected = simulated(graphs, each, shared, alike, shares, 600)
    assert 0.93 <= covered <= 0.97
    assert rejected <= 0.06 if shares[0] == shares[1] else rejected > 0.2


@pytest.mark.parametrize("n", [1, 5, 6])
def test_a_least_difference_is_named_only_where_there_is_one(n: int) -> None:
    """Five questions cannot show any difference: even if A alone is right each time, p is 0.0625."""
    result = paired([True] * n, [False] * n, [str(i) for i in range(n)])
    assert (result.p <= 0.05) is (result.mde is not None) is (n >= MIN_GRAPHS)
    mixed = paired([True, False] * 3, [False, True] * 3, [str(i) for i in range(6)])
    assert mixed.mde is None  # It would be more than 100 points.
