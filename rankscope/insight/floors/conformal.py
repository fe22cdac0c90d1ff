"""Conformal floor: a finite-sample bound on losing relevant evidence (split conformal prediction).

With n exchangeable queries, the k-th smallest of their scores is above a new query's score with
probability at most k / (n + 1), whatever the distribution (Vovk et al. 2005).
"""

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

__all__ = ["conformal", "fit", "relevant_scores"]

METHOD = "conformal"


def conformal(
    observations: Observations,
    loss: float = 0.1,
    *,
    every: bool = False,
    resamples: int = RESAMPLES,
) -> Suggestion:
    """The highest floor that loses the relevant evidence of a new query with probability at most ``loss``.

    Lost means that the query's best relevant document falls below the floor; with ``every``, that any of
    its relevant documents does. Queries whose relevant documents were not retrieved do not count: no floor
    brings those back.
    """
    if not 0 < loss < 1:
        raise UsageError(f"the accepted loss is {loss}, expected a share between 0 and 1.")
    scores = relevant_scores(observations, every=every)
    count = len(scores)
    parameters: dict[str, float | str] = {"loss": loss, "lost": "any relevant" if every else "all relevant"}
    value = fit(scores, loss) if count >= FEWEST_QUERIES else None
    if value is None:
        least = max(FEWEST_QUERIES, math.ceil(1 / loss - 1 - 1e-9))
        few = counted(count, "query with a relevant document is", "queries with a relevant document are")
        why = f"{few} too few, {least} are the least for {loss:g}."
        return refusal(METHOD, observations, why, found=count, queries=count, parameters=parameters)
    draws = (np.repeat(scores, drawn) for drawn in resample(count, resamples))
    low, high = bounds_of([fit(drawn, loss) for drawn in draws])
    kept = held_out_rate(scores, lambda others: fit(others, loss))
    return Suggestion(
        method=METHOD,
        value=value,
        scale=observations.score_scale,
        low=low,
        high=high,
        observations=count,
        queries=count,
        warning=f"only {count} queries: the bound holds on average over such samples" if count < 50 else "",
        held_out={} if kept is None else {"evidence kept": kept},
        parameters=parameters,
    )


def fit(scores: NDArray, loss: float) -> float | None:
    """The floor(loss * (n + 1))-th smallest score; None where that is not even the first."""
    place = math.floor(loss * (len(scores) + 1) + 1e-9)
    return float(np.partition(scores, place - 1)[place - 1]) if place >= 1 else None


def relevant_scores(observations: Observations, *, every: bool = False) -> NDArray:
    """For each query with a scored relevant document: the best such score (``every``: the worst)."""
    table = latest(observations)
    mask = table.relevant & table.scored
    scores, traces = table.scores[mask], table.hit_trace[mask]
    found = np.full(table.trace_count, np.inf if every else -np.inf)
    (np.minimum if every else np.maximum).at(found, traces, scores)
    known: NDArray = found[np.isfinite(found)]
    return known
