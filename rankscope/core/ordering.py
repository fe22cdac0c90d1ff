"""The only sort in RankScope: score descending, then document id, ranks from 1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from rankscope.core.trace import Hit
from rankscope.errors import TraceError

__all__ = ["rank_by_score"]


def rank_by_score(
    scores: Iterable[tuple[str, float]],
    *,
    depth: int | None = None,
    details: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[Hit, ...]:
    """Order ``(doc_id, score)`` pairs into hits, cut at ``depth``.

    Ties are broken by document id, so the same scores give the same order on every machine.
    Raises TraceError for a score that is NaN or infinite: no order exists for it.
    """
    pairs = list(scores)
    for doc_id, score in pairs:
        if not math.isfinite(score):
            raise TraceError(f"score of document {doc_id!r} is {score}, expected a finite number")
    pairs.sort(key=lambda pair: (-pair[1], pair[0]))
    known = details or {}
    return tuple(
        Hit(doc_id=doc_id, rank=rank, score=score, details=known.get(doc_id, {}))
        for rank, (doc_id, score) in enumerate(pairs[:depth], start=1)
    )
