"""BM25 retrieval: the query's terms against the compiled index, best score first."""

from __future__ import annotations

import time

from rankscope.core.counting import counted
from rankscope.core.documents import Query
from rankscope.core.ordering import rank_by_score
from rankscope.core.protocols import DocumentSource
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Ranking
from rankscope.errors import IndexMismatch
from rankscope.stages.bm25.explain import Bm25Explanation, explain
from rankscope.stages.bm25.okapi import Bm25Index
from rankscope.stages.bm25.tokenizer import tokenize

__all__ = ["Bm25Retriever"]


class Bm25Retriever:
    """Implements ``core.protocols.Retriever`` over an index of the same rows as ``documents``."""

    stage = "bm25"
    score_scale = ScoreScale.BM25

    def __init__(self, index: Bm25Index, documents: DocumentSource) -> None:
        """Raises IndexMismatch when the two do not hold equally many documents."""
        if len(index) != len(documents):
            raise IndexMismatch(
                f"the BM25 index holds {counted(len(index), 'document')}, the corpus {len(documents)}.",
                remedy="Run `rankscope index` again.",
            )
        self.index = index
        self.documents = documents

    def retrieve(self, query: Query, depth: int) -> Ranking:
        """The ``depth`` best documents that share a term with the query and pass its filters.

        Details: ``terms``, how many the query gave; ``unknown_terms``, how many of them are in no document;
        ``allowed``, how many documents passed a filter.
        """
        started = time.perf_counter()
        allowed = self.documents.rows_matching(query.filters)
        tokens = tokenize(query.text)
        rows, scores = self.index.search(tokens, depth, allowed)
        doc_ids = self.documents.ids_of(rows.tolist())
        hits = rank_by_score(zip(doc_ids, scores.tolist(), strict=True), depth=depth)
        ms = (time.perf_counter() - started) * 1000
        unknown = sum(self.index.postings.vocabulary.find(token) is None for token in tokens)
        details: dict[str, float | str] = {"terms": float(len(tokens)), "unknown_terms": float(unknown)}
        if allowed is not None:
            details["allowed"] = float(len(allowed))
        return Ranking(
            stage=self.stage, score_scale=self.score_scale, hits=hits, ms=ms, depth=depth, details=details
        )

    def explain(self, query: Query, doc_id: str) -> Bm25Explanation | None:
        """What each query term gives a document, listed or not; None for an id that is not in the corpus."""
        row = self.documents.rows_of([doc_id]).get(doc_id)
        return None if row is None else explain(self.index, tokenize(query.text), row)
