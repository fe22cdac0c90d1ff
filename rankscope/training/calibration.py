"""Platt scaling (numpy only).

Platt, Probabilistic outputs for support vector machines, 1999; the stable form and the smoothed targets
follow Lin, Lin and Weng, Machine Learning 68, 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["PlattScale", "cross_fitted", "fit_platt"]

_STEPS = 100


@dataclass(frozen=True, slots=True)
class PlattScale:
    """Probability of relevance = sigmoid(slope * logit + offset)."""

    slope: float
    offset: float

    def probabilities(self, logits: ArrayLike) -> NDArray[np.float64]:
        """Calibrated probabilities of raw logits."""
        return _sigmoid(self.slope * np.asarray(logits, dtype=float) + self.offset)


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


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    small = np.exp(-np.abs(x))
    result: NDArray[np.float64] = np.where(x >= 0, 1.0, small) / (1.0 + small)
    return result


def _loss(logits: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float((np.logaddexp(0.0, logits) - target * logits).sum())
