"""Intervals and tests agree with scipy and with enumeration; degenerate data have a plain answer."""

from __future__ import annotations

from itertools import product
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rankscope.insight.significance import (
    Interval,
    bootstrap_mean,
    bootstrap_means,
    mean_of_means,
    paired_bootstrap,
    paired_permutation_test,
    paired_t_test,
    wilson,
)

CHANCE = np.random.default_rng(3)
BEFORE = CHANCE.random(60)
AFTER = np.clip(BEFORE + CHANCE.normal(0.05, 0.2, 60), 0, 1)


@pytest.mark.parametrize("method", ["BCa", "percentile"])
def test_the_paired_interval_is_that_of_scipy(method: str) -> None:
    ours = paired_bootstrap(BEFORE, AFTER, resamples=2000, method=method, seed=11)  # type: ignore[arg-type]
    # Another seed and scipy's own way to pair: equal up to the noise of resampling.
    theirs = stats.bootstrap(
        (AFTER, BEFORE),
        lambda after, before, axis: after.mean(axis=axis) - before.mean(axis=axis),
        paired=True,
        n_resamples=20_000,
        method=method,
        rng=np.random.default_rng(5),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.value == pytest.approx(AFTER.mean() - BEFORE.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.06 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.06 * width)


def test_the_bootstrap_is_near_the_normal_interval_where_the_mean_is_normal() -> None:
    sample = np.random.default_rng(8).normal(0.3, 0.1, 400)
    interval = bootstrap_mean(sample, resamples=4000)
    half = 1.96 * sample.std(ddof=1) / sqrt(400)
    assert interval.low == pytest.approx(sample.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(sample.mean() + half, abs=0.1 * half)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    chance = np.random.default_rng(21)
    covered = 0
    for seed in range(200):
        interval = bootstrap_mean(chance.beta(2, 3, 40), resamples=399, seed=seed)
        assert interval.low is not None
        assert interval.high is not None
        covered += interval.low <= 2 / 5 <= interval.high
    # 95 percent of 200 is 190; four standard deviations are 12.
    assert 178 <= covered <= 200


def test_the_same_seed_gives_the_same_interval_and_rows_agree_with_single_calls() -> None:
    rows = [BEFORE, AFTER, AFTER - BEFORE]
    together = bootstrap_means(rows, resamples=500, seed=4)
    assert together == bootstrap_means(rows, resamples=500, seed=4)
    for row, interval in zip(rows, together, strict=True):
        alone = bootstrap_mean(row, resamples=500, seed=4)
        assert (interval.low, interval.high) == pytest.approx((alone.low, alone.high))
    assert together != bootstrap_means(rows, resamples=500, seed=5)


def test_equal_values_have_no_spread_and_one_value_no_interval() -> None:
    assert bootstrap_mean([0.25, 0.25, 0.25]) == Interval(0.25, 0.25, 0.25, 3)
    assert bootstrap_mean([0.25]) == Interval(0.25, None, None, 1)
    constant, other = bootstrap_means([[1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]], resamples=300)
    assert constant == Interval(1.0, 1.0, 1.0, 4)
    assert other.low is not None
    assert other.low < 0.5


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=8))
def test_small_samples_always_have_a_finite_interval_around_a_possible_mean(values: list[float]) -> None:
    interval = bootstrap_mean(values, resamples=99)
    assert interval.low is not None
    assert interval.high is not None
    assert min(values) <= interval.low <= interval.high <= max(values)


@pytest.mark.parametrize("rows", [[], [[]], [[1.0], [1.0, 2.0]]])
def test_rows_without_values_are_refused(rows: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"rows|inhomogeneous"):
        bootstrap_means(rows)


def test_unequal_lengths_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="2 values before and 1 after"):
        paired_bootstrap([0.1, 0.2], [0.1])


def test_the_mean_over_groups_weighs_groups_and_not_queries() -> None:
    large, small = [0.1] * 99 + [0.2], [0.5, 0.7]
    interval = mean_of_means([large, small], resamples=500)
    assert interval.value == pytest.approx(((99 * 0.1 + 0.2) / 100 + 0.6) / 2)
    assert interval.n == 102
    theirs = stats.bootstrap(
        (np.array(large), np.array(small)),
        lambda one, two, axis: (one.mean(axis=axis) + two.mean(axis=axis)) / 2,
        n_resamples=500,
        rng=np.random.default_rng(0),
        batch=500,
    ).confidence_interval
    assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high))


def test_the_mean_over_groups_of_equal_or_single_values() -> None:
    assert mean_of_means([[0.2, 0.2], [0.4, 0.4]]) == Interval(
        pytest.approx(0.3), pytest.approx(0.3), pytest.approx(0.3), 4
    )
    assert mean_of_means([[0.2, 0.3], [0.4]]) == Interval(pytest.approx(0.325), None, None, 3)
    with pytest.raises(ValueError, match="none of them empty"):
        mean_of_means([[0.2], []])


def test_the_permutation_test_is_exact_for_few_queries() -> None:
    before, after = [0.1, 0.4, 0.2, 0.5, 0.3, 0.3], [0.4, 0.5, 0.9, 0.4, 0.8, 0.3]
    changes = [0.3, 0.1, 0.7, -0.1, 0.5]
    sums = [sum(s * c for s, c in zip(signs, changes, strict=True)) for signs in product((1, -1), repeat=5)]
    above = sum(total >= sum(changes) - 1e-9 for total in sums) / 2**5
    assert paired_permutation_test(before, after) == pytest.approx(2 * above)


def test_the_permutation_test_agrees_with_the_t_test_where_both_apply() -> None:
    assert paired_permutation_test(BEFORE, AFTER) == pytest.approx(paired_t_test(BEFORE, AFTER), abs=0.02)
    assert paired_permutation_test(AFTER, AFTER) == 1.0
    assert paired_permutation_test([0.1, 0.2, 0.3], [0.1, 0.9, 0.3]) == 1.0
    assert paired_permutation_test([], []) == 1.0


def test_the_t_test_is_that_of_scipy() -> None:
    assert paired_t_test(BEFORE, AFTER) == pytest.approx(stats.ttest_rel(AFTER, BEFORE).pvalue)
    assert paired_t_test([0.1, 0.2], [0.1, 0.2]) == 1.0
    assert paired_t_test([0.0, 1.0], [1.0, 2.0]) == 0.0
    with pytest.raises(ValueError, match="two pairs"):
        paired_t_test([0.1], [0.2])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_wilson_interval_is_that_of_scipy(counts: tuple[int, int]) -> None:
    successes, n = counts
    theirs = stats.binomtest(successes, n).proportion_ci(method="wilson")
    ours = wilson(successes, n)
    assert ours is not None
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert ours.value == successes / n


def test_a_rate_of_nothing_is_unknown() -> None:
    assert wilson(0, 0) is None
    with pytest.raises(ValueError, match="3 successes of 2"):
        wilson(3, 2)
