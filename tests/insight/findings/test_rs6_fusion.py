"""RS601: does the recorded fusion add up?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rankscope.core.trace import PipelineInfo, Ranking, Trace
from rankscope.insight.fused_order import fused_scores, inferred_recipe, mismatch, recipe_of
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from tests.insight.findings.scripted_traces import found, outcome, ranking, trace_of

BM25 = ranking("bm25", "bm25", "abcdefgh")
DENSE = ranking("dense", "cosine", {c: 0.9 - i / 10 for i, c in enumerate("hgaxyz")})
LISTS = [BM25, DENSE]


def recorded(fused: Ranking, **retrieval: float) -> Trace:
    return trace_of(*LISTS, fused, pipeline=PipelineInfo(settings={"retrieval": retrieval}))


def test_a_live_fusion_adds_up() -> None:
    fused = ReciprocalRankFusion(20, {"bm25": 2.0}).fuse(LISTS, 5)
    assert outcome("RS601", recorded(fused, rrf_k=20, bm25_weight=2.0)) == "passed"


def test_another_k_than_recorded_is_named() -> None:
    finding = found("RS601", recorded(ReciprocalRankFusion(20).fuse(LISTS, 5), rrf_k=60))
    assert finding.severity == "error"
    assert finding.message.endswith("k=20 with equal weights fits")


def test_ranks_from_zero_are_one_k_less() -> None:
    finding = found("RS601", recorded(ReciprocalRankFusion(59).fuse(LISTS, 5), rrf_k=60))
    assert finding.message.endswith("k=59 with equal weights fits, that is k=60 with ranks from 0")


def test_a_missing_list_and_a_document_left_out() -> None:
    fused = ReciprocalRankFusion().fuse([*LISTS, ranking("splade", "unknown", "qr")], 20)
    missing = found("RS601", trace_of(*LISTS, fused))
    assert missing.severity == "warning"
    assert "stand in no recorded list (q, r)" in missing.message
    full = ReciprocalRankFusion().fuse(LISTS, 20)
    hole = replace(full, hits=tuple(hit for hit in full.hits if hit.doc_id != "b"))
    assert (
        "1 document of the lists belongs in the fused list and is not there: b"
        in found("RS601", recorded(hole, rrf_k=60)).message
    )


def test_an_order_without_scores_is_compared_as_an_order() -> None:
    fused = ReciprocalRankFusion().fuse(LISTS, 20)
    bare = replace(fused, hits=tuple(replace(hit, score=None) for hit in fused.hits))
    assert outcome("RS601", recorded(bare, rrf_k=60)) == "passed"
    hits = list(bare.hits)
    hits[0], hits[5] = replace(hits[5], rank=1), replace(hits[0], rank=6)
    assert "stands too low" in found("RS601", recorded(replace(bare, hits=tuple(hits)), rrf_k=60)).message


def test_ties_may_stand_in_any_order_and_scores_may_be_rounded() -> None:
    lists = [ranking("bm25", "bm25", "ab"), ranking("dense", "cosine", {"b": 0.9, "a": 0.8})]
    fused = ReciprocalRankFusion().fuse(lists, 2)
    other = replace(fused, hits=(replace(fused.hits[1], rank=1), replace(fused.hits[0], rank=2)))
    assert mismatch(other, lists, inferred_recipe(other, lists) or pytest.fail("no k")) is None
    full = ReciprocalRankFusion().fuse(LISTS, 20)
    rounded = replace(full, hits=tuple(replace(hit, score=round(hit.score or 0, 4)) for hit in full.hits))
    assert outcome("RS601", recorded(rounded, rrf_k=60)) == "passed"


def test_what_cannot_be_checked_is_not_passed() -> None:
    assert "no fused list" in str(outcome("RS601", trace_of(*LISTS)))
    assert "not by reciprocal rank" in str(
        outcome("RS601", trace_of(BM25, ranking("fusion", "cosine", {"a": 0.5})))
    )


@settings(deadline=None, max_examples=60)
@given(
    st.permutations("abcdefghij"), st.permutations("abcdefghijklm"), st.integers(0, 200), st.integers(1, 15)
)
@example(list("abcdefghij"), list("abcdefghijklm"), 24, 1)
def test_the_k_of_an_import_is_found_from_its_scores(
    first: list[str], second: list[str], k: int, cut: int
) -> None:
    lists = [ranking("bm25", "bm25", first[:7]), ranking("dense", "inner_product", second[:7])]
    fused = ReciprocalRankFusion(k).fuse(lists, cut)
    recipe = recipe_of(trace_of(*lists, fused))
    assert recipe is not None
    assert recipe.source == "inferred"
    computed = fused_scores(lists, recipe)
    for hit in fused.hits:
        assert computed[hit.doc_id] == pytest.approx(hit.score, abs=1e-9)
