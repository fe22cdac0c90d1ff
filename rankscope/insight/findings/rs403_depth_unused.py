"""RS403: the final top K came from the first few candidates."""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.core.trace import Finding
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Find the deepest candidate that made the top K."""
    before, after = evidence.before, evidence.after
    if before is None or after is None:
        return NotApplicable("no complete reranked list beside the list that went in")
    if len(before.hits) <= evidence.top_k:
        return NotApplicable(
            f"{counted(len(before.hits), 'candidate is', 'candidates are')} no more than K={evidence.top_k}"
        )
    places = {doc_id: place for place, doc_id in enumerate(before.by_id(), start=1)}
    top = [hit.doc_id for hit in after.hits[: evidence.top_k]]
    if not top or any(doc_id not in places for doc_id in top):
        return NotApplicable("documents of the top K are not in the list that went in")
    deepest, candidates = max(places[doc_id] for doc_id in top), len(places)
    if deepest > evidence.settings.shallow_share * candidates:
        return ()
    text = (
        f"the top {len(top)} came from the first {deepest} of {candidates} candidates: a depth of "
        f"{deepest} would do"
    )
    return (Finding("RS403", "info", text),)


RULE = Rule(
    code="RS403",
    name="depth-unused",
    severity="info",
    summary="the final top K came from the first d fused candidates: a depth of d would do",
    explanation=(
        "The cross-encoder's time grows with the number of candidates. Here the deep ones were scored for "
        "nothing. One query proves little: look at how often it happens."
    ),
    remedy=(
        "Where it is common, lower N (retrieval.candidates); `rankscope eval` shows recall@N and gain by "
        "depth."
    ),
    needs="the list that went into the reranker and the complete list that came out, longer than K",
    check=check,
)
