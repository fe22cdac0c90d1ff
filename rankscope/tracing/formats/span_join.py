"""Spans of one request become one trace: by trace id, by parent, and rerankers by their documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from rankscope.core.documents import Query
from rankscope.core.trace import ModelInfo, Trace
from rankscope.tracing.formats.assemble import Candidate, Draft
from rankscope.tracing.formats.identity import TraceIds, content_id
from rankscope.tracing.formats.importer import ImportOptions
from rankscope.tracing.formats.retrieval_span import RetrievalSpan, stage_of
from rankscope.tracing.formats.span_requests import Request
from rankscope.tracing.formats.values import as_id

__all__ = ["build_trace"]


def build_trace(
    request: Request, ids: TraceIds, options: ImportOptions, fallback: datetime, source: Mapping[str, Any]
) -> Trace:
    """The trace of one request: a stage for each retriever that found something of its own, then reranks."""
    spans = _stages_of(request)
    starts = [item.span.start for item in request.spans if item.span.start is not None]
    draft = Draft(
        query=Query(request.query, query_id=next((i.query_id for i in request.spans if i.query_id), None)),
        created_at=min(starts, default=None),
        source={**source, **_place(request)},
        options=options,
    )
    for item in spans:
        draft.introduce(item.outputs or ())
        draft.introduce(item.inputs)
    rerankers = [item for item in spans if item.role == "reranker"]
    inner_ms = _inner_ms(spans, request)
    reranked = 0
    for item in spans:
        ms = _own_ms(item, inner_ms.get(item.span.span_id))
        if item.role == "retriever":
            _add_retrieval(draft, item, ms, len(spans) - len(rerankers))
        else:
            reranked += 1
            _add_rerank(draft, item, ms, reranked, len(rerankers))
    _add_models(draft, request, rerankers)
    convention = request.spans[0].convention
    content = "\0".join(
        [request.buffer.trace_id, *sorted(item.span.span_id for item in request.spans), draft.query.text]
        + [f"{r.stage}:{r.status}:{h.doc_id}:{h.score}" for r in draft.rankings for h in r.hits]
    )
    return draft.build(convention, ids, content, fallback)


def _place(request: Request) -> dict[str, Any]:
    """Where its spans stand: the trace id, the first line of a file, and the service where one is named."""
    line = min(item.span.line for item in request.spans)
    service = next((item.span.service for item in request.spans if item.span.service), "")
    place: dict[str, Any] = {"line": line} if line else {}
    place["trace_id"] = request.buffer.trace_id
    return {**place, "service": service} if service else place


def _stages_of(request: Request) -> list[RetrievalSpan]:
    """The spans that make a stage. A retriever that by its name compresses or reranks what a retriever
    inside it found is a reranker.
    """
    outer = request.buffer.around.tree.nested(item.span.span_id for item in request.spans)
    around = set(outer.values())
    return [
        replace(item, role="reranker")
        if item.span.span_id in around
        and item.role == "retriever"
        and not item.stage
        and stage_of(item.span) == "rerank"
        else item
        for item in _without_shells(request, outer)
    ]


def _without_shells(request: Request, outer: Mapping[str, str | None]) -> list[RetrievalSpan]:
    """The spans without those that only repeat one around or inside them (``retrieve`` and ``_retrieve``)."""
    by_id = {item.span.span_id: item for item in request.spans}
    dropped: set[str] = set()
    for item in request.spans:
        around = outer[item.span.span_id]
        if around is None or by_id[around].role != item.role:
            continue
        shell = by_id[around]
        if item.outputs is None and not item.span.failed:
            dropped.add(item.span.span_id)
        elif shell.outputs is None and not shell.span.failed:
            dropped.add(around)
        elif [_key(c) for c in item.outputs or ()] == [_key(c) for c in shell.outputs or ()]:
            dropped.add(item.span.span_id)
    return [item for item in request.spans if item.span.span_id not in dropped]


def _inner_ms(spans: list[RetrievalSpan], request: Request) -> dict[str, float]:
    """From the first start to the last end of the spans inside each span, where both are known."""
    outer = request.buffer.around.tree.nested(item.span.span_id for item in spans)
    by_id = {item.span.span_id: item.span for item in spans}
    starts: dict[str, datetime] = {}
    ends: dict[str, datetime] = {}
    for span_id, around in reversed(outer.items()):  # the innermost first
        if around is None:
            continue
        for table, own, best in ((starts, by_id[span_id].start, min), (ends, by_id[span_id].end, max)):
            known = [moment for moment in (own, table.get(span_id), table.get(around)) if moment is not None]
            if known:
                table[around] = best(known)
    return {
        span_id: (ends[span_id] - start).total_seconds() * 1000
        for span_id, start in starts.items()
        if span_id in ends
    }


def _own_ms(item: RetrievalSpan, inner_ms: float | None) -> float | None:
    """The span's time without that of the stages inside it, which have their own."""
    if item.stage or item.span.ms is None:
        # RankScope's own export says the time, also that none is known.
        return item.ms
    return item.span.ms if inner_ms is None else max(0.0, item.span.ms - inner_ms)


def _key(candidate: Candidate) -> str:
    return as_id(candidate.doc_id) or content_id("", candidate.text)


def _status(item: RetrievalSpan) -> str:
    if item.status in ("ok", "partial") or item.status.startswith(("failed:", "skipped:")):
        return item.status
    if item.span.failed:
        return f"failed:{item.span.message.strip() or 'the span has the status ERROR'}"
    if item.outputs is None:
        return "skipped:the span records no documents"
    return "ok"


def _details(item: RetrievalSpan) -> dict[str, float | str]:
    details: dict[str, float | str] = {"span": item.span.name, "span_id": item.span.span_id}
    if item.model:
        details["model"] = item.model
    return details


def _add_retrieval(draft: Draft, item: RetrievalSpan, ms: float | None, retrievers: int) -> None:
    stage = item.stage or stage_of(item.span)
    if not item.stage and (stage == "rerank" or (stage == "fusion" and retrievers == 1)):
        stage = "retrieval"
    draft.add_stage(
        stage,
        item.outputs or (),
        ms=ms,
        scale=item.scale,
        depth=item.depth,
        status=_status(item),
        details=_details(item),
    )


def _add_rerank(draft: Draft, item: RetrievalSpan, ms: float | None, number: int, rerankers: int) -> None:
    """The list that the reranker was given, where no stage put out just that, then what it made of it."""
    resolved = [draft.known_id(candidate) for candidate in item.inputs]
    before = draft.rankings[-1] if draft.rankings else None
    if item.inputs and (before is None or list(before.doc_ids) != resolved):
        draft.add_stage("candidates" if draft.ran else "retrieval", item.inputs)
    stage = item.stage or ("rerank" if number == rerankers else f"rerank-{number}")
    draft.add_stage(
        stage,
        item.outputs or (),
        ms=ms,
        scale=item.scale,
        depth=item.depth,
        status=_status(item),
        details=_details(item),
    )
    if stage == "rerank" and item.depth:
        draft.top_k = item.depth


def _add_models(draft: Draft, request: Request, rerankers: list[RetrievalSpan]) -> None:
    if rerankers and rerankers[-1].model:
        draft.models["cross_encoder"] = ModelInfo(rerankers[-1].model)
    models = request.buffer.around.models
    inside = [
        models[i.span.span_id] for i in request.spans if i.role == "retriever" and i.span.span_id in models
    ]
    if inside:
        draft.models["bi_encoder"] = ModelInfo(max(inside)[1])
