"""RS303: a relevant document was retrieved and then lost at the fusion cut."""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.core.trace import Finding
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.judged import in_order, severity_of_loss, without_judgments
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named
from rankscope.insight.fused_order import uncut_order

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Look for relevant documents of the lists that the fused list does not hold."""
    missing_evidence = without_judgments(evidence)
    if missing_evidence is not None:
        return missing_evidence
    fused = evidence.fusion
    if fused is None or not evidence.lists:
        return NotApplicable("no fused list beside its input lists")
    relevant = evidence.relevant or frozenset()
    held = frozenset(fused.doc_ids)
    lost = in_order((relevant & evidence.retrieved) - held)
    if not lost:
        return ()
    places = _places_short(evidence, lost)
    text = counted(len(lost), "relevant document was", "relevant documents were")
    text += f" lost at the fusion cut of {len(fused.hits)}: "
    if places:
        text += ", ".join(
            f"{named([doc_id])} by {counted(places[doc_id], 'place')}"
            for doc_id in lost[:3]
            if doc_id in places
        )
        text += f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    else:
        text += named(lost)
    return (Finding("RS303", severity_of_loss(evidence, held), text, lost),)


def _places_short(evidence: Evidence, lost: tuple[str, ...]) -> dict[str, int]:
    """How far behind the cut each stands, where the fusion's k is known."""
    if evidence.recipe is None or evidence.fusion is None:
        return {}
    ranks = {hit.doc_id: hit.rank for hit in uncut_order(evidence.lists, evidence.recipe).hits}
    cut = len(evidence.fusion.hits)
    return {doc_id: ranks[doc_id] - cut for doc_id in lost if doc_id in ranks}


RULE = Rule(
    code="RS303",
    name="fusion-cut",
    severity="error",
    summary="a relevant document was lost at the fusion cut: by how many places",
    explanation=(
        "A retriever found the document, but fusion placed it behind the N candidates that are reranked, so "
        "that the reranker never saw it. An error where no relevant document is left."
    ),
    remedy="Raise N (retrieval.candidates) by that many places, or the weight of the list that found it.",
    needs="judgments for this query, the first-stage lists and the fused list",
    check=check,
)
