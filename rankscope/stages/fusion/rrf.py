"""Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009).

A document's fused score is the sum over the lists of ``weight / (k + rank)``, ranks from 1. Only ranks
count, so lists on different score scales can be merged. Each list's share stays with the hit.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from rankscope.core.ordering import rank_by_score
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Ranking

__all__ = ["ReciprocalRankFusion"]


class ReciprocalRankFusion:
    """Fuses rankings by rank; ``weights`` by stage name, 1.0 where none is given, 0 leaves a list out."""

    def __init__(self, k: int = 60, weights: Mapping[str, float] | None = None) -> None:
        self.k = k
        self.weights = dict(weights or {})

    def fuse(self, rankings: Sequence[Ranking], depth: int) -> Ranking:
        """The best ``depth`` of the union of the lists, with ``rank:LIST`` and ``share:LIST`` details."""
        started = time.perf_counter()
        scores: dict[str, float] = {}
        details: dict[str, dict[str, float]] = {}
        for ranking in rankings:
            weight = self.weights.get(ranking.stage, 1.0)
            if weight == 0:
                continue
            for doc_id, hit in ranking.by_id().items():
                share = weight / (self.k + hit.rank)
                scores[doc_id] = scores.get(doc_id, 0.0) + share
                known = details.setdefault(doc_id, {})
                known[f"rank:{ranking.stage}"] = hit.rank
                known[f"share:{ranking.stage}"] = share
        hits = rank_by_score(scores.items(), depth=depth, details=details)
        return Ranking(
            stage="fusion",
            score_scale=ScoreScale.RRF,
            hits=hits,
            ms=(time.perf_counter() - started) * 1000,
            depth=depth,
            details={"union": len(scores), "cut": len(scores) - len(hits)},
        )
