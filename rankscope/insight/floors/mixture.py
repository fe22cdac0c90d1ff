"""Two overlapping normal distributions fitted to all scores, and the score at which they cross.

Expectation maximization (Dempster, Laird and Rubin 1977) over finely binned scores, many resamples at once:
one row of counts is one sample, so the interval costs little more than the fit.

A mixture fits anything that is skewed or has long tails better than one normal distribution does. That is
no valley, so the valley itself is tested: a distribution with one mode never rises again past it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankscope.core.scales import ScoreScale
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.otsu_split import split
from rankscope.insight.floors.sampling import Pairs, bounds_of, resample, scored_pairs
from rankscope.insight.floors.suggestion import Suggestion, refusal
from rankscope.insight.floors.unlabelled import few_scores, from_fit, to_fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ONE_MODE", "TwoNormals", "fit_two_normals", "mixture", "shape_of"]

METHOD = "mixture"
ONE_MODE = "one mode: no floor can be read from this."
_CERTAIN = 2.33
"""Standard errors by which each mode must stand out from the valley: 1 in 100, one-sided."""
BINS = 512
RESAMPLES = 200
_STEPS = 1000
_STEPS_AGAIN = 100
"""For resamples, which start where the fit to all scores ended."""
_STILL = 1e-6
"""Fitting ends when no mean moves by more than this share of the range in a step."""


@dataclass(frozen=True, slots=True, eq=False)
class TwoNormals:
    """Fitted mixtures, one a row: weights, means and variances of the lower and the upper component."""

    weights: NDArray
    means: NDArray
    variances: NDArray
    log_likelihood: NDArray

    def crossings(self) -> NDArray:
        """The point between the means at which both components are equally likely; NaN where none is."""
        (m0, m1), (v0, v1) = self.means.T, self.variances.T
        w0, w1 = self.weights.T
        # log(w0 N0) - log(w1 N1) = a x^2 + b x + c = 0
        a = 0.5 / v1 - 0.5 / v0
        b = m0 / v0 - m1 / v1
        c = 0.5 * m1**2 / v1 - 0.5 * m0**2 / v0 + np.log(w0 / w1) + 0.5 * np.log(v1 / v0)
        found: NDArray = np.full(len(a), np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            root = np.sqrt(b * b - 4 * a * c)
            q = -0.5 * (b + np.where(b < 0, -root, root))
            for candidate in (q / a, c / q):
                inside = (candidate > m0) & (candidate < m1)
                found[inside] = candidate[inside]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Scores binned by query, the mixture fitted to all of them, and whether it has two modes."""

    pairs: Pairs
    counts: NDArray
    """(queries, bins)"""
    centres: NDArray
    fitted: TwoNormals
    gain: float
    """Of BIC over one normal distribution."""
    valley: float | None
    """Where the fitted density is lowest between its modes; None where one mode cannot be ruled out."""


def shape_of(pairs: Pairs, scale: ScoreScale) -> Shape:
    """Fit the mixture and test its valley."""
    places = to_fit(pairs.scores, scale)
    counts, centres = _counts_by_query(pairs, places)
    fitted = fit_two_normals(counts.sum(axis=0, keepdims=True), centres)
    gain = bic_gain(places, float(fitted.log_likelihood[0]))
    valley = _valley(fitted, centres)
    if gain <= 0 or valley is None or not _falls_and_rises(pairs, places, fitted, valley):
        valley = None
    return Shape(pairs, counts, centres, fitted, gain, valley)


def _valley(fitted: TwoNormals, centres: NDArray) -> float | None:
    """Lowest point of the fitted density between the two means; None where it has no inner minimum."""
    low, high = fitted.means[0]
    inside = centres[(centres > low) & (centres < high)]
    if len(inside) < 3:
        return None
    _, density = _responsibility(fitted.weights, fitted.means, fitted.variances, inside)
    place = int(np.argmin(density[0]))
    return float(inside[place]) if 0 < place < len(inside) - 1 else None


def _falls_and_rises(pairs: Pairs, places: NDArray, fitted: TwoNormals, valley: float) -> bool:
    """Whether more scores lie around each mode than in a window of the same width around the valley.

    One-sided z-tests on the differences by query, so that scores of one query, which go together, count
    as one piece of evidence.
    """
    for mode in fitted.means[0].tolist():
        half = abs(mode - valley) / 4
        at_mode = np.abs(places - mode) < half
        at_valley = np.abs(places - valley) < half
        leads = np.bincount(pairs.query, weights=at_mode.astype(float) - at_valley)
        noise = float(np.sqrt((leads**2).sum()))
        if leads.sum() <= _CERTAIN * noise:
            return False
    return True


def mixture(observations: Observations, *, resamples: int = RESAMPLES) -> Suggestion:
    """Where the low and the high scores' normal distributions cross, on logits; needs no labels.

    Refuses unless two components explain the scores better than one (BIC), the valley between them is no
    accident, and the components cross between their means.
    """
    pairs = scored_pairs(observations)
    scale = observations.score_scale
    count = len(pairs.scores)
    why = few_scores(pairs)
    if why:
        return refusal(METHOD, observations, why, found=count, queries=pairs.queries)
    shape = shape_of(pairs, scale)
    fitted = shape.fitted
    crossing = float(fitted.crossings()[0])
    if shape.valley is None or not np.isfinite(crossing):
        return refusal(METHOD, observations, ONE_MODE, found=count, queries=pairs.queries)
    drawn = np.stack([draw @ shape.counts for draw in resample(pairs.queries, resamples)])
    again = fit_two_normals(drawn, shape.centres, start=fitted)
    low, high = bounds_of([from_fit(value, scale) for value in again.crossings().tolist()])
    upper = float(fitted.weights[0, 1])
    small = min(upper, 1 - upper) < 0.02
    return Suggestion(
        method=METHOD,
        value=from_fit(crossing, scale),
        scale=scale,
        low=low,
        high=high,
        observations=count,
        queries=pairs.queries,
        warning="one of the two modes holds less than 2 percent of the scores"
        if small
        else "nothing was judged: check what the floor keeps",
        parameters={
            "lower mode": from_fit(float(fitted.means[0, 0]), scale),
            "upper mode": from_fit(float(fitted.means[0, 1]), scale),
            "share of upper mode": upper,
            "BIC gain over one mode": shape.gain,
        },
    )


def bic_gain(values: NDArray, log_likelihood: float) -> float:
    """By how much the Bayesian information criterion prefers two components (5 numbers) to one (2)."""
    one = -0.5 * len(values) * (np.log(2 * np.pi * values.var()) + 1)
    return float(2 * (log_likelihood - one) - 3 * np.log(len(values)))


def _counts_by_query(pairs: Pairs, places: NDArray) -> tuple[NDArray, NDArray]:
    """Histogram of each query's scores over the same bins, and the bins' centres."""
    low, high = float(places.min()), float(places.max())
    width = (high - low) / BINS or 1.0
    bin_of = np.clip(((places - low) / width).astype(np.int64), 0, BINS - 1)
    flat = np.bincount(pairs.query * BINS + bin_of, minlength=pairs.queries * BINS)
    return flat.reshape(pairs.queries, BINS).astype(float), low + width * (np.arange(BINS) + 0.5)


def fit_two_normals(counts: NDArray, centres: NDArray, *, start: TwoNormals | None = None) -> TwoNormals:
    """Fit one mixture a row of ``counts`` (rows, bins), from Otsu's split or the first row of ``start``."""
    rows = len(counts)
    if start is None:
        weights, means, variances = _start(counts, centres)
    else:
        weights, means, variances = (
            np.repeat(part[:1], rows, axis=0) for part in (start.weights, start.means, start.variances)
        )
    width = float(centres[1] - centres[0])
    total = counts.sum(axis=1, keepdims=True)
    for _ in range(_STEPS if start is None else _STEPS_AGAIN):
        upper, _ = _responsibility(weights, means, variances, centres)
        parts = np.stack([counts * (1 - upper), counts * upper], axis=1)
        mass = parts.sum(axis=2) + 1e-12
        before = means
        means = parts @ centres / mass
        variances = np.maximum(parts @ centres**2 / mass - means**2, width**2)
        weights = mass / total
        if np.abs(means - before).max() < _STILL * BINS * width:
            break
    _, density = _responsibility(weights, means, variances, centres)
    return TwoNormals(weights, means, variances, (counts * density).sum(axis=1))


def _start(counts: NDArray, centres: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    whole = counts.sum(axis=0)
    filled = whole > 0
    cut = split(centres[filled], whole[filled])
    sides = [centres < (centres.mean() if cut is None else cut)]
    sides.append(~sides[0])
    mass = np.array([whole[side].sum() for side in sides]) + 1e-12
    means = np.array([whole[side] @ centres[side] for side in sides]) / mass
    spread = np.array([whole[side] @ centres[side] ** 2 for side in sides]) / mass - means**2
    shape = (len(counts), 2)
    least = float(centres[1] - centres[0]) ** 2
    return (
        np.broadcast_to(mass / mass.sum(), shape),
        np.broadcast_to(means, shape),
        np.broadcast_to(np.maximum(spread, least), shape),
    )


def _responsibility(
    weights: NDArray, means: NDArray, variances: NDArray, centres: NDArray
) -> tuple[NDArray, NDArray]:
    """Share of the upper component at each centre, and the log density there; both (rows, bins)."""
    distance = (centres - means[:, :, None]) ** 2 / variances[:, :, None]
    logs = np.log(weights)[:, :, None] - 0.5 * (distance + np.log(2 * np.pi * variances)[:, :, None])
    density: NDArray = np.logaddexp(logs[:, 0], logs[:, 1])
    upper: NDArray = np.exp(logs[:, 1] - density)
    return upper, density
