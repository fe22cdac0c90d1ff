"""Resampling and splitting by query: documents of one query are no independent evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankscope.insight.floors.observations import Observations

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "FOLDS",
    "RESAMPLES",
    "Pairs",
    "bounds_of",
    "fit_interval",
    "folds",
    "judged_pairs",
    "latest",
    "resample",
    "sample",
    "scored_pairs",
]

RESAMPLES = 400
"""Bootstrap resamples behind an interval."""
FOLDS = 5
_MOST_PAIRS = 50_000
"""More scores than this are thinned to whole queries drawn at random before a method resamples them."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Scored pairs of query and document, in columns; ``query`` counts from 0 without gaps."""

    scores: NDArray
    relevant: NDArray
    """Bool; all False where nothing was judged."""
    query: NDArray

    @property
    def queries(self) -> int:
        """How many queries there are."""
        return int(self.query.max()) + 1 if len(self.query) else 0

    def only(self, mask: NDArray) -> Pairs:
        """The pairs under a mask, queries numbered anew."""
        query = np.unique(self.query[mask], return_inverse=True)[1]
        return Pairs(self.scores[mask], self.relevant[mask], query)


def latest(observations: Observations) -> Observations:
    """The latest trace of each query: what was asked twice counts once."""
    chosen: dict[int, int] = {}
    times = observations.created_at
    for number, query in enumerate(observations.queries.tolist()):
        other = chosen.setdefault(query, number)
        if times[number] >= times[other]:
            chosen[query] = number
    if len(chosen) == observations.trace_count:
        return observations
    return observations.take(np.array(sorted(chosen.values()), dtype=np.int64))


def judged_pairs(observations: Observations) -> Pairs:
    """The judged, scored documents of the latest trace of each query, thinned where there are too many."""
    table = latest(observations)
    return sample(_pairs(table, table.judged & table.scored))


def scored_pairs(observations: Observations) -> Pairs:
    """All scored documents, thinned where there are too many."""
    return sample(_pairs(observations, observations.scored))


def _pairs(table: Observations, mask: NDArray) -> Pairs:
    query = table.queries[table.hit_trace[mask]]
    compact = np.unique(query, return_inverse=True)[1]
    return Pairs(table.scores[mask], table.relevant[mask], compact)


def sample(pairs: Pairs, most: int = _MOST_PAIRS, seed: int = 0) -> Pairs:
    """At most about ``most`` pairs: whole queries, drawn at random."""
    if len(pairs.scores) <= most:
        return pairs
    share = most / len(pairs.scores)
    chosen = np.random.default_rng(seed).random(pairs.queries) < share
    return pairs.only(chosen[pairs.query])


def resample(queries: int, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[NDArray]:
    """How often each query is drawn, once a resample: ``queries`` draws with replacement."""
    draw = np.random.default_rng(seed)
    for _ in range(resamples):
        yield np.bincount(draw.integers(0, queries, queries), minlength=queries)


def bounds_of(values: Sequence[float | None], confidence: float = 0.95) -> tuple[float | None, float | None]:
    """The percentile interval of the resamples that gave a value; None where fewer than half did."""
    known = [value for value in values if value is not None and np.isfinite(value)]
    if not known or len(known) * 2 < len(values):
        return None, None
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def fit_interval(
    pairs: Pairs, fit: Callable[[NDArray, NDArray, NDArray], float | None], resamples: int
) -> tuple[float | None, float | None]:
    """Interval of ``fit(scores, relevant, weights)`` under resampled queries."""
    values: list[float | None] = []
    for drawn in resample(pairs.queries, resamples):
        weights = drawn[pairs.query]
        present = weights > 0
        values.append(fit(pairs.scores[present], pairs.relevant[present], weights[present]))
    return bounds_of(values)


def folds(queries: int, count: int = FOLDS, seed: int = 0) -> NDArray:
    """A fold for each query, of equal sizes, at random."""
    numbers: NDArray = np.random.default_rng(seed).permutation(np.arange(queries) % count)
    return numbers
