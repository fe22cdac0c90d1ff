"""RS103: the reranker gave back fewer documents than it was given."""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.core.trace import Finding, Ranking
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Compare the documents that went in with those that came out; a failed stage gave none back."""
    reranked, before = evidence.trace.ranking("rerank"), evidence.before
    if reranked is None or before is None:
        return NotApplicable("no reranker, or the list that went into it is not recorded")
    status, _, reason = reranked.status.partition(":")
    if status == "skipped":
        return NotApplicable(f"reranking was skipped: {reason}" if reason else "reranking was skipped")
    given = list(before.by_id())
    if status == "failed":
        message = f"reranking failed and returned none of {counted(len(given), 'document')}: "
        message += reason or "no reason recorded"
        return (Finding("RS103", "error", message),)
    returned = set(reranked.doc_ids)
    missing = [doc_id for doc_id in given if doc_id not in returned]
    if not missing:
        return ()
    if status == "partial":
        text = f"reranking was stopped after {len(given) - len(missing)} of {counted(len(given), 'document')}"
        return (Finding("RS103", "warning", text, tuple(missing)),)
    return _compare(evidence, reranked, given, missing)


def _compare(evidence: Evidence, reranked: Ranking, given: list[str], missing: list[str]) -> Outcome:
    strangers = tuple(doc_id for doc_id in reranked.doc_ids if doc_id not in evidence.ids_before)
    if strangers:
        text = f"the reranker returned {counted(len(strangers), 'document')} that it was not given: "
        text += named(strangers)
        return (Finding("RS103", "error", text, strangers),)
    asked = reranked.depth
    if asked is not None and len(reranked.hits) >= asked:
        return ()
    of = counted(len(given), "document")
    text = f"the reranker returned {len(reranked.hits)} of {of}, missing {named(missing)}"
    if asked is None:
        text += " (how many were asked for is not recorded)"
    return (Finding("RS103", "warning" if asked is None else "error", text, tuple(missing)),)


RULE = Rule(
    code="RS103",
    name="documents-missing",
    severity="error",
    summary="the reranker returned fewer documents than it was given",
    explanation=(
        "A document that the reranker does not give back disappears without a score: an input limit of the "
        "service, a top_n that nobody remembers, a batch that failed, or ids that no longer match."
    ),
    remedy=(
        "Send top_n equal to the number of candidates, split large requests, check the response for missing "
        "indices, and keep the first-stage order for what comes back without a score."
    ),
    needs="the list that went into the reranker and what came out of it",
    check=check,
)
