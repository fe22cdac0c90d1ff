"""OpenInference: spans of kind RETRIEVER and RERANKER, as Phoenix and its instrumentors write them.

Attributes come flat (``retrieval.documents.0.document.id``) or nested; documents may lack id or score.
"""

from __future__ import annotations

from typing import Any

from rankscope.core.scales import ScoreScale
from rankscope.tracing.formats.assemble import Candidate
from rankscope.tracing.formats.head import Head
from rankscope.tracing.formats.retrieval_span import RetrievalSpan, candidate_of, query_text
from rankscope.tracing.formats.span_file import SpanImporter
from rankscope.tracing.formats.spans import Span, unflatten
from rankscope.tracing.formats.values import as_id, as_number, as_rank, as_text

__all__ = ["CONVENTION", "OpenInference", "interpret"]

CONVENTION = "openinference"


def interpret(span: Span) -> RetrievalSpan | None:
    """The span's documents by the OpenInference names, None where it is neither retriever nor reranker."""
    attributes = span.attributes
    if span.kind == "RERANKER":
        return RetrievalSpan(
            span=span,
            role="reranker",
            convention=CONVENTION,
            query=as_text(attributes.get("reranker.query")) or query_text(attributes.get("input.value")),
            inputs=_documents(attributes, "reranker.input_documents") or (),
            outputs=_documents(attributes, "reranker.output_documents"),
            model=as_text(attributes.get("reranker.model_name")),
            depth=as_rank(attributes.get("reranker.top_k")),
            **_told(attributes),
        )
    if span.kind == "RETRIEVER":
        return RetrievalSpan(
            span=span,
            role="retriever",
            convention=CONVENTION,
            query=query_text(attributes.get("input.value")),
            outputs=_retrieved(attributes),
            **_told(attributes),
        )
    return None


def _told(attributes: Any) -> dict[str, Any]:
    """What RankScope's own export says beyond the convention."""
    scale = as_text(attributes.get("rankscope.score_scale"))
    return {
        "stage": as_text(attributes.get("rankscope.stage")),
        "status": as_text(attributes.get("rankscope.status")),
        "scale": ScoreScale(scale) if scale in set(ScoreScale) else ScoreScale.UNKNOWN,
        "ms": as_number(attributes.get("rankscope.ms")),
        "query_id": as_id(attributes.get("rankscope.query_id")),
    }


def _retrieved(attributes: Any) -> tuple[Candidate, ...] | None:
    """The retriever's documents; none found is told from none recorded by the output's value."""
    found = _documents(attributes, "retrieval.documents")
    empty = found is None and as_text(attributes.get("output.value")).strip() == "[]"
    return () if empty else found


def _documents(attributes: Any, prefix: str) -> tuple[Candidate, ...] | None:
    rows = unflatten(attributes, prefix)
    if not rows:
        return () if attributes.get(prefix) == [] else None
    return tuple(
        candidate_of({key.removeprefix("document."): value for key, value in row.items()}) for row in rows
    )


def _looks_right(record: dict[str, Any]) -> bool:
    attributes = record.get("attributes")
    if "span_kind" in record and ("context" in record or "context.trace_id" in record):
        return True
    if not isinstance(attributes, dict):
        return any(key.startswith("attributes.openinference") for key in record)
    inner = attributes.get("openinference")
    return "openinference.span.kind" in attributes or isinstance(inner, dict)


class OpenInference(SpanImporter):
    """Phoenix JSON and JSONL, Phoenix Parquet, OTLP JSON and flat span logs with OpenInference names."""

    name = CONVENTION

    def sniff(self, head: Head) -> float:
        if head.suffix == ".parquet":
            return 0.95 if self.parquet_has(head.path, ("attributes.", "context.", "span_kind")) else 0.0
        if head.is_otlp and "openinference" in head.text:
            return 0.95
        share = head.share(_looks_right)
        return 0.9 if share >= 0.2 else share
