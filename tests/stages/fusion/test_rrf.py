"""Reciprocal rank fusion, with expected values written as the formula."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking
from rankscope.stages.fusion.rrf import ReciprocalRankFusion


def listed(stage: str, ids: str | list[str]) -> Ranking:
    hits = tuple(Hit(doc_id, rank, -float(rank)) for rank, doc_id in enumerate(ids, start=1))
    return Ranking(stage, ScoreScale.UNKNOWN, hits)


def test_scores_are_sums_of_reciprocal_ranks() -> None:
    fused = ReciprocalRankFusion(k=60).fuse([listed("bm25", "abc"), listed("dense", "cd")], depth=10)
    scores = {hit.doc_id: hit.score for hit in fused.hits}
    assert scores == {
        "a": pytest.approx(1 / (60 + 1)),
        "b": pytest.approx(1 / (60 + 2)),
        "c": pytest.approx((1 / (60 + 3)) + (1 / (60 + 1))),
        "d": pytest.approx(1 / (60 + 2)),
    }
    assert fused.doc_ids == ("c", "a", "b", "d")


def test_shares_and_ranks_of_each_list_stay_with_the_hit() -> None:
    fused = ReciprocalRankFusion(k=10, weights={"dense": 2.0}).fuse(
        [listed("bm25", "ab"), listed("dense", "b")], depth=5
    )
    assert fused.hits[0].details == {
        "rank:bm25": 2,
        "share:bm25": 1 / (10 + 2),
        "rank:dense": 1,
        "share:dense": 2.0 / (10 + 1),
    }


def test_weight_zero_leaves_a_list_out() -> None:
    fused = ReciprocalRankFusion(weights={"dense": 0}).fuse([listed("bm25", "a"), listed("dense", "b")], 5)
    assert fused.doc_ids == ("a",)


def test_the_cut_is_counted() -> None:
    fused = ReciprocalRankFusion().fuse([listed("bm25", "abc"), listed("dense", "de")], depth=2)
    assert fused.details == {"union": 5, "cut": 5 - 2}


@given(
    st.lists(st.permutations(list("abcdefgh")).map(lambda ids: ids[:5]), min_size=1, max_size=4),
    st.integers(0, 100),
)
def test_shares_add_up_and_order_of_lists_does_not_matter(lists: list[list[str]], k: int) -> None:
    rankings = [listed(f"list{place}", ids) for place, ids in enumerate(lists)]
    fuser = ReciprocalRankFusion(k=k + 1)
    fused = fuser.fuse(rankings, depth=8)
    for hit in fused.hits:
        shares = [value for name, value in hit.details.items() if name.startswith("share:")]
        assert hit.score == pytest.approx(sum(shares), abs=1e-12)
    backwards = fuser.fuse(rankings[::-1], depth=8)
    assert {hit.doc_id: round(hit.score or 0, 12) for hit in backwards.hits} == {
        hit.doc_id: round(hit.score or 0, 12) for hit in fused.hits
    }
