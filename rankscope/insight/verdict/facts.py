"""The figures that the verdict hangs on, with their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, stdev

from rankscope.insight.significance import Interval, bootstrap_mean, wilson
from rankscope.insight.verdict.depth import depth_curve
from rankscope.insight.verdict.gates import gate_points
from rankscope.insight.verdict.model import MEASURE, Criteria, DepthCurve, GatePoint
from rankscope.insight.verdict.rows import QueryRow

__all__ = ["USUAL_SPREAD", "Facts", "facts_of"]

USUAL_SPREAD = 0.3
"""Standard deviation of a difference in nDCG where too few queries are known to tell."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the verdict hangs on."""

    queries: int
    found: Interval
    """Share with a relevant document among the first N candidates."""
    found_in: int
    top: Interval
    top_in: int
    below_cut: int
    """Of the queries without one, those where some first-stage list holds one further down."""
    headroom: Interval
    """nDCG@10 that the best order of the same candidates would add."""
    lift: Interval | None
    """None where no reranker ran."""
    lift_spread: float
    """Standard deviation of the lift over queries."""
    rerank_ms: float | None
    """Median of the reranked queries."""
    total_ms: float | None
    curve: DepthCurve | None
    gates: tuple[GatePoint, ...]


def facts_of(
    rows: Sequence[QueryRow],
    criteria: Criteria,
    *,
    gates: Sequence[GatePoint] | None = None,
    resamples: int = 9999,
    seed: int = 0,
) -> Facts | None:
    """The deciding figures with 95 percent intervals; None without a single answerable query.

    ``gates`` are those of a sweep over more lists than the one that the rows know.
    """
    if not rows:
        return None
    longest = max(1, *(row.candidates for row in rows))
    found_in = _nearest(rows, criteria.found_in, longest)
    top_in = _nearest(rows, criteria.top_in, longest)
    found = [row.before[f"success@{found_in}"] for row in rows]
    lifts = [row.after[MEASURE] - row.before[MEASURE] for row in rows if row.after is not None]
    return Facts(
        queries=len(rows),
        found=_share(found),
        found_in=found_in,
        top=_share([row.before[f"success@{top_in}"] for row in rows]),
        top_in=top_in,
        below_cut=sum(not hit and row.pooled > 0 for hit, row in zip(found, rows, strict=True)),
        headroom=bootstrap_mean(
            [row.best[MEASURE] - row.before[MEASURE] for row in rows], resamples=resamples, seed=seed
        ),
        lift=bootstrap_mean(lifts, resamples=resamples, seed=seed) if lifts else None,
        lift_spread=stdev(lifts) if len(lifts) > 1 else USUAL_SPREAD,
        rerank_ms=_median([row.rerank_ms for row in rows if row.called]),
        total_ms=_median([row.total_ms for row in rows if row.called]),
        curve=depth_curve(rows, criteria, resamples=resamples, seed=seed),
        gates=gate_points(rows, resamples=resamples, seed=seed) if gates is None else tuple(gates),
    )


def _nearest(rows: Sequence[QueryRow], wanted: int, longest: int) -> int:
    """``wanted``, or the longest list where all are shorter."""
    return wanted if f"success@{wanted}" in rows[0].before else longest


def _share(values: Sequence[float]) -> Interval:
    interval = wilson(sum(value > 0 for value in values), len(values))
    assert interval is not None
    return interval


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
