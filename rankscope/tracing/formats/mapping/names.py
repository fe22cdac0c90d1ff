"""What the names in production logs tend to mean; ``rerankScore`` is read as the words rerank, score."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

__all__ = [
    "PIPELINE",
    "is_answer_key",
    "points",
    "scale_of",
    "stage_hint",
    "word_set",
    "words",
    "words_of_path",
]


def word_set(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


_SPLIT = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_]+")
PIPELINE = ("bm25", "dense", "retrieval", "fusion", "rerank")
"""Stage names in the order in which a query passes them."""

_HINTS: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "rerank",
        word_set("rerank reranked reranker reranking reranks crossencoder ce colbert"),
    ),
    (
        "fusion",
        word_set("rrf fusion fused hybrid combined ensemble merged blended weighted aggregated"),
    ),
    (
        "bm25",
        word_set("bm25 sparse keyword keywords lexical fts tfidf splade okapi bm"),
    ),
    (
        "dense",
        word_set(
            "dense vector vectors embedding embeddings semantic cosine cos similarity similarities sim faiss "
            "ann knn distance distances dist l2 euclidean chroma qdrant pinecone milvus biencoder"
        ),
    ),
    (
        "retrieval",
        word_set(
            "retrieved retrieval retriever retrieve recall initial original orig before first raw "
            "base prior old"
        ),
    ),
)


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of a name, lower case; ``bm25`` and ``l2`` stay one word."""
    found = [part.lower() for part in _SPLIT.findall(name)]
    joined: list[str] = []
    for part in found:
        if joined and part.isdigit() and joined[-1] + part in ("bm25", "l2"):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)


def words_of_path(tokens: Iterable[str | int]) -> tuple[str, ...]:
    """The words of all names in a path."""
    return tuple(word for token in tokens if isinstance(token, str) for word in words(token))


def stage_hint(parts: Sequence[str]) -> str | None:
    """The stage that some words speak of, the later one of the pipeline where they speak of several."""
    text = "".join(parts)
    if "crossencoder" in text or ("re" in parts and ("rank" in parts or "ranked" in parts)):
        return "rerank"
    if "after" in parts and "rank" in parts:
        return "rerank"
    known = set(parts)
    return next((stage for stage, hints in _HINTS if known & hints), None)


_ROLES: dict[str, dict[str, float]] = {
    "query": {
        "original query": 10.5,
        "query": 10,
        "question": 10,
        "user query": 11,
        "user question": 11,
        "query text": 10.5,
        "question text": 10.5,
        "user input": 9,
        "search query": 9.5,
        "q": 8,
        "search term": 8,
        "search text": 8,
        "user message": 8,
        "user prompt": 8,
        "utterance": 7,
        "raw query": 10,
        "input": 6,
        "search": 6,
        "prompt": 5.5,
        "message": 5,
        "user": 4,
        "request": 3,
        "topic": 3,
        "keywords": 4,
        "text": 2.5,
        "input text": 6,
        "query string": 10,
        "query str": 10,
        "rewritten query": 6,
        "search phrase": 8,
        "ask": 4,
        "term": 3,
        "phrase": 4,
        "title": 0.5,
        "instruction": 3,
    },
    "id": {
        "chunk id": 10,
        "doc id": 9.5,
        "docid": 9.5,
        "document id": 9.5,
        "passage id": 9.5,
        "node id": 9.5,
        "docno": 9.5,
        "pid": 9,
        "id": 9,
        "uuid": 8,
        "uid": 8,
        "doc": 5,
        "key": 6,
        "point id": 9,
        "vector id": 8,
        "record id": 7,
        "item id": 8,
        "article id": 8.5,
        "source id": 8,
        "chunk": 4,
        "identifier": 8,
        "hash": 4,
        "sku": 6,
        "product id": 8,
        "page id": 7,
        "section id": 7,
        "url": 4,
        "uri": 4,
        "link": 3.5,
        "path": 3.5,
        "file path": 3.5,
        "file": 3,
        "filename": 3,
        "file name": 3,
        "source": 3,
        "document": 2.5,
        "name": 2,
        "title": 1.5,
        "ref": 4,
        "reference": 3,
        "asin": 6,
        "faq id": 8.5,
        "chunk idx": 7,
        "chunk index": 6.5,
        "chunk no": 6,
        "chunk number": 6,
        "doc idx": 6,
        "doc index": 6,
        "idx": 4,
        "index": 3.5,
        "entry id": 8,
        "text id": 8,
    },
    "text": {
        "text": 10,
        "content": 10,
        "page content": 11,
        "chunk text": 11,
        "passage text": 11,
        "document text": 10.5,
        "doc text": 10.5,
        "contents": 9.5,
        "passage": 9,
        "body": 9,
        "snippet": 8,
        "chunk": 8,
        "excerpt": 7.5,
        "document": 7,
        "context": 7,
        "chunk content": 10.5,
        "doc": 5,
        "segment": 7,
        "paragraph": 8,
        "abstract": 6,
        "description": 5,
        "preview": 5.5,
        "text preview": 6,
        "content preview": 6,
        "sentence": 6,
        "answer": 3,
        "summary": 4,
        "raw text": 8,
        "quote": 5,
        "value": 2,
    },
    "title": {
        "title": 10,
        "doc title": 10,
        "document title": 10,
        "heading": 7,
        "headline": 7,
        "section title": 7,
        "page title": 8,
        "subject": 5,
        "article title": 8,
        "document name": 5,
        "doc name": 5,
        "name": 3,
    },
    "time": {
        "timestamp": 10,
        "ts": 9,
        "created at": 10,
        "time": 6,
        "created": 8,
        "datetime": 9,
        "date": 7,
        "started at": 8,
        "start time": 9,
        "logged at": 9,
        "event time": 9,
        "request time": 5,
        "asked at": 9,
        "at": 5,
        "query time": 4,
        "created on": 9,
        "when": 6,
        "timestamp utc": 10,
        "utc": 6,
    },
    "query_id": {
        "query id": 10,
        "qid": 10,
        "question id": 10,
        "topic id": 8,
        "question idx": 5,
        "sample id": 6,
        "example id": 6,
        "test id": 6,
        "case id": 6,
        "key": 0,
    },
    "error": {
        "error": 10,
        "err": 9,
        "error message": 10.5,
        "error msg": 10.5,
        "exception": 9,
        "failure": 7,
        "traceback": 5,
        "error detail": 8,
        "errors": 6,
        "error type": 4,
        "failure reason": 9,
    },
    "top_k": {"top k": 10, "topk": 10, "k": 6, "top n": 8, "n results": 7, "limit": 4, "num results": 5},
    "floor": {
        "threshold": 9,
        "score threshold": 10,
        "min score": 10,
        "relevance floor": 10,
        "floor": 8,
        "cutoff": 6,
        "relevance threshold": 10,
        "similarity threshold": 9,
        "rerank threshold": 10,
    },
    "refused": {"refused": 10, "refusal": 8, "abstained": 9, "no answer": 7, "unanswered": 7},
    "answered": {"answered": 10, "was answered": 10, "has answer": 7, "can answer": 6},
    "filters": {"filters": 10, "filter": 9, "where": 7, "metadata filter": 9},
    "group": {
        "request id": 10,
        "query id": 9.5,
        "qid": 9.5,
        "search id": 9.5,
        "trace id": 9,
        "req id": 9,
        "question id": 9,
        "interaction id": 9,
        "correlation id": 8,
        "run id": 6,
        "event id": 5,
        "turn id": 8,
        "call id": 7,
        "log id": 7,
        "query uid": 9,
        "rid": 7,
        "session id": 4,
        "topic": 4,
        "topic id": 8,
    },
}


def points(role: str, tokens: Sequence[str | int]) -> float:
    """How strongly a path's name says that it plays a role, 0 to 11."""
    names = [" ".join(words(token)) for token in tokens if isinstance(token, str)]
    if not names:
        return 0.0
    table = _ROLES[role]
    last = names[-1]
    best = table.get(last, 0.0)
    if len(names) > 1:
        # query.text, document.id: the parent's name counts where the last one is general.
        best = max(best, table.get(f"{names[-2]} {last}", 0.0))
        if last in ("text", "value", "content", "raw", "original", "string", "message", "str", "input"):
            best = max(best, table.get(names[-2], 0.0) - 0.5)
    if best == 0.0:
        tail = last.split()
        best = max(
            (table.get(" ".join(tail[place:]), 0.0) * 0.8 for place in range(1, len(tail))), default=0.0
        )
        heads = (table.get(" ".join(tail[:place]), 0.0) * 0.4 for place in range(len(tail) - 1, 0, -1))
        best = max(best, max(heads, default=0.0) if role in ("query", "time") else 0.0)
    return best


_ANSWERS = word_set(
    "ground truth gold golden relevant expected qrels judgments judgements label labels reference "
    "references target targets positives negatives"
)


def is_answer_key(parts: Sequence[str]) -> bool:
    """Whether words speak of what should have been found, not of what was."""
    known = set(parts)
    if {"references"} & known and not {"ground", "gold", "expected"} & known:
        return False
    return bool(known & _ANSWERS) and not known & {"retrieved", "search", "results"}


def scale_of(parts: Sequence[str]) -> str:
    """The score scale that a score's name tells; ``unknown`` where it tells none."""
    known = set(parts)
    if known & {"probability", "prob", "proba"}:
        return "probability"
    if known & {"logit", "logits"}:
        return "logit"
    if known & {"bm25"}:
        return "bm25"
    if known & {"rrf"}:
        return "rrf"
    if known & {"cosine", "cos"} and not known & {"distance", "dist"}:
        return "cosine"
    if {"inner", "product"} <= known or {"dot", "product"} <= known:
        return "inner_product"
    return "unknown"
