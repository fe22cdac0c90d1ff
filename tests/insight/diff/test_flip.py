"""Why a decision flipped: each cause by a pair of traces that differ in it alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rankscope.core.scales import ScoreScale
from rankscope.insight.diff import comparable_scores, why_flipped
from tests.insight.diff.make import MODEL, OTHER, made

ANSWERED = made("abc", {"a": 0.7, "b": 0.4, "c": 0.1})


def cause(before: object, after: object) -> tuple[str, str, str | None]:
    flip = why_flipped(before, after)  # type: ignore[arg-type]
    assert flip is not None
    return flip.cause, flip.reason, flip.doc_id


def test_no_flip_where_the_decision_is_the_same_or_unknown() -> None:
    assert why_flipped(ANSWERED, ANSWERED) is None
    assert why_flipped(ANSWERED, replace(ANSWERED, decision=None)) is None


def test_the_floor_moved() -> None:
    after = made("abc", {"a": 0.7, "b": 0.4, "c": 0.1}, floor=0.8)
    assert cause(ANSWERED, after) == (
        "floor",
        "the floor moved, 0.5 (probability) → 0.8 (probability); "
        "now the best is a, 0.700 is below 0.8 (probability)",
        "a",
    )


def test_a_floor_that_moved_but_would_not_have_mattered_is_not_the_cause() -> None:
    after = made("abc", {"a": 0.3, "b": 0.2, "c": 0.1}, floor=0.45)
    assert cause(ANSWERED, after)[0] == "scores"


def test_the_same_model_gave_another_score() -> None:
    kind, reason, doc_id = cause(ANSWERED, made("abc", {"a": 0.45, "b": 0.4, "c": 0.1}))
    assert (kind, doc_id) == ("scores", "a")
    assert "a scores 0.700 before, 0.450 now, floor 0.5" in reason


def test_the_text_changed() -> None:
    after = made("abc", {"a": 0.45, "b": 0.4, "c": 0.1}, texts="another text of")
    assert cause(ANSWERED, after)[:2] == (
        "text",
        "the text of a changed: a scores 0.700 before, 0.450 now, floor 0.5",
    )


def test_a_candidate_was_lost() -> None:
    kind, reason, doc_id = cause(ANSWERED, made("bc", {"b": 0.4, "c": 0.1}))
    assert (kind, doc_id) == ("candidates", "a")
    assert reason.startswith(
        "a, which scores 0.700 (rank 1 before), is not among the 2 candidates now; fusion does not return it"
    )


def test_a_candidate_was_won() -> None:
    kind, reason, doc_id = cause(made("bc", {"b": 0.4, "c": 0.1}), ANSWERED)
    assert (kind, doc_id) == ("candidates", "a")
    assert "not among the 2 candidates before" in reason


def test_another_model_is_held_to_its_own_floor() -> None:
    after = made("abc", {"b": 0.2, "a": 0.1, "c": 0.0}, model=OTHER)
    assert cause(ANSWERED, after) == (
        "model",
        "another model, model-a r1 → model-b r9: before the best is a, 0.700 clears 0.5 (probability); "
        "now the best is b, 0.200 is below 0.5 (probability)",
        "a",
    )


def test_a_floor_that_moved_with_the_model_is_said_and_one_set_by_another_hand_is_not() -> None:
    after = made("abc", {"b": 0.2, "a": 0.1, "c": 0.0}, model=OTHER)
    assert after.floor is not None
    by_hand = replace(after, floor=replace(after.floor, source="manual"))
    assert cause(ANSWERED, by_hand) == cause(ANSWERED, after)
    higher = made("abc", {"b": 0.2, "a": 0.1, "c": 0.0}, model=OTHER, floor=0.6)
    moved = "; the floor moved too, 0.5 (probability) → 0.6 (probability)"
    assert cause(ANSWERED, higher)[1].endswith(moved)


def test_the_same_weights_with_shorter_input() -> None:
    after = made("abc", {"a": 0.2, "b": 0.1, "c": 0.0}, model=replace(MODEL, max_length=64))
    kind, reason, _ = cause(ANSWERED, after)
    assert kind == "model"
    assert reason.startswith("the same weights, run otherwise (512 → 64 tokens): ")


@pytest.mark.parametrize("status", ["skipped:2 candidates are no more than K=2", "failed:out of memory"])
def test_reranked_on_one_side_only(status: str) -> None:
    refused = made("abc", {"a": 0.2, "b": 0.1, "c": 0.0})
    fallback = made("abc", {}, status=status)
    kind, reason, _ = cause(refused, fallback)
    assert kind == "reranker"
    assert status.partition(":")[2] in reason
    assert "the best is a with 0.017 (rrf), no floor" in reason


def test_a_floor_that_was_not_applied() -> None:
    refused = made("abc", {"a": 0.2, "b": 0.1, "c": 0.0})
    bare = made("abc", {"a": 0.2, "b": 0.1, "c": 0.0}, floor=None)
    assert cause(refused, bare)[0:2] == (
        "floor",
        "no floor was applied now; before the best is a, 0.200 is below 0.5 (probability)",
    )
    noted = replace(bare, floor=refused.floor, attributes={"floor_not_applied": "fitted on another model"})
    assert (
        "the floor 0.5 (probability) was not applied now (fitted on another model)"
        in cause(refused, noted)[1]
    )


def test_nothing_was_found() -> None:
    assert cause(ANSWERED, made("", {}, rankings=()))[:2] == ("nothing_found", "nothing was found now")


def test_scores_are_compared_only_within_one_model_and_scale() -> None:
    scores = {"a": 0.7, "b": 0.4, "c": 0.1}
    logits = made("abc", scores, scale=ScoreScale.LOGIT)
    unknown = made("abc", scores, scale=ScoreScale.UNKNOWN)
    assert comparable_scores(ANSWERED, ANSWERED) == ""
    assert comparable_scores(ANSWERED, made("abc", scores, model=replace(MODEL, dtype="bfloat16"))) == ""
    assert "scales differ" in comparable_scores(ANSWERED, logits)
    assert "not recorded" in comparable_scores(unknown, unknown)
    assert "rerankers differ" in comparable_scores(ANSWERED, made("abc", scores, model=OTHER))
    assert "not recorded" in comparable_scores(ANSWERED, made("abc", scores, model=None))
    nameless = made("abc", scores, model=replace(MODEL, revision=""))
    assert "weights are not recorded" in comparable_scores(nameless, nameless)
    assert "of rerank before and of fusion after" in comparable_scores(ANSWERED, made("abc", None))
    assert comparable_scores(made("abc", None), made("abc", None)) == ""
    elsewhere = made("abc", None, pipeline=replace(ANSWERED.pipeline, fingerprint="sha256:2"))
    assert "two pipelines" in comparable_scores(made("abc", None), elsewhere)


def test_a_score_near_the_floor_is_told_with_enough_digits() -> None:
    before = made("ab", {"a": 0.5002, "b": 0.1})
    after = made("ab", {"a": 0.4998, "b": 0.1})
    assert cause(before, after)[1] == (
        "the same model, another score: a scores 0.500200 before, 0.499800 now, floor 0.5"
    )
    half = replace(MODEL, dtype="bfloat16")
    rough = [
        replace(trace, pipeline=replace(trace.pipeline, models={"cross_encoder": half}))
        for trace in (before, after)
    ]
    assert cause(*rough)[1].startswith("the same model and, but for rounding, the same score: ")


def test_refused_by_a_floor_of_another_scale() -> None:
    wrong = replace(made("ab", None), floor=made("ab", {}).floor, kept=(), decision="refuse")
    assert "refused though the floor 0.5 (probability) is on another scale" in cause(wrong, ANSWERED)[1]
