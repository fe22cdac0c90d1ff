"""What skipping the reranker on a clear first-stage gap would save, read off judged traces."""

from __future__ import annotations

from collections.abc import Sequence

from rankscope.insight.significance import bootstrap_means
from rankscope.insight.verdict.model import MEASURE, Criteria, GatePoint
from rankscope.insight.verdict.rows import QueryRow

__all__ = ["best_gate", "gate_points"]

_POINTS = 20


def gate_points(rows: Sequence[QueryRow], *, resamples: int = 9999, seed: int = 0) -> tuple[GatePoint, ...]:
    """Gates at the quantiles of the gap, the one that skips most first; empty without called rerankers."""
    called = [row for row in rows if row.called and row.after is not None]
    gaps = sorted(row.gap for row in called if row.gap is not None)
    if not gaps:
        return ()
    places = {round(step * (len(gaps) - 1) / _POINTS) for step in range(_POINTS + 1)}
    limits = sorted({gaps[place] for place in places})
    changes = [[_change(row, limit) for row in called] for limit in limits]
    saved = [sum(_skips(row, limit) for row in called) / len(called) for limit in limits]
    intervals = bootstrap_means(changes, resamples=resamples, seed=seed)
    return tuple(GatePoint(*point) for point in zip(limits, saved, intervals, strict=True))


def best_gate(points: Sequence[GatePoint], criteria: Criteria) -> GatePoint | None:
    """The gate that saves most for a bearable loss; None where none saves enough.

    One that never calls the reranker is no gate. Since the best of several is taken, a loss of twice what
    is bearable must be ruled out as well.
    """
    costs = criteria.gate_costs
    bearable = [
        point
        for point in points
        if criteria.gate_saves <= point.saved < 1
        and point.change.value >= -costs
        and point.change.low is not None
        and point.change.low >= -2 * costs
    ]
    return max(bearable, key=lambda point: point.saved, default=None)


def _skips(row: QueryRow, limit: float) -> bool:
    return row.gap is not None and row.gap >= limit


def _change(row: QueryRow, limit: float) -> float:
    assert row.after is not None
    return row.before[MEASURE] - row.after[MEASURE] if _skips(row, limit) else 0.0
