"""Langfuse observations, as its API and its exports write them (JSON, JSONL, CSV)."""

from __future__ import annotations

from typing import Any

from rankscope.tracing.formats.head import Head
from rankscope.tracing.formats.run_tree import INPUT, MODEL, OUTPUT, SOURCE
from rankscope.tracing.formats.span_file import SpanImporter
from rankscope.tracing.formats.spans import BrokenSpan, Span
from rankscope.tracing.formats.values import as_id, as_moment, as_text

__all__ = ["Langfuse"]


class Langfuse(SpanImporter):
    """``id, traceId, parentObservationId, type, name, startTime, endTime, input, output, metadata``."""

    name = "langfuse"
    unit = "observation"
    lacks = "it has no traceId and type, and no list of observations"

    def sniff(self, head: Head) -> float:
        if head.suffix in (".csv", ".tsv"):
            first = head.lines[0].lower() if head.lines else ""
            return 0.9 if "observation" in first and "trace" in first and "input" in first else 0.0
        return 0.9 if head.share(_is_ours) >= 0.2 else 0.0

    def spans_of(self, record: Any, line: int) -> list[Span | BrokenSpan] | None:
        if not isinstance(record, dict):
            return None
        inner = next((record[k] for k in ("observations", "data") if isinstance(record.get(k), list)), None)
        if inner is not None:
            return [_span(item, line, as_id(record.get("id"))) for item in inner]
        return [_span(record, line, None)] if _is_ours(record) else None


def _get(record: dict[str, Any], *names: str) -> Any:
    return next((record[name] for name in names if record.get(name) is not None), None)


def _is_ours(record: dict[str, Any]) -> bool:
    if isinstance(record.get("observations"), list):
        return True
    if isinstance(record.get("data"), list):
        return any(isinstance(item, dict) and _is_ours(item) for item in record["data"][:5])
    return _get(record, "traceId", "trace_id") is not None and (
        any(name in record for name in ("parentObservationId", "parent_observation_id", "statusMessage"))
        or ("type" in record and _get(record, "startTime", "start_time") is not None)
    )


def _span(record: Any, line: int, trace: str | None) -> Span | BrokenSpan:
    if not isinstance(record, dict):
        return BrokenSpan("an observation that is not an object", record)
    trace_id = as_id(_get(record, "traceId", "trace_id")) or trace
    span_id = as_id(record.get("id"))
    if not trace_id or not span_id:
        return BrokenSpan("an observation without id or traceId", record)
    kind = as_text(record.get("type")).upper()
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=as_id(_get(record, "parentObservationId", "parent_observation_id")),
        name=as_text(record.get("name")),
        kind=kind,
        start=as_moment(_get(record, "startTime", "start_time")),
        end=as_moment(_get(record, "endTime", "end_time")),
        failed=as_text(record.get("level")).upper() == "ERROR",
        message=as_text(_get(record, "statusMessage", "status_message")),
        attributes={
            SOURCE: "langfuse",
            INPUT: record.get("input"),
            OUTPUT: record.get("output"),
            MODEL: record.get("model"),
            "input.value": record.get("input"),
            "embedding.model": record.get("model"),
        },
        line=line,
    )
