"""The gate: when the first stage speaks clearly enough that the reranker is not called."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from rankscope.core.counting import counted
from rankscope.core.trace import Ranking, Trace

__all__ = ["GAP_RANK", "Gate", "RecentCandidates", "first_stage_gap"]

GAP_RANK = 10


def first_stage_gap(ranking: Ranking | None) -> float | None:
    """Score at rank 1 minus score at rank 10, on the list's own scale.

    None for a shorter list, one that did not run to its end, or one without scores.
    """
    if ranking is None or ranking.status != "ok" or len(ranking.hits) < GAP_RANK:
        return None
    first, tenth = ranking.hits[0].score, ranking.hits[GAP_RANK - 1].score
    return None if first is None or tenth is None else first - tenth


class RecentCandidates:
    """What the query before was and which candidates it had. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[str, frozenset[str]] | None = None

    def follows(self, query: str, doc_ids: Sequence[str]) -> bool:
        """Whether another query right before had just these candidates; this one is remembered then."""
        candidates = frozenset(doc_ids)
        with self._lock:
            before, self._last = self._last, (query, candidates)
        return before is not None and before[0] != query and before[1] == candidates


@dataclass(frozen=True, slots=True)
class Gate:
    """When to skip. Every part is off by its default.

    The same query again is no follow-up: it gets the same result as before.
    """

    gap: float = 0.0
    """Least lead of rank 1 over rank 10 that is clear enough; 0 is off."""
    signal: str = "fusion"
    """Stage whose scores the lead is taken from."""
    few: int = 0
    """Most candidates that are too few to be worth a call."""
    follow_up: bool = False
    recent: RecentCandidates = field(default_factory=RecentCandidates, compare=False, repr=False)

    def reason(self, trace: Trace, candidates: Ranking, top_k: int) -> str:
        """Why the reranker is not called for the ``candidates`` of a trace; empty where it is.

        No more than ``top_k`` candidates need no new order; 0 says that their scores are needed.
        """
        count = len(candidates.hits)
        follows = self.follow_up and self.recent.follows(trace.query.text, candidates.doc_ids)
        if not count:
            return "there are no candidates"
        if count <= top_k:
            return f"{counted(count, 'candidate is', 'candidates are')} no more than K={top_k}"
        if count <= self.few:
            return f"{counted(count, 'candidate is', 'candidates are')} no more than the gate's {self.few}"
        gap = first_stage_gap(trace.ranking(self.signal)) if self.gap > 0 else None
        if gap is not None and gap >= self.gap:
            lead = f"rank 1 of {self.signal} leads rank {GAP_RANK} by {gap:.4g}"
            return f"{lead}, the gate's {self.gap:.4g} or more"
        if follows:
            return "the same candidates as the query before"
        return ""
