"""The borderline procedure: the mean score of one borderline document for each of 30 to 50 queries.

Vendors of hosted rerankers recommend it for choosing a cut-off where few judgments can be had.
"""

from __future__ import annotations

import math

import numpy as np

from rankscope.core.counting import counted
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.sampling import latest
from rankscope.insight.floors.suggestion import FEWEST_QUERIES, Suggestion, refusal

__all__ = ["ENOUGH_QUERIES", "borderline"]

METHOD = "borderline"
ENOUGH_QUERIES = 30


def borderline(observations: Observations, *, confidence: float = 0.95) -> Suggestion:
    """Mean score of borderline documents with Student's t interval; of several in a query, their mean."""
    table = latest(observations)
    grade = table.borderline_grade
    mask = table.judged & table.scored & (table.grades == (math.nan if grade is None else grade))
    traces = table.hit_trace[mask]
    counts = np.bincount(traces, minlength=table.trace_count)
    sums = np.bincount(traces, weights=table.scores[mask], minlength=table.trace_count)
    means = sums[counts > 0] / counts[counts > 0]
    count = len(means)
    found = int(mask.sum())
    if count < FEWEST_QUERIES:
        few = counted(count, "query has", "queries have")
        why = f"{few} a borderline document, {FEWEST_QUERIES} are the least: mark 30 to 50."
        return refusal(METHOD, observations, why, found=found, queries=count)
    from scipy import stats

    mean = float(means.mean())
    half = float(stats.t.ppf(0.5 + confidence / 2, count - 1)) * float(means.std(ddof=1)) / math.sqrt(count)
    short = count < ENOUGH_QUERIES
    return Suggestion(
        method=METHOD,
        value=mean,
        scale=table.score_scale,
        low=mean - half,
        high=mean + half,
        observations=found,
        queries=count,
        warning=f"only {count} queries: {ENOUGH_QUERIES} to 50 are recommended" if short else "",
        parameters={"interval": "t", "spread": float(means.std(ddof=1))},
    )
