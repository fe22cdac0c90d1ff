"""Exact and approximate search, filters, ties and files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankscope.errors import IndexMismatch, WorkspaceError
from rankscope.stages.dense.faiss_index import FaissIndex


def unit_vectors(count, dimension=16, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def brute_force(vectors, query, depth, allowed=None):
    rows = np.arange(len(vectors)) if allowed is None else np.asarray(allowed)
    cosines = vectors[rows] @ query
    order = np.lexsort((rows, -cosines))[:depth]
    return rows[order], cosines[order]


@given(
    st.integers(min_value=0, max_value=60),
    st.integers(min_value=1, max_value=80),
    st.sets(st.integers(min_value=0, max_value=59)) | st.none(),
)
@settings(max_examples=50, deadline=None)
def test_flat_search_is_brute_force(count, depth, chosen):
    vectors = unit_vectors(count)
    allowed = (
        None if chosen is None else np.array(sorted(row for row in chosen if row < count), dtype=np.int64)
    )
    query = unit_vectors(1, seed=7)[0]
    rows, cosines = FaissIndex.build(vectors).search(query, depth, allowed)
    expected_rows, expected_cosines = brute_force(vectors, query, depth, allowed)
    assert cosines == pytest.approx(expected_cosines, abs=1e-6)
    assert sorted(rows) == sorted(expected_rows)


def test_equal_cosines_stand_in_the_order_of_rows_even_at_the_cut():
    vectors = np.repeat(unit_vectors(1), 50, axis=0)
    rows, cosines = FaissIndex.build(vectors).search(vectors[0], 5)
    assert rows.tolist() == [0, 1, 2, 3, 4]
    assert cosines.max() <= 1.0


@pytest.mark.parametrize("flat_limit", [10, 10_000])
def test_a_saved_index_gives_the_same_answers(tmp_path, flat_limit):
    vectors = unit_vectors(500)
    query = unit_vectors(1, seed=3)[0]
    built = FaissIndex.build(vectors, flat_limit=flat_limit)
    built.save(tmp_path / "dense.faiss")
    allowed = np.arange(0, 500, 2, dtype=np.int64)
    for mmap in (True, False):
        loaded = FaissIndex.load(tmp_path / "dense.faiss", mmap=mmap)
        assert len(loaded) == 500
        assert loaded.approximate is (flat_limit == 10)
        for chosen in (None, allowed):
            for found, expected in zip(
                loaded.search(query, 10, chosen), built.search(query, 10, chosen), strict=True
            ):
                assert np.array_equal(found, expected)
        assert np.allclose(loaded.vectors(np.array([3, 7])), vectors[[3, 7]])


def test_the_graph_finds_nearly_all_and_exact_finds_all():
    vectors = unit_vectors(3000)
    index = FaissIndex.build(vectors, flat_limit=100)
    found = 0
    for query in unit_vectors(20, seed=5):
        expected, _ = brute_force(vectors, query, 10)
        found += len(set(expected) & set(index.search(query, 10)[0]))
        assert index.search(query, 10, exact=True)[0].tolist() == expected.tolist()
    assert found >= 0.95 * 200


@pytest.mark.parametrize("count", [5, 1500])
def test_the_graph_obeys_a_filter_however_narrow(count):
    vectors = unit_vectors(3000)
    allowed = np.sort(np.random.default_rng(1).choice(3000, count, replace=False)).astype(np.int64)
    rows, _ = FaissIndex.build(vectors, flat_limit=100).search(vectors[0], 10, allowed)
    assert set(rows) <= set(allowed)
    assert len(rows) == min(10, count)


def test_a_vector_of_another_length_and_a_damaged_file_are_refused(tmp_path):
    with pytest.raises(IndexMismatch, match="length 16"):
        FaissIndex.build(unit_vectors(3)).search(np.ones(8, dtype=np.float32), 3)
    path = tmp_path / "dense.faiss"
    path.write_bytes(b"not an index")
    with pytest.raises(WorkspaceError, match="damaged"):
        FaissIndex.load(path)
    with pytest.raises(FileNotFoundError):
        FaissIndex.load(tmp_path / "absent.faiss")
