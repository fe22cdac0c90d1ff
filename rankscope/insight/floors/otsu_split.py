"""Otsu's split of numbers into two classes that differ most, exact over every place to split.

Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions SMC 9 (1979).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["split"]


def split(values: NDArray, weights: NDArray | None = None) -> float | None:
    """Half-way between the two neighbours between which the variance between classes is largest.

    None where all values are equal. ``weights`` count each value as often.
    """
    order = np.argsort(values, kind="stable")
    rising = values[order]
    weight = np.ones(len(values)) if weights is None else weights[order].astype(float)
    below = np.cumsum(weight)
    sums = np.cumsum(weight * rising)
    total, whole = below[-1], sums[-1]
    between = np.flatnonzero(rising[1:] > rising[:-1])
    if len(between) == 0:
        return None
    w, s = below[between], sums[between]
    # (total * s - whole * w)^2 / (w * (total - w)) is the between-class variance times total squared.
    variance = (total * s - whole * w) ** 2 / (w * (total - w))
    best = int(between[np.argmax(variance)])
    return float((rising[best] + rising[best + 1]) / 2)
