"""RS503: the floor was fitted on another model than the one that made these scores."""

from __future__ import annotations

from rankscope.core.trace import Finding, ModelInfo, Severity
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule

__all__ = ["RULE"]

_FIELDS = ("name", "revision", "activation", "max_length", "dtype")


def check(evidence: Evidence) -> Outcome:
    """Compare the facts that both the passport and the trace state."""
    if evidence.trace.floor is None:
        return NotApplicable("no floor is set")
    passport = evidence.passport
    if passport is None:
        return NotApplicable("the floor has no passport")
    model = evidence.trace.pipeline.models.get("cross_encoder")
    if model is None or evidence.after is None:
        return NotApplicable("which model made the scores is not recorded")
    stated = [name for name in _FIELDS if getattr(passport, name) and getattr(model, name)]
    if not stated:
        return NotApplicable("passport and trace state no fact in common")
    differing = [name for name in stated if getattr(passport, name) != getattr(model, name)]
    if not differing:
        return ()
    # Another number type shifts scores by rounding only; anything else makes them other scores.
    severity: Severity = "warning" if differing == ["dtype"] else "error"
    text = "the floor was fitted on another model: " + "; ".join(
        f"{name.replace('_', ' ')} {_short(passport, name)}, now {_short(model, name)}" for name in differing
    )
    return (Finding("RS503", severity, text),)


def _short(model: ModelInfo, name: str) -> str:
    text = str(getattr(model, name))
    return text[:12] if name == "revision" else text


RULE = Rule(
    code="RS503",
    name="floor-passport",
    severity="error",
    summary="the floor's passport does not match the model that made these scores",
    explanation=(
        "Two models, two revisions of one model, or one model with another activation or maximum length put "
        "the same pair at different scores. A floor carries what it was fitted on, so that this shows."
    ),
    remedy="Fit the floor again on traces of the model in use: `rankscope floor suggest`.",
    needs="a floor with a passport, and the identity of the model that made the scores",
    check=check,
)
