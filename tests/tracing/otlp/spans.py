"""Spans of small requests, in both encodings, as an exporter would post them."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from rankscope.tracing.formats.spans import Span, spans_of

__all__ = ["as_json", "as_protobuf", "request", "spans"]

START = 1_750_000_000_000_000_000


def request(number: int = 1, *, query: str = "dose for children", wide: int = 3) -> list[dict[str, Any]]:
    """Retriever, reranker and root of one request, in the order in which they end; attributes are flat."""
    trace_id, ids = f"{number:032x}", [f"{number * 16 + place:016x}" for place in range(1, 4)]
    documents = [(f"d{place}", 1.0 / (place + 1), f"text {place}") for place in range(wide)]
    retriever: dict[str, Any] = {"openinference.span.kind": "RETRIEVER", "input.value": query}
    reranker: dict[str, Any] = {"openinference.span.kind": "RERANKER", "reranker.query": query}
    for place, (doc_id, score, text) in enumerate(documents):
        at = f"retrieval.documents.{place}.document"
        retriever |= {f"{at}.id": doc_id, f"{at}.score": score, f"{at}.content": text}
        given = f"reranker.input_documents.{place}.document"
        reranker |= {f"{given}.id": doc_id, f"{given}.content": text}
        made = f"reranker.output_documents.{wide - 1 - place}.document"
        reranker |= {f"{made}.id": doc_id, f"{made}.score": place * 1.0}
    root = {"openinference.span.kind": "CHAIN", "input.value": query}
    return [
        _span(trace_id, ids[1], ids[0], "vector search", 1, 20, retriever),
        _span(trace_id, ids[2], ids[0], "rerank", 30, 90, reranker),
        _span(trace_id, ids[0], "", "request", 0, 100, root),
    ]


def _span(
    trace_id: str, span_id: str, parent: str, name: str, begin: int, end: int, attributes: dict[str, Any]
) -> dict[str, Any]:
    return {
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": parent,
        "name": name,
        "startTimeUnixNano": START + begin * 1_000_000,
        "endTimeUnixNano": START + end * 1_000_000,
        "attributes": attributes,
    }


def as_json(records: list[dict[str, Any]]) -> bytes:
    """An export in OTLP's JSON."""
    shown = [
        {
            **record,
            "startTimeUnixNano": str(record["startTimeUnixNano"]),
            "endTimeUnixNano": str(record["endTimeUnixNano"]),
            "attributes": [
                {"key": key, "value": _any_value(value)} for key, value in record["attributes"].items()
            ],
        }
        for record in records
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": shown}]}]}).encode()


def _any_value(value: Any) -> dict[str, Any]:
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def as_protobuf(records: list[dict[str, Any]]) -> bytes:
    """An export in protobuf."""
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for record in records:
        span = scope.spans.add(
            trace_id=bytes.fromhex(record["traceId"]),
            span_id=bytes.fromhex(record["spanId"]),
            parent_span_id=bytes.fromhex(record["parentSpanId"]),
            name=record["name"],
            start_time_unix_nano=record["startTimeUnixNano"],
            end_time_unix_nano=record["endTimeUnixNano"],
        )
        for key, value in record["attributes"].items():
            pair = span.attributes.add(key=key)
            if isinstance(value, float):
                pair.value.double_value = value
            else:
                pair.value.string_value = value
    return message.SerializeToString()


def spans(records: list[dict[str, Any]]) -> list[Span]:
    """The spans as the reader gives them."""
    found = spans_of(
        {"spans": [{**record, "parentSpanId": record["parentSpanId"] or None} for record in records]}
    )
    assert found is not None
    return [item for item in found if isinstance(item, Span)]
