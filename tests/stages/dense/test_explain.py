"""Why dense retrieval places a document: exact cosine and rank beside the search's, nearest sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from rankscope.core.trace import ModelInfo
from rankscope.stages.dense.explain import explain
from rankscope.stages.dense.faiss_index import FaissIndex


class CompassEncoder:
    """A text is an angle in degrees; its vector points there."""

    info = ModelInfo("compass")
    dimension = 2

    def encode_query(self, text: str) -> NDArray:
        return self.encode_documents([text])[0]

    def encode_documents(self, texts: Sequence[str]) -> NDArray:
        angles = np.deg2rad([float(text) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    def tokens_cut(self, texts: Sequence[str]) -> list[int]:
        return [0] * len(texts)


ENCODER = CompassEncoder()
ANGLES = ["40", "10", "25", "10", "90"]
INDEX = FaissIndex.build(ENCODER.encode_documents(ANGLES))


def cosine(degrees: float) -> float:
    return float(np.cos(np.deg2rad(degrees)))


def test_rank_and_cosine_are_exact_also_beyond_the_depth() -> None:
    found = explain(ENCODER, INDEX, "0", 0, ["80", "5", "40"], depth=2)
    assert found.cosine == pytest.approx(cosine(40))
    assert (found.rank, found.of) == (4, 5)
    assert (found.found_at, found.approximate) == (None, False)
    assert found.sentences == pytest.approx((cosine(80), cosine(5), cosine(40)))
    assert found.nearest == 1


def test_equal_cosines_go_by_row_as_in_a_search() -> None:
    places = [explain(ENCODER, INDEX, "0", row, [], depth=5) for row in range(5)]
    rows, _ = INDEX.search(ENCODER.encode_query("0"), 5)
    assert [place.rank for place in places] == [place.found_at for place in places]
    assert [int(row) for row in rows] == sorted(range(5), key=lambda row: places[row].rank)
    assert places[0].nearest is None


def test_a_filter_limits_what_is_counted() -> None:
    found = explain(ENCODER, INDEX, "0", 2, [], depth=5, allowed=np.array([0, 2, 4]))
    assert (found.rank, found.of, found.found_at) == (1, 3, 1)


def test_a_graph_is_told_apart_from_what_is_exact() -> None:
    rng = np.random.default_rng(5)
    angles = [str(angle) for angle in rng.uniform(0, 180, 400)]
    graph = FaissIndex.build(ENCODER.encode_documents(angles), flat_limit=10)
    order = sorted(range(400), key=lambda row: float(angles[row]))
    for rank in (1, 7, 300):
        found = explain(ENCODER, graph, "0", order[rank - 1], [], depth=50)
        assert found.approximate
        assert found.rank == rank
        assert found.found_at in (None, rank) if rank <= 50 else found.found_at is None


def test_a_row_outside_the_index_is_an_error() -> None:
    with pytest.raises(IndexError, match="row 5 is outside"):
        explain(ENCODER, INDEX, "0", 5, [], depth=2)
