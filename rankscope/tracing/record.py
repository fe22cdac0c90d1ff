"""A trace as plain columns, ready for rows.

A Trace makes an object of every hit and document, which is right for everything that reads them, and most
of the cost of storing one. The recorder goes from its draft straight to this shape; a Trace is turned into
it; the row writer knows nothing else. Columns let the interpreter's own loops do the work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import sub
from typing import Any, TypeAlias, TypeVar

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Decision, Finding, Floor, Hit, PipelineInfo, Ranking, Trace
from rankscope.errors import TraceError

__all__ = ["Content", "RankingRecord", "TraceRecord", "record_of", "trace_of"]

_N = TypeVar("_N", int, float)

Content: TypeAlias = str | tuple[str, str, Mapping[str, Any]]
"""A text alone, or title, text and metadata."""


@dataclass(slots=True)
class RankingRecord:
    """One stage's list."""

    stage: str
    score_scale: str
    ms: float | None
    depth: int | None
    status: str
    details: Mapping[str, Any]
    doc_ids: Sequence[str]
    ranks: Sequence[int]
    scores: Sequence[float | None]
    hit_details: Sequence[Mapping[str, float]] | None = None
    """Beside the three columns above; None where no hit has any."""

    @property
    def ran(self) -> bool:
        """Whether the stage produced an order of its own, complete or partial."""
        return self.status in ("ok", "partial")


@dataclass(slots=True)
class TraceRecord:
    """One trace; ``whole`` makes the Trace, for the rare comparison with a stored one."""

    trace_id: str
    created_at: datetime
    origin: str
    parent_id: str | None
    query: Query
    pipeline: PipelineInfo
    rankings: Sequence[RankingRecord]
    floor: Floor | None
    top_k: int | None
    kept: Sequence[str]
    decision: Decision | None
    findings: Sequence[Finding]
    contents: Mapping[str, Content]
    attributes: Mapping[str, Any]
    whole: Callable[[], Trace]

    @property
    def total_ms(self) -> float | None:
        """Sum of the known stage times; None when no stage was timed."""
        times = [ranking.ms for ranking in self.rankings if ranking.ms is not None]
        return sum(times) if times else None

    def before_and_after(self) -> tuple[RankingRecord | None, RankingRecord | None]:
        """The order that the reranker was given and the one that it gave, as a Trace defines them."""
        stages = [ranking.stage for ranking in self.rankings]
        place = stages.index("rerank") if "rerank" in stages else len(stages)
        before = [ranking for ranking in self.rankings[:place] if ranking.ran]
        after = [ranking for ranking in self.rankings[place : place + 1] if ranking.ran]
        return (before[-1] if before else None), (after[0] if after else None)

    def top(self) -> tuple[str | None, float | None]:
        """First document of the order that stands, and its score."""
        before, after = self.before_and_after()
        final = after if after is not None and after.status == "ok" else before
        return (final.doc_ids[0], final.scores[0]) if final is not None and final.doc_ids else (None, None)

    def biggest_move(self) -> tuple[str | None, int | None]:
        """The document that the reranker moved furthest, and by how many places (positive: up).

        Of equal moves the best ranked wins. ``(None, None)`` where nothing was reranked.
        """
        before, after = self.before_and_after()
        if before is None or after is None:
            return None, None
        # From the end, so that an id that an import repeats keeps its best rank.
        places = dict(zip(reversed(before.doc_ids), reversed(before.ranks), strict=True))
        if places.keys().isdisjoint(after.doc_ids):
            return None, None
        # A document that only came in counts as not moved; where nothing moved, any shared one will do.
        moves = list(map(sub, map(places.get, after.doc_ids, after.ranks), after.ranks))
        lengths = list(map(abs, moves))
        furthest = max(lengths)
        if furthest == 0:
            return next(doc_id for doc_id in after.doc_ids if doc_id in places), 0
        place = lengths.index(furthest)
        return after.doc_ids[place], moves[place]


def record_of(trace: Trace) -> TraceRecord:
    """The record of a trace. Raises TraceError where a document stands under another's id.

    Its numbers are Python's own: SQLite would store those of numpy as bytes without a word.
    """
    contents: dict[str, Content] = {}
    for doc_id, document in trace.documents.items():
        if document.doc_id != doc_id:
            raise TraceError(f"documents[{doc_id!r:.60}] holds document {document.doc_id!r:.60}.")
        contents[doc_id] = (document.title, document.text, document.metadata)
    rankings = [
        RankingRecord(
            stage=ranking.stage,
            score_scale=ranking.score_scale.value,
            ms=_number(ranking.ms, float),
            depth=_number(ranking.depth, int),
            status=ranking.status,
            details=ranking.details,
            doc_ids=ranking.doc_ids,
            ranks=[int(hit.rank) for hit in ranking.hits],
            scores=[None if hit.score is None else float(hit.score) for hit in ranking.hits],
            hit_details=[hit.details for hit in ranking.hits]
            if any(hit.details for hit in ranking.hits)
            else None,
        )
        for ranking in trace.rankings
    ]
    return TraceRecord(
        trace_id=trace.trace_id,
        created_at=trace.created_at,
        origin=trace.origin,
        parent_id=trace.parent_id,
        query=trace.query,
        pipeline=trace.pipeline,
        rankings=rankings,
        floor=None if trace.floor is None else replace(trace.floor, value=float(trace.floor.value)),
        top_k=_number(trace.top_k, int),
        kept=trace.kept,
        decision=trace.decision,
        findings=trace.findings,
        contents=contents,
        attributes=trace.attributes,
        whole=lambda: trace,
    )


def _number(value: Any, kind: Callable[[Any], _N]) -> _N | None:
    return None if value is None else kind(value)


def trace_of(record: TraceRecord) -> Trace:
    """The trace of a record. Raises TraceError where it breaks the model."""
    rankings = []
    for ranking in record.rankings:
        details = ranking.hit_details or [{}] * len(ranking.doc_ids)
        hits = map(Hit, ranking.doc_ids, ranking.ranks, ranking.scores, details)
        rankings.append(
            Ranking(
                stage=ranking.stage,
                score_scale=ScoreScale(ranking.score_scale),
                hits=tuple(hits),
                ms=ranking.ms,
                depth=ranking.depth,
                status=ranking.status,
                details=ranking.details,
            )
        )
    return Trace(
        trace_id=record.trace_id,
        created_at=record.created_at,
        origin=record.origin,
        parent_id=record.parent_id,
        query=record.query,
        pipeline=record.pipeline,
        rankings=tuple(rankings),
        floor=record.floor,
        top_k=record.top_k,
        kept=tuple(record.kept),
        decision=record.decision,
        findings=tuple(record.findings),
        documents={doc_id: _document(doc_id, content) for doc_id, content in record.contents.items()},
        attributes=record.attributes,
    )


def _document(doc_id: str, content: Content) -> Document:
    if isinstance(content, str):
        return Document(doc_id, content)
    title, text, metadata = content
    return Document(doc_id, text, title, metadata)
