"""One document through a trace: the stage that lost it and the margin, for each way to be lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, PipelineInfo, Trace
from rankscope.insight.biography import biography
from rankscope.insight.standing import CorpusStanding, StageStanding
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from tests.insight.findings.scripted_traces import ranking, refused, trace_of

BM25 = ranking("bm25", "bm25", "abcde", depth=5)
DENSE = ranking("dense", "cosine", {"b": 0.8, "f": 0.7, "a": 0.6}, depth=3)
FUSED = ReciprocalRankFusion().fuse([BM25, DENSE], 5)
"""b and a stand in both lists; then f 1/62, c 1/63, d 1/64; e 1/65 is cut."""
AFTER = ranking("rerank", "probability", {"f": 0.9, "c": 0.5, "a": 0.45, "b": 0.31, "d": 0.1})
FLOOR = Floor(0.4, ScoreScale.PROBABILITY)
TRACE = refused(trace_of(BM25, DENSE, FUSED, AFTER, top_k=2), FLOOR)


def test_a_kept_document_with_its_margin_and_its_fusion_arithmetic() -> None:
    life = biography(TRACE, "f")
    assert (life.fate, life.lost_at) == ("kept", None)
    assert life.margin == pytest.approx(0.9 - 0.4)
    ranks = {record.stage: record.rank for record in life.records}
    assert ranks == {"bm25": None, "dense": 2, "fusion": 3, "rerank": 1}
    fused = life.record("fusion")
    assert fused is not None
    assert [(share.stage, share.rank, share.share) for share in fused.shares] == [("dense", 2, 1 / (60 + 2))]


def test_the_shares_of_two_lists_add_up_to_the_fused_score() -> None:
    fused = biography(TRACE, "a").record("fusion")
    assert fused is not None
    assert sum(share.share for share in fused.shares) == pytest.approx(fused.score, abs=1e-12)
    assert [share.share for share in fused.shares] == [1 / (60 + 1), 1 / (60 + 3)]


def test_weights_and_k_come_from_the_settings() -> None:
    settings = {"retrieval": {"rrf_k": 10, "bm25_weight": 2.0, "dense_weight": 1.0}}
    fused = ReciprocalRankFusion(10, {"bm25": 2.0}).fuse([BM25, DENSE], 5)
    trace = trace_of(BM25, DENSE, fused, pipeline=PipelineInfo(settings=settings))
    record = biography(trace, "a").record("fusion")
    assert record is not None
    assert [share.share for share in record.shares] == [2 / (10 + 1), 1 / (10 + 3)]


def test_lost_at_k_by_so_many_places() -> None:
    life = biography(TRACE, "a")
    assert (life.fate, life.lost_at, life.places_short) == ("beyond_top_k", "top_k", 1)


def test_lost_at_the_floor_by_so_much() -> None:
    life = biography(TRACE, "b")
    assert (life.fate, life.lost_at) == ("below_floor", "floor")
    assert life.score_short == pytest.approx(0.4 - 0.31)


def test_lost_at_the_fusion_cut_by_so_many_places() -> None:
    life = biography(TRACE, "e")
    assert (life.fate, life.lost_at, life.places_short) == ("fusion_cut", "fusion", 1)
    unknown = replace(TRACE, rankings=(BM25, DENSE, ranking("fusion", "cosine", {"a": 0.9})))
    assert biography(unknown, "e").places_short is None


def test_never_retrieved_says_which_list_came_nearest() -> None:
    life = biography(TRACE, "x")
    assert (life.fate, life.lost_at, life.places_short) == ("not_retrieved", "retrieval", None)
    stages = (
        StageStanding("bm25", ScoreScale.BM25, None, None, 5),
        StageStanding("dense", ScoreScale.COSINE, 17, 0.2, 300),
    )
    looked_up = biography(TRACE, "x", CorpusStanding("x", stages=stages))
    assert (looked_up.lost_at, looked_up.places_short) == ("dense", 17 - 3)


def test_filtered_out_and_not_in_the_corpus() -> None:
    filtered = CorpusStanding("x", failed_filters={"tenant": ("acme", "blue")})
    assert (biography(TRACE, "x", filtered).fate, biography(TRACE, "x", filtered).lost_at) == (
        "filtered_out",
        "filter",
    )
    assert biography(TRACE, "x", CorpusStanding("x", in_corpus=False)).fate == "not_in_corpus"


def test_a_reranker_that_dropped_it() -> None:
    short = TRACE.with_ranking(ranking("rerank", "probability", {"f": 0.9}))
    life = biography(short, "c")
    assert (life.fate, life.lost_at) == ("not_reranked", "rerank")


@pytest.mark.parametrize("status", ["failed:HTTP 503", "skipped:5 are no more than K"])
def test_without_a_reranked_order_the_fused_one_decides(status: str) -> None:
    after = ranking("rerank", "probability", "", status=status)
    trace = replace(TRACE.with_ranking(after), kept=("b", "a"))
    assert biography(trace, "b").fate == "kept"
    assert biography(trace, "b").margin is None
    assert (biography(trace, "f").fate, biography(trace, "f").places_short) == ("beyond_top_k", 1)


def test_an_import_that_does_not_say_what_was_kept() -> None:
    trace = trace_of(ranking("retrieval", "unknown", {"a": None, "b": None}))
    life = biography(trace, "b")
    assert (life.fate, life.records[0].rank, life.records[0].score) == ("undecided", 2, None)
    assert biography(trace, "z").fate == "not_retrieved"
    assert biography(Trace("t", TRACE.created_at, "import:x", TRACE.query), "z").records == ()
