"""The verdict with all of its evidence: a pure function of judged traces and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil

from rankscope.config import BudgetSettings, Settings
from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.core.trace import Trace
from rankscope.insight.gate_sweep import Criteria as GateCriteria
from rankscope.insight.gate_sweep import sweep_gates
from rankscope.insight.judgments import Judgments
from rankscope.insight.metrics import measure_run
from rankscope.insight.significance import (
    Interval,
    bootstrap_mean,
    bootstrap_means,
    paired_bootstrap,
    paired_permutation_test,
    wilson,
)
from rankscope.insight.summary import refused_share
from rankscope.insight.verdict.decide import decide
from rankscope.insight.verdict.facts import Facts, facts_of
from rankscope.insight.verdict.filters import diagnose_filters
from rankscope.insight.verdict.model import (
    MEASURE,
    Criteria,
    Diagnosis,
    Evidence,
    GatePoint,
    MeasureRow,
    RecallPoint,
    RuleOfThumb,
    StageLatency,
    StratumRow,
    Verdict,
)
from rankscope.insight.verdict.passages import diagnose_passages
from rankscope.insight.verdict.retrievers import diagnose_retrievers
from rankscope.insight.verdict.rows import QueryRow, first_stage, identified, judged_rows

__all__ = ["draw_verdict"]

_DEFAULTS = Settings()
_ONE_SIDED = 0.10
"""Change of the judged share of the top K from which the judgments favour one order."""
_NO_TEXTS: Mapping[str, Document] = {}


def draw_verdict(
    traces: Sequence[Trace],
    judgments: Judgments,
    *,
    strata: Mapping[str, str] | None = None,
    settings: Settings = _DEFAULTS,
    criteria: Criteria | None = None,
    documents: Mapping[str, Document] = _NO_TEXTS,
    resamples: int = 9999,
    seed: int = 0,
) -> Verdict:
    """Should the system that made these traces rerank?

    Judgments and ``strata`` are looked up by the query's id, else by its text; traces of unjudged queries
    are left out. ``documents`` adds texts that the traces do not carry. Deterministic for one ``seed``.
    Raises UsageError when two traces answer one query.
    """
    limits = criteria or Criteria()
    known = identified(traces, judgments)
    top_k = settings.floor.top_k
    rows = judged_rows(known, judgments, strata=strata, top_k=top_k)
    gates = _gates(known, judgments, limits, resamples, seed)
    facts = facts_of(rows, limits, gates=gates, resamples=resamples, seed=seed)
    latency = _latency(known, settings.budget)
    if facts is not None:  # the sentence and the table name the same times
        medians = {row.stage: row.median_ms for row in latency}
        facts = replace(facts, rerank_ms=medians.get("rerank"), total_ms=medians.get("total"))
    ruling = decide(facts, limits, settings.budget)
    no_answer = [trace for trace in known if not judgments.is_answerable(trace.query.query_id or "")]
    evidence = Evidence(
        queries=len(rows),
        no_answer=len(no_answer),
        rule=None if facts is None else _rule(facts, limits),
        recall=_recall(rows, resamples, seed),
        measures=_measures(rows, resamples, seed),
        strata=_strata(rows, facts, resamples, seed),
        latency=latency,
        depth=None if facts is None else facts.curve,
        gates=() if facts is None else facts.gates,
        judged=_judged(known, judgments, top_k, resamples, seed),
        refused_no_answer=refused_share(trace.decision for trace in no_answer),
        refused_answerable=refused_share(row.decision for row in rows),
        diagnoses=_diagnoses(known, judgments, documents, settings),
        notes=(*_notes(rows, known), *_lean(known, judgments, top_k, resamples, seed)),
    )
    return Verdict(
        kind=ruling.kind,
        sentence=ruling.sentence,
        reasons=ruling.reasons,
        evidence=evidence,
        more_queries=ruling.more_queries,
        gate=ruling.gate,
        depth=ruling.depth,
        criteria=limits,
    )


def _gates(
    traces: Sequence[Trace], judgments: Judgments, criteria: Criteria, resamples: int, seed: int
) -> list[GatePoint]:
    """The gates that ``rankscope gate`` looks at, on the gap of each list."""
    wanted = GateCriteria(criteria.gate_saves, criteria.gate_costs)
    sweep = sweep_gates(traces, judgments, criteria=wanted, resamples=resamples, seed=seed)
    return [GatePoint(point.gap, point.saved, point.change, point.signal) for point in sweep.points]


def _rule(facts: Facts, criteria: Criteria) -> RuleOfThumb:
    met = facts.found.value > criteria.found_share and facts.top.value < criteria.top_share
    return RuleOfThumb(facts.found, facts.found_in, facts.top, facts.top_in, met)


def _recall(rows: Sequence[QueryRow], resamples: int, seed: int) -> tuple[RecallPoint, ...]:
    """Recall and success at each cut, ahead of the reranker."""
    if not rows:
        return ()
    cuts = [int(name.removeprefix("recall@")) for name in rows[0].before if name.startswith("recall@")]
    table = [[row.before[f"recall@{cut}"] for row in rows] for cut in cuts]
    points = []
    for cut, recall in zip(cuts, bootstrap_means(table, resamples=resamples, seed=seed), strict=True):
        found = wilson(sum(row.before[f"success@{cut}"] > 0 for row in rows), len(rows))
        assert found is not None
        points.append(RecallPoint(cut, recall, found))
    return tuple(points)


def _measures(rows: Sequence[QueryRow], resamples: int, seed: int) -> tuple[MeasureRow, ...]:
    """Measures that reordering can change; the pairs are the queries that have a reranker."""
    if not rows:
        return ()
    names = [name for name in rows[0].before if not name.startswith(("recall@", "success@"))]
    reranked = [row for row in rows if row.after is not None]
    table: list[list[float]] = []
    for name in names:
        table += [[row.before[name] for row in rows], [row.best[name] for row in rows]]
    plain = bootstrap_means(table, resamples=resamples, seed=seed)
    pairs: list[list[float]] = []
    for name in names:
        after = [row.after[name] for row in reranked if row.after is not None]
        pairs += [after, [new - row.before[name] for new, row in zip(after, reranked, strict=True)]]
    lifted = bootstrap_means(pairs, resamples=resamples, seed=seed) if reranked else []
    made = []
    for place, name in enumerate(names):
        lift = pairs[2 * place + 1]
        made.append(
            MeasureRow(
                name=name,
                before=plain[2 * place],
                after=lifted[2 * place] if reranked else None,
                lift=lifted[2 * place + 1] if reranked else None,
                p_value=paired_permutation_test([0.0] * len(lift), lift, resamples=resamples, seed=seed)
                if reranked
                else None,
                best=plain[2 * place + 1],
            )
        )
    return tuple(made)


def _strata(
    rows: Sequence[QueryRow], facts: Facts | None, resamples: int, seed: int
) -> tuple[StratumRow, ...]:
    """By kind of query, in order of appearance; none where the queries have no kinds."""
    names = tuple(dict.fromkeys(row.stratum for row in rows))
    if facts is None or names == ("",):
        return ()
    made = []
    for name in names:
        mine = [row for row in rows if row.stratum == name]
        after = [row.after[MEASURE] for row in mine if row.after is not None]
        lift = [row.after[MEASURE] - row.before[MEASURE] for row in mine if row.after is not None]
        found = wilson(sum(row.before[f"success@{facts.found_in}"] > 0 for row in mine), len(mine))
        assert found is not None
        made.append(
            StratumRow(
                name=name,
                queries=len(mine),
                before=_mean([row.before[MEASURE] for row in mine], resamples, seed),
                after=_mean(after, resamples, seed) if after else None,
                lift=_mean(lift, resamples, seed) if lift else None,
                found=found,
            )
        )
    return tuple(made)


def _mean(values: Sequence[float], resamples: int, seed: int) -> Interval:
    return bootstrap_mean(values, resamples=resamples, seed=seed)


def _latency(traces: Sequence[Trace], budget: BudgetSettings) -> tuple[StageLatency, ...]:
    """Times by stage in pipeline order, then of whole queries: of the reranked ones where there are some.

    Scores that were looked up have no time of their own.
    """
    times: dict[str, list[float]] = {}
    for trace in traces:
        for ranking in trace.rankings:
            if ranking.ms is not None and ranking.ran and not ranking.details.get("reused"):
                times.setdefault(ranking.stage, []).append(ranking.ms)
    reranked = [trace for trace in traces if trace.after is not None and trace.after.status == "ok"]
    totals = [trace.total_ms for trace in reranked or traces if trace.total_ms is not None]
    if totals:
        times["total"] = totals
    made = []
    for stage, known in times.items():
        ordered = sorted(known)
        limit = getattr(budget, f"{stage}_ms", None)
        made.append(
            StageLatency(stage, len(ordered), _quantile(ordered, 0.5), _quantile(ordered, 0.95), limit)
        )
    return tuple(made)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share does not exceed."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def _judged(
    traces: Sequence[Trace], judgments: Judgments, top_k: int, resamples: int, seed: int
) -> dict[str, Interval]:
    """Share of the top K that is judged, by stage, over the answerable queries."""
    known = {trace.query.query_id or "": trace for trace in traces}
    known = {key: trace for key, trace in known.items() if judgments.is_answerable(key)}
    measure = f"judged@{top_k}"
    shares: dict[str, Interval] = {}
    for stage in dict.fromkeys(ranking.stage for trace in known.values() for ranking in trace.rankings):
        lists = {
            key: ranking.doc_ids
            for key, trace in known.items()
            if (ranking := trace.ranking(stage)) is not None and ranking.ran and ranking.hits
        }
        values = list(measure_run(lists, judgments.only(lists), [measure])[measure].values())
        if values:
            shares[stage] = _mean(values, resamples, seed)
    return shares


def _diagnoses(
    traces: Sequence[Trace], judgments: Judgments, documents: Mapping[str, Document], settings: Settings
) -> tuple[Diagnosis, ...]:
    """What was found first, then what is fine, then what cannot be told."""
    found = (
        *diagnose_retrievers(traces, judgments),
        diagnose_filters(traces, judgments, documents),
        *diagnose_passages(traces, documents, settings.findings),
    )
    order = {"found": 0, "fine": 1, "unknown": 2}
    return tuple(sorted(found, key=lambda item: order[item.state]))


def _notes(rows: Sequence[QueryRow], traces: Sequence[Trace]) -> tuple[str, ...]:
    """What the figures leave out or mix."""
    notes = []
    skipped = sum(row.after is not None and not row.called for row in rows)
    if skipped:
        fused = counted(skipped, "query: its fused order counts", "queries: their fused order counts")
        notes.append(f"the reranker was skipped or failed for {fused}")
    without = sum(row.after is None for row in rows)
    if without and without < len(rows):
        unlifted = counted(without, "query has no reranker and is", "queries have no reranker and are")
        notes.append(f"{unlifted} not in the lift")
    prints = {trace.pipeline.fingerprint for trace in traces}
    if len(prints) > 1:
        notes.append(f"the traces come from {len(prints)} different pipelines")
    return tuple(notes)


def _lean(
    traces: Sequence[Trace], judgments: Judgments, top_k: int, resamples: int, seed: int
) -> tuple[str, ...]:
    """Whether what the reranker brings up is judged clearly less, or more, than what it pushes down."""
    shares: list[tuple[float, float]] = []
    for trace in traces:
        key = trace.query.query_id or ""
        before, after = first_stage(trace), trace.after
        if before is None or after is None or not judgments.is_answerable(key):
            continue
        known = judgments.grades[key]
        tops = (before.doc_ids[:top_k], after.doc_ids[:top_k])
        if all(tops):
            old, new = (sum(doc_id in known for doc_id in top) / len(top) for top in tops)
            shares.append((old, new))
    if not shares:
        return ()
    change = paired_bootstrap(
        [old for old, _ in shares], [new for _, new in shares], resamples=resamples, seed=seed
    )
    if change.low is None or change.high is None or abs(change.value) < _ONE_SIDED:
        return ()
    if change.low <= 0 <= change.high:
        return ()
    less, way = ("less", "under") if change.value < 0 else ("more", "over")
    return (
        f"of the top {top_k}, {abs(change.value):.0%} {less} is judged after reranking than before: what "
        f"nobody judged counts as not relevant, so the gain may be {way}stated",
    )
