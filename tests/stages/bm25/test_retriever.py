"""BM25 retrieval over a document source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.errors import IndexMismatch
from rankscope.stages.bm25.okapi import Bm25Index
from rankscope.stages.bm25.retriever import Bm25Retriever
from rankscope.stages.bm25.tokenizer import tokenize

DOCUMENTS = [
    Document("a", "Ibuprofen for children", metadata={"tenant": "acme"}),
    Document("b", "Ibuprofen for adults", metadata={"tenant": "acme"}),
    Document("c", "Ibuprofen, ibuprofen", metadata={"tenant": "globex"}),
    Document("d", "Stuck pipe"),
    Document("e", "Refunds of 2023"),
    Document("f", "Clause 9.2.1"),
    Document("g", "Error ERR-4012"),
]


class ListSource:
    """A document source over a list that is in id order."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents

    def __len__(self) -> int:
        return len(self.documents)

    def fetch(self, doc_ids: Sequence[str]) -> dict[str, Document]:
        return {document.doc_id: document for document in self.documents if document.doc_id in doc_ids}

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        return [self.documents[row].doc_id for row in rows]

    def rows_matching(self, filters: Mapping[str, str]) -> NDArray[np.int64] | None:
        if not filters:
            return None
        matching = [
            row
            for row, document in enumerate(self.documents)
            if all(document.metadata.get(key) == value for key, value in filters.items())
        ]
        return np.array(matching, dtype=np.int64)


@pytest.fixture
def retriever() -> Bm25Retriever:
    index = Bm25Index.build(tokenize(document.searchable) for document in DOCUMENTS)
    return Bm25Retriever(index, ListSource(DOCUMENTS))


def test_a_ranking_names_scale_time_and_depth(retriever: Bm25Retriever) -> None:
    ranking = retriever.retrieve(Query("what is ERR-4012 of nowhere"), 5)
    assert (ranking.stage, ranking.score_scale, ranking.depth) == ("bm25", ScoreScale.BM25, 5)
    assert ranking.doc_ids == ("g",)
    assert ranking.ms is not None
    assert ranking.ms > 0
    assert ranking.details == {"terms": 5.0, "unknown_terms": 1.0}


def test_the_filter_works_before_the_cut(retriever: Bm25Retriever) -> None:
    assert retriever.retrieve(Query("ibuprofen"), 1).doc_ids == ("c",)
    filtered = retriever.retrieve(Query("ibuprofen", {"tenant": "acme"}), 2)
    assert set(filtered.doc_ids) == {"a", "b"}
    assert filtered.details["allowed"] == 2
    assert retriever.retrieve(Query("ibuprofen", {"tenant": "nobody"}), 2).hits == ()


def test_a_query_without_terms_finds_nothing(retriever: Bm25Retriever) -> None:
    for text in ("", "   ", "who is it", "\0"):
        assert retriever.retrieve(Query(text), 5).hits == ()


def test_an_index_of_another_corpus_is_refused() -> None:
    with pytest.raises(IndexMismatch, match=r"holds 1 document, the corpus 7"):
        Bm25Retriever(Bm25Index.build([["a"]]), ListSource(DOCUMENTS))
