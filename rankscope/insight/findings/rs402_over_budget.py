"""RS402: a stage, or the whole query, took longer than its budget."""

from __future__ import annotations

from rankscope.core.trace import Finding
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Compare the known times with the budgets in the settings; unknown stages count in the total only."""
    budget = evidence.budget
    limits = {
        "bm25": budget.bm25_ms,
        "dense": budget.dense_ms,
        "fusion": budget.fusion_ms,
        "rerank": budget.rerank_ms,
    }
    timed = [(ranking.stage, ranking.ms) for ranking in evidence.trace.rankings if ranking.ms is not None]
    if not timed:
        return NotApplicable("no stage was timed")
    spent = [(stage, ms, limits[stage]) for stage, ms in timed if stage in limits]
    spent.append(("the whole query", sum(ms for _, ms in timed), budget.total_ms))
    return [
        Finding(
            "RS402",
            "warning",
            f"{stage} took {ms:,.1f} ms, {ms / limit:.1f} times its budget of {limit:g} ms",
        )
        for stage, ms, limit in spent
        if ms > limit
    ]


RULE = Rule(
    code="RS402",
    name="over-budget",
    severity="warning",
    summary="a stage is over its latency budget",
    explanation=(
        "The budgets are the [budget] section of rankscope.toml: one for each stage and one for the query."
    ),
    remedy=(
        "For the reranker: fewer candidates (see RS403), shorter passages, 16-bit or 8-bit arithmetic. For "
        "the "
        "encoder: keep it loaded. If the time is fine, raise the budget."
    ),
    needs="the time of at least one stage",
    check=check,
)
