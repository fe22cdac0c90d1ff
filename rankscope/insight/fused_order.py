"""The arithmetic of a recorded fusion: which k and weights explain it, and what stood beyond the cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rankscope.core.ordering import rank_by_score
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Ranking, Trace

__all__ = ["FusionRecipe", "Mismatch", "fused_scores", "input_lists", "mismatch", "recipe_of", "uncut_order"]


@dataclass(frozen=True, slots=True)
class FusionRecipe:
    """Reciprocal rank fusion as a trace recorded it, or as its scores reveal it."""

    k: float
    weights: Mapping[str, float] = field(default_factory=dict)
    """By list; 1.0 where none is given, 0 leaves a list out."""
    source: Literal["recorded", "inferred"] = "recorded"

    def share(self, stage: str, rank: int) -> float:
        """What one list's rank (from 1) adds to the fused score."""
        return self.weights.get(stage, 1.0) / (self.k + rank)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first way in which a recorded fused list is not the fusion of the recorded lists."""

    kind: Literal["unlisted", "score", "order", "left_out"]
    doc_ids: tuple[str, ...]
    recorded: float | None = None
    computed: float | None = None


def input_lists(trace: Trace) -> tuple[Ranking, ...]:
    """The complete lists that stand ahead of fusion; all first-stage lists when nothing was fused."""
    lists = []
    for ranking in trace.rankings:
        if ranking.stage in ("fusion", "rerank"):
            break
        if ranking.ran:
            lists.append(ranking)
    return tuple(lists)


def recipe_of(trace: Trace) -> FusionRecipe | None:
    """k and weights from the trace's settings, else the k that its scores reveal, else None."""
    retrieval = trace.pipeline.settings.get("retrieval")
    known = retrieval if isinstance(retrieval, Mapping) else {}
    k = known.get("rrf_k")
    if isinstance(k, int | float) and not isinstance(k, bool) and k >= 0:
        weights = {
            key.removesuffix("_weight"): float(value)
            for key, value in known.items()
            if key.endswith("_weight") and isinstance(value, int | float)
        }
        return FusionRecipe(float(k), weights)
    fused = trace.ranking("fusion")
    return None if fused is None else inferred_recipe(fused, input_lists(trace))


def inferred_recipe(fused: Ranking, lists: Sequence[Ranking]) -> FusionRecipe | None:
    """The whole k that reproduces the recorded list with equal weights, solved from its first scores.

    None when there is none. Where scores are unknown only the customary 60 is tried.
    """
    if fused.score_scale not in (ScoreScale.RRF, ScoreScale.UNKNOWN):
        return None
    found: dict[str, list[int]] = {}
    for ranking in lists:
        for doc_id, hit in ranking.by_id().items():
            found.setdefault(doc_id, []).append(hit.rank)
    candidates = {60}
    for hit in fused.hits[:3]:
        ranks = found.get(hit.doc_id, [])
        if hit.score is not None and hit.score > 0 and ranks:
            guess = _solve_for_k(hit.score, ranks)
            candidates.update((guess - 1, guess, guess + 1))
    recipes = [FusionRecipe(float(k), source="inferred") for k in candidates if k >= 0]
    # The nearest first: a score such as 0.08 may be exact, or rounded from what another k gives.
    recipes.sort(key=lambda recipe: (_distance(fused, lists, recipe), recipe.k != 60, recipe.k))
    return next((recipe for recipe in recipes if mismatch(fused, lists, recipe) is None), None)


def _distance(fused: Ranking, lists: Sequence[Ranking], recipe: FusionRecipe) -> float:
    """How far the recorded scores lie from those that the recipe gives, all together."""
    computed = fused_scores(lists, recipe)
    return sum(
        abs(hit.score - computed[hit.doc_id])
        for hit in fused.hits
        if hit.score is not None and hit.doc_id in computed
    )


def _solve_for_k(score: float, ranks: Sequence[int]) -> int:
    """The whole k nearest to the root of sum(1 / (k + rank)) = score, which falls as k rises."""
    low, high = -1, 1_000_000
    while high - low > 1:
        middle = (low + high) // 2
        if sum(1 / (middle + rank) for rank in ranks) >= score:
            low = middle
        else:
            high = middle
    return low


def fused_scores(lists: Sequence[Ranking], recipe: FusionRecipe) -> dict[str, float]:
    """Every document of the lists with its fused score."""
    scores: dict[str, float] = {}
    for ranking in lists:
        weight = recipe.weights.get(ranking.stage, 1.0)
        if weight == 0:
            continue
        for doc_id, hit in ranking.by_id().items():
            scores[doc_id] = scores.get(doc_id, 0.0) + weight / (recipe.k + hit.rank)
    return scores


def uncut_order(lists: Sequence[Ranking], recipe: FusionRecipe) -> Ranking:
    """The fused order without the cut at N."""
    hits = rank_by_score(fused_scores(lists, recipe).items())
    return Ranking(stage="fusion", score_scale=ScoreScale.RRF, hits=hits)


def mismatch(fused: Ranking, lists: Sequence[Ranking], recipe: FusionRecipe) -> Mismatch | None:
    """How the fused list differs from what the recipe makes of the lists; None when it does not.

    Documents with equal scores may stand in any order. Scores that were rounded when they were recorded are
    compared as rounded.
    """
    computed = fused_scores(lists, recipe)
    unlisted = tuple(hit.doc_id for hit in fused.hits if hit.doc_id not in computed)
    if unlisted:
        return Mismatch("unlisted", unlisted)
    rounding = 0.0
    for hit in fused.hits:
        difference = 0.0 if hit.score is None else abs(hit.score - computed[hit.doc_id])
        if difference > 1e-9 and hit.score is not None:
            rounding = rounding or _rounding(fused)
            if difference > rounding:
                return Mismatch("score", (hit.doc_id,), hit.score, computed[hit.doc_id])
    lowest = float("inf")
    for hit in fused.hits:
        if computed[hit.doc_id] > lowest + 1e-12 + rounding:
            return Mismatch("order", (hit.doc_id,))
        lowest = min(lowest, computed[hit.doc_id])
    return _left_out(fused, computed, lowest)


def _left_out(fused: Ranking, computed: Mapping[str, float], lowest: float) -> Mismatch | None:
    """Documents that should have made the cut, best first."""
    held = set(fused.doc_ids)
    if len(held) == len(computed):
        return None
    short = fused.depth is not None and len(held) < fused.depth
    missing = [
        doc_id
        for doc_id, score in computed.items()
        if doc_id not in held and (short or score > lowest + 1e-12)
    ]
    if not missing:
        return None
    missing.sort(key=lambda doc_id: (-computed[doc_id], doc_id))
    return Mismatch("left_out", tuple(missing))


def _rounding(fused: Ranking) -> float:
    """Half a unit of the last decimal that any recorded score has (with a little room)."""
    digits = 0
    for hit in fused.hits:
        text = f"{hit.score:.12f}".rstrip("0") if hit.score is not None else ""
        digits = max(digits, len(text.partition(".")[2]))
    return max(0.51 * 10.0**-digits, 1e-9)
