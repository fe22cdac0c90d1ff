"""Fit on some queries, report on others: what a floor reaches where it was not chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rankscope.insight.floors.sampling import FOLDS, RESAMPLES, Pairs, bounds_of, folds, resample
from rankscope.insight.significance import Interval, wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["held_out", "held_out_rate"]

Fit = Callable[["NDArray", "NDArray", "NDArray"], float | None]


def held_out(pairs: Pairs, fit: Fit, *, resamples: int = RESAMPLES) -> dict[str, Interval]:
    """Precision, recall and F1 over all queries, each judged at the floor that the other folds chose.

    Precision and recall have Wilson intervals, F1 a bootstrap over queries. Empty where some fold gives no
    floor: nothing can be said then about queries that were not fitted on.
    """
    fold = folds(pairs.queries)[pairs.query]
    kept = np.zeros(len(pairs.scores), dtype=bool)
    for number in range(FOLDS):
        mine, others = fold == number, fold != number
        floor = fit(pairs.scores[others], pairs.relevant[others], np.ones(int(others.sum())))
        if floor is None:
            return {}
        kept[mine] = pairs.scores[mine] >= floor
    hits = int(np.count_nonzero(kept & pairs.relevant))
    found = {
        "precision": wilson(hits, int(kept.sum())),
        "recall": wilson(hits, int(pairs.relevant.sum())),
        "f1": _f1(pairs, kept, resamples),
    }
    return {name: interval for name, interval in found.items() if interval is not None}


def held_out_rate(values: NDArray, fit: Callable[[NDArray], float | None]) -> Interval | None:
    """Share of ``values`` (one a query) at or above the floor that the other folds chose."""
    fold = folds(len(values))
    above = 0
    for number in range(FOLDS):
        floor = fit(values[fold != number])
        if floor is None:
            return None
        above += int(np.count_nonzero(values[fold == number] >= floor))
    return wilson(above, len(values))


def _f1(pairs: Pairs, kept: NDArray, resamples: int) -> Interval | None:
    sums = np.stack(
        [
            np.bincount(pairs.query, weights=column, minlength=pairs.queries)
            for column in (kept & pairs.relevant, kept, pairs.relevant)
        ]
    )

    def value(counts: NDArray) -> float:
        hits, all_kept, relevant = counts
        return float(2 * hits / (all_kept + relevant)) if all_kept + relevant else np.nan

    plain = value(sums.sum(axis=1))
    if not np.isfinite(plain):
        return None
    low, high = bounds_of([value(sums @ drawn) for drawn in resample(pairs.queries, resamples)])
    return Interval(plain, low, high, pairs.queries)
