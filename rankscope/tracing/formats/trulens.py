"""TruLens spans exported as CSV: attributes under ``ai.observability.``, cells are Python literals."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rankscope.tracing.formats.assemble import Candidate
from rankscope.tracing.formats.head import Head
from rankscope.tracing.formats.literals import parse_literal
from rankscope.tracing.formats.records import Record
from rankscope.tracing.formats.retrieval_span import RetrievalSpan
from rankscope.tracing.formats.span_file import SpanImporter
from rankscope.tracing.formats.spans import Span
from rankscope.tracing.formats.tables import read_csv
from rankscope.tracing.formats.values import as_rank, as_text

__all__ = ["CONVENTION", "TruLens", "interpret"]

CONVENTION = "trulens"
_PREFIX = "ai.observability.retrieval."


def interpret(span: Span) -> RetrievalSpan | None:
    """The contexts of a ``retrieval`` or ``reranking`` span; they are texts, without ids or scores."""
    kind = as_text(span.attributes.get("ai.observability.span_type")).lower()
    if kind not in ("retrieval", "reranking"):
        return None
    prefix = _PREFIX if kind == "retrieval" else "ai.observability.reranking."
    attributes = span.attributes
    return RetrievalSpan(
        span=span,
        role="retriever" if kind == "retrieval" else "reranker",
        convention=CONVENTION,
        query=as_text(attributes.get(f"{prefix}query_text")),
        outputs=_contexts(
            attributes.get(f"{prefix}retrieved_contexts") or attributes.get(f"{prefix}output_context_texts")
        ),
        inputs=_contexts(attributes.get(f"{prefix}input_context_texts")) or (),
        model=as_text(attributes.get(f"{prefix}model_name")),
        depth=as_rank(attributes.get(f"{prefix}num_contexts") or attributes.get(f"{prefix}top_n")),
    )


def _contexts(value: Any) -> tuple[Candidate, ...] | None:
    if isinstance(value, str):
        value = parse_literal(value)
    if not isinstance(value, list):
        return None
    return tuple(Candidate(text=as_text(item)) for item in value)


class TruLens(SpanImporter):
    """The event table of TruLens as CSV: ``record``, ``record_attributes``, ``trace``, timestamps."""

    name = CONVENTION
    unit = "row"

    def sniff(self, head: Head) -> float:
        first = head.lines[0] if head.lines else ""
        return 0.95 if "record_attributes" in first and "trace" in first else 0.0

    def records(self, path: Path) -> Iterable[Record]:
        return map(_as_span, read_csv(path))


def _as_span(row: Record) -> Record:
    if row.error or row.value is None:
        return row
    cells = {key: parse_literal(cell) if cell[:1] in "{[" else cell for key, cell in row.value.items()}
    trace, record = cells.get("trace"), cells.get("record")
    attributes = cells.get("record_attributes")
    if not isinstance(trace, dict) or not isinstance(attributes, dict):
        return Record(row.line, None, row.raw, "trace or record_attributes is not an object")
    table = record if isinstance(record, dict) else {}
    span = {
        "trace_id": trace.get("trace_id"),
        "span_id": trace.get("span_id"),
        "parent_id": trace.get("parent_id"),
        "name": table.get("name"),
        "status": {"status_code": table.get("status"), "message": table.get("status_message")},
        "start_time": cells.get("start_timestamp"),
        "end_time": cells.get("timestamp"),
        "attributes": attributes,
    }
    return Record(row.line, span, row.raw)
