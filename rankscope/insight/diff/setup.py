"""What two traces were made with, and whether their final scores may be held against one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, ModelInfo, Ranking, Trace

__all__ = ["Change", "comparable_scores", "reranker_of", "setup_changes"]

RERANK = "rerank"
_IGNORED = ("budget", "findings", "judge")
"""Sections of the settings that no ranking and no decision depends on."""
_IGNORED_KEYS = ("rerank.cache_mb", "floor.value", "floor.score_scale", "floor.source", "floor.top_k")
"""What is compared in another place, or changes nothing but speed."""
_MODEL_FACTS = ("name", "revision", "max_length", "activation")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that the two traces were made with differently; the values are for people to read."""

    what: str
    """``cross_encoder``, ``floor``, ``K``, ``N``, ``corpus``, ``retrieval.rrf_k`` ..."""
    before: str
    after: str


def setup_changes(before: Trace, after: Trace) -> tuple[Change, ...]:
    """Differences of models, N, K, floor, corpus and settings, as far as both traces record them."""
    changes = [
        Change(role, _model(old), _model(new))
        for role, old, new in _both(before.pipeline.models, after.pipeline.models)
        if _identity(old) != _identity(new)
    ]
    if before.pipeline.corpus and after.pipeline.corpus and before.pipeline.corpus != after.pipeline.corpus:
        changes.append(Change("corpus", before.pipeline.corpus, after.pipeline.corpus))
    given, taken = _candidates(before), _candidates(after)
    if given != taken:
        changes.append(Change("N", str(given), str(taken)))
    if before.top_k != after.top_k:
        changes.append(Change("K", _text(before.top_k), _text(after.top_k)))
    if _floor_key(before.floor) != _floor_key(after.floor):
        changes.append(Change("floor", floor_text(before.floor), floor_text(after.floor)))
    old_settings, new_settings = _flat(before.pipeline.settings), _flat(after.pipeline.settings)
    changes += [
        Change(key, _text(old), _text(new))
        for key, old, new in _both(old_settings, new_settings)
        if old != new
    ]
    return tuple(changes)


def comparable_scores(before: Trace, after: Trace) -> str:
    """Why the scores of the orders that stand may not be compared; empty where they may.

    They may be when the same stage made both on one known scale and, for a reranker, the same weights
    read the same way; another number format rounds, and is the same model. First-stage scores depend on
    the corpus, so that has to be the same one.
    """
    one, other = before.final, after.final
    if one is None or other is None:
        return "one of them has no order"
    if one.stage != other.stage:
        return f"the scores are of {one.stage} before and of {other.stage} after"
    if ScoreScale.UNKNOWN in (one.score_scale, other.score_scale):
        return "a scale is not recorded"
    if one.score_scale != other.score_scale:
        return f"the scales differ: {one.score_scale} before, {other.score_scale} after"
    if one.stage == RERANK:
        return _of_models(reranker_of(before), reranker_of(after))
    if not before.pipeline.fingerprint or before.pipeline.fingerprint != after.pipeline.fingerprint:
        return f"the scores of {one.stage} come from two pipelines"
    return ""


def reranker_of(trace: Trace) -> ModelInfo | None:
    """The model that made the reranker's scores, where it is recorded."""
    return trace.pipeline.models.get("cross_encoder")


def floor_text(floor: Floor | None) -> str:
    """A floor with its scale."""
    return "none" if floor is None else f"{floor.value:g} ({floor.score_scale})"


def _of_models(before: ModelInfo | None, after: ModelInfo | None) -> str:
    if before is None or after is None or not before.name or not after.name:
        return "a reranker is not recorded"
    if before.name != after.name:
        return "the rerankers differ"
    if not before.revision or not after.revision:
        return "a reranker's weights are not recorded"
    if _identity(before) != _identity(after):
        return "the rerankers' weights or inputs differ"
    return ""


def _identity(model: ModelInfo) -> tuple[object, ...]:
    return tuple(getattr(model, name) for name in _MODEL_FACTS)


def _model(model: ModelInfo) -> str:
    facts = [model.name or "not recorded", model.revision[:8], model.activation]
    if model.max_length is not None:
        facts.append(f"{model.max_length} tokens")
    return " ".join(fact for fact in facts if fact)


def _candidates(trace: Trace) -> int:
    """How many distinct documents the reranker was given."""
    before: Ranking | None = trace.before
    return 0 if before is None else len(before.by_id())


def _floor_key(floor: Floor | None) -> object:
    return None if floor is None else (floor.value, floor.score_scale)


def _both(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """What both record; that one says nothing is no difference."""
    return [(key, old, after[key]) for key, old in before.items() if key in after]


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        f"{section}.{key}": value
        for section, values in settings.items()
        if isinstance(values, Mapping) and section not in _IGNORED
        for key, value in values.items()
    }
    return {key: value for key, value in found.items() if key not in _IGNORED_KEYS}


def _text(value: object) -> str:
    return "not recorded" if value is None else str(value)
