"""What a gate would save and cost, read off judged traces in which the reranker was called.

A gated query keeps the order that the reranker would have been given, so nothing has to be run: the loss is
the difference of two measures that the trace already holds. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal
from math import sqrt
from statistics import fmean, stdev

from rankscope.core.trace import Ranking, Trace
from rankscope.insight.judgments import Judgments
from rankscope.insight.metrics import measure_run
from rankscope.insight.significance import Interval, bootstrap_means
from rankscope.insight.verdict.rows import first_stage
from rankscope.stages.rerank.gate import first_stage_gap

__all__ = ["SIGNALS", "Criteria", "GateSweep", "HeldOut", "SweepPoint", "sweep_gates"]

SIGNALS = ("fusion", "bm25", "dense")
MEASURE = "nDCG@10"
_POINTS = 20
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Criteria:
    """What makes a gate worth having."""

    least_saved: float = 0.30
    """Share of the reranker's calls."""
    most_lost: float = 0.01
    """nDCG@10."""


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """Skipping the reranker where a list's first rank leads its tenth by ``gap`` or more."""

    signal: str
    gap: float
    skipped: int
    """Calls that would not be made."""
    saved: float
    """The same as a share of all calls."""
    change: Interval
    """nDCG@10 with the gate minus without it, over the answerable queries."""
    refusals_lost: int
    """Skipped queries that were refused: without the reranker's scores its floor cannot be applied."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The best gate of four fifths of the queries on the fifth that it was not chosen on, five times."""

    saved: float
    change: float
    chosen: int
    """In how many of the five there was a gate to choose."""


@dataclass(frozen=True, slots=True)
class GateSweep:
    """All gates that were looked at, and the one to set."""

    points: tuple[SweepPoint, ...]
    """By signal, the gate that skips most first."""
    best: SweepPoint | None
    """Saves most of those that meet the criteria, surely where one does so surely; None where none does."""
    lift: Interval | None
    """nDCG@10 that the reranker is worth when it is always called; None without an answerable query."""
    held_out: HeldOut
    calls: int
    """Traces in which the reranker was called."""
    answerable: int
    """Queries with a relevant document, those without a call too."""
    follow_ups: int
    """Calls for just the candidates of another query right before."""
    criteria: Criteria

    @property
    def sure(self) -> bool:
        """Whether the interval of the best gate rules out a loss of twice what is bearable."""
        return self.best is not None and _surely(self.best.change.low, self.criteria)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of the reranker."""

    gaps: Mapping[str, float | None]
    change: float | None
    """nDCG@10 of the order given to the reranker minus that of its own; None without a relevant document."""
    refused: bool
    called: bool = True
    """False where there were no more than K candidates: no call to save, but a query of the mean."""


def sweep_gates(
    traces: Iterable[Trace],
    judgments: Judgments,
    *,
    signals: Sequence[str] = SIGNALS,
    criteria: Criteria | None = None,
    resamples: int = 9999,
    seed: int = 0,
) -> GateSweep:
    """Sweep the gap of each signal over traces that carry their query's id.

    Traces whose reranker was skipped are no calls: no gate changes them, but they count in the means.
    Traces whose reranking failed or was stopped are left out.
    """
    wanted = criteria or Criteria()
    known = [trace for trace in traces if _settled(trace)]
    calls = _calls(known, judgments, signals)
    points = [point for signal in signals for point in _points(signal, calls, resamples, seed)]
    bearable = [point for point in points if _bearable(point.saved, point.change.value, wanted)]
    sure = [point for point in bearable if _surely(point.change.low, wanted)]
    gains = [-call.change for call in calls if call.change is not None]
    return GateSweep(
        points=tuple(points),
        best=max(sure or bearable, key=lambda point: (point.saved, point.change.value), default=None),
        lift=bootstrap_means([gains], resamples=resamples, seed=seed)[0] if gains else None,
        held_out=_held_out(calls, signals, wanted),
        calls=sum(call.called for call in calls),
        answerable=sum(call.change is not None for call in calls),
        follow_ups=_follow_ups([trace for trace in known if trace.after is not None]),
        criteria=wanted,
    )


def _settled(trace: Trace) -> bool:
    """Whether the reranker ran to its end, or was not called at all."""
    reranked = trace.ranking("rerank")
    return reranked is not None and (reranked.status == "ok" or reranked.status.startswith("skipped:"))


def _bearable(saved: float, change: float, criteria: Criteria) -> bool:
    """A gate that never calls the reranker is none."""
    return criteria.least_saved <= saved < 1 and change >= -criteria.most_lost


def _surely(low: float | None, criteria: Criteria) -> bool:
    """The best of many gates is flattered: a loss of twice what is bearable must be ruled out as well."""
    return low is not None and low >= -2 * criteria.most_lost


def _calls(traces: Sequence[Trace], judgments: Judgments, signals: Sequence[str]) -> list[_Call]:
    keys = [trace.query.query_id or "" for trace in traces]
    judged = judgments.only(keys)
    before, after = (
        measure_run(
            {
                key: ranking.doc_ids
                for key, ranking in zip(keys, rankings, strict=True)
                if ranking is not None
            },
            judged,
            [MEASURE],
        )[MEASURE]
        for rankings in ([first_stage(trace) for trace in traces], [trace.final for trace in traces])
    )
    return [
        _Call(
            gaps={signal: first_stage_gap(_list_of(trace, signal)) for signal in signals},
            change=before[key] - after[key] if key in after else None,
            refused=trace.decision == "refuse",
            called=trace.after is not None,
        )
        for key, trace in zip(keys, traces, strict=True)
    ]


def _list_of(trace: Trace, signal: str) -> Ranking | None:
    """The signal's list; for ``fusion`` also what an imported trace calls otherwise."""
    ranking = trace.ranking(signal)
    return first_stage(trace) if ranking is None and signal == "fusion" else ranking


def _limits(signal: str, calls: Sequence[_Call]) -> list[float]:
    """Quantiles of the signal's gap, rounded down to four digits: what a person sets is what was counted."""
    found = (call.gaps[signal] for call in calls if call.called)
    gaps = sorted(gap for gap in found if gap is not None and gap > 0)
    if not gaps:
        return []
    places = {round(step * (len(gaps) - 1) / _POINTS) for step in range(_POINTS + 1)}
    return sorted({_rounded_down(gaps[place]) for place in places})


def _rounded_down(value: float) -> float:
    return float(Context(prec=4, rounding=ROUND_FLOOR).create_decimal(Decimal(value)))


def _skips(call: _Call, signal: str, limit: float) -> bool:
    gap = call.gaps[signal]
    return call.called and gap is not None and gap >= limit


def _points(signal: str, calls: Sequence[_Call], resamples: int, seed: int) -> list[SweepPoint]:
    limits = _limits(signal, calls)
    answerable = [call for call in calls if call.change is not None]
    if not limits or not answerable:
        return []
    rows = [_changes(answerable, signal, limit) for limit in limits]
    intervals = bootstrap_means(rows, resamples=resamples, seed=seed)
    points = []
    for limit, change in zip(limits, intervals, strict=True):
        skipped = [call for call in calls if _skips(call, signal, limit)]
        refused = sum(call.refused for call in skipped)
        points.append(SweepPoint(signal, limit, len(skipped), _saved(calls, signal, limit), change, refused))
    return points


def _saved(calls: Sequence[_Call], signal: str, limit: float) -> float:
    """Share of the calls that a gate skips."""
    made = sum(call.called for call in calls)
    return sum(_skips(call, signal, limit) for call in calls) / made if made else 0.0


def _changes(calls: Sequence[_Call], signal: str, limit: float) -> list[float]:
    return [call.change if _skips(call, signal, limit) else 0.0 for call in calls if call.change is not None]


def _held_out(calls: Sequence[_Call], signals: Sequence[str], criteria: Criteria) -> HeldOut:
    """Choosing the best of many gates flatters it; this is what choosing is worth on other queries."""
    saved, chosen = 0, 0
    changes: list[float] = []
    for fold in range(_FOLDS):
        rest = [call for place, call in enumerate(calls) if place % _FOLDS != fold]
        mine = [call for place, call in enumerate(calls) if place % _FOLDS == fold]
        found = _best_of(rest, signals, criteria)
        if found is None:
            changes += [0.0 for call in mine if call.change is not None]
            continue
        chosen += 1
        saved += sum(_skips(call, *found) for call in mine)
        changes += _changes(mine, *found)
    made = sum(call.called for call in calls)
    return HeldOut(saved / made if made else 0.0, fmean(changes) if changes else 0.0, chosen)


def _best_of(calls: Sequence[_Call], signals: Sequence[str], criteria: Criteria) -> tuple[str, float] | None:
    """The gate that these calls would choose; the interval by the normal approximation."""
    found: list[tuple[bool, float, float, str, float]] = []
    for signal in signals:
        for limit in _limits(signal, calls):
            saved = _saved(calls, signal, limit)
            changes = _changes(calls, signal, limit)
            if len(changes) > 1 and _bearable(saved, fmean(changes), criteria):
                low = fmean(changes) - 1.96 * stdev(changes) / sqrt(len(changes))
                found.append((_surely(low, criteria), saved, fmean(changes), signal, limit))
    if not found:
        return None
    *_, signal, limit = max(found)
    return signal, limit


def _follow_ups(traces: Sequence[Trace]) -> int:
    """Traces, in order of time, with the candidates of the one before and another query."""
    count = 0
    before: Trace | None = None
    for trace in sorted(traces, key=lambda item: (item.created_at, item.trace_id)):
        if before is not None and before.before is not None and trace.before is not None:
            same = set(before.before.doc_ids) == set(trace.before.doc_ids)
            count += same and before.query.text != trace.query.text
        before = trace
    return count
