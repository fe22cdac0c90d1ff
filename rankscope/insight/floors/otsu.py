"""Otsu's floor: the split of all scores into two classes that differ most, where there are two modes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rankscope.insight.floors.mixture import ONE_MODE, shape_of
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.otsu_split import split
from rankscope.insight.floors.sampling import RESAMPLES, fit_interval, scored_pairs
from rankscope.insight.floors.suggestion import Suggestion, refusal
from rankscope.insight.floors.unlabelled import few_scores, from_fit, to_fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["otsu"]

METHOD = "otsu"


def otsu(observations: Observations, *, resamples: int = RESAMPLES) -> Suggestion:
    """The valley between low and high scores, on logits where scores are probabilities; needs no labels.

    Refuses where the scores have one mode: a split exists for any numbers, and would mean nothing there.
    Leans towards the larger class; the crossing of a mixture does not.
    """
    pairs = scored_pairs(observations)
    why = few_scores(pairs)
    scale = observations.score_scale
    count = len(pairs.scores)
    if not why and shape_of(pairs, scale).valley is None:
        why = ONE_MODE
    if why:
        return refusal(METHOD, observations, why, found=count, queries=pairs.queries)

    def fit(scores: NDArray, _: NDArray, weights: NDArray) -> float | None:
        found = split(to_fit(scores, scale), weights)
        return None if found is None else from_fit(found, scale)

    low, high = fit_interval(pairs, fit, resamples)
    return Suggestion(
        method=METHOD,
        value=fit(pairs.scores, pairs.relevant, np.ones(count)),
        scale=scale,
        low=low,
        high=high,
        observations=count,
        queries=pairs.queries,
        warning="nothing was judged: check what the floor keeps",
    )
