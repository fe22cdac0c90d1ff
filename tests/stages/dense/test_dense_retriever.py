"""Dense retrieval end to end with the installed model."""

import numpy as np

from rankscope.config import ModelSettings
from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.stages.dense.encoder import BiEncoder
from rankscope.stages.dense.faiss_index import FaissIndex
from rankscope.stages.dense.retriever import DenseRetriever

TEXTS = {
    "a": "Cats sleep for most of the day.",
    "b": "The stock market fell sharply on Monday.",
    "c": "A kitten naps often and long.",
}


class Documents:
    """Three documents; the filter ``only`` names the ids that pass."""

    def __len__(self):
        return len(TEXTS)

    def ids_of(self, rows):
        return [sorted(TEXTS)[row] for row in rows]

    def fetch(self, doc_ids):
        raise NotImplementedError

    def rows_matching(self, filters):
        if not filters:
            return None
        return np.array(
            [row for row, key in enumerate(sorted(TEXTS)) if key in filters["only"]], dtype=np.int64
        )


def test_the_nearest_documents_come_first_and_filters_act_before_the_cut():
    encoder = BiEncoder(ModelSettings(device="cpu"))
    index = FaissIndex.build(encoder.encode_documents([TEXTS[key] for key in sorted(TEXTS)]))
    retriever = DenseRetriever(encoder, index, Documents())
    found = retriever.retrieve(Query("how long do cats sleep"), 2)
    assert found.doc_ids == ("a", "c")
    assert found.score_scale is ScoreScale.COSINE
    assert set(found.details) == {"encode_ms", "search_ms"}
    filtered = retriever.retrieve(Query("how long do cats sleep", {"only": "b"}), 1)
    assert filtered.doc_ids == ("b",)
    assert filtered.details["allowed"] == 1
