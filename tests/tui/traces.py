"""Small traces with known ranks and scores, for the screen's pure parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, Ranking, Trace
from rankscope.engine.pipeline import finish

FUSED = ("a", "b", "c", "d", "e")
RERANKED = {"c": 0.9, "a": 0.6, "e": 0.4, "b": 0.3, "d": 0.1}


def fused(ids: Sequence[str] = FUSED) -> Ranking:
    """Document i stands at rank i in both lists, but the last one that BM25 did not return."""
    hits = []
    for rank, doc_id in enumerate(ids, start=1):
        share = 1 / (60 + rank)
        details = {} if doc_id == ids[-1] else {"rank:bm25": rank, "share:bm25": share}
        details |= {"rank:dense": rank, "share:dense": share}
        score = sum(value for key, value in details.items() if key.startswith("share:"))
        hits.append(Hit(doc_id, rank, score, details))
    return Ranking("fusion", ScoreScale.RRF, tuple(hits), ms=0.1, depth=50, details={"union": len(ids)})


def retrieved(stage: str, scale: ScoreScale, ids: Sequence[str], depth: int) -> Ranking:
    hits = tuple(Hit(doc_id, rank, 10.0 / rank) for rank, doc_id in enumerate(ids, start=1))
    return Ranking(stage, scale, hits, ms=1.0, depth=depth)


def reranked(scores: Mapping[str, float], status: str = "ok") -> Ranking:
    ordered = sorted(scores, key=lambda doc_id: -scores[doc_id])
    hits = tuple(Hit(doc_id, rank, scores[doc_id]) for rank, doc_id in enumerate(ordered, start=1))
    return Ranking("rerank", ScoreScale.PROBABILITY, hits, ms=200.0, depth=50, status=status)


def trace(
    *,
    scores: Mapping[str, float] | None = None,
    status: str = "ok",
    floor: float | None = 0.4,
    top_k: int = 10,
    texts: Mapping[str, str] | None = None,
    finished: bool = True,
) -> Trace:
    """BM25 cut at a to d, dense over a to e, fused in that order, reranked by ``scores``."""
    rankings = [
        retrieved("bm25", ScoreScale.BM25, FUSED[:-1], depth=4),
        retrieved("dense", ScoreScale.COSINE, FUSED, depth=100),
        fused(),
    ]
    if scores is not None or status != "ok":
        rankings.append(reranked(scores or {}, status))
    made = Trace(
        trace_id="0190a",
        created_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
        origin="live",
        query=Query("which one"),
        rankings=tuple(rankings),
        top_k=top_k,
        floor=None if floor is None else Floor(floor, ScoreScale.PROBABILITY),
        documents={
            doc_id: Document(doc_id, (texts or {}).get(doc_id, f"Text of {doc_id}."), title=f"Title {doc_id}")
            for doc_id in FUSED
        },
    )
    return finish(made) if finished else made


def with_details(made: Trace, doc_id: str, **details: float) -> Trace:
    """The trace with more known about one reranked hit."""
    after = made.ranking("rerank")
    assert after is not None
    hits = tuple(
        replace(hit, details={**hit.details, **details}) if hit.doc_id == doc_id else hit
        for hit in after.hits
    )
    return made.with_ranking(replace(after, hits=hits))
