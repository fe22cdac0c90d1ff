"""The compiled index against rank_bm25 itself."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from rankscope.errors import WorkspaceError
from rankscope.stages.bm25.inversion import Inversion
from rankscope.stages.bm25.okapi import Bm25Index, Bm25Parameters

WORDS = st.sampled_from(["a", "b", "c", "d", "é", "東", "\ud800", "zz", "zzz"])
CORPORA = st.lists(st.lists(WORDS, max_size=12), max_size=12)
QUERIES = st.lists(st.sampled_from(["a", "b", "c", "é", "\ud800", "zz", "unknown"]), max_size=6)


def has_terms(corpus: list[list[str]]) -> bool:
    return any(corpus)


@given(CORPORA.filter(has_terms), QUERIES)
def test_scores_equal_those_of_rank_bm25(corpus: list[list[str]], query: list[str]) -> None:
    expected = BM25Okapi(corpus).get_scores(query)
    np.testing.assert_allclose(Bm25Index.build(corpus).scores(query), expected, rtol=0, atol=1e-9)


def test_scores_equal_those_of_rank_bm25_on_a_larger_corpus() -> None:
    rng = random.Random(7)
    words = [f"w{number}" for number in range(900)]
    weights = [1 / (number + 1) for number in range(900)]
    corpus = [rng.choices(words, weights, k=rng.randint(0, 120)) for _ in range(600)]
    index, oracle = Bm25Index.build(iter(corpus)), BM25Okapi(corpus)
    for _ in range(40):
        query = rng.choices(words, weights, k=rng.randint(1, 9))
        expected = oracle.get_scores(query)
        np.testing.assert_allclose(index.scores(query), expected, rtol=0, atol=1e-9)
        rows, scores = index.search(query, 20)
        matching = [row for row, tokens in enumerate(corpus) if set(tokens) & set(query)]
        best = sorted(matching, key=lambda row: (-index.scores(query)[row], row))[:20]
        assert rows.tolist() == best
        np.testing.assert_allclose(scores, expected[best], rtol=0, atol=1e-9)


def test_other_parameters_are_those_of_rank_bm25() -> None:
    corpus = [["a", "a", "b"], ["b", "c"], ["c"], ["d"]]
    expected = BM25Okapi(corpus, k1=0.9, b=0.4, epsilon=0.1).get_scores(["a", "b", "c"])
    index = Bm25Index.build(corpus, Bm25Parameters(k1=0.9, b=0.4, epsilon=0.1))
    np.testing.assert_allclose(index.scores(["a", "b", "c"]), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("corpus", [[], [[]], [[], []]])
def test_a_corpus_without_terms_matches_nothing(corpus: list[list[str]], tmp_path: Path) -> None:
    index = Bm25Index.build(corpus)
    index.save(tmp_path)
    for opened in (index, Bm25Index.load(tmp_path)):
        assert opened.scores(["a"]).tolist() == [0.0] * len(corpus)
        assert opened.search(["a"], 5)[0].tolist() == []


def test_a_match_with_a_negative_score_is_a_match() -> None:
    index = Bm25Index.build([["a", "b"]])
    rows, scores = index.search(["a"], 5)
    assert rows.tolist() == [0]
    assert scores[0] == pytest.approx(BM25Okapi([["a", "b"]]).get_scores(["a"])[0])
    assert scores[0] < 0


def test_a_match_with_a_zero_score_is_a_match() -> None:
    corpus = [["a"], ["b"], ["a"], ["c"]]  # df = N / 2: ln(2.5 / 2.5) = 0
    rows, scores = Bm25Index.build(corpus).search(["a"], 5)
    assert rows.tolist() == [0, 2]
    assert scores.tolist() == [0.0, 0.0]


def test_equal_scores_stand_in_row_order_at_every_depth() -> None:
    index = Bm25Index.build([["a", "x"], ["a", "x"], ["b", "x"], ["a", "x"], ["b", "b"], ["c"], ["c"], ["c"]])
    for depth in range(9):
        assert index.search(["a"], depth)[0].tolist() == [0, 1, 3][:depth]


def test_only_allowed_rows_are_found() -> None:
    index = Bm25Index.build([["a"], ["a", "b"], ["b"], ["a"], ["c"], ["c"], ["d"]])
    assert index.search(["a"], 5, np.array([1, 2, 3, 4]))[0].tolist() == [3, 1]
    assert index.search(["a"], 5, np.array([], dtype=np.int64))[0].tolist() == []
    assert index.search([], 5, np.array([1]))[0].tolist() == []


@given(CORPORA, QUERIES, st.integers(0, 13), st.sets(st.integers(0, 11)))
def test_search_is_the_head_of_the_sorted_matches(
    corpus: list[list[str]], query: list[str], depth: int, chosen: set[int]
) -> None:
    index = Bm25Index.build(corpus)
    allowed = sorted(row for row in chosen if row < len(corpus))
    rows, scores = index.search(query, depth, np.array(allowed, dtype=np.int64))
    every = index.scores(query)
    matching = [row for row in allowed if set(corpus[row]) & set(query)]
    assert rows.tolist() == sorted(matching, key=lambda row: (-every[row], row))[:depth]
    assert scores.tolist() == [every[row] for row in rows]


@settings(max_examples=30)
@given(corpus=CORPORA, query=QUERIES)
def test_a_saved_index_is_the_same_index(
    corpus: list[list[str]], query: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("bm25")
    index = Bm25Index.build(corpus)
    index.save(folder)
    opened = Bm25Index.load(folder)
    assert opened.parameters == index.parameters
    assert opened.scores(query).tolist() == index.scores(query).tolist()
    words = {word for tokens in corpus for word in tokens}
    numbers = {word: opened.postings.vocabulary.find(word) for word in words}
    assert {
        opened.postings.vocabulary.term(number) for number in numbers.values() if number is not None
    } == words


def test_a_loaded_index_is_mapped_and_not_read(tmp_path: Path) -> None:
    Bm25Index.build([["a"], ["b"]]).save(tmp_path)
    index = Bm25Index.load(tmp_path)
    assert isinstance(index.parts, np.memmap)
    assert isinstance(index.postings.rows, np.memmap)


def test_a_damaged_index_is_refused_in_one_line(tmp_path: Path) -> None:
    Bm25Index.build([["a"], ["b"]]).save(tmp_path)
    np.save(tmp_path / "parts.npy", np.zeros(1))
    with pytest.raises(WorkspaceError, match=r"parts.npy holds 1 entries, its header says 2.*index` again"):
        Bm25Index.load(tmp_path)


def test_an_index_of_another_version_is_refused(tmp_path: Path) -> None:
    Bm25Index.build([["a"]]).save(tmp_path)
    header = json.loads((tmp_path / "bm25.json").read_text())
    (tmp_path / "bm25.json").write_text(json.dumps(header | {"schema": "rankscope.bm25/0"}))
    with pytest.raises(WorkspaceError, match=r"of version rankscope\.bm25/0"):
        Bm25Index.load(tmp_path)


def test_an_absent_index_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Bm25Index.load(tmp_path)


@given(CORPORA, st.integers(1, 9))
def test_blocks_of_any_size_give_the_same_postings(corpus: list[list[str]], block: int) -> None:
    whole, blocked = Inversion(), Inversion(block=block)
    for tokens in corpus:
        whole.add(tokens)
        blocked.add(tokens)
    one, other = whole.finish(), blocked.finish()
    for name in ("starts", "rows", "frequencies", "lengths"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()
    for number in range(len(one.vocabulary)):
        span = one.span(number)
        term = one.vocabulary.term(number)
        held = [(row, tokens.count(term)) for row, tokens in enumerate(corpus) if term in tokens]
        assert list(zip(one.rows[span].tolist(), one.frequencies[span].tolist(), strict=True)) == held
