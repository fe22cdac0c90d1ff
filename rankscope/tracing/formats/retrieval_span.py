"""What a span says about retrieval or reranking, whichever convention it follows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from rankscope.core.scales import ScoreScale
from rankscope.tracing.formats.assemble import Candidate
from rankscope.tracing.formats.spans import Span
from rankscope.tracing.formats.values import as_mapping, as_text

__all__ = ["RetrievalSpan", "candidate_of", "parse_list", "query_text", "stage_of"]


@dataclass(frozen=True, slots=True)
class RetrievalSpan:
    """A retriever's or a reranker's span, its documents read."""

    span: Span
    role: Literal["retriever", "reranker"]
    convention: str
    query: str = ""
    outputs: tuple[Candidate, ...] | None = None
    """None where the span records none: that is not the same as an empty result."""
    inputs: tuple[Candidate, ...] = ()
    model: str = ""
    depth: int | None = None
    stage: str = ""
    """The stage's name, where the span says it; else it is taken from the span's name."""
    scale: ScoreScale = ScoreScale.UNKNOWN
    status: str = ""
    ms: float | None = None
    query_id: str | None = None


_QUERY_KEYS = ("query", "query_str", "question", "input", "text", "search_query", "prompt", "q", "query_text")


def query_text(value: Any, depth: int = 0) -> str:
    """The query in a span's input: text, or the query key of an object, also when that is JSON text."""
    if isinstance(value, str):
        stripped = value.strip()
        if depth < 4 and stripped.startswith(("{", "[")):
            try:
                parsed = json.loads(stripped)
            except (ValueError, RecursionError):
                return value
            return query_text(parsed, depth + 1) or ("" if _asks_by_vector(parsed) else value)
        return value
    if isinstance(value, list) and value and depth < 4:
        return query_text(value[-1], depth + 1)
    if isinstance(value, dict) and depth < 4:
        for key in (*_QUERY_KEYS, "query_bundle", "kwargs", "inputs", "data", "content", "messages", "args"):
            if value.get(key) and (found := query_text(value[key], depth + 1)):
                return found
        values = list(value.values())
        if len(values) == 1:
            return query_text(values[0], depth + 1)
    return ""


def _asks_by_vector(arguments: Any) -> bool:
    """Whether a retriever's arguments hold the query only as its embedding: its text stands elsewhere."""
    return isinstance(arguments, dict) and any("embedding" in key or "vector" in key for key in arguments)


def parse_list(value: Any) -> list[Any] | None:
    """A list, also from its JSON text; None for anything else."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None


_HINTS = (
    ("rerank", ("rerank", "crossencoder", "compress", "postprocess")),
    ("fusion", ("fusion", "hybrid", "ensemble", "merger", "joiner", "rrf")),
    ("bm25", ("bm25", "tfidf", "keyword", "sparse", "splade", "lexical", "fulltext")),
    (
        "dense",
        ("vector", "dense", "embedding", "faiss", "chroma", "qdrant", "milvus", "pinecone", "weaviate"),
    ),
)


def stage_of(span: Span) -> str:
    """The stage that a retriever's name speaks of; ``retrieval`` where it says nothing."""
    name = re.sub(r"[^a-z0-9]", "", span.name.lower())
    return next((stage for stage, hints in _HINTS if any(hint in name for hint in hints)), "retrieval")


def candidate_of(table: dict[str, Any]) -> Candidate:
    """A document of a span as ``{id, content, score, metadata}``, whatever its keys are called."""
    metadata = as_mapping(table.get("metadata"))
    for key, value in table.items():
        if key.startswith("metadata.") and value is not None:
            metadata[key.removeprefix("metadata.")] = value
    text = next((as_text(table[key]) for key in _TEXT_KEYS if table.get(key)), "")
    score = next((table[key] for key in _SCORE_KEYS if table.get(key) is not None), None)
    if score is None:
        score = next((metadata[key] for key in _SCORE_KEYS if metadata.get(key) is not None), None)
    doc_id = next((table[key] for key in _ID_KEYS if table.get(key) not in (None, "")), None)
    return Candidate(
        doc_id=doc_id,
        text=text,
        title=as_text(table.get("title")),
        score=score,
        metadata=metadata,
    )


_TEXT_KEYS = ("content", "page_content", "text", "body", "document", "chunk", "snippet")
_SCORE_KEYS = ("relevance_score", "rerank_score", "score", "_score", "similarity_score", "similarity")
_ID_KEYS = ("id", "id_", "_id", "doc_id", "document_id", "chunk_id", "node_id", "source_id")
