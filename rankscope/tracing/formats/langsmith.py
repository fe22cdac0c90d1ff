"""LangSmith runs, as its SDK and exports write them: one run a record, or a tree with ``child_runs``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rankscope.tracing.formats.head import Head
from rankscope.tracing.formats.run_tree import INPUT, MODEL, OUTPUT, SOURCE
from rankscope.tracing.formats.span_file import SpanImporter
from rankscope.tracing.formats.spans import BrokenSpan, Span
from rankscope.tracing.formats.values import as_id, as_mapping, as_moment, as_text

__all__ = ["LangSmith"]


class LangSmith(SpanImporter):
    """``id, name, run_type, start_time, end_time, inputs, outputs, parent_run_id, trace_id``."""

    name = "langsmith"
    unit = "run"
    lacks = "it has no run_type"

    def sniff(self, head: Head) -> float:
        if head.suffix in (".csv", ".tsv"):
            first = head.lines[0] if head.lines else ""
            return 0.9 if "run_type" in first and "inputs" in first else 0.0
        return 0.9 if head.share(_is_ours) >= 0.2 else 0.0

    def spans_of(self, record: Any, line: int) -> list[Span | BrokenSpan] | None:
        if not isinstance(record, dict):
            return None
        if isinstance(record.get("runs"), list) and "run_type" not in record:
            return [span for item in record["runs"] for span in _tree(item, line, None, None)]
        return list(_tree(record, line, None, None)) if _is_ours(record) else None


def _is_ours(record: dict[str, Any]) -> bool:
    runs = record.get("runs")
    if isinstance(runs, list) and runs and isinstance(runs[0], dict):
        return "run_type" in runs[0]
    return "run_type" in record and ("inputs" in record or "outputs" in record)


def _tree(
    record: Any, line: int, parent: str | None, trace: str | None, depth: int = 0
) -> Iterator[Span | BrokenSpan]:
    """The run and, where it holds its children, those too."""
    if not isinstance(record, dict) or depth > 50:
        yield BrokenSpan("a run that is not an object", record)
        return
    span_id = as_id(record.get("id") or record.get("run_id"))
    parent = as_id(record.get("parent_run_id")) or parent
    # The root of a trace has the trace's id; older exports leave trace_id out.
    trace = as_id(record.get("trace_id")) or trace or parent or span_id
    if not span_id or not trace:
        yield BrokenSpan("a run without id", record)
    else:
        yield _span(record, line, span_id, parent, trace)
    children = record.get("child_runs")
    for child in children if isinstance(children, list) else []:
        yield from _tree(child, line, span_id, trace, depth + 1)


def _span(record: dict[str, Any], line: int, span_id: str, parent: str | None, trace: str) -> Span:
    metadata = as_mapping(as_mapping(record.get("extra")).get("metadata"))
    error = as_text(record.get("error"))
    return Span(
        trace_id=trace,
        span_id=span_id,
        parent_id=parent,
        name=as_text(record.get("name")),
        kind=as_text(record.get("run_type")).upper(),
        start=as_moment(record.get("start_time")),
        end=as_moment(record.get("end_time")),
        failed=bool(error) or as_text(record.get("status")).lower() == "error",
        message=error,
        attributes={
            SOURCE: "langsmith",
            INPUT: record.get("inputs"),
            OUTPUT: record.get("outputs"),
            MODEL: metadata.get("model") or metadata.get("ls_model_name"),
            "input.value": record.get("inputs"),
            "embedding.model": metadata.get("ls_embedding_model") or metadata.get("ls_model_name"),
        },
        line=line,
    )
