"""Latency against gain by depth: what the first 10, 20, 50 ... candidates give when they are reranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from rankscope.core.trace import Trace
from rankscope.insight.judgments import Judgments
from rankscope.insight.significance import bootstrap_means
from rankscope.insight.verdict.model import MEASURE, Criteria, DepthCurve, DepthPoint, Verdict
from rankscope.insight.verdict.rows import QueryRow, identified, judged_rows

__all__ = ["deepened", "depth_curve", "with_cost"]


def depth_curve(
    rows: Sequence[QueryRow], criteria: Criteria, *, resamples: int = 9999, seed: int = 0
) -> DepthCurve | None:
    """The curve over the queries that a reranker saw; None where there is none."""
    known = [row for row in rows if row.depths]
    if not known:
        return None
    depths = sorted(known[0].depths)
    deepest = depths[-1]
    before = [row.before[MEASURE] for row in known]
    table: list[list[float]] = []
    for depth in depths:
        values = [row.depths[depth] for row in known]
        table.append(values)
        table.append([value - old for value, old in zip(values, before, strict=True)])
        table.append([row.depths[depth] - row.depths[deepest] for row in known])
    intervals = bootstrap_means(table, resamples=resamples, seed=seed)
    points = []
    for place, depth in enumerate(depths):
        value, gain, lost = intervals[3 * place : 3 * place + 3]
        times = [row.depth_ms[depth] for row in known if depth in row.depth_ms]
        points.append(
            DepthPoint(
                n=depth,
                value=value,
                gain=gain,
                lost=lost,
                ms=median(ms for ms, _ in times) if times else None,
                measured=bool(times) and all(timed for _, timed in times),
            )
        )
    return DepthCurve(tuple(points), _enough(points, criteria), len(known))


def _enough(points: Sequence[DepthPoint], criteria: Criteria) -> int | None:
    """The first depth at which a loss of half the worthwhile gain can be ruled out."""
    if all((point.gain.low or 0.0) <= 0 for point in points):
        return None
    bearable = -criteria.worth / 2
    return next(
        (point.n for point in points if point.lost.low is not None and point.lost.low > bearable), None
    )


def deepened(verdict: Verdict, traces: Sequence[Trace], judgments: Judgments, top_k: int) -> Verdict:
    """The verdict with the curve of a deeper run of the same queries in place of its own.

    Where the depth in use gives away something that the deeper run shows, a reason says so.
    """
    own = verdict.evidence.depth
    rows = judged_rows(identified(traces, judgments), judgments, top_k=top_k)
    curve = depth_curve(rows, verdict.criteria)
    reasons = verdict.reasons
    for point in curve.points if curve is not None and own is not None else ():
        if own is not None and point.n == own.points[-1].n and (point.lost.high or 0.0) < 0:
            reasons = (
                *reasons,
                f"N = {point.n} gives away {point.lost.value:+.3f} [{point.lost.low or 0.0:+.3f}, "
                f"{point.lost.high or 0.0:+.3f}] {MEASURE} against the deepest N that was measured",
            )
    return replace(verdict, reasons=reasons, evidence=replace(verdict.evidence, depth=curve))


def with_cost(verdict: Verdict, price: float, searches: float) -> Verdict:
    """The verdict with what each depth of its curve costs a month.

    ``price`` is for a thousand searches at the deepest point; a shallower one costs in proportion to its
    candidates, as services that bill by document and machines that are paid by the hour do. ``searches``
    is how many there are a month.
    """
    curve = verdict.evidence.depth
    if curve is None:
        return verdict
    deepest = curve.points[-1].n
    points = tuple(
        replace(point, monthly_cost=price * searches / 1000 * point.n / deepest) for point in curve.points
    )
    return replace(verdict, evidence=replace(verdict.evidence, depth=replace(curve, points=points)))
