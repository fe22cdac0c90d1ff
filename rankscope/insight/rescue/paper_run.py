"""The pipeline run again on paper: lists without a cut, fused, scored, cut by floor and K under any setup.

By the same rules as :mod:`rankscope.engine.pipeline`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rankscope.core.ordering import rank_by_score
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Ranking
from rankscope.errors import ScaleError
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from rankscope.stages.threshold.relevance_floor import apply_floor

__all__ = ["Outcome", "Probe", "Setup", "cut", "outcome_of"]


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings that a rescue may change."""

    depth: int
    candidates: int
    rrf_k: int
    top_k: int
    floor: Floor | None
    weights: Mapping[str, float] = field(default_factory=dict)
    """By list; 1.0 where none is given."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What the engine supplies: lists without a cut, and the reranker's scores on demand."""

    lists: tuple[Ranking, ...]
    score: Callable[[Sequence[str]], Mapping[str, float]] | None = None
    """Rerank scores of documents by id; None where the pipeline has no reranker. Best with a memory."""
    score_scale: ScoreScale = ScoreScale.PROBABILITY


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a setup gives: the order that stands, and what of it is kept."""

    final: Ranking
    kept: tuple[str, ...]
    cleared: tuple[str, ...]
    """Documents that reach the floor, best first, whatever K is."""
    reranked: bool


def outcome_of(probe: Probe, setup: Setup) -> Outcome:
    """Fuse, rerank, apply floor and K on paper, as the pipeline does."""
    fuser = ReciprocalRankFusion(setup.rrf_k, setup.weights)
    fused = fuser.fuse(cut(probe.lists, setup.depth), setup.candidates)
    reranked = probe.score is not None and len(fused.hits) > setup.top_k
    final = fused
    if reranked and probe.score is not None:
        scores = probe.score(fused.doc_ids)
        hits = rank_by_score((doc_id, scores[doc_id]) for doc_id in fused.doc_ids)
        final = Ranking("rerank", probe.score_scale, hits)
    try:
        result = apply_floor(final, setup.floor, setup.top_k)
    except ScaleError:  # the pipeline leaves such a floor out
        result = apply_floor(final, None, setup.top_k)
    kept = tuple(hit.doc_id for hit in result.kept)
    return Outcome(final, kept, (*kept, *(hit.doc_id for hit in result.beyond_top_k)), reranked)


def cut(lists: Sequence[Ranking], depth: int) -> list[Ranking]:
    return [replace(ranking, hits=ranking.hits[:depth]) for ranking in lists]
