"""Score scales: what a score means, and which scores may be compared.

A score never travels without its scale. A BM25 score of 9 and a probability of 0.9 say nothing
about one another, and a floor fitted on one scale is meaningless on another.
"""

from __future__ import annotations

import math
from enum import StrEnum

__all__ = ["ScoreScale", "logit", "sigmoid"]


class ScoreScale(StrEnum):
    """The unit of a score; higher is better on every scale."""

    BM25 = "bm25"
    """Okapi BM25: a sum of idf-weighted term parts, unbounded, corpus-dependent."""
    COSINE = "cosine"
    """Cosine of two embeddings, -1 to 1."""
    INNER_PRODUCT = "inner_product"
    """Dot product of embeddings that are not normalized, unbounded."""
    RRF = "rrf"
    """Reciprocal rank fusion: the sum of weight / (k + rank), above 0."""
    LOGIT = "logit"
    """Raw output of a cross-encoder before the sigmoid, unbounded."""
    PROBABILITY = "probability"
    """Sigmoid of a calibrated logit, 0 to 1."""
    UNKNOWN = "unknown"
    """An import did not say; never compared with anything."""

    @property
    def bounds(self) -> tuple[float, float]:
        """The closed interval in which scores of this scale lie."""
        return _BOUNDS.get(self, (-math.inf, math.inf))

    def contains(self, score: float) -> bool:
        """Say whether ``score`` can be of this scale; rounding of 1e-6 is forgiven."""
        low, high = self.bounds
        return low - 1e-6 <= score <= high + 1e-6


_BOUNDS: dict[ScoreScale, tuple[float, float]] = {
    ScoreScale.COSINE: (-1.0, 1.0),
    ScoreScale.PROBABILITY: (0.0, 1.0),
    ScoreScale.RRF: (0.0, math.inf),
}


def sigmoid(value: float) -> float:
    """Logistic function, stable for large inputs of either sign."""
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    power = math.exp(value)
    return power / (1.0 + power)


def logit(probability: float) -> float:
    """Inverse of :func:`sigmoid`; 0 and 1 are clamped to keep the result finite."""
    clamped = min(max(probability, 1e-12), 1.0 - 1e-12)
    return math.log(clamped / (1.0 - clamped))
