"""RS601: the recorded fused order is not the fusion of the recorded lists."""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Finding
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named
from rankscope.insight.fused_order import FusionRecipe, Mismatch, inferred_recipe, mismatch

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Fuse the lists again and compare; without a recorded k, look for one that fits."""
    fused, lists = evidence.fusion, evidence.lists
    if fused is None or not fused.hits or not lists:
        return NotApplicable("no fused list beside its input lists")
    if fused.score_scale not in (ScoreScale.RRF, ScoreScale.UNKNOWN):
        return NotApplicable(f"fused on the {fused.score_scale} scale, not by reciprocal rank")
    recipe = evidence.recipe
    if recipe is not None and recipe.source == "inferred":
        return ()
    difference = mismatch(fused, lists, recipe or FusionRecipe(60.0))
    if difference is None:
        return ()
    recorded = recipe is not None
    text = _describe(evidence, difference)
    other = inferred_recipe(fused, lists) if recorded else None
    if other is not None:
        text += f"; k={other.k:g} with equal weights fits"
        if evidence.recipe is not None and other.k == evidence.recipe.k - 1:
            text += f", that is k={evidence.recipe.k:g} with ranks from 0"
    elif not recorded:
        text += "; k is not recorded and none that fits was found"
    return (Finding("RS601", "error" if recorded else "warning", text, difference.doc_ids),)


def _describe(evidence: Evidence, difference: Mismatch) -> str:
    which = named(difference.doc_ids)
    if difference.kind == "unlisted":
        stand = counted(len(difference.doc_ids), "fused document stands", "fused documents stand")
        return f"{stand} in no recorded list ({which}): a list is missing or was cut"
    if difference.kind == "left_out":
        belong = counted(
            len(difference.doc_ids),
            "document of the lists belongs in the fused list and is not there",
            "documents of the lists belong in the fused list and are not there",
        )
        return f"{belong}: {which}"
    if difference.kind == "order":
        return f"the fused order is not that of the fused scores: {which} stands too low"
    with_k = f" with k={evidence.recipe.k:g}" if evidence.recipe is not None else ""
    return f"{which} has {difference.recorded:.6g}, its lists give {difference.computed:.6g}{with_k}"


RULE = Rule(
    code="RS601",
    name="fusion-irreproducible",
    severity="error",
    summary="the recorded fusion order cannot be reproduced from its lists (k, rank base, missing list)",
    explanation=(
        "A fused order is arithmetic: the sum over the lists of weight / (k + rank). When the record does "
        "not add up, "
        "some of what produced it is not in the trace, and neither a replay nor a rescue can be trusted."
    ),
    remedy=(
        "Record k, the weights and every list at the depth that fusion used. Ranks count from 1 in the "
        "paper and "
        "from 0 in some programs."
    ),
    needs="the first-stage lists and a list fused by reciprocal rank",
    check=check,
)
