"""RS101: the reranked order is the order that went in."""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.core.trace import Finding, Ranking, Severity
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Compare the whole reranked order with the head of the list that went in."""
    before, after = evidence.before, evidence.after
    if before is None or after is None:
        return NotApplicable("no complete reranked list beside the list that went in")
    count, fewest = len(after.hits), evidence.settings.same_order_min
    if count < fewest:
        return NotApplicable(
            f"{counted(count, 'reranked document')}; the same order of fewer than {fewest} can be chance"
        )
    if after.doc_ids != before.doc_ids[:count]:
        return ()
    sign = _fallback_sign(before, after)
    severity: Severity = "error" if sign or count >= 2 * fewest else "warning"
    return (
        Finding("RS101", severity, f"all {count} reranked documents stand in the order that went in{sign}"),
    )


def _fallback_sign(before: Ranking, after: Ranking) -> str:
    """What in the scores gives away that no model made them."""
    scores = [hit.score for hit in after.hits]
    if all(score is None for score in scores):
        return ", without scores"
    if scores == [hit.score for hit in before.hits[: len(scores)]]:
        return ", with the scores that went in"
    if len(set(scores)) == 1:
        return ", all with the same score"
    return ""


RULE = Rule(
    code="RS101",
    name="order-unchanged",
    severity="error",
    summary="the rerank order equals the input order: a no-op or a silent fallback",
    explanation=(
        "Two unrelated scorers do not agree on the order of many documents by chance. When the whole "
        "reranked "
        "list stands as it went in, the reranker was most likely not called: a client that swallowed an "
        "error or a timeout, a response mapped by position and not by its index, or scores thrown away."
    ),
    remedy=(
        "Look at the reranker's own log for this request. Check that its results are sorted by score and "
        "mapped by "
        "their index, and that an error is recorded in the ranking's status and not hidden."
    ),
    needs="the list that went into the reranker and the complete list that came out",
    check=check,
)
