"""What the methods without labels share: the scale on which they fit, and how many scores they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rankscope.core.counting import counted
from rankscope.core.scales import ScoreScale, sigmoid
from rankscope.insight.floors.distributions import on_axis
from rankscope.insight.floors.sampling import Pairs
from rankscope.insight.floors.suggestion import FEWEST_QUERIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FEWEST_SCORES", "few_scores", "from_fit", "to_fit"]

FEWEST_SCORES = 100
"""Fewest scores from which a shape is read."""


def to_fit(scores: NDArray, scale: ScoreScale) -> NDArray:
    """Logits of probabilities, which pile up at 0 and 1; other scores as they are."""
    return on_axis(scores, scale, "logit") if scale is ScoreScale.PROBABILITY else scores


def from_fit(value: float, scale: ScoreScale) -> float:
    """Back to the scale of the scores."""
    return sigmoid(value) if scale is ScoreScale.PROBABILITY else value


def few_scores(pairs: Pairs) -> str:
    """Why there are too few scores; empty where there are enough."""
    if pairs.queries < FEWEST_QUERIES:
        return (
            counted(pairs.queries, "query is", "queries are") + f" too few, {FEWEST_QUERIES} are the least."
        )
    if len(pairs.scores) < FEWEST_SCORES:
        return (
            counted(len(pairs.scores), "score is", "scores are") + f" too few, {FEWEST_SCORES} are the least."
        )
    return ""
