"""RS503: the floor was fitted on another model than the one that made these scores."""

from __future__ import annotations

from rankscope.core.trace import Finding, ModelInfo, Severity
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule
from rankscope.insight.floors.passport import Passport

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
    then = passport.model
    stated = [name for name in _FIELDS if getattr(then, name) and getattr(model, name)]
    windows = _windows(evidence, passport)
    if not stated and not windows:
        return NotApplicable("passport and trace state no fact in common")
    differing = [name for name in stated if not _same(then, model, name)]
    parts = [
        f"{name.replace('_', ' ')} {_short(then, name)}, now {_short(model, name)}" for name in differing
    ]
    if windows == "differ":
        parts.append(f"windows {_on(passport.windows)}, now {_on(not passport.windows)}")
    if not parts:
        return ()
    # A number type shifts scores by rounding, windows those of long passages; the rest makes other scores.
    severity: Severity = "error" if set(differing) - {"dtype"} else "warning"
    how = "another model" if differing else "the same model run in another way"
    return (Finding("RS503", severity, f"the floor was fitted on {how}: {'; '.join(parts)}"),)


def _same(then: ModelInfo, now: ModelInfo, name: str) -> bool:
    if name == "dtype":  # a floor may be fitted on scores of several number types
        return now.dtype in then.dtype.split(", ")
    return bool(getattr(then, name) == getattr(now, name))


def _windows(evidence: Evidence, passport: Passport) -> str:
    """``same`` or ``differ``; empty where one side does not say."""
    from rankscope.insight.floors.observations import source_of

    source = source_of(evidence.trace)
    now = None if source is None else source.windows
    if now is None or passport.windows is None:
        return ""
    return "same" if now is passport.windows else "differ"


def _on(windows: bool | None) -> str:
    return "on" if windows else "off"


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
