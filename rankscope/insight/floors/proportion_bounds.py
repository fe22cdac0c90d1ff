"""One-sided lower confidence bounds of a proportion: Wilson (1927) and Clopper-Pearson (1934)."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Bound", "lower_bound"]

Bound = Literal["wilson", "clopper-pearson"]


def lower_bound(
    successes: NDArray, trials: NDArray, bound: Bound = "wilson", confidence: float = 0.95
) -> NDArray:
    """The rate that the true one exceeds at this confidence; 0 where there are no trials."""
    n = np.where(trials > 0, trials, 1.0)
    if bound == "clopper-pearson":
        from scipy.special import betaincinv

        failures = np.asarray(trials - successes, dtype=float)
        low = betaincinv(np.maximum(successes, 1e-300), failures + 1, 1 - confidence)
    else:
        z = NormalDist().inv_cdf(confidence)
        rate = successes / n
        spread = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
        low = (rate + z * z / (2 * n) - spread) / (1 + z * z / n)
    result: NDArray = np.where(successes > 0, low, 0.0)
    return result
