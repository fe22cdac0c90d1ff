"""RS104: scores that cannot be what their scale says."""

from __future__ import annotations

from itertools import pairwise

from rankscope.core.scales import ScoreScale, sigmoid
from rankscope.core.trace import Finding, Ranking
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named

__all__ = ["RULE"]

DOUBLED = (0.5, sigmoid(1.0))
"""Where the sigmoid of a probability lies: sigmoid(0) to sigmoid(1), 0.5 to 0.7311."""


def check(evidence: Evidence) -> Outcome:
    """Look at the scores of every list by themselves."""
    scored = [
        (ranking, scores)
        for ranking in evidence.trace.rankings
        if (scores := [hit.score for hit in ranking.hits if hit.score is not None])
    ]
    if not scored:
        return NotApplicable("no scores are recorded")
    found = (_misfit(evidence, ranking, scores) for ranking, scores in scored)
    return [finding for finding in found if finding is not None]


def _misfit(evidence: Evidence, ranking: Ranking, scores: list[float]) -> Finding | None:
    """The first thing that is wrong with the scores of one list."""
    stage, scale = ranking.stage, ranking.score_scale
    low, high = scale.bounds
    least, most = min(scores), max(scores)
    if not (scale.contains(least) and scale.contains(most)):
        ids = tuple(h.doc_id for h in ranking.hits if h.score is not None and not scale.contains(h.score))
        outside = f"{stage} scores lie outside {low:g}..{high:g}, the range of {scale}: {least:g} to {most:g}"
        return Finding("RS104", "error", outside, ids)
    if least == most == 0 and len(scores) > 1:
        return Finding("RS104", "error", f"all {len(scores)} {stage} scores are 0")
    if least != scores[-1] or most != scores[0]:
        disorder = _disorder(ranking, scores)
        if disorder is not None:
            return disorder
    if len(scores) < evidence.settings.double_sigmoid_min:
        return None
    if scale is ScoreScale.PROBABILITY and least >= DOUBLED[0] and most <= DOUBLED[1]:
        text = (
            f"all {len(scores)} {stage} probabilities lie in 0.5..0.731, as when a sigmoid is applied twice"
        )
        return Finding("RS104", "error", text)
    if scale is ScoreScale.LOGIT and least >= 0 and most <= 1:
        text = f"all {len(scores)} {stage} scores lie in 0..1 but are declared logits: a sigmoid was applied"
        return Finding("RS104", "warning", text)
    return None


def _disorder(ranking: Ranking, scores: list[float]) -> Finding | None:
    """Scores that do not fall along the ranks."""
    if all(before <= after for before, after in pairwise(scores)) and scores[0] < scores[-1]:
        text = f"{ranking.stage} scores rise along the ranks: a distance, or sorted the wrong way round"
        return Finding("RS104", "error", text)
    hits = [hit for hit in ranking.hits if hit.score is not None]
    risen = tuple(
        after.doc_id
        for before, after in pairwise(hits)
        if (after.score or 0.0) > (before.score or 0.0) + 1e-9
    )
    if not risen:
        return None
    text = f"{ranking.stage} is not sorted by its scores: {named(risen)} scores above the document before it"
    return Finding("RS104", "warning", text, risen)


RULE = Rule(
    code="RS104",
    name="scale-misfit",
    severity="error",
    summary=(
        "scores do not fit their declared scale (a sigmoid applied twice, all zero, outside 0..1, unsorted)"
    ),
    explanation=(
        "A floor, an average or a comparison is only as good as the scale of its scores. A sigmoid applied "
        "to "
        "what is already a probability squeezes everything into 0.5..0.731, so that any floor below "
        "0.5 keeps all and one above 0.731 keeps nothing. A distance taken for a similarity turns the order "
        "upside down."
    ),
    remedy=(
        "Check the activation of the cross-encoder (identity or sigmoid, once), convert a distance d to a "
        "similarity before it is sorted, and record the scale that the scores really have."
    ),
    needs="scores in at least one list",
    check=check,
)
