"""Null floor: high enough that a query without an answer is refused, but for a chosen share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rankscope.core.counting import counted
from rankscope.errors import UsageError
from rankscope.insight.floors.crossfit import held_out_rate
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.sampling import RESAMPLES, bounds_of, latest, resample
from rankscope.insight.floors.suggestion import FEWEST_QUERIES, Suggestion, refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fit", "null_floor"]

METHOD = "null"


def null_floor(
    observations: Observations, false_answers: float = 0.1, *, resamples: int = RESAMPLES
) -> Suggestion:
    """The lowest floor at which a new query without an answer is answered with at most this probability.

    From the best scores of queries that were judged to have no answer; the bound is conformal, so it holds
    for finite samples of exchangeable queries.
    """
    if not 0 < false_answers < 1:
        raise UsageError(f"the accepted share of false answers is {false_answers}, expected 0 to 1.")
    table = latest(observations)
    tops = table.top_scores[table.answerable == 0]
    count = len(tops)
    parameters: dict[str, float | str] = {"false answers": false_answers}
    value = fit(tops, false_answers) if count >= FEWEST_QUERIES else None
    if value is None:
        least = max(FEWEST_QUERIES, math.ceil(1 / false_answers - 1 - 1e-9))
        few = counted(count, "query judged to have no answer is", "queries judged to have no answer are")
        why = f"{few} too few, {least} are the least."
        return refusal(METHOD, observations, why, found=count, queries=count, parameters=parameters)
    draws = (np.repeat(tops, drawn) for drawn in resample(count, resamples))
    low, high = bounds_of([fit(drawn, false_answers) for drawn in draws])
    answered = held_out_rate(tops, lambda others: fit(others, false_answers))
    return Suggestion(
        method=METHOD,
        value=value,
        scale=observations.score_scale,
        low=low,
        high=high,
        observations=count,
        queries=count,
        warning=f"only {count} queries without an answer: the interval is wide" if count < 50 else "",
        held_out={} if answered is None else {"false answers": answered},
        parameters=parameters,
    )


def fit(tops: NDArray, false_answers: float) -> float | None:
    """Just above the ceil((1 - rate) * (n + 1))-th smallest best score, half-way to the next one."""
    place = math.ceil((1 - false_answers) * (len(tops) + 1) - 1e-9)
    if place > len(tops):
        return None
    rising = np.sort(tops)
    last = rising[place - 1]
    above = rising[rising > last]
    if not math.isfinite(last):
        return float(above[0]) if len(above) else None
    return float((last + above[0]) / 2) if len(above) else float(np.nextafter(last, np.inf))
