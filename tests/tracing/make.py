"""Plain traces for tests that are not about hostile text."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, Ranking, Trace

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


def make_trace(number: int = 0, *, candidates: int = 4, **changes: Any) -> Trace:
    """Trace ``trace-000007`` and so on, a minute apart: fused in id order, reranked in a drawn one."""
    draw = random.Random(number)
    ids = [f"doc-{place}" for place in range(1, candidates + 1)]
    fused = tuple(Hit(doc_id, rank, 1 / (60 + rank)) for rank, doc_id in enumerate(ids, start=1))
    order = draw.sample(ids, candidates)
    scored = tuple(
        Hit(doc_id, rank, 1 / (1 + rank), {"logit": -rank / 2}) for rank, doc_id in enumerate(order, start=1)
    )
    values: dict[str, Any] = {
        "trace_id": f"trace-{number:06}",
        "created_at": START + timedelta(minutes=number),
        "origin": "live",
        "query": Query(f"query number {number}"),
        "rankings": (
            Ranking("fusion", ScoreScale.RRF, fused, ms=1.5, depth=50),
            Ranking("rerank", ScoreScale.PROBABILITY, scored, ms=100.0 + number, depth=50),
        ),
        "floor": Floor(0.3, ScoreScale.PROBABILITY),
        "top_k": 2,
        "kept": tuple(order[:2]),
        "decision": "answer",
        "documents": {doc_id: Document(doc_id, f"text of {doc_id}", "", {"year": 2024}) for doc_id in ids},
    }
    return Trace(**{**values, **changes})
