"""The highest floor at which the share of answered queries, at its lower bound, reaches a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rankscope.core.counting import counted
from rankscope.errors import UsageError
from rankscope.insight.floors.best_f1 import between
from rankscope.insight.floors.crossfit import held_out_rate
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.proportion_bounds import Bound, lower_bound
from rankscope.insight.floors.sampling import RESAMPLES, bounds_of, latest, resample
from rankscope.insight.floors.suggestion import FEWEST_QUERIES, Suggestion, refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fit", "target_answer_rate"]

METHOD = "target-answer-rate"


def target_answer_rate(
    observations: Observations,
    target: float = 0.9,
    *,
    bound: Bound = "wilson",
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Suggestion:
    """Drop as much as can be dropped while answering at least ``target`` of the answerable queries.

    Where fewer than 20 queries are judged answerable, all queries count, and the warning says so.
    """
    if not 0 < target < 1:
        raise UsageError(f"the target answer rate is {target}, expected a share between 0 and 1.")
    table = latest(observations)
    answerable = table.answerable == 1
    judged = int(np.count_nonzero(answerable)) >= FEWEST_QUERIES
    tops = table.top_scores[answerable] if judged else table.top_scores
    parameters: dict[str, float | str] = {
        "target": target,
        "bound": bound,
        "confidence": confidence,
        "over": "answerable queries" if judged else "all queries",
    }
    value = fit(tops, target, bound, confidence) if len(tops) >= FEWEST_QUERIES else None
    if value is None:
        few = counted(len(tops), "query is", "queries are") + f" too few, {FEWEST_QUERIES} are the least."
        unreached = f"no floor answers a share whose lower bound reaches {target:g}; more queries may help."
        return refusal(
            METHOD,
            observations,
            few if len(tops) < FEWEST_QUERIES else unreached,
            found=len(tops),
            queries=len(tops),
            parameters=parameters,
        )
    draws = (np.repeat(tops, drawn) for drawn in resample(len(tops), resamples))
    low, high = bounds_of([fit(drawn, target, bound, confidence) for drawn in draws])
    rate = held_out_rate(tops, lambda others: fit(others, target, bound, confidence))
    return Suggestion(
        method=METHOD,
        value=value,
        scale=observations.score_scale,
        low=low,
        high=high,
        observations=len(tops),
        queries=len(tops),
        warning="" if judged else "too few queries are judged: those without an answer are counted too",
        held_out={} if rate is None else {"answer rate": rate},
        parameters=parameters,
    )


def fit(tops: NDArray, target: float, bound: Bound = "wilson", confidence: float = 0.95) -> float | None:
    """The floor from the best scores of queries, one a query (minus infinity: never answered)."""
    falling, counts = np.unique(-tops[np.isfinite(tops)], return_counts=True)
    answered = np.cumsum(counts)
    good = np.flatnonzero(
        lower_bound(answered, np.full(len(answered), len(tops)), bound, confidence) >= target
    )
    return between(-falling, int(good[0])) if len(good) else None
