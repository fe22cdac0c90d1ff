"""Traces made of lists of document ids, for measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Decision, Hit, Ranking, Trace

_SCALES = {"bm25": ScoreScale.BM25, "dense": ScoreScale.COSINE, "rerank": ScoreScale.PROBABILITY}


def ranking(stage: str, doc_ids: Sequence[str], status: str = "ok", ms: float | None = 1.0) -> Ranking:
    """A ranking whose scores are all the same: only the order may count."""
    hits = tuple(Hit(doc_id, rank, 0.5) for rank, doc_id in enumerate(doc_ids, start=1))
    return Ranking(stage, _SCALES.get(stage, ScoreScale.RRF), hits, ms=ms, status=status)


def trace(
    query_id: str,
    orders: Mapping[str, Sequence[str]],
    *,
    decision: Decision = "answer",
    statuses: Mapping[str, str] | None = None,
    ms: float | None = 1.0,
) -> Trace:
    """A trace of one query with these document ids in each stage."""
    return Trace(
        trace_id=f"t-{query_id}",
        created_at=datetime(2026, 1, 31, tzinfo=UTC),
        origin="live",
        query=Query(f"text of {query_id}", query_id=query_id),
        rankings=tuple(
            ranking(stage, ids, (statuses or {}).get(stage, "ok"), ms) for stage, ids in orders.items()
        ),
        decision=decision,
    )
