"""Spans of one request become one trace: by trace id, by parent, and rerankers by their documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from rankscope.core.documents import Query
from rankscope.core.trace import ModelInfo, Trace
from rankscope.tracing.formats.assemble import Candidate, Draft
from rankscope.tracing.formats.identity import TraceIds, content_id
from rankscope.tracing.formats.importer import ImportOptions
from rankscope.tracing.formats.retrieval_span import RetrievalSpan, query_text, stage_of
from rankscope.tracing.formats.spans import Span
from rankscope.tracing.formats.values import as_id, as_text

__all__ = ["Request", "TraceBuffer", "build_trace", "requests_of"]

_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass
class TraceBuffer:
    """Spans of one trace id as they come: retrieval spans whole, of others the links and the input."""

    trace_id: str
    retrievals: list[RetrievalSpan] = field(default_factory=list)
    parents: dict[str, str | None] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)

    def add(self, span: Span, retrieval: RetrievalSpan | None) -> None:
        """Take in one span."""
        self.parents[span.span_id] = span.parent_id
        if retrieval is not None:
            self.retrievals.append(retrieval)
            return
        if text := query_text(span.attributes.get("input.value")):
            self.inputs[span.span_id] = text[:10_000]
        model = as_text(span.attributes.get("embedding.model_name") or span.attributes.get("embedding.model"))
        if span.kind == "EMBEDDING" and model:
            self.models[span.span_id] = model

    def ancestors(self, span_id: str | None) -> list[str]:
        """The span's ancestors, nearest first; a loop in the links ends it."""
        chain: dict[str, None] = {}
        parent = self.parents.get(span_id) if span_id else None
        while parent and parent not in chain and parent != span_id:
            chain[parent] = None
            parent = self.parents.get(parent)
        return list(chain)


@dataclass
class Request:
    """The retrieval spans of one query, in the order in which they ended."""

    buffer: TraceBuffer
    spans: list[RetrievalSpan] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    """What the documents of its spans can be joined by."""
    _asked: tuple[int, str] = (1 << 30, "")

    def add(self, item: RetrievalSpan) -> None:
        """Take in a span."""
        self.spans.append(item)
        self.keys |= _keys(item.outputs or ())
        depth = len(self.buffer.ancestors(item.span.span_id))
        if item.query and depth < self._asked[0]:
            self._asked = (depth, item.query)

    @property
    def query(self) -> str:
        """What was asked, by the outermost span that says so, else by what is around them."""
        return self._asked[1] or self.query_above

    @property
    def query_above(self) -> str:
        """The input of the nearest span around this request that has one."""
        for item in self.spans:
            for ancestor in self.buffer.ancestors(item.span.span_id):
                if ancestor in self.buffer.inputs:
                    return self.buffer.inputs[ancestor]
        return ""

    def reranked_before(self, item: RetrievalSpan) -> bool:
        """Whether a reranker of this request had ended when ``item`` began: what follows is a new request."""
        start = item.span.start
        return any(
            old.role == "reranker" and (start is None or old.span.end is None or old.span.end <= start)
            for old in self.spans
        )


def requests_of(buffer: TraceBuffer) -> list[Request]:
    """The retrieval spans of one trace id, parted into requests.

    A span inside another retrieval span belongs to it. A reranker belongs to the latest request whose
    documents it was given, else whose query it has. A retriever joins the request with the same query that
    has not been reranked yet: several retrievers of one query are several stages.
    """
    order = sorted(
        enumerate(buffer.retrievals),
        key=lambda pair: (
            pair[1].span.start or _EARLIEST,
            len(buffer.ancestors(pair[1].span.span_id)),
            pair[0],
        ),
    )
    requests: list[Request] = []
    home: dict[str, Request] = {}
    for _, item in order:
        outer = (home[a] for a in buffer.ancestors(item.span.span_id) if a in home)
        request = next(outer, None) or _matching(requests, item)
        if request is None:
            request = Request(buffer)
            requests.append(request)
        request.add(item)
        home[item.span.span_id] = request
    for request in requests:
        request.spans.sort(key=lambda item: _end(item, buffer))
    return requests


def _end(item: RetrievalSpan, buffer: TraceBuffer) -> tuple[datetime, int]:
    """When a span ended; of spans that ended at once the inner one was first."""
    return item.span.end or item.span.start or _EARLIEST, -len(buffer.ancestors(item.span.span_id))


def _matching(requests: list[Request], item: RetrievalSpan) -> Request | None:
    if item.role == "reranker":
        given = _keys(item.inputs or item.outputs or ())
        for request in reversed(requests):
            if given & request.keys:
                return request
    for request in reversed(requests):
        same = not item.query or not request.query or request.query.strip() == item.query.strip()
        if not same or request.reranked_before(item):
            continue
        siblings = any(old.span.parent_id == item.span.parent_id for old in request.spans)
        if siblings or (item.query and request.query):
            return request
    return None


def _keys(candidates: Iterable[Candidate]) -> set[str]:
    """What candidates can be joined by: their ids, and their content."""
    keys: set[str] = set()
    for candidate in candidates:
        doc_id = as_id(candidate.doc_id)
        if doc_id is not None:
            keys.add(doc_id)
        if candidate.text:
            keys.add(content_id("", candidate.text))
    return keys


def build_trace(
    request: Request, ids: TraceIds, options: ImportOptions, fallback: datetime, source: Mapping[str, Any]
) -> Trace:
    """The trace of one request: a stage for each retriever that found something of its own, then reranks."""
    spans = [_as_reranker(item, request) for item in _without_shells(request)]
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
    for item in spans:
        ms = _own_ms(item, spans, request.buffer)
        if item.role == "retriever":
            _add_retrieval(draft, item, ms, sum(1 for other in spans if other.role == "retriever"))
        else:
            _add_rerank(draft, item, ms, rerankers)
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


def _as_reranker(item: RetrievalSpan, request: Request) -> RetrievalSpan:
    """A retriever that by its name compresses or reranks what a retriever inside it found is a reranker."""
    if item.role != "retriever" or item.stage or stage_of(item.span) != "rerank":
        return item
    buffer = request.buffer
    around = any(item.span.span_id in buffer.ancestors(old.span.span_id) for old in request.spans)
    return replace(item, role="reranker") if around else item


def _without_shells(request: Request) -> list[RetrievalSpan]:
    """The spans without those that only repeat one around or inside them (``retrieve`` and ``_retrieve``)."""
    by_id = {item.span.span_id: item for item in request.spans}
    dropped: set[str] = set()
    for item in request.spans:
        outer = next((by_id[a] for a in request.buffer.ancestors(item.span.span_id) if a in by_id), None)
        if outer is None or outer.role != item.role:
            continue
        if item.outputs is None and not item.span.failed:
            dropped.add(item.span.span_id)
        elif outer.outputs is None and not outer.span.failed:
            dropped.add(outer.span.span_id)
        elif [_key(c) for c in item.outputs or ()] == [_key(c) for c in outer.outputs or ()]:
            dropped.add(item.span.span_id)
    return [item for item in request.spans if item.span.span_id not in dropped]


def _own_ms(item: RetrievalSpan, spans: list[RetrievalSpan], buffer: TraceBuffer) -> float | None:
    """The span's time without that of the stages inside it, which have their own."""
    if item.stage or item.span.ms is None:
        # RankScope's own export says the time, also that none is known.
        return item.ms
    inner = [old.span for old in spans if item.span.span_id in buffer.ancestors(old.span.span_id)]
    starts = [span.start for span in inner if span.start is not None]
    ends = [span.end for span in inner if span.end is not None]
    if not starts or not ends:
        return item.span.ms
    return max(0.0, item.span.ms - (max(ends) - min(starts)).total_seconds() * 1000)


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


def _add_rerank(draft: Draft, item: RetrievalSpan, ms: float | None, rerankers: list[RetrievalSpan]) -> None:
    """The list that the reranker was given, where no stage put out just that, then what it made of it."""
    resolved = [draft.known_id(candidate) for candidate in item.inputs]
    before = draft.rankings[-1] if draft.rankings else None
    if item.inputs and (before is None or list(before.doc_ids) != resolved):
        ran = any(ranking.ran for ranking in draft.rankings)
        draft.add_stage("candidates" if ran else "retrieval", item.inputs)
    place = next(number for number, other in enumerate(rerankers) if other is item)
    stage = item.stage or ("rerank" if place == len(rerankers) - 1 else f"rerank-{place + 1}")
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
    inside = {item.span.span_id for item in request.spans if item.role == "retriever"}
    for span_id, model in request.buffer.models.items():
        if inside & set(request.buffer.ancestors(span_id)):
            draft.models["bi_encoder"] = ModelInfo(model)
