"""Two traces: moves, stages, what they were made with, and no score of another model beside one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rankscope.core.documents import Query
from rankscope.core.trace import PipelineInfo
from rankscope.insight.coverage import Coverage
from rankscope.insight.diff import Change, diff_traces, setup_changes
from tests.insight.diff.make import MODEL, OTHER, made

BEFORE = made("abcd", {"a": 0.9, "b": 0.8, "c": 0.7, "d": 0.1})


def test_a_trace_and_itself() -> None:
    diff = diff_traces(BEFORE, BEFORE)
    assert (diff.movement.overlap, diff.movement.tau) == (1.0, 1.0)
    assert diff.movement.rbo == pytest.approx(1.0)
    assert diff.diverges_at is None
    assert all(stage.same for stage in diff.stages)
    assert (diff.changes, diff.flip, diff.entered, diff.left) == ((), None, (), ())


def test_moves_entered_and_left() -> None:
    after = made("abcd", {"c": 0.9, "a": 0.8, "b": 0.7, "d": 0.1})
    diff = diff_traces(BEFORE, after)
    assert [(move.doc_id, move.places) for move in diff.movement.moves] == [
        ("c", 3 - 1),
        ("a", 1 - 2),
        ("b", 2 - 3),
        ("d", 0),
    ]
    assert (diff.entered, diff.left) == (("c",), ("b",))
    assert diff.movement.overlap == 1 / 2
    assert diff.diverges_at == "rerank"
    assert diff.score_change("c") == pytest.approx(0.9 - 0.7)


def test_diverges_at_the_first_stage_that_both_ran() -> None:
    after = made("abdc", {"a": 0.9, "b": 0.8, "d": 0.7, "c": 0.1})
    assert diff_traces(BEFORE, after).diverges_at == "fusion"
    bare = made("abcd", None)
    diff = diff_traces(bare, BEFORE)
    assert diff.diverges_at is None
    assert [(stage.stage, stage.before is None, stage.movement is None) for stage in diff.stages] == [
        ("fusion", False, False),
        ("rerank", True, True),
    ]


def test_stages_of_other_names_diverge_at_the_candidates() -> None:
    other = made("acbd", {"b": 0.9, "a": 0.8, "c": 0.7, "d": 0.1})
    renamed = replace(other, rankings=(replace(other.rankings[0], stage="retrieval"), other.rankings[1]))
    assert diff_traces(BEFORE, renamed).diverges_at == "candidates"
    alike = replace(BEFORE, rankings=(replace(BEFORE.rankings[0], stage="retrieval"), BEFORE.rankings[1]))
    assert diff_traces(BEFORE, alike).diverges_at is None


def test_times_by_stage() -> None:
    later = replace(BEFORE, rankings=tuple(replace(ranking, ms=None) for ranking in BEFORE.rankings))
    assert [stage.ms for stage in diff_traces(BEFORE, later).stages] == [(1.0, None), (80.0, None)]


def test_another_models_scores_are_never_held_against_one_another() -> None:
    after = made("abcd", {"a": 0.2, "b": 0.1, "c": 0.05, "d": 0.0}, model=OTHER)
    diff = diff_traces(BEFORE, after)
    assert diff.incomparable == "the rerankers differ"
    assert all(diff.score_change(doc_id) is None for doc_id in "abcd")


def test_another_query_is_said() -> None:
    assert not diff_traces(BEFORE, replace(BEFORE, query=Query("a query", {"year": "2024"}))).same_query


def test_what_they_were_made_with() -> None:
    settings = {"retrieval": {"rrf_k": 60}, "rerank": {"cache_mb": 1}, "budget": {"total_ms": 1.0}}
    old = replace(BEFORE, pipeline=PipelineInfo("1", "corpus 1", settings, {"cross_encoder": MODEL}))
    new = replace(
        made("abc", {"a": 0.9, "b": 0.8, "c": 0.1}, floor=0.4, top_k=3),
        pipeline=PipelineInfo(
            "2",
            "corpus 2",
            {"retrieval": {"rrf_k": 10}, "rerank": {"cache_mb": 2}, "budget": {"total_ms": 2.0}},
            {"cross_encoder": OTHER},
        ),
    )
    assert setup_changes(old, new) == (
        Change("cross_encoder", "model-a r1 sigmoid 512 tokens", "model-b r9 sigmoid 512 tokens"),
        Change("corpus", "corpus 1", "corpus 2"),
        Change("N", "4", "3"),
        Change("K", "2", "3"),
        Change("floor", "0.5 (probability)", "0.4 (probability)"),
        Change("retrieval.rrf_k", "60", "10"),
    )
    assert setup_changes(old, old) == ()


def test_a_replays_coverage_is_carried() -> None:
    coverage = Coverage("rerank-only", "job", 4, 4, 3, without_text=("d",))
    after = replace(BEFORE, attributes={"replay": coverage.as_json()})
    assert diff_traces(BEFORE, after).coverage == coverage
    assert diff_traces(BEFORE, replace(BEFORE, attributes={"replay": "mine"})).coverage is None


def test_traces_without_any_order() -> None:
    empty = replace(BEFORE, rankings=(), kept=(), decision=None)
    diff = diff_traces(empty, empty)
    assert (diff.movement.moves, diff.stages, diff.diverges_at) == ((), (), None)
    assert diff.incomparable == "one of them has no order"
