"""The report of ``rankscope eval``: one entry a collection, the mean over them, and its JSON form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import fmean, median
from typing import Any

from rankscope.core.trace import Floor, PipelineInfo, Trace
from rankscope.insight.metrics import Evaluation
from rankscope.insight.reliability import Reliability
from rankscope.insight.significance import Interval, mean_of_means
from rankscope.insight.summary import Lift, Summary, differences, lift_stages, summarize

__all__ = [
    "SCHEMA",
    "CollectionReport",
    "MeanReport",
    "describe_collection",
    "mean_of_collections",
    "report_to_json",
]

SCHEMA = "rankscope.eval/1"


@dataclass(frozen=True, slots=True)
class CollectionReport:
    """What was measured on one collection."""

    name: str
    evaluation: Evaluation
    overall: Summary
    strata: tuple[Summary, ...]
    median_ms: Mapping[str, float]
    """Median time of each stage in milliseconds, over the queries whose time is known."""
    pipeline: PipelineInfo
    counts: Mapping[str, int]
    """Named counts of what was left out or cannot be found, such as ``unjudged`` queries."""
    floors: tuple[Floor | None, ...] = ()
    """The floors that decided between answer and refusal; more than one only in traces that were recorded."""
    reliability: Reliability | str | None = None
    """None where nobody asked; a sentence where there is none, which says why."""


@dataclass(frozen=True, slots=True)
class MeanReport:
    """Unweighted means over collections: a small collection counts as much as a large one."""

    means: Mapping[str, Mapping[str, float]]
    """``means[stage][measure]``."""
    lifts: Mapping[str, Interval]
    """Mean lift by measure; queries are resampled within their collections."""
    collections: tuple[str, ...] = ()
    """Names of the collections that were averaged."""


def describe_collection(
    name: str,
    evaluation: Evaluation,
    traces: Sequence[Trace],
    *,
    by_stratum: bool = False,
    counts: Mapping[str, int] | None = None,
    reliability: Reliability | str | None = None,
    seed: int = 0,
) -> CollectionReport:
    """Summarize one evaluated collection, and each of its strata when asked to."""
    strata = evaluation.strata if by_stratum else ()
    return CollectionReport(
        name=name,
        evaluation=evaluation,
        overall=summarize(evaluation, seed=seed),
        strata=tuple(summarize(evaluation, stratum=stratum, seed=seed) for stratum in strata),
        median_ms=_median_ms(evaluation.stages, traces),
        pipeline=traces[0].pipeline if traces else PipelineInfo(),
        counts=dict(counts or {}),
        floors=tuple(dict.fromkeys(trace.floor for trace in traces if trace.decision is not None)),
        reliability=reliability,
    )


def _median_ms(stages: Sequence[str], traces: Sequence[Trace]) -> dict[str, float]:
    times: dict[str, list[float]] = {stage: [] for stage in stages}
    for trace in traces:
        for ranking in trace.rankings:
            # Scores that were looked up took no scoring.
            if ranking.ms is not None and ranking.ran and not ranking.details.get("reused"):
                times[ranking.stage].append(ranking.ms)
    return {stage: median(known) for stage, known in times.items() if known}


def mean_of_collections(reports: Sequence[CollectionReport], *, seed: int = 0) -> MeanReport | None:
    """Means over the collections that have answerable queries; None for fewer than two of them.

    Only stages and measures that all of them have are averaged: ``judged_first`` may say nothing of one.
    """
    known = [report for report in reports if report.overall.answerable]
    if len(known) < 2:
        return None
    first = known[0].overall
    stages = [stage for stage in first.means if all(stage in item.overall.means for item in known)]
    means = {
        stage: {
            measure: fmean(item.overall.means[stage][measure].value for item in known)
            for measure in first.means[stage]
            if all(measure in item.overall.means[stage] for item in known)
        }
        for stage in stages
    }
    lifts: dict[str, Interval] = {}
    if all(lift_stages(item.evaluation) is not None for item in known):
        lifts = {
            measure: mean_of_means([differences(item.evaluation, measure) for item in known], seed=seed)
            for measure in first.lifts
            if all(measure in item.overall.lifts for item in known)
        }
    return MeanReport(means, lifts, tuple(item.name for item in known))


def report_to_json(
    reports: Sequence[CollectionReport], mean: MeanReport | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Plain JSON values: everything in the tables, all intervals, and every query's own values."""
    return {
        "schema": SCHEMA,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "options": dict(options),
        "collections": [_collection_to_json(report) for report in reports],
        "mean": None
        if mean is None
        else {
            "collections": list(mean.collections),
            "means": mean.means,
            "lifts": {name: asdict(interval) for name, interval in mean.lifts.items()},
        },
    }


def _collection_to_json(report: CollectionReport) -> dict[str, Any]:
    evaluation = report.evaluation
    return {
        "name": report.name,
        "counts": dict(report.counts),
        "pipeline": asdict(report.pipeline),
        "stages": list(evaluation.stages),
        "measures": list(evaluation.measures),
        "overall": _summary_to_json(report.overall),
        "strata": [_summary_to_json(summary) for summary in report.strata],
        "median_ms": {stage: round(value, 3) for stage, value in report.median_ms.items()},
        "stood_fused": evaluation.stood_fused,
        "unrivalled": evaluation.unrivalled,
        "problems": list(evaluation.problems),
        "floors": [None if floor is None else asdict(floor) for floor in report.floors],
        "reliability": _reliability_to_json(report.reliability),
        "queries": [
            {
                "id": outcome.query_id,
                "stratum": outcome.stratum,
                "answerable": outcome.answerable,
                "decision": outcome.decision,
                "values": {
                    stage: {name: round(value, 6) for name, value in values.items()}
                    for stage, values in outcome.values.items()
                },
            }
            for outcome in evaluation.queries
        ],
    }


def _reliability_to_json(known: Reliability | str | None) -> dict[str, Any] | None:
    if isinstance(known, str):
        return {"unknown": known}
    return None if known is None else asdict(known)


def _summary_to_json(summary: Summary) -> dict[str, Any]:
    def interval(known: Interval | None) -> dict[str, Any] | None:
        return None if known is None else asdict(known)

    def lift(known: Lift) -> dict[str, Any]:
        return asdict(known)

    return {
        "stratum": summary.stratum,
        "answerable": summary.answerable,
        "no_answer": summary.no_answer,
        "means": {
            stage: {name: asdict(value) for name, value in values.items()}
            for stage, values in summary.means.items()
        },
        "lifts": {name: lift(value) for name, value in summary.lifts.items()},
        "refused_no_answer": interval(summary.refused_no_answer),
        "refused_answerable": interval(summary.refused_answerable),
    }
