"""RS401: reranking changed nothing in the top K."""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.core.trace import Finding
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Compare the first K before and after, order included."""
    before, after = evidence.before, evidence.after
    if before is None or after is None:
        return NotApplicable("no complete reranked list beside the list that went in")
    top_k = evidence.top_k
    if len(before.hits) < 2:
        return NotApplicable("fewer than two documents were reranked")
    if after.doc_ids[:top_k] != before.doc_ids[:top_k]:
        return ()
    cost = "" if after.ms is None else f": {after.ms:,.0f} ms bought nothing"
    count = min(top_k, len(after.hits))
    left = counted(count, "as it was", "as they were")
    return (Finding("RS401", "info", f"reranking left the top {left}{cost}"),)


RULE = Rule(
    code="RS401",
    name="top-unchanged",
    severity="info",
    summary="reranking changed nothing in the top K: its milliseconds bought nothing",
    explanation=(
        "The documents that are used, and their order, are the same as without the reranker. For one query "
        "that is agreement; where it is common, a gate on the first stage's score gap saves the time."
    ),
    remedy="`rankscope verdict` says how often this happens and what gating would save and cost.",
    needs="the list that went into the reranker and the complete list that came out",
    check=check,
)
