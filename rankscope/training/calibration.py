"""Platt scaling, expected calibration error and the reliability table (numpy only).

Platt, Probabilistic outputs for support vector machines, 1999; the stable form and the smoothed targets
follow Lin, Lin and Weng, Machine Learning 68, 2007. Expected calibration error: Naeini et al., AAAI 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "PlattScale",
    "ReliabilityBin",
    "calibration_error",
    "cross_fitted",
    "fit_platt",
    "reliability",
    "reliability_lines",
]

_STEPS = 100
_BAR = 20


@dataclass(frozen=True, slots=True)
class PlattScale:
    """Probability of relevance = sigmoid(slope * logit + offset)."""

    slope: float
    offset: float

    def probabilities(self, logits: ArrayLike) -> NDArray[np.float64]:
        """Calibrated probabilities of raw logits."""
        return _sigmoid(self.slope * np.asarray(logits, dtype=float) + self.offset)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pairs whose probability lies in ``[low, high)``: what was said, and what was so."""

    low: float
    high: float
    count: int
    said: float
    was: float


def fit_platt(logits: ArrayLike, relevant: ArrayLike) -> PlattScale:
    """Slope and offset of the highest likelihood, by damped Newton steps; finite for separable scores too.

    Raises ValueError unless there are relevant and other pairs.
    """
    x = np.asarray(logits, dtype=float)
    y = np.asarray(relevant, dtype=bool)
    right, wrong = int(y.sum()), int((~y).sum())
    if not right or not wrong:
        raise ValueError("expected relevant and not relevant pairs")
    target = np.where(y, (right + 1) / (right + 2), 1 / (wrong + 2))
    design = np.stack([x, np.ones_like(x)], axis=1)
    weights = np.array([0.0, np.log((right + 1) / (wrong + 1))])
    loss = _loss(design @ weights, target)
    for _ in range(_STEPS):
        said = _sigmoid(design @ weights)
        gradient = design.T @ (said - target)
        curvature = (design * (said * (1 - said))[:, None]).T @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-10 and _loss(design @ (weights - size * step), target) > loss:
            size /= 2
        weights = weights - size * step
        fallen = loss - _loss(design @ weights, target)
        loss -= fallen
        if fallen < 1e-12 * (1 + abs(loss)):
            break
    return PlattScale(float(weights[0]), float(weights[1]))


def cross_fitted(logits: ArrayLike, relevant: ArrayLike, groups: Sequence[int]) -> NDArray[np.float64]:
    """Probability of each pair by a scale fitted on the other half of the groups (queries).

    What a scale says of the pairs it was fitted on flatters it. Raises ValueError when a half lacks
    relevant or other pairs.
    """
    x, y, half = np.asarray(logits, dtype=float), np.asarray(relevant, dtype=bool), np.asarray(groups) % 2
    said = np.empty_like(x)
    for part in (0, 1):
        said[half == part] = fit_platt(x[half != part], y[half != part]).probabilities(x[half == part])
    return said


def reliability(probabilities: ArrayLike, relevant: ArrayLike, bins: int = 10) -> list[ReliabilityBin]:
    """Pairs in equally wide bins, the empty ones left out; 1.0 belongs to the last."""
    said = np.asarray(probabilities, dtype=float)
    was = np.asarray(relevant, dtype=float)
    place = np.minimum((said * bins).astype(int), bins - 1)
    return [
        ReliabilityBin(
            number / bins,
            (number + 1) / bins,
            int((place == number).sum()),
            float(said[place == number].mean()),
            float(was[place == number].mean()),
        )
        for number in range(bins)
        if (place == number).any()
    ]


def calibration_error(probabilities: ArrayLike, relevant: ArrayLike, bins: int = 10) -> float:
    """Mean distance between what was said and what was so, bins weighted by their pairs; 0 to 1."""
    table = reliability(probabilities, relevant, bins)
    total = sum(row.count for row in table)
    return sum(row.count * abs(row.said - row.was) for row in table) / total


def reliability_lines(table: Sequence[ReliabilityBin]) -> list[str]:
    """The table as text: a bar is the share that was relevant, ``|`` marks what was said."""
    lines = ["    score   pairs   said    was"]
    for row in table:
        bar = list(("█" * round(row.was * _BAR)).ljust(_BAR, "·"))
        bar[min(int(row.said * _BAR), _BAR - 1)] = "|"
        lines.append(
            f"{row.low:.1f} - {row.high:.1f} {row.count:7,}   {row.said:.2f}   {row.was:.2f}  {''.join(bar)}"
        )
    return lines


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    small = np.exp(-np.abs(x))
    result: NDArray[np.float64] = np.where(x >= 0, 1.0, small) / (1.0 + small)
    return result


def _loss(logits: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float((np.logaddexp(0.0, logits) - target * logits).sum())
