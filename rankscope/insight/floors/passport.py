"""A floor's passport: what made the scores it was fitted on, and whether other scores may be held to it.

A number such as 0.4 means something only for one scale, one model and the way that model is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from rankscope.core.scales import ScoreScale, sigmoid
from rankscope.core.trace import ModelInfo, Trace
from rankscope.errors import InputError

if TYPE_CHECKING:
    from rankscope.insight.floors.observations import Observations, ScoreSource

__all__ = [
    "ATTRIBUTE",
    "Passport",
    "PassportCheck",
    "Verdict",
    "belied",
    "check",
    "check_source",
    "passport_in",
    "passport_of",
    "passport_of_trace",
]

ATTRIBUTE = "floor_passport"
"""Key of a trace's attributes under which it carries the passport of its floor."""

Verdict = Literal["ok", "warn", "refuse"]
FEWEST_FOR_SHAPE = 8
"""From this many scores on, a range that gives a wrong scale away counts as proof."""
_DOUBLED = (0.5, sigmoid(1.0))
"""Where the sigmoid of a probability lies."""
_MODEL_FACTS = ("name", "revision", "activation", "max_length")


@dataclass(frozen=True, slots=True)
class Passport:
    """What a stored floor keeps about the scores that it was chosen on."""

    score_scale: ScoreScale
    stage: str
    """Stage that made the scores, such as ``rerank``."""
    model: ModelInfo
    windows: bool | None
    """Whether long passages were scored in windows; None where unknown."""
    corpus: str
    """Name and fingerprint of the corpus; several are joined by a comma."""
    method: str
    """``manual`` or the name of the method that suggested it."""
    created_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Plain data, as the store keeps it."""
        return {
            "score_scale": self.score_scale.value,
            "stage": self.stage,
            "model": asdict(self.model),
            "windows": self.windows,
            "corpus": self.corpus,
            "method": self.method,
            "created_at": self.created_at.isoformat(),
        }

    def made_by(self, source: ScoreSource) -> bool:
        """Whether this source made the scores that the floor was chosen on; the number type may differ."""
        same_model = replace(self.model, dtype="") == source.model
        facts = (self.stage, self.score_scale, self.windows)
        return same_model and facts == (source.stage, source.score_scale, source.windows)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Passport:
        """Read what :meth:`as_json` wrote. Raises InputError for anything else."""
        try:
            return cls(
                score_scale=ScoreScale(data["score_scale"]),
                stage=str(data["stage"]),
                model=ModelInfo(**data["model"]),
                windows=data["windows"],
                corpus=str(data["corpus"]),
                method=str(data["method"]),
                created_at=datetime.fromisoformat(data["created_at"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"the stored floor's passport cannot be read: {error!r:.100}.",
                remedy="Set the floor again: `rankscope floor set`.",
            ) from error


@dataclass(frozen=True, slots=True)
class PassportCheck:
    """Whether scores may be held to a floor, and one line that says why not or what to mind."""

    verdict: Verdict
    """``refuse``: the floor must not be applied. ``warn``: it may mislead. ``ok``."""
    line: str = ""


def passport_of(observations: Observations, *, method: str, created_at: datetime) -> Passport:
    """The passport of a floor that is chosen on these observations."""
    source = observations.source
    return Passport(
        score_scale=source.score_scale,
        stage=source.stage,
        model=replace(source.model, dtype=", ".join(observations.dtypes)),
        windows=source.windows,
        corpus=", ".join(observations.corpora),
        method=method,
        created_at=created_at,
    )


def passport_in(trace: Trace) -> Passport | None:
    """The passport that a trace carries for its floor: a full one, or the model's facts alone.

    A program that logs its own traces may record only those, such as ``{"name": "ce", "revision": "r1"}``.
    """
    data, floor = trace.attributes.get(ATTRIBUTE), trace.floor
    if not isinstance(data, Mapping) or floor is None:
        return None
    if "score_scale" in data:
        return Passport.from_json(data)
    facts = {name: str(data.get(name) or "") for name in ("name", "revision", "dtype", "activation")}
    longest = data.get("max_length")
    model = ModelInfo(**facts, max_length=longest if isinstance(longest, int) else None)
    return Passport(floor.score_scale, "rerank", model, None, "", floor.source, trace.created_at)


def passport_of_trace(trace: Trace, *, method: str, created_at: datetime) -> Passport:
    """The passport of a floor that is chosen while looking at one trace."""
    from rankscope.insight.floors.gather import gather

    groups = gather([trace]).groups
    if not groups:
        raise InputError("no stage of this trace has scores.", remedy="Choose a floor on another trace.")
    return passport_of(groups[0], method=method, created_at=created_at)


def check(passport: Passport, trace: Trace) -> PassportCheck:
    """Whether the order that stands in ``trace`` may be held to the floor.

    Refuses another scale, also where the scores belie the scale that is declared for them; warns of
    another model, revision, activation, maximum length, number type, windows or corpus. A trace that holds
    no document is fine.
    """
    final = trace.final
    if final is None or not final.hits:
        return PassportCheck("ok")
    scores = [hit.score for hit in final.hits if hit.score is not None]
    how = belied(passport.score_scale, scores)
    if final.score_scale is passport.score_scale and how:
        return PassportCheck("refuse", f"{_told(passport)}, but {how}: another scale.")
    from rankscope.insight.floors.observations import dtype_of, source_of

    source = source_of(trace)
    assert source is not None
    return check_source(
        passport,
        stage=source.stage,
        score_scale=source.score_scale,
        model=replace(source.model, dtype=dtype_of(trace)),
        windows=source.windows,
        corpus=trace.pipeline.corpus,
    )


def check_source(
    passport: Passport,
    *,
    stage: str,
    score_scale: ScoreScale,
    model: ModelInfo,
    windows: bool | None = None,
    corpus: str = "",
) -> PassportCheck:
    """The same for a pipeline before it has scored anything."""
    if score_scale is not passport.score_scale:
        line = f"{_told(passport)}, but the {stage} scores are on the {score_scale} scale."
        return PassportCheck("refuse", line)
    if stage != passport.stage:
        return PassportCheck("warn", f"{_told(passport)}, but these scores come from {stage}.")
    changed = []
    for name in _MODEL_FACTS:
        then, now = getattr(passport.model, name), getattr(model, name)
        if then and now and then != now:  # a fact that one side does not state says nothing
            changed.append(f"{name.replace('_', ' ')} {_short(then)}, now {_short(now)}")
    if None not in (passport.windows, windows) and passport.windows is not windows:
        changed.append(f"windows {'on' if passport.windows else 'off'}, now {'on' if windows else 'off'}")
    if changed:
        return PassportCheck("warn", f"the floor was fitted on another model: {'; '.join(changed)}.")
    if model.dtype and passport.model.dtype and model.dtype not in passport.model.dtype.split(", "):
        line = f"the floor was fitted in {passport.model.dtype}, these scores are in {model.dtype}."
        return PassportCheck("warn", f"{line} Scores near the floor may fall on its other side.")
    if corpus and passport.corpus and corpus not in passport.corpus.split(", "):
        return PassportCheck("warn", "the floor was fitted on another corpus or an earlier state of it.")
    return PassportCheck("ok")


def _told(passport: Passport) -> str:
    return f"the floor was fitted on {passport.stage} scores on the {passport.score_scale} scale"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:19]}…"


def belied(scale: ScoreScale, scores: Sequence[float]) -> str:
    """How scores that are declared to be on ``scale`` show that they are not; empty when they do not."""
    if not scores:
        return ""
    least, most = min(scores), max(scores)
    if not (scale.contains(least) and scale.contains(most)):
        low, high = scale.bounds
        return f"these lie outside {low:g} to {high:g} ({least:.4g} to {most:.4g})"
    if len(scores) < FEWEST_FOR_SHAPE:
        return ""
    if scale is ScoreScale.PROBABILITY and least >= _DOUBLED[0] and most <= _DOUBLED[1]:
        return "all of these lie in 0.5 to 0.731, as when a sigmoid is applied twice"
    if scale is ScoreScale.LOGIT and least >= 0 and most <= 1:
        return "all of these lie in 0 to 1, as when a sigmoid was applied"
    return ""
