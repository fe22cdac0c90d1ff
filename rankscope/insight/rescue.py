"""The smallest single change of a setting that brings a document into the result, and whom it displaces.

The pipeline is run again on paper, from lists without a cut: fusion, rerank scores, floor and K by the
same rules as :mod:`rankscope.engine.pipeline`. Each change that is found was tried; the step before it
does not keep the document.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rankscope.core.ordering import rank_by_score
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Ranking
from rankscope.errors import ScaleError
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from rankscope.stages.threshold.relevance_floor import apply_floor

__all__ = ["Change", "Outcome", "Probe", "Rescue", "Setup", "outcome_of", "rescue"]

LARGEST_DEPTH = 10_000
NEAR_DEPTHS = 1_000
"""So many depths beyond the present one are tried one by one."""
LARGEST_RRF_K = 1_000
LARGEST_WEIGHT = 100.0
WEIGHT_STEP = 0.01
"""Weights are tried in steps of this size."""


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


@dataclass(frozen=True, slots=True)
class Change:
    """One setting with another value, and what that does to the result."""

    setting: str
    """As in rankscope.toml, such as ``retrieval.candidates``."""
    now: float
    to: float
    step: float
    """The setting's grid: ``to`` less this step (towards ``now``) does not keep the document."""
    rank: int
    """The document's rank in the result."""
    displaced: tuple[str, ...]
    """Documents that were kept and no longer are."""
    entered: tuple[str, ...]
    """Other documents that come in with it."""

    @property
    def size(self) -> float:
        """How large the change is, as a part of the setting's present value."""
        return abs(self.to - self.now) / max(abs(self.now), 1e-9)


@dataclass(frozen=True, slots=True)
class Rescue:
    """The changes that bring a document in, smallest first; without any, what stands in its way."""

    doc_id: str
    kept: bool
    """Whether it is in the result as things stand."""
    changes: tuple[Change, ...] = ()
    obstacles: tuple[str, ...] = ()
    """Where no single change helps: what would have to change together, or what cannot."""


def outcome_of(probe: Probe, setup: Setup) -> Outcome:
    """Fuse, rerank, apply floor and K on paper, as the pipeline does."""
    fuser = ReciprocalRankFusion(setup.rrf_k, setup.weights)
    fused = fuser.fuse(_cut(probe.lists, setup.depth), setup.candidates)
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


def _cut(lists: Sequence[Ranking], depth: int) -> list[Ranking]:
    return [replace(ranking, hits=ranking.hits[:depth]) for ranking in lists]


def rescue(probe: Probe, setup: Setup, doc_id: str) -> Rescue:
    """Try N, the depth of the lists, RRF's k, each list's weight, the floor and K, one at a time.

    Changes that would make the pipeline skip reranking do not count. k, weights and depth are tried for a
    document that is not among the candidates: they decide who is.
    """
    search = _Search(probe, setup, doc_id)
    if doc_id in search.now.kept:
        return Rescue(doc_id, kept=True)
    found = [
        change
        for change in (
            search.floor_change(),
            search.top_k_change(),
            search.candidates_change(),
            search.depth_change(),
            search.rrf_k_change(),
            *(search.weight_change(ranking.stage) for ranking in probe.lists),
        )
        if change is not None
    ]
    found.sort(key=lambda change: (change.size, change.setting))
    return Rescue(doc_id, False, tuple(found), () if found else search.obstacles())


class _Search:
    """Tries changes of one setup for one document."""

    def __init__(self, probe: Probe, setup: Setup, doc_id: str) -> None:
        self.probe = probe
        self.setup = setup
        self.doc_id = doc_id
        self.now = outcome_of(probe, setup)
        self.score = self._own_score()
        self.ranks = {
            ranking.stage: hit.rank
            for ranking in probe.lists
            if setup.weights.get(ranking.stage, 1.0) > 0 and (hit := ranking.hit(doc_id)) is not None
        }
        self.fused_rank = self._fused_rank(setup)
        # Without a reranker the fused order is the result, so K is a bar as well as N.
        has_reranker = probe.score is not None
        self.bar = setup.candidates if has_reranker else min(setup.candidates, setup.top_k)

    def _own_score(self) -> float | None:
        """The document's score in the order that stands, or the one it would have there."""
        hit = self.now.final.hit(self.doc_id)
        if hit is not None:
            return hit.score
        return None if self.probe.score is None else self.probe.score([self.doc_id]).get(self.doc_id)

    @property
    def floor(self) -> Floor | None:
        """The floor, where it is applied."""
        floor = self.setup.floor
        return floor if floor is not None and floor.score_scale == self.now.final.score_scale else None

    @property
    def clears(self) -> bool:
        """Whether the reranker's score reaches the floor; without a score nothing is known against it."""
        return self.floor is None or self.score is None or self.score >= self.floor.value

    @property
    def is_candidate(self) -> bool:
        """Whether fusion passes it on."""
        return self.now.final.hit(self.doc_id) is not None

    # Trying

    def _fused_rank(self, setup: Setup) -> int | None:
        """Its rank in the fused order before the cut, None where no list holds it."""
        return self._fused_rank_in(_cut(self.probe.lists, setup.depth), setup.rrf_k, setup.weights)

    def _fused_rank_in(
        self, lists: Sequence[Ranking], rrf_k: int, weights: Mapping[str, float]
    ) -> int | None:
        scores: dict[str, float] = {}
        for ranking in lists:
            weight = weights.get(ranking.stage, 1.0)
            if weight > 0:
                for hit in ranking.hits:
                    scores[hit.doc_id] = scores.get(hit.doc_id, 0.0) + weight / (rrf_k + hit.rank)
        own = scores.get(self.doc_id)
        if own is None:
            return None
        ahead = sum(score > own or (score == own and other < self.doc_id) for other, score in scores.items())
        return ahead + 1

    def _keeps(self, setup: Setup) -> Outcome | None:
        """The outcome of a setup, if it keeps the document without switching the reranker off."""
        outcome = outcome_of(self.probe, setup)
        switched_off = self.now.reranked and not outcome.reranked
        return outcome if self.doc_id in outcome.kept and not switched_off else None

    def _change(self, setting: str, now: float, to: float, step: float, setup: Setup) -> Change | None:
        outcome = self._keeps(setup)
        if outcome is None:
            return None
        before, after = set(self.now.kept), set(outcome.kept)
        return Change(
            setting=setting,
            now=now,
            to=to,
            step=step,
            rank=outcome.kept.index(self.doc_id) + 1,
            displaced=tuple(doc_id for doc_id in self.now.kept if doc_id not in after),
            entered=tuple(d for d in outcome.kept if d not in before and d != self.doc_id),
        )

    # Floor and K

    def floor_change(self) -> Change | None:
        """Lower the floor to just below the document's score, on a grid of four figures."""
        if self.floor is None or not self.is_candidate or self.clears or self.score is None:
            return None
        step = 10.0 ** (math.floor(math.log10(abs(self.score))) - 3) if self.score else 1e-4
        units = math.floor(self.score / step + 1e-6)
        value = _on_grid(units, step)
        if value > self.score:  # the dust that was forgiven was not dust
            value = _on_grid(units - 1, step)
        changed = replace(self.setup, floor=replace(self.floor, value=value))
        return self._change("floor.value", self.floor.value, value, step, changed)

    def top_k_change(self) -> Change | None:
        """Raise K to the document's place among those that reach the floor."""
        if self.doc_id not in self.now.cleared:
            return None
        place = self.now.cleared.index(self.doc_id) + 1
        if place <= self.setup.top_k or place > LARGEST_DEPTH:
            return None
        return self._change("floor.top_k", self.setup.top_k, place, 1, replace(self.setup, top_k=place))

    # N and what decides who is among the N

    def candidates_change(self) -> Change | None:
        """Raise N to the document's fused rank, or lower it to leave out rivals that outrank it later."""
        now = self.setup.candidates
        to = self.fused_rank if not self.is_candidate else self._fewer_candidates()
        if to is None or to == now or to > LARGEST_DEPTH or (not self.is_candidate and self._hopeless()):
            return None
        return self._change("retrieval.candidates", now, to, 1, replace(self.setup, candidates=to))

    def _fewer_candidates(self) -> int | None:
        """The largest N that leaves fewer than K better documents among the candidates."""
        if not self.now.reranked or self.doc_id not in self.now.cleared or self.fused_rank is None:
            return None
        fuser = ReciprocalRankFusion(self.setup.rrf_k, self.setup.weights)
        order = fuser.fuse(_cut(self.probe.lists, self.setup.depth), self.setup.candidates).by_id()
        ahead = self.now.cleared[: self.now.cleared.index(self.doc_id)]
        places = sorted(order[doc_id].rank for doc_id in ahead)
        if len(places) < self.setup.top_k:
            return None
        to = places[self.setup.top_k - 1] - 1
        return to if to >= self.fused_rank else None

    def _hopeless(self) -> bool:
        """Whether it would be below the floor even as a candidate."""
        return self.now.reranked and not self.clears

    def _barred(self) -> bool:
        """Whether the document is not among those that fusion lets through, and could be kept if it were."""
        return (self.fused_rank is None or self.fused_rank > self.bar) and not self._hopeless()

    def depth_change(self) -> Change | None:
        """The smallest depth of the lists at which it is kept.

        Far down only its own ranks are tried: between them a deeper list adds to the others' scores alone.
        """
        if not self._barred() or not self.ranks:
            return None
        deepest = min(max(len(ranking.hits) for ranking in self.probe.lists), LARGEST_DEPTH)
        near = range(self.setup.depth + 1, min(deepest, self.setup.depth + NEAR_DEPTHS) + 1)
        far = (rank for rank in self.ranks.values() if near.stop <= rank <= deepest)
        for depth in (*near, *sorted(far)):
            if depth < min(self.ranks.values()):
                continue
            changed = replace(self.setup, depth=depth)
            rank = self._fused_rank(changed)
            if rank is not None and rank <= self.bar:
                change = self._change("retrieval.depth", self.setup.depth, depth, 1, changed)
                if change is not None:
                    return change
        return None

    def rrf_k_change(self) -> Change | None:
        """The whole k nearest to the present one."""
        if not self._barred() or self.fused_rank is None:
            return None
        now = self.setup.rrf_k
        lists = _cut(self.probe.lists, self.setup.depth)
        for k in sorted(range(LARGEST_RRF_K + 1), key=lambda value: (abs(value - now), value)):
            rank = self._fused_rank_in(lists, k, self.setup.weights)
            if k != now and rank is not None and rank <= self.bar:
                change = self._change("retrieval.rrf_k", now, k, 1, replace(self.setup, rrf_k=k))
                if change is not None:
                    return change
        return None

    def weight_change(self, stage: str) -> Change | None:
        """The weight of one list nearest to the present one, in steps of a hundredth."""
        now = self.setup.weights.get(stage, 1.0)
        if not self._barred() or self.fused_rank is None or now <= 0:
            return None
        lists = _cut(self.probe.lists, self.setup.depth)
        for start in self._weights_to_try(lists, stage, now):
            units = start
            weights = self._weights(stage, units)
            rank = self._fused_rank_in(lists, self.setup.rrf_k, weights)
            if rank is None or rank > self.bar or self._keeps(self._weighted(weights)) is None:
                continue
            nearer = -1 if units * WEIGHT_STEP > now else 1
            # Rivals that change places with each other can let it in a step or two earlier.
            while self._keeps(self._weighted(self._weights(stage, units + nearer))) is not None:
                units += nearer
            weights = self._weights(stage, units)
            name = f"retrieval.{stage}_weight"
            return self._change(name, now, weights[stage], WEIGHT_STEP, self._weighted(weights))
        return None

    def _weights(self, stage: str, units: int) -> dict[str, float]:
        return {**self.setup.weights, stage: _on_grid(units, WEIGHT_STEP)}

    def _weighted(self, weights: Mapping[str, float]) -> Setup:
        return replace(self.setup, weights=weights)

    def _weights_to_try(self, lists: Sequence[Ranking], stage: str, now: float) -> Iterator[int]:
        """Grid points next to the weights at which the document draws level with a rival, nearest first.

        Both scores are linear in the weight, so between two such weights its fused rank stands still.
        """
        inside: dict[str, float] = {}
        outside: dict[str, float] = {}
        for ranking in lists:
            table = inside if ranking.stage == stage else outside
            weight = 1.0 if ranking.stage == stage else self.setup.weights.get(ranking.stage, 1.0)
            for hit in ranking.hits:
                table[hit.doc_id] = table.get(hit.doc_id, 0.0) + weight / (self.setup.rrf_k + hit.rank)
        own_slope, own_rest = inside.get(self.doc_id, 0.0), outside.get(self.doc_id, 0.0)
        points: set[int] = set()
        for rival in {*inside, *outside} - {self.doc_id}:
            slope = own_slope - inside.get(rival, 0.0)
            if slope == 0:
                continue
            level = (outside.get(rival, 0.0) - own_rest) / slope / WEIGHT_STEP
            if 0 < level * WEIGHT_STEP <= LARGEST_WEIGHT:
                points.update((math.floor(level), math.floor(level) + 1, math.ceil(level) - 1))
        present = now / WEIGHT_STEP
        usable = (units for units in points if units > 0 and abs(units - present) > 1e-6)
        return iter(sorted(usable, key=lambda units: (abs(units - present), units)))

    # What stands in the way

    def obstacles(self) -> tuple[str, ...]:
        """Everything that one change alone does not overcome."""
        found: list[str] = []
        if not self.ranks:
            found.append("no list holds it at any depth")
        elif self.fused_rank is None:
            best = min(self.ranks, key=lambda stage: self.ranks[stage])
            found.append(f"it is at {self.ranks[best]} in {best}, the lists end at {self.setup.depth}")
        elif self.fused_rank > self.bar:
            found.append(f"it is at {self.fused_rank} after fusion, {self.bar} go on")
        if not self.clears and self.floor is not None and self.score is not None:
            found.append(f"it scores {self.score:.4g}, below the floor {self.floor.value:g}")
        ahead = self._better()
        if ahead >= self.setup.top_k:
            found.append(f"{ahead} candidates score higher, K is {self.setup.top_k}")
        return tuple(found)

    def _better(self) -> int:
        """Candidates that would stand above it in the order that stands."""
        if self.score is None:
            return 0
        return sum(
            hit.doc_id != self.doc_id and hit.score is not None and hit.score > self.score
            for hit in self.now.final.hits
        )


def _on_grid(units: int, step: float) -> float:
    """``units * step`` without the dust of binary fractions."""
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return round(units * step, digits)
