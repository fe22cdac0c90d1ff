"""Traces as OpenInference spans, one JSON object a line, as Phoenix exports them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rankscope.core.documents import Document
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.tracing.formats.values import plain
from rankscope.tracing.json_text import format_time, to_json_text

__all__ = ["spans_of_trace", "write_openinference"]


def write_openinference(traces: Iterable[Trace], path: Path) -> int:
    """Write a CHAIN span for each trace, a RETRIEVER or RERANKER span for each stage. Returns the traces.

    ``rankscope.stage``, ``.score_scale`` and ``.status`` say what the convention has no name for; the
    importer reads them back.
    """
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for trace in traces:
            file.writelines(to_json_text(span) + "\n" for span in spans_of_trace(trace))
            count += 1
    return count


def spans_of_trace(trace: Trace) -> Iterator[dict[str, Any]]:
    """The spans of one trace, the root first. Stages follow one another in time, as they are listed."""
    trace_id = _hex(trace.trace_id, 32)
    root = _hex(f"{trace.trace_id}/root", 16)
    moment = trace.created_at
    spans = []
    for place, ranking in enumerate(trace.rankings):
        end = moment + timedelta(milliseconds=ranking.ms or 0.0)
        before = _given(trace, place)
        attributes = _attributes(trace, ranking, before)
        span_id = _hex(f"{trace.trace_id}/{place}", 16)
        spans.append(_span(ranking.stage, trace_id, span_id, root, (moment, end), attributes, ranking))
        moment = end
    attributes = {"openinference.span.kind": "CHAIN", "input.value": trace.query.text}
    yield _span("query", trace_id, root, None, (trace.created_at, moment), attributes, None)
    yield from spans


def _hex(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def _given(trace: Trace, place: int) -> Ranking | None:
    """What a reranker was given: the list of the stage before it."""
    if not trace.rankings[place].stage.startswith("rerank"):
        return None
    return next((ranking for ranking in reversed(trace.rankings[:place]) if ranking.ran), None)


def _span(
    name: str,
    trace_id: str,
    span_id: str,
    parent: str | None,
    times: tuple[datetime, datetime],
    attributes: dict[str, Any],
    ranking: Ranking | None,
) -> dict[str, Any]:
    failed = ranking is not None and ranking.status.startswith("failed:")
    message = ranking.status.partition(":")[2] if ranking is not None and failed else ""
    return {
        "name": name,
        "context": {"trace_id": trace_id, "span_id": span_id},
        "span_kind": attributes["openinference.span.kind"],
        "parent_id": parent,
        "start_time": format_time(times[0]),
        "end_time": format_time(times[1]),
        "status_code": "ERROR" if failed else "OK",
        "status_message": message,
        "attributes": attributes,
    }


def _attributes(trace: Trace, ranking: Ranking, before: Ranking | None) -> dict[str, Any]:
    reranks = ranking.stage.startswith("rerank")
    attributes: dict[str, Any] = {
        "openinference.span.kind": "RERANKER" if reranks else "RETRIEVER",
        "rankscope.stage": ranking.stage,
        "rankscope.score_scale": ranking.score_scale.value,
        "rankscope.status": ranking.status,
        "input.value": trace.query.text,
    }
    if ranking.ms is not None:
        attributes["rankscope.ms"] = ranking.ms
    if trace.query.query_id is not None:
        attributes["rankscope.query_id"] = trace.query.query_id
    prefix = "reranker.output_documents" if reranks else "retrieval.documents"
    attributes.update(_documents(prefix, trace, ranking.hits))
    if not reranks and not ranking.hits:
        attributes["output.value"] = "[]"
    if reranks:
        attributes["reranker.query"] = trace.query.text
        model = trace.pipeline.models.get("cross_encoder")
        if model is not None and model.name:
            attributes["reranker.model_name"] = model.name
        if ranking.depth is not None:
            attributes["reranker.top_k"] = ranking.depth
        if before is not None:
            attributes.update(_documents("reranker.input_documents", trace, before.hits))
    return attributes


def _documents(prefix: str, trace: Trace, hits: Iterable[Hit]) -> Iterator[tuple[str, Any]]:
    for place, hit in enumerate(hits):
        at = f"{prefix}.{place}.document"
        yield f"{at}.id", hit.doc_id
        if hit.score is not None:
            yield f"{at}.score", hit.score
        document = trace.documents.get(hit.doc_id)
        if document is not None:
            yield f"{at}.content", document.text
            if metadata := _metadata(document):
                yield f"{at}.metadata", to_json_text(metadata)


def _metadata(document: Document) -> dict[str, Any]:
    title = {"title": document.title} if document.title else {}
    found: dict[str, Any] = plain({**document.metadata, **title})
    return found
