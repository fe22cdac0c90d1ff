"""RS501: no document reaches the floor."""

from __future__ import annotations

from rankscope.core.trace import Finding
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Compare the best score with the floor, where both are on one scale."""
    floor, final = evidence.comparable_floor, evidence.final
    if floor is None or final is None:
        return NotApplicable("no floor on the scale of the scores that stand")
    scored = [hit for hit in final.hits if hit.score is not None]
    if not scored:
        return NotApplicable("no scored document to compare with the floor")
    best = max(scored, key=lambda hit: hit.score or 0.0)
    score = best.score or 0.0
    if score >= floor.value:
        return ()
    text = (
        f"nothing clears the floor {floor.value:g}: the best, {named([best.doc_id])}, "
        f"has {score:.4g}, {floor.value - score:.4g} short: refuse"
    )
    return (Finding("RS501", "warning", text, (best.doc_id,)),)


RULE = Rule(
    code="RS501",
    name="nothing-clears",
    severity="warning",
    summary="nothing clears the floor: refuse",
    explanation=(
        "No evidence is better than the least bad evidence. Whether the refusal is right depends on the "
        "query: a query that the corpus cannot answer should end here, one that it can should not."
    ),
    remedy=(
        "Look at the best documents. If one answers the query, see RS104 and RS503, then fit the floor again."
    ),
    needs="a floor and scores on the same scale",
    check=check,
)
