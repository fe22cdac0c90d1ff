from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture

from rankscope.core.scales import ScoreScale, logit
from rankscope.insight.floors.mixture import bic_gain, fit_two_normals, mixture
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.otsu import otsu
from rankscope.insight.floors.otsu_split import split
from tests.insight.floors.scored_traces import observed


def table(scores: NDArray, scale: ScoreScale = ScoreScale.LOGIT) -> Observations:
    """One query a row."""
    return observed(
        {f"q{i}": sorted(row, reverse=True) for i, row in enumerate(scores.tolist())}, scale=scale
    )


def planted(seed: int, queries: int = 40, depth: int = 20, *, upper: float = 0.3) -> NDArray:
    """Scores of two normal distributions: mean -3, deviation 1.2 and mean 2, deviation 0.9."""
    draw = np.random.default_rng(seed)
    shape = (queries, depth)
    return np.where(draw.random(shape) < upper, draw.normal(2, 0.9, shape), draw.normal(-3, 1.2, shape))


def true_crossing(upper: float = 0.3) -> float:
    """Where (1 - upper) N(-3, 1.2) equals upper N(2, 0.9), by bisection."""

    def lead(x: float) -> float:
        low = math.log((1 - upper) / 1.2) - (x + 3) ** 2 / (2 * 1.2**2)
        return low - (math.log(upper / 0.9) - (x - 2) ** 2 / (2 * 0.9**2))

    low, high = -3.0, 2.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if lead(middle) > 0 else (low, middle)
    return low


def brute_otsu(values: list[float]) -> float:
    """Largest variance between classes over every split of the distinct values."""
    distinct = sorted(set(values))
    best, where = -1.0, math.nan
    for below, above in pairwise(distinct):
        low = [value for value in values if value <= below]
        high = [value for value in values if value > below]
        gap = sum(low) / len(low) - sum(high) / len(high)
        variance = len(low) * len(high) * gap * gap
        if variance > best * (1 + 1e-12):
            best, where = variance, (below + above) / 2
    return where


@pytest.mark.parametrize("seed", range(20))
def test_otsu_is_the_best_of_all_splits(seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = draw.normal(size=60).round(1) if seed % 2 else draw.gamma(2, 1, 60)
    assert split(values) == pytest.approx(brute_otsu(values.tolist()))


def test_otsu_counts_a_weight_as_often() -> None:
    values, weights = np.array([0.0, 1.0, 5.0, 6.0]), np.array([4, 1, 2, 3])
    assert split(values, weights) == split(np.repeat(values, weights))
    assert split(np.array([2.0, 2.0])) is None


def test_otsu_works_on_logits_of_probabilities() -> None:
    scores = 1 / (1 + np.exp(-planted(1)))
    found = otsu(table(scores, ScoreScale.PROBABILITY), resamples=20)
    assert found.value is not None
    assert logit(found.value) == pytest.approx(split(planted(1).ravel()), abs=1e-6)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    assert (found.observations, found.queries) == (800, 40)


def test_the_mixture_agrees_with_scikit_learn() -> None:
    values = planted(3, 100).ravel()
    edges = np.linspace(values.min(), values.max(), 2001)
    counts = np.histogram(values, edges)[0][None].astype(float)
    mine = fit_two_normals(counts, (edges[1:] + edges[:-1]) / 2)
    other = GaussianMixture(2, tol=1e-9, max_iter=2000, random_state=0).fit(values[:, None])
    order = np.argsort(other.means_.ravel())
    np.testing.assert_allclose(mine.means[0], other.means_.ravel()[order], atol=0.01)
    np.testing.assert_allclose(mine.weights[0], other.weights_[order], atol=0.002)
    np.testing.assert_allclose(mine.variances[0], other.covariances_.ravel()[order], atol=0.02)
    one = GaussianMixture(1).fit(values[:, None])
    expected = one.bic(values[:, None]) - other.bic(values[:, None])
    assert bic_gain(values, float(mine.log_likelihood[0])) == pytest.approx(expected, rel=0.01)


def test_planted_crossings_lie_in_the_interval() -> None:
    # Twelve draws here; `tests/benchmarks/floor_coverage.py` repeats it over many.
    truth, found = true_crossing(), 0
    for seed in range(12):
        suggestion = mixture(table(planted(seed)), resamples=60)
        assert suggestion.low is not None
        assert suggestion.high is not None
        found += suggestion.low <= truth <= suggestion.high
    assert found >= 9  # 95 percent each: fewer happens once in ten thousand


def test_the_interval_narrows_with_more_queries() -> None:
    def width(queries: int) -> float:
        found = mixture(table(planted(5, queries)), resamples=60)
        assert found.low is not None
        assert found.high is not None
        return found.high - found.low

    assert width(400) < width(40) / 2


@pytest.mark.parametrize("shape", ["normal", "gumbel", "exponential", "uniform", "student"])
def test_one_mode_gives_no_floor(shape: str) -> None:
    draw = np.random.default_rng(11)
    sizes = (60, 20)
    scores = {
        "normal": draw.normal(size=sizes),
        "gumbel": draw.gumbel(size=sizes),
        "exponential": draw.exponential(size=sizes),
        "uniform": draw.random(sizes),
        "student": draw.standard_t(3, size=sizes),
    }[shape]
    group = table(scores)
    for found in (otsu(group), mixture(group)):
        assert found.value is None
        assert "one mode: no floor can be read from this" in found.warning


def test_a_small_upper_mode_is_found_in_many_queries_and_its_size_is_said() -> None:
    found = mixture(table(planted(2, 200, upper=0.1)), resamples=10)
    assert found.value is not None
    assert found.parameters["share of upper mode"] == pytest.approx(0.1, abs=0.02)


def test_few_scores_give_no_floor() -> None:
    for group in (table(planted(1, 10)), table(planted(1, 30, 3))):
        for found in (otsu(group), mixture(group)):
            assert found.value is None
            assert "too few" in found.warning
