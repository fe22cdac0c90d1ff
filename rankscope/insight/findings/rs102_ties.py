"""RS102: scores tied or saturated where it matters, so that the order there says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Finding, Hit, Severity
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Look for ties at the top, across the cut at K and at the floor, and for saturation."""
    final = evidence.final
    hits = [hit for hit in final.hits if hit.score is not None] if final is not None else []
    if final is None or len(hits) < 2:
        return NotApplicable("fewer than two scored documents")
    # Equal ranks in two lists tie in fusion by design; only a model's tie is a surprise.
    severity: Severity = "warning" if final.stage == "rerank" else "info"
    findings: list[Finding] = []
    places = (("at the top", 0), (f"across the cut at K={evidence.top_k}", evidence.top_k - 1))
    seen: set[str] = set()
    for where, place in places:
        tied = _tied_across(evidence, hits, place)
        if tied and tied[0].doc_id not in seen:
            seen.update(hit.doc_id for hit in tied)
            findings.append(_finding(severity, tied, f"tied at {tied[0].score:.6g} {where}"))
    at_floor = _at_floor(evidence, hits)
    if at_floor:
        text = f"tied at the floor {evidence.comparable_floor.value:.6g}" if evidence.comparable_floor else ""
        findings.append(_finding(severity, at_floor, text))
    saturated = _saturated(evidence, hits, final.score_scale)
    if saturated and not seen & {hit.doc_id for hit in saturated}:
        findings.append(_finding(severity, saturated, f"saturated at {saturated[-1].score:.6f} and above"))
    return findings


def _finding(severity: Severity, hits: Sequence[Hit], what: str) -> Finding:
    ids = tuple(hit.doc_id for hit in hits)
    order = "" if "floor" in what else "; their order is only the stable sort"
    return Finding("RS102", severity, f"{len(ids)} documents {what}{order}: {named(ids)}", ids)


def _tied_across(evidence: Evidence, hits: Sequence[Hit], place: int) -> list[Hit]:
    """The group of equal scores that holds both place and place + 1, unless its texts are the same."""
    if place + 1 >= len(hits):
        return []
    tolerance = evidence.settings.tie_tolerance
    first, second = hits[place].score or 0.0, hits[place + 1].score or 0.0
    if abs(first - second) > tolerance:
        return []
    group = [hit for hit in hits if abs((hit.score or 0.0) - first) <= tolerance]
    return [] if _same_texts(evidence, group) else group


def _same_texts(evidence: Evidence, group: Sequence[Hit]) -> bool:
    """Copies of one text must tie: that is RS202's matter."""
    documents = [evidence.trace.documents.get(hit.doc_id) for hit in group]
    contents = {(known.title, known.text) for known in documents if known is not None and known.text}
    return len(contents) == 1 and all(known is not None and known.text for known in documents)


def _at_floor(evidence: Evidence, hits: Sequence[Hit]) -> list[Hit]:
    floor = evidence.comparable_floor
    if floor is None:
        return []
    tolerance = evidence.settings.tie_tolerance
    group = [hit for hit in hits if hit.score is not None and abs(hit.score - floor.value) <= tolerance]
    return group if len(group) > 1 and not _same_texts(evidence, group) else []


def _saturated(evidence: Evidence, hits: Sequence[Hit], scale: ScoreScale) -> list[Hit]:
    if scale is not ScoreScale.PROBABILITY:
        return []
    least = evidence.settings.saturated_above
    group = [hit for hit in hits[: evidence.top_k] if hit.score is not None and hit.score >= least]
    return group if len(group) >= 3 else []


RULE = Rule(
    code="RS102",
    name="ties",
    severity="warning",
    summary="scores tied or saturated at the top or at the floor: the order there is only the stable sort",
    explanation=(
        "Documents with equal scores are ordered by their ids, not by relevance, and which of them is kept "
        "at K or at the floor is as arbitrary. A sigmoid near 1 in 16-bit arithmetic rounds many logits to "
        "the same probability, so that the model's opinion is lost on the way."
    ),
    remedy=(
        "Rank by the logit instead of the probability, compute the last layer in 32-bit, or fit a "
        "temperature. For ties at a floor, put the floor between two scores, not on one."
    ),
    needs="at least two scores in the order that stands",
    check=check,
)
