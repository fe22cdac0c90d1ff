"""When the reranker is not called."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.stages.rerank.gate import Gate, RecentCandidates, first_stage_gap


def ranking(stage: str, scores: list[float | None], status: str = "ok") -> Ranking:
    hits = tuple(Hit(f"d{rank}", rank, score) for rank, score in enumerate(scores, start=1))
    return Ranking(stage, ScoreScale.RRF, hits, status=status)


def trace(*rankings: Ranking, text: str = "q") -> Trace:
    return Trace("t", datetime(2026, 1, 1, tzinfo=UTC), "live", Query(text), rankings)


TWELVE = [1.0 - rank / 20 for rank in range(12)]


def test_the_gap_is_from_rank_1_to_rank_10() -> None:
    assert first_stage_gap(ranking("fusion", TWELVE)) == pytest.approx(9 / 20)
    assert first_stage_gap(ranking("fusion", TWELVE[:10])) == pytest.approx(9 / 20)
    assert first_stage_gap(ranking("fusion", TWELVE[:9])) is None
    assert first_stage_gap(ranking("fusion", [None, *TWELVE])) is None
    assert first_stage_gap(ranking("fusion", TWELVE, "failed:x")) is None
    assert first_stage_gap(None) is None


@pytest.mark.parametrize(("gap", "skips"), [(0.0, False), (0.43, True), (0.4375, True), (0.4376, False)])
def test_a_clear_lead_skips(gap: float, skips: bool) -> None:
    scores = [1.0, *([0.6] * 8), 0.5625, 0.5]
    fused = ranking("fusion", scores)
    reason = Gate(gap).reason(trace(fused), fused, 5)
    assert bool(reason) is skips
    assert not skips or reason == f"rank 1 of fusion leads rank 10 by 0.4375, the gate's {gap:.4g} or more"


def test_the_lead_may_be_that_of_a_single_retriever() -> None:
    bm25, fused = ranking("bm25", [30.0, *([2.0] * 11)]), ranking("fusion", [0.03] * 12)
    asked = trace(bm25, fused)
    assert "rank 1 of bm25 leads rank 10 by 28" in Gate(20.0, "bm25").reason(asked, fused, 5)
    assert Gate(0.01).reason(asked, fused, 5) == ""
    assert Gate(0.01, "dense").reason(asked, fused, 5) == ""


def test_too_few_candidates_skip() -> None:
    fused = ranking("fusion", TWELVE)
    assert Gate(few=11).reason(trace(fused), fused, 5) == ""
    assert Gate(few=12).reason(trace(fused), fused, 5) == "12 candidates are no more than the gate's 12"
    assert Gate().reason(trace(fused), fused, 12) == "12 candidates are no more than K=12"


def test_a_follow_up_with_the_same_candidates_skips() -> None:
    gate = Gate(follow_up=True)
    fused, other = ranking("fusion", TWELVE), ranking("fusion", TWELVE[:11])
    turned = Ranking("fusion", ScoreScale.RRF, tuple(Hit(f"d{13 - n}", n, 1.0) for n in range(1, 13)))
    assert gate.reason(trace(fused, text="a"), fused, 5) == ""
    assert gate.reason(trace(fused, text="a"), fused, 5) == ""  # the same query again is no follow-up
    assert gate.reason(trace(turned, text="b"), turned, 5) == "the same candidates as the query before"
    assert gate.reason(trace(other, text="c"), other, 5) == ""
    assert gate.reason(trace(fused, text="d"), fused, 5) == ""


def test_gates_of_one_workspace_share_what_was_before() -> None:
    recent = RecentCandidates()
    fused = ranking("fusion", TWELVE)
    assert Gate(follow_up=True, recent=recent).reason(trace(fused, text="a"), fused, 5) == ""
    assert Gate(follow_up=True, recent=recent).reason(trace(fused, text="b"), fused, 5) != ""
    assert Gate(gap=0.1, recent=recent) == Gate(gap=0.1)
    assert repr(Gate()) == "Gate(gap=0.0, signal='fusion', few=0, follow_up=False)"
