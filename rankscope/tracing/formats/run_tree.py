"""Run trees whose inputs and outputs are free objects: Langfuse observations and LangSmith runs.

Neither has a type for rerankers: a run is one where its name says so, or where the documents that come out
carry a rerank score.
"""

from __future__ import annotations

import re
from typing import Any

from rankscope.tracing.formats.assemble import Candidate
from rankscope.tracing.formats.literals import parse_literal
from rankscope.tracing.formats.retrieval_span import RetrievalSpan, candidate_of, query_text
from rankscope.tracing.formats.spans import Span
from rankscope.tracing.formats.values import as_mapping, as_rank, as_text

__all__ = ["INPUT", "MODEL", "OUTPUT", "SOURCE", "interpret"]

# Attribute names under which a run's parts travel to `interpret`; they are values, not flattened.
SOURCE, INPUT, OUTPUT, MODEL = "run.source", "run.input", "run.output", "run.model"

_LISTS: tuple[str, ...] = ("documents", "results", "output_documents", "reranked", "reranked_documents")
_LISTS += ("ranked_documents",)
_LISTS += ("docs", "nodes", "chunks", "matches", "hits", "sources", "contexts", "passages", "data", "output")
_RERANK_NAME = re.compile(r"re-?_?\s?rank|cross-?_?encoder|compress", re.IGNORECASE)
_RETRIEVE_NAME = re.compile(r"retriev|search|bm25|vector|knn", re.IGNORECASE)


def interpret(span: Span) -> RetrievalSpan | None:
    """The run's documents, None where it is neither retrieval nor reranking."""
    attributes = span.attributes
    source = attributes.get(SOURCE)
    if source is None:
        return None
    output, given = _parsed(attributes.get(OUTPUT)), _parsed(attributes.get(INPUT))
    inputs = _documents(given) or ()
    outputs = _documents(output)
    typed = span.kind == "RETRIEVER"
    named = bool(_RERANK_NAME.search(span.name))
    by_name = bool(outputs) and (named or _RETRIEVE_NAME.search(span.name))
    if not typed and not by_name and not (named and span.failed):
        return None
    reranks = named or (typed and _carries_rerank_score(output))
    if reranks:
        outputs = _by_index(output, inputs) if inputs and outputs is not None else outputs
    return RetrievalSpan(
        span=span,
        role="reranker" if reranks else "retriever",
        convention=str(source),
        query=query_text(given),
        outputs=outputs,
        inputs=inputs if reranks else (),
        model=as_text(attributes.get(MODEL))
        or (as_text(given.get("model")) if isinstance(given, dict) else ""),
        depth=_depth(given),
    )


def _parsed(value: Any) -> Any:
    return parse_literal(value) if isinstance(value, str) else value


def _rows(value: Any, depth: int = 0) -> list[Any] | None:
    """The list of documents in an input or output; None where there is none."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or depth > 2:
        return None
    for name in _LISTS:
        if isinstance(value.get(name), list):
            return list(value[name])
    return next((found for item in value.values() if (found := _rows(item, depth + 1)) is not None), None)


def _documents(value: Any) -> tuple[Candidate, ...] | None:
    rows = _rows(value)
    if rows is None or any(isinstance(row, dict) and "role" in row for row in rows):
        return None
    return tuple(_document(row) for row in rows)


def _document(row: Any) -> Candidate:
    if isinstance(row, list | tuple) and len(row) == 2:
        inner = _document(row[0])
        return Candidate(inner.doc_id, inner.text, inner.title, row[1], metadata=inner.metadata)
    if not isinstance(row, dict):
        return Candidate(text=as_text(row))
    for name in ("document", "node", "doc", "kwargs"):
        if isinstance(row.get(name), dict):
            row = {**row[name], **{key: item for key, item in row.items() if key != name}}
    found = candidate_of(row)
    if found.doc_id is None:
        metadata = as_mapping(row.get("metadata"))
        names = ("chunk_id", "doc_id", "document_id", "id", "_id", "node_id")
        doc_id = next((metadata[name] for name in names if metadata.get(name) not in (None, "")), None)
        return Candidate(doc_id, found.text, found.title, found.score, metadata=found.metadata)
    return found


def _by_index(output: Any, inputs: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Rerank results that name their document by its place in the input."""
    found: list[Candidate] = []
    for row in _rows(output) or []:
        candidate = _document(row)
        place = as_rank(row.get("index")) if isinstance(row, dict) else None
        if candidate.doc_id is None and place is not None and place < len(inputs):
            old = inputs[place]
            candidate = Candidate(old.doc_id, old.text, old.title, candidate.score, metadata=old.metadata)
        found.append(candidate)
    return tuple(found)


def _carries_rerank_score(output: Any) -> bool:
    rows = [row for row in _rows(output) or [] if isinstance(row, dict)]
    return any(
        name in table
        for row in rows
        for table in (row, as_mapping(row.get("metadata")))
        for name in ("relevance_score", "rerank_score")
    )


def _depth(given: Any) -> int | None:
    table = given if isinstance(given, dict) else {}
    return next(
        (found for name in ("top_k", "top_n", "k", "limit") if (found := as_rank(table.get(name)))), None
    )
