"""Dense retrieval: the query's vector against the corpus' vectors, best cosine first."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rankscope.core.documents import Query
from rankscope.core.ordering import rank_by_score
from rankscope.core.protocols import DocumentSource, Encoder, VectorIndex
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Ranking
from rankscope.stages.dense.explain import DenseExplanation, explain
from rankscope.stages.dense.faiss_index import FaissIndex

__all__ = ["DenseRetriever"]


class DenseRetriever:
    """Implements ``core.protocols.Retriever`` over an encoder and an index of the same rows."""

    stage = "dense"
    score_scale = ScoreScale.COSINE

    def __init__(self, encoder: Encoder, index: VectorIndex, documents: DocumentSource) -> None:
        self.encoder = encoder
        self.index = index
        self.documents = documents

    def retrieve(self, query: Query, depth: int) -> Ranking:
        """The ``depth`` nearest documents among those that pass the filters.

        Details: ``encode_ms`` and ``search_ms``, and ``allowed``, how many documents passed a filter.
        """
        started = time.perf_counter()
        allowed = self.documents.rows_matching(query.filters)
        vector = self.encoder.encode_query(query.text)
        encoded = time.perf_counter()
        rows, cosines = self.index.search(vector, depth, allowed)
        doc_ids = self.documents.ids_of([int(row) for row in rows])
        hits = rank_by_score(zip(doc_ids, (float(value) for value in cosines), strict=True), depth=depth)
        finished = time.perf_counter()
        details: dict[str, float | str] = {
            "encode_ms": (encoded - started) * 1000,
            "search_ms": (finished - encoded) * 1000,
        }
        if allowed is not None:
            details["allowed"] = float(len(allowed))
        return Ranking(
            stage=self.stage,
            score_scale=self.score_scale,
            hits=hits,
            ms=(finished - started) * 1000,
            depth=depth,
            details=details,
        )

    def explain(
        self, query: Query, doc_id: str, sentences: Sequence[str], depth: int
    ) -> DenseExplanation | None:
        """Why a document stands where it does, listed or not; None where that cannot be looked up.

        Of a document that a filter leaves out, the rank is what it would be without the filter.
        """
        row = self.documents.rows_of([doc_id]).get(doc_id)
        if row is None or not isinstance(self.index, FaissIndex):
            return None
        allowed = self.documents.rows_matching(query.filters)
        if allowed is not None and row not in allowed:
            allowed = None
        return explain(self.encoder, self.index, query.text, row, sentences, depth=depth, allowed=allowed)
