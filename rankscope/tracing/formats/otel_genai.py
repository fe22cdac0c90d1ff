"""OpenTelemetry's GenAI conventions: ``gen_ai.operation.name`` is ``retrieval`` or ``rerank``.

Documents are ``[{id, score}]`` as a structure or as JSON text. The conventions name no attribute for what
goes into a reranker; its input is taken from the retrieval span of the same request.
"""

from __future__ import annotations

from typing import Any

from rankscope.tracing.formats.assemble import Candidate
from rankscope.tracing.formats.head import Head
from rankscope.tracing.formats.retrieval_span import RetrievalSpan, candidate_of, parse_list
from rankscope.tracing.formats.span_file import SpanImporter
from rankscope.tracing.formats.spans import Span, unflatten
from rankscope.tracing.formats.values import as_rank, as_text

__all__ = ["CONVENTION", "OtelGenAi", "interpret"]

CONVENTION = "otel-genai"
_ROLES = {"retrieval": "retriever", "retrieve": "retriever", "rerank": "reranker", "reranking": "reranker"}


def interpret(span: Span) -> RetrievalSpan | None:
    """The span's documents by the GenAI names, None where it is neither retrieval nor rerank."""
    attributes = span.attributes
    operation = as_text(attributes.get("gen_ai.operation.name")).lower()
    role = _ROLES.get(operation)
    if role is None:
        return None
    reranks = role == "reranker"
    names = ("gen_ai.rerank", "gen_ai.reranker") if reranks else ("gen_ai.retrieval",)
    names = (*names, "gen_ai.retrieval")
    query = next((text for name in names if (text := _query(attributes, name))), "")
    outputs = _first_list(
        attributes,
        *(f"{name}.output_documents" for name in names),
        *(f"{name}.results" for name in names),
        *(f"{name}.documents" for name in names),
    )
    return RetrievalSpan(
        span=span,
        role="reranker" if reranks else "retriever",
        convention=CONVENTION,
        query=query,
        outputs=outputs,
        inputs=_first_list(attributes, *(f"{name}.input_documents" for name in names)) or (),
        model=as_text(attributes.get("gen_ai.request.model") or attributes.get("gen_ai.response.model")),
        depth=next(
            (
                depth
                for name in (*names, "gen_ai.request")
                for key in ("top_k", "top_n")
                if (depth := as_rank(attributes.get(f"{name}.{key}"))) is not None
            ),
            None,
        ),
    )


def _query(attributes: Any, name: str) -> str:
    return as_text(attributes.get(f"{name}.query.text") or attributes.get(f"{name}.query"))


def _first_list(attributes: Any, *names: str) -> tuple[Candidate, ...] | None:
    """The documents under the first name that has any."""
    for name in names:
        rows: list[Any] = unflatten(attributes, name) or parse_list(attributes.get(name)) or []
        if rows:
            return tuple(
                candidate_of(row) if isinstance(row, dict) else Candidate(doc_id=row) for row in rows
            )
        if attributes.get(name) in ([], "[]"):
            return ()
    return None


class OtelGenAi(SpanImporter):
    """OTLP JSON and span logs with ``gen_ai.*`` retrieval and rerank spans."""

    name = CONVENTION

    def sniff(self, head: Head) -> float:
        if "gen_ai.operation.name" not in head.text and '"gen_ai"' not in head.text:
            return 0.0
        spans = head.is_otlp or head.share(lambda record: "attributes" in record) >= 0.2
        return 0.85 if spans else 0.0
