"""RS502: the floor is on another scale than the scores."""

from __future__ import annotations

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Finding, Floor, Severity
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule
from rankscope.insight.floors.passport import belied

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Compare the two scales; a reranker that was left out on purpose makes it a warning."""
    floor, final = evidence.trace.floor, evidence.final
    if floor is None:
        return NotApplicable("no floor is set")
    if final is None or not final.hits:
        return NotApplicable("no document to apply the floor to")
    if ScoreScale.UNKNOWN in (floor.score_scale, final.score_scale):
        return NotApplicable("the scale of the floor or of the scores is not known")
    if floor.score_scale == final.score_scale:
        return _belied(evidence, floor)
    reranked = evidence.trace.ranking("rerank")
    skipped = reranked is not None and reranked.status.startswith("skipped")
    severity: Severity = "warning" if skipped else "error"
    why = " (reranking was skipped)" if skipped else ""
    text = (
        f"the floor {floor.value:g} is on the {floor.score_scale} scale, but the {final.stage} scores that "
        "stand "
        f"are on the {final.score_scale} scale{why}"
    )
    return (Finding("RS502", severity, text),)


def _belied(evidence: Evidence, floor: Floor) -> tuple[Finding, ...]:
    """Scores that only claim the floor's scale; RS104 says so for floors without a passport."""
    final, passport = evidence.final, evidence.passport
    if final is None or passport is None:
        return ()
    how = belied(floor.score_scale, [hit.score for hit in final.hits if hit.score is not None])
    if not how:
        return ()
    text = f"the floor {floor.value:g} was set on the {floor.score_scale} scale, but {how}: another scale"
    return (Finding("RS502", "error", text),)


RULE = Rule(
    code="RS502",
    name="floor-scale",
    severity="error",
    summary="the floor was set on another score scale",
    explanation=(
        "A floor of 0.4 on probabilities keeps every BM25 score and drops every fused one (those stay "
        "below 0.04). "
        "RankScope leaves such a floor out; a program that compares the numbers anyway keeps or drops at "
        "random."
    ),
    remedy=(
        "Set a floor on the scale of the scores that stand when the reranker is off, failed or skipped, or "
        "none."
    ),
    needs="a floor and scores whose scales are both known",
    check=check,
)
