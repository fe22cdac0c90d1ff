"""One document through every stage of a trace: rank and score, where it was lost, and by how much.

A pure function of the trace. For a document that no list holds, the engine can look up where it stands in
the whole corpus (:class:`CorpusStanding`); without that the biography says what the trace alone can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Ranking, Trace
from rankscope.insight.fused_order import FusionRecipe, input_lists, recipe_of, uncut_order
from rankscope.insight.standing import CorpusStanding

__all__ = ["Biography", "Fate", "FusionShare", "StageRecord", "biography"]

Fate = Literal[
    "kept",
    "below_floor",
    "beyond_top_k",
    "not_reranked",
    "fusion_cut",
    "not_retrieved",
    "filtered_out",
    "not_in_corpus",
    "undecided",
]
"""How it ended; ``undecided`` is a trace that does not record what was kept."""


@dataclass(frozen=True, slots=True)
class FusionShare:
    """What one list adds to a document's fused score: ``weight / (k + rank)``."""

    stage: str
    rank: int
    weight: float
    k: float
    share: float


@dataclass(frozen=True, slots=True)
class StageRecord:
    """A document at one stage; rank and score are None where the stage's list does not hold it."""

    stage: str
    score_scale: ScoreScale
    status: str
    rank: int | None
    score: float | None
    listed: int
    """Documents in the stage's list."""
    last_score: float | None
    """Score of the list's last document: what it takes to be in it."""
    shares: tuple[FusionShare, ...] = ()
    """In fusion: the arithmetic of the fused score, where k is known."""
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Biography:
    """What happened to one document in one trace."""

    doc_id: str
    fate: Fate
    records: tuple[StageRecord, ...]
    top_k: int
    floor: Floor | None
    """The floor that was applied; None where none was, or where it was on another scale."""
    lost_at: str | None = None
    """The stage that lost it: a stage's name, ``floor``, ``top_k`` or ``filter``; None when kept."""
    places_short: int | None = None
    """Places behind the cut that lost it, where that is known."""
    score_short: float | None = None
    """How far below the floor it scores."""
    margin: float | None = None
    """How far above the floor it scores, when kept."""
    standing: CorpusStanding | None = None

    def record(self, stage: str) -> StageRecord | None:
        """What is known of one stage."""
        return next((known for known in self.records if known.stage == stage), None)

    @property
    def final(self) -> StageRecord | None:
        """The last stage that ranked it."""
        return next((known for known in reversed(self.records) if known.rank is not None), None)


@dataclass(frozen=True, slots=True)
class _End:
    """Fate, the stage that decided it, and the margins."""

    fate: Fate
    lost_at: str | None = None
    places_short: int | None = None
    score_short: float | None = None
    margin: float | None = None


def biography(trace: Trace, doc_id: str, standing: CorpusStanding | None = None) -> Biography:
    """Follow one document through a trace, live or imported."""
    floor = _applied_floor(trace)
    end = _end(trace, doc_id, floor, standing)
    return Biography(
        doc_id=doc_id,
        fate=end.fate,
        records=tuple(_record(trace, ranking, doc_id) for ranking in trace.rankings),
        top_k=_top_k(trace),
        floor=floor,
        lost_at=end.lost_at,
        places_short=end.places_short,
        score_short=end.score_short,
        margin=end.margin,
        standing=standing,
    )


def _top_k(trace: Trace) -> int:
    return trace.top_k if trace.top_k is not None else 10


def _applied_floor(trace: Trace) -> Floor | None:
    """The floor, where it is on the scale of the order that stands."""
    floor, final = trace.floor, trace.final
    if floor is None or final is None or floor.score_scale != final.score_scale:
        return None
    if "floor_not_applied" in trace.attributes:
        return None
    return floor


def _record(trace: Trace, ranking: Ranking, doc_id: str) -> StageRecord:
    hit = ranking.hit(doc_id)
    shares: tuple[FusionShare, ...] = ()
    if ranking.stage == "fusion" and hit is not None:
        recipe = recipe_of(trace)
        shares = _shares(input_lists(trace), recipe, doc_id) if recipe is not None else ()
    return StageRecord(
        stage=ranking.stage,
        score_scale=ranking.score_scale,
        status=ranking.status,
        rank=hit.rank if hit is not None else None,
        score=hit.score if hit is not None else None,
        listed=len(ranking.hits),
        last_score=ranking.hits[-1].score if ranking.hits else None,
        shares=shares,
        details=hit.details if hit is not None else {},
    )


def _shares(lists: Sequence[Ranking], recipe: FusionRecipe, doc_id: str) -> tuple[FusionShare, ...]:
    found = ((ranking.stage, ranking.hit(doc_id)) for ranking in lists)
    return tuple(
        FusionShare(stage, hit.rank, recipe.weights.get(stage, 1.0), recipe.k, recipe.share(stage, hit.rank))
        for stage, hit in found
        if hit is not None and recipe.weights.get(stage, 1.0) > 0
    )


def _end(trace: Trace, doc_id: str, floor: Floor | None, standing: CorpusStanding | None) -> _End:
    """Walk back from the end to the stage that lost the document."""
    final, before = trace.final, trace.before
    hit = final.hit(doc_id) if final is not None else None
    if final is not None and hit is not None:
        return _end_of_ranked(trace, final, doc_id, floor)
    given = before.hit(doc_id) if before is not None else None
    if before is not None and given is not None:
        after = trace.after
        if after is not None and after.depth is not None and given.rank > after.depth:  # a cascade
            return _End("not_reranked", before.stage, places_short=given.rank - after.depth)
        return _End("not_reranked", "rerank")
    lists = input_lists(trace)
    fused = trace.ranking("fusion") or before
    if fused is not None and any(ranking.hit(doc_id) is not None for ranking in lists):
        return _End("fusion_cut", fused.stage, places_short=_places_behind(trace, fused, doc_id))
    return _end_of_missing(lists, standing)


def _end_of_ranked(trace: Trace, final: Ranking, doc_id: str, floor: Floor | None) -> _End:
    """Kept, or lost at the floor (applied first) or at K."""
    hit = final.by_id()[doc_id]
    score, top_k = hit.score, _top_k(trace)
    if doc_id in trace.kept:
        return _End("kept", margin=score - floor.value if floor is not None and score is not None else None)
    if floor is not None and (score is None or score < floor.value):
        return _End("below_floor", "floor", score_short=None if score is None else floor.value - score)
    cleared = [
        other.doc_id
        for other in final.hits
        if floor is None or (other.score is not None and other.score >= floor.value)
    ]
    place = cleared.index(doc_id) + 1
    if place > top_k and (trace.decision is not None or trace.top_k is not None):
        return _End("beyond_top_k", "top_k", places_short=place - top_k)
    return _End("undecided")


def _places_behind(trace: Trace, fused: Ranking, doc_id: str) -> int | None:
    """Places behind the fusion cut, recomputed from the lists where k is known."""
    recipe = recipe_of(trace)
    if fused.stage != "fusion" or recipe is None:
        return None
    hit = uncut_order(input_lists(trace), recipe).hit(doc_id)
    return hit.rank - len(fused.hits) if hit is not None and hit.rank > len(fused.hits) else None


def _end_of_missing(lists: Sequence[Ranking], standing: CorpusStanding | None) -> _End:
    """In no list: the corpus lookup says why, and which list came nearest."""
    if standing is not None and not standing.in_corpus:
        return _End("not_in_corpus")
    if standing is not None and standing.failed_filters:
        return _End("filtered_out", "filter")
    short: dict[str, int] = {}
    for ranking in lists:
        known = standing.stage(ranking.stage) if standing is not None else None
        if known is not None and known.rank is not None:
            short[ranking.stage] = known.rank - len(ranking.hits)
    if not short:
        return _End("not_retrieved", "retrieval")
    nearest = min(short, key=lambda stage: short[stage])
    return _End("not_retrieved", nearest, places_short=short[nearest])
