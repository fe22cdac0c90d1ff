"""RS504: the floor drops a document that was judged relevant."""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.core.trace import Finding
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.judged import severity_of_loss, without_judgments
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Look for relevant documents within the first K whose score is below the floor."""
    missing_evidence = without_judgments(evidence)
    if missing_evidence is not None:
        return missing_evidence
    floor = evidence.comparable_floor
    if floor is None:
        return NotApplicable("no floor on the scale of the scores that stand")
    relevant = evidence.relevant or frozenset()
    dropped = [
        hit
        for hit in evidence.top
        if hit.doc_id in relevant and hit.score is not None and hit.score < floor.value
    ]
    if not dropped:
        return ()
    ids = tuple(hit.doc_id for hit in dropped)
    parts = ", ".join(
        f"{named([hit.doc_id])} {hit.score:.4g} ({floor.value - (hit.score or 0.0):.4g} short)"
        for hit in dropped[:3]
    )
    more = f" and {len(dropped) - 3} more" if len(dropped) > 3 else ""
    text = f"the floor {floor.value:g} drops {counted(len(ids), 'relevant document')}: {parts}{more}"
    kept = {hit.doc_id for hit in evidence.top if hit.score is not None and hit.score >= floor.value}
    return (Finding("RS504", severity_of_loss(evidence, kept), text, ids),)


RULE = Rule(
    code="RS504",
    name="relevant-dropped",
    severity="error",
    summary="the floor drops a judged-relevant document",
    explanation=(
        "The document was found, reranked into the top K, and dropped by the floor alone. An error where no "
        "relevant document is left, so that the query is refused or answered from the wrong evidence."
    ),
    remedy=(
        "`rankscope floor whatif VALUE` shows what a lower floor keeps and costs; fit it on judged traces."
    ),
    needs="judgments for this query, and a floor on the scale of the scores",
    check=check,
)
