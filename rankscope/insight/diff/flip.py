"""Why one trace answers where another refuses: the first cause that suffices, with its figures.

Every score is held to the floor of its own trace. Two scores stand in one sentence only where the same
model gave both on the same scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rankscope.core.counting import counted
from rankscope.core.trace import Decision, Floor, Hit, ModelInfo, Trace
from rankscope.insight.diff.setup import comparable_scores, floor_text, reranker_of

__all__ = ["Cause", "Flip", "why_flipped"]

Cause = Literal["nothing_found", "reranker", "floor", "candidates", "text", "scores", "model", "unknown"]
"""What made the difference: an empty list, a reranker that ran once only, the floor, a document that is or
is no longer a candidate, its text, the same model's scores, another model, or nothing that is recorded."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A decision that changed, and why."""

    before: Decision
    after: Decision
    cause: Cause
    reason: str
    """One line. Ids in it are hostile text: make it safe before display."""
    doc_id: str | None = None
    """The document that it turns on, where there is one."""


@dataclass(frozen=True, slots=True)
class _Side:
    """What one trace decided on."""

    trace: Trace
    decision: Decision
    floor: Floor | None
    """The floor that was applied; None where none was, whatever the trace holds."""
    best: Hit | None
    """The highest hit of the order that stands."""

    @property
    def reranked(self) -> bool:
        return self.trace.final is not None and self.trace.final.stage == "rerank"

    def clears(self, floor: Floor | None) -> bool:
        """Whether anything of this trace would be kept by a floor on its scale."""
        if self.best is None:
            return False
        return floor is None or (self.best.score is not None and self.best.score >= floor.value)


def why_flipped(before: Trace, after: Trace) -> Flip | None:
    """The flip of the decision from one trace to the other; None where it is the same or not recorded."""
    if before.decision is None or after.decision is None or before.decision == after.decision:
        return None
    one, other = _side(before, before.decision), _side(after, after.decision)
    cause, reason, doc_id = _cause(one, other)
    return Flip(one.decision, other.decision, cause, reason, doc_id)


def _side(trace: Trace, decision: Decision) -> _Side:
    final = trace.final
    floor = trace.floor
    if "floor_not_applied" in trace.attributes or (
        floor is not None and final is not None and floor.score_scale != final.score_scale
    ):
        floor = None
    scored = [] if final is None else [hit for hit in final.hits if hit.score is not None]
    best = max(scored, key=lambda hit: hit.score or 0.0, default=None)
    if best is None and final is not None and final.hits:
        best = final.hits[0]
    return _Side(trace, decision, floor, best)


_ROUGH = 0.005
"""Scores of one pair in half precision differ by this much, depending on what shares their batch."""
_Found = tuple[Cause, str, str | None]


def _cause(one: _Side, other: _Side) -> _Found:
    if one.best is None or other.best is None:
        when = "before" if one.best is None else "now"
        return "nothing_found", f"nothing was found {when}", None
    if one.reranked != other.reranked:
        return "reranker", _one_reranked(one, other), None
    if (one.floor is None) != (other.floor is None):
        return _one_floored(one, other)
    reason = comparable_scores(one.trace, other.trace)
    if reason:
        return _apart(one, other, reason)
    return _same_model(one, other)


def _one_reranked(one: _Side, other: _Side) -> str:
    """Reranked on one side only: the other order stands on first-stage scores, under no floor of theirs."""
    missing, when = (one, "before") if other.reranked else (other, "now")
    reranking = missing.trace.ranking("rerank")
    why = "no reranker ran" if reranking is None else f"reranking {_status(reranking.status)}"
    sides = f"{_standing(one, 'before')}; {_standing(other, 'now')}"
    return f"{when}, {why}: {sides}"


def _status(status: str) -> str:
    kind, _, reason = status.partition(":")
    words = {"skipped": "was skipped", "failed": "failed", "partial": "was stopped"}.get(kind, kind)
    return f"{words} ({reason[:80]})" if reason else words


def _one_floored(one: _Side, other: _Side) -> _Found:
    bare, when = (one, "before") if one.floor is None else (other, "now")
    note = bare.trace.attributes.get("floor_not_applied")
    why = f"no floor was applied {when}"
    if bare.trace.floor is not None:
        why = f"the floor {floor_text(bare.trace.floor)} was not applied {when}"
        why += f" ({str(note)[:120]})" if note else ""
    held = other if one.floor is None else one
    return "floor", f"{why}; {_standing(held, 'now' if one.floor is None else 'before')}", _doc(held)


def _apart(one: _Side, other: _Side, reason: str) -> _Found:
    """Scores that may not be compared: each is told with its own floor."""
    old, new = reranker_of(one.trace), reranker_of(other.trace)
    changed = "" if old is None or new is None or not one.reranked else _model_change(old, new)
    cause: Cause = "model" if changed else "unknown"
    floors = (one.trace.floor, other.trace.floor)
    same = floor_text(floors[0]) == floor_text(floors[1])  # who set it is no difference
    moved = "" if same else f"; the floor moved too, {_arrow(*floors)}"
    best = _doc(one if one.decision == "answer" else other)
    told = f"{changed or reason}: {_standing(one, 'before')}; {_standing(other, 'now')}{moved}"
    return cause, told, best


def _arrow(before: Floor | None, after: Floor | None) -> str:
    return f"{floor_text(before)} → {floor_text(after)}"


def _model_change(old: ModelInfo, new: ModelInfo) -> str:
    """Other weights, or the same ones made to read or to give out something else; empty for neither."""
    if (old.name, old.revision) != (new.name, new.revision):
        return f"another model, {old.name} {old.revision[:8]} → {new.name} {new.revision[:8]}"
    facts = (("max_length", "tokens"), ("activation", "activation"))
    changed = [
        f"{getattr(old, name)} → {getattr(new, name)} {word}"
        for name, word in facts
        if getattr(old, name) != getattr(new, name)
    ]
    return f"the same weights, run otherwise ({', '.join(changed)})" if changed else ""


def _same_model(one: _Side, other: _Side) -> _Found:
    """The same model on the same scale: floor, candidates, text, or its scores."""
    # Would the old floor have decided the new scores as it did the old ones? Then it is the floor.
    moved = one.floor is not None and other.floor is not None and one.floor.value != other.floor.value
    if moved and other.clears(one.floor) == one.clears(one.floor):
        values = _arrow(one.floor, other.floor)
        return "floor", f"the floor moved, {values}; {_standing(other, 'now')}", _doc(other)
    answering, refusing = (one, other) if one.decision == "answer" else (other, one)
    best = answering.best
    assert best is not None
    final = refusing.trace.final
    there = None if final is None else final.hit(best.doc_id)
    if there is None:
        return "candidates", _absent(one, other, best), best.doc_id
    texts = [side.trace.documents.get(best.doc_id) for side in (one, other)]
    scores = f"{best.doc_id} scores {_score(one, best.doc_id)} before, {_score(other, best.doc_id)} now"
    floor = "" if other.floor is None else f", floor {other.floor.value:g}"
    if texts[0] is not None and texts[1] is not None and texts[0].content_hash != texts[1].content_hash:
        return "text", f"the text of {best.doc_id} changed: {scores}{floor}", best.doc_id
    return "scores", f"{_how_far(one, other, best.doc_id)}: {scores}{floor}", best.doc_id


def _how_far(one: _Side, other: _Side, doc_id: str) -> str:
    """Whether the same model's two scores of the same text are one number but for rounding."""
    old, new = _score_of(one, doc_id), _score_of(other, doc_id)
    models = (reranker_of(one.trace), reranker_of(other.trace))
    exact = all(model is not None and model.dtype == "float32" for model in models)
    if old is not None and new is not None and abs(new - old) <= (1e-5 if exact else _ROUGH):
        return "the same model and, but for rounding, the same score"
    return "the same model, another score"


def _absent(one: _Side, other: _Side, best: Hit) -> str:
    """The document that cleared the floor on one side and is no candidate on the other."""
    gone = one.decision == "answer"
    side, there = (other, one) if gone else (one, other)
    given = side.trace.before
    size = 0 if given is None else len(given.hits)
    earlier = there.trace.before
    hit = None if earlier is None else earlier.hit(best.doc_id)
    place = "" if hit is None else f" (rank {hit.rank} {'before' if gone else 'now'})"
    lost = next(
        (
            ranking.stage
            for ranking in side.trace.rankings
            if ranking.ran
            and ranking.hit(best.doc_id) is None
            and (old := there.trace.ranking(ranking.stage)) is not None
            and old.hit(best.doc_id) is not None
        ),
        None,
    )
    where = f"; {lost} does not return it" if lost is not None else ""
    when = "now" if gone else "before"
    score = _score(there, best.doc_id)
    return (
        f"{best.doc_id}, which scores {score}{place}, is not among the {counted(size, 'candidate')} "
        f"{when}{where}; {_standing(side, when)}"
    )


def _standing(side: _Side, when: str) -> str:
    """The best score of one side, beside its own floor."""
    assert side.best is not None
    scale = "" if side.trace.final is None else f" ({side.trace.final.score_scale})"
    score = "no score" if side.best.score is None else _figure(side.best.score, side.floor)
    if side.floor is not None:
        word = "clears" if side.clears(side.floor) else "is below"
        return f"{when} the best is {side.best.doc_id}, {score} {word} {side.floor.value:g}{scale}"
    told = f"{when} the best is {side.best.doc_id} with {score}{scale}"
    if side.decision == "refuse" and side.trace.floor is not None:
        return f"{told}, refused though the floor {floor_text(side.trace.floor)} is on another scale"
    return f"{told}, no floor"


def _score(side: _Side, doc_id: str) -> str:
    score = _score_of(side, doc_id)
    return "nothing" if score is None else _figure(score, side.floor)


def _score_of(side: _Side, doc_id: str) -> float | None:
    final = side.trace.final
    hit = None if final is None else final.hit(doc_id)
    return None if hit is None else hit.score


def _figure(score: float, floor: Floor | None) -> str:
    """Three decimals, or as many as it takes to see on which side of the floor it lies."""
    if floor is not None and score != floor.value and round(score, 3) == round(floor.value, 3):
        return f"{score:.6f}"
    return f"{score:.3f}"


def _doc(side: _Side) -> str | None:
    return None if side.best is None else side.best.doc_id
