"""The model refuses what cannot be true, and answers the questions that every screen asks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rankscope.core.documents import Document, Query
from rankscope.core.identifiers import new_trace_id
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, Ranking, Trace
from rankscope.errors import TraceError

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def ranking(stage: str, ids: str, status: str = "ok", ms: float | None = 1.0) -> Ranking:
    hits = tuple(Hit(doc_id, rank, 1 / rank) for rank, doc_id in enumerate(ids, start=1))
    return Ranking(stage, ScoreScale.UNKNOWN, hits, ms=ms, status=status)


def trace(*rankings: Ranking) -> Trace:
    return Trace("t1", NOW, "live", Query("q"), rankings=rankings)


def test_ranks_start_at_one() -> None:
    with pytest.raises(TraceError, match="ranks start at 1"):
        Hit("a", 0, 1.0)


def test_scores_are_finite_or_absent() -> None:
    with pytest.raises(TraceError, match="finite"):
        Hit("a", 1, float("nan"))
    assert Hit("a", 1, None).score is None


def test_ranks_must_rise() -> None:
    with pytest.raises(TraceError, match="rank 2 of document 'b' follows rank 2"):
        Ranking("bm25", ScoreScale.BM25, (Hit("a", 2, 1.0), Hit("b", 2, 0.5)))


def test_gaps_and_repeats_of_an_import_are_kept_and_counted() -> None:
    repeated = Ranking("bm25", ScoreScale.BM25, (Hit("a", 1, 3.0), Hit("b", 4, 2.0), Hit("a", 9, 1.0)))
    assert repeated.repeated_ids() == {"a": 2}
    best = repeated.hit("a")
    assert best is not None
    assert best.rank == 1


def test_a_stage_stands_once() -> None:
    with pytest.raises(TraceError, match="names a stage twice"):
        trace(ranking("bm25", "a"), ranking("bm25", "b"))


def test_time_needs_a_zone() -> None:
    with pytest.raises(TraceError, match="time zone"):
        Trace("t", datetime(2026, 1, 1), "live", Query("q"))  # noqa: DTZ001


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_floor_is_finite(value: float) -> None:
    with pytest.raises(TraceError, match="floor"):
        Floor(value, ScoreScale.PROBABILITY)


def test_final_is_the_reranked_order_only_when_complete() -> None:
    fused, partial = ranking("fusion", "abc"), ranking("rerank", "c", status="partial")
    assert trace(fused, ranking("rerank", "cab")).final == ranking("rerank", "cab")
    assert trace(fused, partial).final == fused
    assert trace(fused, partial).after == partial
    assert trace(fused, ranking("rerank", "", status="failed:no memory")).final == fused
    assert trace(fused, ranking("rerank", "", status="skipped:few")).after is None


def test_before_is_ahead_of_the_reranker() -> None:
    fused, diverse = ranking("fusion", "ab"), ranking("mmr", "ba")
    assert trace(fused, ranking("rerank", "ba"), diverse).before == fused
    assert trace(ranking("rerank", "ba"), diverse).before is None
    assert trace(fused, diverse).before == diverse


def test_before_passes_over_a_failed_stage() -> None:
    assert trace(ranking("bm25", "ab"), ranking("dense", "", status="failed:x")).before == ranking(
        "bm25", "ab"
    )
    assert trace().before is None


def test_with_ranking_replaces_in_place() -> None:
    first = trace(ranking("bm25", "a"), ranking("rerank", "a", status="partial"))
    second = first.with_ranking(ranking("rerank", "ab"))
    assert [item.stage for item in second.rankings] == ["bm25", "rerank"]
    assert second.ranking("rerank") == ranking("rerank", "ab")


def test_total_ms_adds_what_is_known() -> None:
    assert trace(ranking("bm25", "a", ms=2.0), ranking("dense", "a", ms=None)).total_ms == 2.0
    assert trace(ranking("bm25", "a", ms=None)).total_ms is None


def test_content_hash_tells_title_from_text() -> None:
    assert Document("1", text="b", title="a").content_hash != Document("1", text="ab").content_hash
    assert Document("1", text="x").content_hash == Document("2", text="x").content_hash


def test_trace_ids_sort_by_time() -> None:
    early, late = new_trace_id(1_700_000_000_000), new_trace_id(1_700_000_000_001)
    assert early < late
    assert (early[14], early[19] in "89ab") == ("7", True)
