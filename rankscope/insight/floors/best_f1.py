"""The floor of the best F1: precision and recall of judged documents, balanced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rankscope.core.counting import counted
from rankscope.insight.floors.crossfit import held_out
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.sampling import RESAMPLES, fit_interval, judged_pairs
from rankscope.insight.floors.suggestion import FEWEST_QUERIES, Suggestion, refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankscope.insight.floors.sampling import Pairs

__all__ = ["best_f1", "fit", "lacking"]

METHOD = "best-f1"
FEWEST_OF_A_KIND = 10
"""Fewest relevant, and fewest not relevant, documents that are judged."""


def best_f1(observations: Observations, *, resamples: int = RESAMPLES) -> Suggestion:
    """The floor at which F1 over all judged documents is highest; K is not part of it."""
    pairs = judged_pairs(observations)
    why = lacking(pairs)
    if why:
        return refusal(METHOD, observations, why, found=len(pairs.scores), queries=pairs.queries)
    low, high = fit_interval(pairs, fit, resamples)
    return Suggestion(
        method=METHOD,
        value=fit(pairs.scores, pairs.relevant, np.ones(len(pairs.scores))),
        scale=observations.score_scale,
        low=low,
        high=high,
        observations=len(pairs.scores),
        queries=pairs.queries,
        warning=few_warning(pairs),
        held_out=held_out(pairs, fit, resamples=resamples),
    )


def fit(scores: NDArray, relevant: NDArray, weights: NDArray) -> float | None:
    """Half-way between the last score that is kept at the best F1 and the next one below it."""
    floors, kept, hits = counts_from_above(scores, relevant, weights)
    total = float(weights[relevant].sum())
    if total == 0:
        return None
    return between(floors, int(np.argmax(2 * hits / (kept + total))))


def counts_from_above(
    scores: NDArray, relevant: NDArray, weights: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Distinct scores from the highest down; kept and relevant kept with each as the floor."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    ends = np.append(falling[1:] != falling[:-1], True)
    kept = np.cumsum(weights[order])[ends]
    hits = np.cumsum(weights[order] * relevant[order])[ends]
    return falling[ends], kept, hits


def between(floors: NDArray, place: int) -> float:
    """A floor that keeps ``floors[place]`` and not the next lower score, clear of both."""
    if place + 1 == len(floors):
        return float(floors[place])
    return float((floors[place] + floors[place + 1]) / 2)


def lacking(pairs: Pairs) -> str:
    """Why judged pairs are too few to fit anything; empty where they are enough."""
    relevant = int(np.count_nonzero(pairs.relevant))
    other = len(pairs.scores) - relevant
    if pairs.queries < FEWEST_QUERIES:
        few = counted(pairs.queries, "judged query is", "judged queries are")
        return f"{few} too few, {FEWEST_QUERIES} are the least."
    if relevant < FEWEST_OF_A_KIND:
        few = counted(relevant, "relevant document is", "relevant documents are")
        return f"{few} judged, {FEWEST_OF_A_KIND} are the least."
    if other < FEWEST_OF_A_KIND:
        few = counted(other, "document is", "documents are")
        return f"{few} judged not relevant, {FEWEST_OF_A_KIND} are the least."
    return ""


def few_warning(pairs: Pairs) -> str:
    """A plain warning below 50 judged queries."""
    return f"only {pairs.queries} judged queries: judge 50 or more" if pairs.queries < 50 else ""
