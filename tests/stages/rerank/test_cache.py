"""Scores on disk: equal to what was scored, never across models or settings, bounded, forgiving."""

from __future__ import annotations

import sqlite3
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.documents import Document
from rankscope.core.protocols import ScoredPair
from rankscope.stages.rerank.cache import ReusingReranker, ScoreCache, normalized_query
from tests.engine.counting_reranker import CountingReranker

DOCUMENTS = [Document(f"d{number}", f"text {number} of leave", "A title") for number in range(6)]


def scored(reranker: ReusingReranker, query: str, documents: list[Document]) -> dict[int, ScoredPair]:
    return {pair.index: pair for chunk in reranker.score(query, documents) for pair in chunk}


@pytest.fixture
def cache(tmp_path: Path) -> ScoreCache:
    return ScoreCache(tmp_path / "scores.db", 16)


def test_the_second_time_nothing_is_scored_and_everything_is_equal(cache: ScoreCache) -> None:
    inner = CountingReranker()
    reranker = ReusingReranker(inner, cache, "windows")
    first = scored(reranker, "leave 3", DOCUMENTS)
    again = scored(reranker, "leave 3", DOCUMENTS)
    assert len(inner.asked) == len(DOCUMENTS)
    assert {index: pair.score for index, pair in again.items()} == {
        index: inner.expected("leave 3", document.searchable) for index, document in enumerate(DOCUMENTS)
    }
    assert [pair.details for _, pair in sorted(first.items())] == [{"tokens": 5.0, "reused": 0.0}] * 6
    assert [pair.details for _, pair in sorted(again.items())] == [{"tokens": 5.0, "reused": 1.0}] * 6


def test_only_what_is_missing_is_scored_whatever_its_place(cache: ScoreCache) -> None:
    inner = CountingReranker()
    reranker = ReusingReranker(inner, cache, "")
    scored(reranker, "leave", [DOCUMENTS[4], DOCUMENTS[1]])
    inner.asked.clear()
    found = scored(reranker, "leave 2", DOCUMENTS[:1])
    found = scored(reranker, "leave", DOCUMENTS)
    assert [doc_id for query, doc_id in inner.asked if query == "leave"] == ["d0", "d2", "d3", "d5"]
    assert {index for index, pair in found.items() if pair.details["reused"]} == {1, 4}
    assert sorted(found) == list(range(6))


def test_the_content_counts_and_not_the_id(cache: ScoreCache) -> None:
    inner = CountingReranker()
    reranker = ReusingReranker(inner, cache, "")
    scored(reranker, "leave", DOCUMENTS)
    inner.asked.clear()
    renamed = [replace(document, doc_id=f"other-{document.doc_id}") for document in DOCUMENTS]
    scored(reranker, "leave", renamed)
    assert inner.asked == []
    scored(reranker, "leave", [replace(DOCUMENTS[0], text="other"), replace(DOCUMENTS[1], title="other")])
    assert len(inner.asked) == 2


def test_no_score_crosses_models_or_settings(cache: ScoreCache) -> None:
    inner = CountingReranker()
    scored(ReusingReranker(inner, cache, "True 8"), "leave", DOCUMENTS)
    known = inner.info
    others = [
        replace(known, name="other"),
        replace(known, revision="2"),
        replace(known, dtype="bf16"),
        replace(known, max_length=256),
        replace(known, activation="identity"),
    ]
    for info in others:
        other = CountingReranker(factor=0.5)
        other.info = info
        found = scored(ReusingReranker(other, cache, "True 8"), "leave", DOCUMENTS)
        assert len(other.asked) == 6, info
        assert found[0].score == other.expected("leave", DOCUMENTS[0].searchable)
    narrower = CountingReranker()
    scored(ReusingReranker(narrower, cache, "True 2"), "leave", DOCUMENTS)
    assert len(narrower.asked) == 6
    assert cache.count == 6 * 7


@given(st.text(max_size=20))
def test_a_normalized_query_is_its_own_normal_form(text: str) -> None:
    assert normalized_query(normalized_query(text)) == normalized_query(text)
    assert normalized_query(f"  {text}\n\t") == normalized_query(text)


def test_queries_that_are_written_differently_share_scores(cache: ScoreCache) -> None:
    inner = CountingReranker()
    reranker = ReusingReranker(inner, cache, "")
    scored(reranker, "caf\u00e9  leave\n", DOCUMENTS)
    scored(reranker, "cafe\u0301 leave", DOCUMENTS)
    assert {query for query, _ in inner.asked} == {"caf\u00e9 leave"}
    assert len(inner.asked) == 6


def test_what_was_scored_before_a_stop_is_kept(tmp_path: Path) -> None:
    inner = CountingReranker()
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 4

    first = ReusingReranker(inner, ScoreCache(tmp_path / "scores.db", 16), "")
    done = [pair for chunk in first.score("leave", DOCUMENTS, cancelled=cancelled) for pair in chunk]
    assert 0 < len(done) < 6
    # The file was not closed: another process finds what a killed one had scored.
    again = ReusingReranker(inner, ScoreCache(tmp_path / "scores.db", 16), "")
    found = scored(again, "leave", DOCUMENTS)
    assert sum(pair.details["reused"] for pair in found.values()) == len(done)
    assert len(inner.asked) == 6


def test_the_file_is_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path / "scores.db", 1)
    for start in range(0, 12_000, 1_000):
        rows = [
            (number.to_bytes(20, "big"), ScoredPair(0, 0.5, {"logit": 0.25, "tokens": 180.0, "windows": 1.0}))
            for number in range(start, start + 1_000)
        ]
        cache.keep(rows)
    assert (tmp_path / "scores.db").stat().st_size < 2 * 1024 * 1024
    assert 1_000 < cache.count < 12_000
    newest, oldest = (11_999).to_bytes(20, "big"), (0).to_bytes(20, "big")
    assert list(cache.find([oldest, newest])) == [newest]


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "scores.db"
    path.write_bytes(b"not a database at all" * 100)
    inner = CountingReranker()
    reranker = ReusingReranker(inner, ScoreCache(path, 16), "")
    for _ in range(3):
        assert len(scored(reranker, "leave", DOCUMENTS)) == 6
    assert len(inner.asked) <= 12
    assert reranker.cache.count == 6


def test_a_place_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    reranker = ReusingReranker(CountingReranker(), ScoreCache(blocked / "scores.db", 16), "")
    assert len(scored(reranker, "leave", DOCUMENTS)) == 6
    assert reranker.cache.count == 0


def test_the_file_is_private_and_plain_sqlite(cache: ScoreCache) -> None:
    scored(ReusingReranker(CountingReranker(), cache, ""), "leave", DOCUMENTS)
    assert stat.S_IMODE(cache.path.stat().st_mode) == 0o600
    cache.close()
    with sqlite3.connect(cache.path) as connection:
        assert connection.execute("SELECT count(*) FROM scores").fetchone() == (6,)
    connection.close()
    assert cache.count == 6
    cache.close()


def test_threads_share_a_cache(cache: ScoreCache) -> None:
    inner = CountingReranker()
    reranker = ReusingReranker(inner, cache, "")
    found: list[dict[int, ScoredPair]] = []
    threads = [
        threading.Thread(target=lambda: found.append(scored(reranker, "leave", DOCUMENTS))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(
        {i: p.score for i, p in each.items()} == {i: p.score for i, p in found[0].items()} for each in found
    )
    assert cache.count == 6
