"""RS301: a document judged relevant was never retrieved."""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.core.trace import Finding
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.judged import in_order, severity_of_loss, without_judgments
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named
from rankscope.insight.movement import absence

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Look for relevant documents that no first-stage list holds."""
    missing_evidence = without_judgments(evidence)
    if missing_evidence is not None:
        return missing_evidence
    if not evidence.lists:
        return NotApplicable("no first-stage list is recorded")
    relevant = evidence.relevant or frozenset()
    missed = in_order(relevant - evidence.retrieved)
    if not missed:
        return ()
    where = "; ".join(f"{named([doc_id])} {_nearest(evidence, doc_id)}" for doc_id in missed[:3])
    of = f"of {counted(len(relevant), 'relevant document')}"
    text = counted(len(missed), f"{of} was never retrieved", f"{of} were never retrieved") + f": {where}"
    if len(missed) > 3:
        text += f"; and {len(missed) - 3} more"
    return (Finding("RS301", severity_of_loss(evidence, evidence.retrieved), text, missed),)


def _nearest(evidence: Evidence, doc_id: str) -> str:
    """The list that came nearest to holding it, where ranks in the whole corpus are known."""
    standing = evidence.standings.get(doc_id)
    ranked = [known for known in standing.stages if known.rank is not None] if standing is not None else []
    if ranked:
        nearest = min(ranked, key=lambda known: known.rank or 0)
        depth = next((len(known.hits) for known in evidence.lists if known.stage == nearest.stage), 0)
        return f"came nearest in {nearest.stage}, at {nearest.rank} of {nearest.of} (list of {depth})"
    return ", ".join(f"{ranking.stage}: {absence(ranking)}" for ranking in evidence.lists)


RULE = Rule(
    code="RS301",
    name="recall-miss",
    severity="error",
    summary="a judged-relevant document was never retrieved, with the stage that came nearest",
    explanation=(
        "No reranker can bring back what no retriever found. An error where every relevant document is "
        "missing, "
        "a warning where some were found."
    ),
    remedy=(
        "`rankscope why` shows the document's rank in the whole corpus: deepen the list that comes near, "
        "add the "
        "words or the synonyms that are missing, or look at the filters."
    ),
    needs="judgments for this query, and the first-stage lists",
    check=check,
)
