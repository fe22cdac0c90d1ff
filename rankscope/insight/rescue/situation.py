"""One document under one setup: where it stands, and whether another setup keeps it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rankscope.core.trace import Floor, Ranking
from rankscope.insight.rescue.change import Change
from rankscope.insight.rescue.paper_run import Outcome, Probe, Setup, cut, outcome_of

__all__ = ["LARGEST_DEPTH", "Situation", "on_grid"]

LARGEST_DEPTH = 10_000
"""No N, K or depth beyond this is proposed."""


class Situation:
    """Where a document stands under the present setup, and what another setup would make of it."""

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
        self.fused_rank = self.fused_rank_under(setup)
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

    def fused_rank_under(self, setup: Setup) -> int | None:
        """Its rank in the fused order before the cut, None where no list holds it."""
        return self.fused_rank_in(cut(self.probe.lists, setup.depth), setup.rrf_k, setup.weights)

    def fused_rank_in(self, lists: Sequence[Ranking], rrf_k: int, weights: Mapping[str, float]) -> int | None:
        """Its rank among these lists fused, without building the order."""
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

    def keeps(self, setup: Setup) -> Outcome | None:
        """The outcome of a setup, if it keeps the document without switching the reranker off."""
        outcome = outcome_of(self.probe, setup)
        switched_off = self.now.reranked and not outcome.reranked
        return outcome if self.doc_id in outcome.kept and not switched_off else None

    def change(self, setting: str, now: float, to: float, step: float, setup: Setup) -> Change | None:
        """What this setting does to the result; None where it does not keep the document."""
        outcome = self.keeps(setup)
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

    def hopeless(self) -> bool:
        """Whether it would be below the floor even as a candidate."""
        return self.now.reranked and not self.clears

    def barred(self) -> bool:
        """Whether the document is not among those that fusion lets through, and could be kept if it were."""
        return (self.fused_rank is None or self.fused_rank > self.bar) and not self.hopeless()


def on_grid(units: int, step: float) -> float:
    """``units * step`` without the dust of binary fractions."""
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return round(units * step, digits)
