"""Carry a floor over to another model: score the same pairs with both, and keep the same share.

The floor's place among the old model's scores becomes the same place among the new model's scores
(equipercentile linking). Right as far as the two models rank alike; ``disagreement`` says how far they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rankscope.core.counting import counted
from rankscope.errors import InputError
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.sampling import RESAMPLES, bounds_of, latest, resample
from rankscope.insight.floors.suggestion import FEWEST_QUERIES
from rankscope.insight.significance import Interval, wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Carried", "carry_between", "carry_over", "mapped"]

FEWEST_PAIRS = 100


@dataclass(frozen=True, slots=True)
class Carried:
    """A floor on another model's scores, with the error that carrying it over makes."""

    value: float
    low: float | None
    high: float | None
    """Bootstrap over queries, at 95 percent."""
    disagreement: Interval
    """Share of pairs that one floor keeps and the other drops."""
    kept_share: float
    """Share of pairs that the old floor keeps; the new one keeps as many."""
    pairs: int
    queries: int
    warning: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        far = self.disagreement
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "disagreement": {"value": far.value, "low": far.low, "high": far.high, "n": far.n},
            "kept_share": self.kept_share,
            "pairs": self.pairs,
            "queries": self.queries,
            "warning": self.warning,
        }


def carry_over(
    floor: float, old: NDArray, new: NDArray, queries: NDArray, *, resamples: int = RESAMPLES
) -> Carried:
    """Map ``floor`` from the old model's scores to the new one's; entry i of all arrays is one pair.

    Raises InputError where there are too few pairs to place a floor among.
    """
    if not len(old) == len(new) == len(queries):
        raise InputError(f"{len(old)} old and {len(new)} new scores of {len(queries)} pairs do not match.")
    compact = np.unique(queries, return_inverse=True)[1]
    count = int(compact.max(initial=-1)) + 1
    if len(old) < FEWEST_PAIRS or count < FEWEST_QUERIES:
        raise InputError(
            f"{counted(len(old), 'pair')} of {counted(count, 'query', 'queries')}: too few to carry a floor "
            "over.",
            remedy=f"Score at least {FEWEST_PAIRS} pairs of {FEWEST_QUERIES} queries with both models.",
        )
    value = mapped(floor, old, new)
    draws = []
    for drawn in resample(count, resamples):
        times = drawn[compact]
        draws.append(mapped(floor, np.repeat(old, times), np.repeat(new, times)))
    low, high = bounds_of(draws)
    kept = old >= floor
    differ = wilson(int(np.count_nonzero(kept != (new >= value))), len(old))
    assert differ is not None
    outside = not kept.any() or bool(kept.all())
    return Carried(
        value=value,
        low=low,
        high=high,
        disagreement=differ,
        kept_share=float(kept.mean()),
        pairs=len(old),
        queries=count,
        warning="the old floor keeps all or none of these pairs: its place is a bound" if outside else "",
    )


def carry_between(floor: float, old: Observations, new: Observations) -> Carried:
    """Carry ``floor`` from one source of scores to another by the pairs that both scored.

    The latest trace of each query counts on either side; a replay with the new model makes such pairs.
    Needs the ids of the documents in both. Raises InputError where too few pairs are shared.
    """
    before, after = _by_pair(old), _by_pair(new)
    shared = [pair for pair in before if pair in after]
    numbers: dict[str, int] = {}
    return carry_over(
        floor,
        np.array([before[pair] for pair in shared]),
        np.array([after[pair] for pair in shared]),
        np.array([numbers.setdefault(text, len(numbers)) for text, _ in shared], dtype=np.int64),
    )


def _by_pair(observations: Observations) -> dict[tuple[str, str], float]:
    table = latest(observations)
    traces, scores = table.hit_trace.tolist(), table.scores.tolist()
    return {
        (table.texts[trace], doc_id): score
        for trace, doc_id, score in zip(traces, table.doc_ids, scores, strict=True)
        if np.isfinite(score)
    }


def mapped(floor: float, old: NDArray, new: NDArray) -> float:
    """The floor on ``new`` that keeps as many pairs as ``floor`` keeps of ``old``, half-way between two."""
    dropped = int(np.count_nonzero(old < floor))
    rising = np.sort(new)
    if dropped == 0:
        return float(rising[0])
    if dropped == len(rising):
        return float(np.nextafter(rising[-1], np.inf))
    return float((rising[dropped - 1] + rising[dropped]) / 2)
