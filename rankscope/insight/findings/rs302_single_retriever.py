"""RS302: every relevant document that was found came from one retriever."""

from __future__ import annotations

from rankscope.core.trace import Finding
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.judged import in_order, without_judgments
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Take each list away in turn and see whether a relevant document is left."""
    missing_evidence = without_judgments(evidence)
    if missing_evidence is not None:
        return missing_evidence
    if len(evidence.lists) < 2:
        return NotApplicable("fewer than two first-stage lists are recorded")
    relevant = evidence.relevant or frozenset()
    holders = {
        ranking.stage: found for ranking in evidence.lists if (found := relevant & set(ranking.doc_ids))
    }
    if not holders:
        return NotApplicable("no relevant document was retrieved: see RS301")
    if len(holders) > 1:
        return ()
    stage, found = next(iter(holders.items()))
    ids = in_order(found)
    others = " and ".join(ranking.stage for ranking in evidence.lists if ranking.stage != stage)
    text = f"only {stage} found a relevant document ({named(ids)}); {others} alone would fail this query"
    return (Finding("RS302", "info", text, ids),)


RULE = Rule(
    code="RS302",
    name="single-retriever",
    severity="info",
    summary="a relevant document was found by one retriever only, so without it the query fails",
    explanation=(
        "This query depends on one retriever. It shows what a hybrid search is for, and what would break if "
        "that retriever were switched off or its weight lowered."
    ),
    remedy="Nothing to mend. Keep such queries as tests before a retriever is changed or dropped.",
    needs="judgments for this query, and at least two first-stage lists",
    check=check,
)
