"""Traces of one query, made of orders and scores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, ModelInfo, PipelineInfo, Ranking, Trace

MODEL = ModelInfo("model-a", "r1", "float32", 512, "sigmoid")
OTHER = ModelInfo("model-b", "r9", "float32", 512, "sigmoid")


def made(
    fused: Sequence[str],
    scores: dict[str, float] | None,
    *,
    floor: float | None = 0.5,
    top_k: int = 2,
    model: ModelInfo | None = MODEL,
    status: str = "ok",
    scale: ScoreScale = ScoreScale.PROBABILITY,
    texts: str = "text of",
    **changes: Any,
) -> Trace:
    """A trace that fused these ids and gave those of ``scores`` these scores; decided as the floor says."""
    ordered = sorted(scores or {}, key=lambda doc_id: -(scores or {})[doc_id])
    lists = [_ranking("fusion", ScoreScale.RRF, [(doc_id, 1 / (60 + n)) for n, doc_id in enumerate(fused)])]
    if scores is not None:
        hits = [(doc_id, scores[doc_id]) for doc_id in ordered]
        lists.append(_ranking("rerank", scale, hits, ms=80.0, status=status))
    cleared = [doc_id for doc_id in ordered if floor is None or (scores or {})[doc_id] >= floor]
    kept = tuple(cleared[:top_k]) if scores is not None and status == "ok" else tuple(fused[:top_k])
    values: dict[str, Any] = {
        "trace_id": "one",
        "created_at": datetime(2026, 1, 31, tzinfo=UTC),
        "origin": "live",
        "query": Query("a query"),
        "rankings": tuple(lists),
        "pipeline": PipelineInfo("sha256:1", models={} if model is None else {"cross_encoder": model}),
        "floor": None if floor is None else Floor(floor, scale),
        "top_k": top_k,
        "kept": kept,
        "decision": "answer" if kept else "refuse",
        "documents": {doc_id: Document(doc_id, f"{texts} {doc_id}") for doc_id in fused},
    }
    return Trace(**{**values, **changes})


def _ranking(
    stage: str, scale: ScoreScale, hits: Sequence[tuple[str, float]], *, ms: float = 1.0, status: str = "ok"
) -> Ranking:
    ranked = tuple(Hit(doc_id, rank, score) for rank, (doc_id, score) in enumerate(hits, start=1))
    return Ranking(stage, scale, () if status.startswith(("skipped", "failed")) else ranked, ms, 50, status)
