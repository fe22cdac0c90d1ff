"""The reliability table, the calibration error, and which pairs of judged traces they are drawn from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.insight.judgments import Judgments
from rankscope.insight.reliability import (
    Reliability,
    calibration_error,
    judged_reliability,
    reliability,
    reliability_lines,
)
from tests.insight.scripted_traces import trace


def test_the_error_is_the_weighted_mean_distance() -> None:
    said, was = [0.95, 0.95, 0.15, 0.15], [True, False, False, False]
    assert calibration_error(said, was) == pytest.approx((2 * abs(0.95 - 0.5) + 2 * abs(0.15 - 0.0)) / 4)


def test_one_belongs_to_the_last_bin() -> None:
    (row,) = reliability([1.0, 0.9], [True, True])
    assert (row.low, row.high, row.count) == (0.9, 1.0, 2)


def test_the_table_marks_what_was_said_and_fills_what_was_so() -> None:
    line = reliability_lines(reliability([0.75] * 4, [True, True, False, False]))[1]
    assert "0.7 - 0.8" in line
    assert line.endswith("██████████·····|····")


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_bins_hold_every_pair_once_and_the_error_is_a_share(pairs: list[tuple[float, bool]]) -> None:
    said, was = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert sum(row.count for row in reliability(said, was)) == len(pairs)
    assert 0 <= calibration_error(said, was) <= 1


def scored(query_id: str, scores: dict[str, float], scale: ScoreScale = ScoreScale.PROBABILITY) -> Trace:
    hits = tuple(Hit(doc_id, rank, score) for rank, (doc_id, score) in enumerate(scores.items(), start=1))
    return replace(trace(query_id, {}), rankings=(Ranking("rerank", scale, hits),))


GRADES = Judgments({"q": {"a": 3, "b": 1, "c": 0}, "n": {"a": 0, "lost": 0}}, relevant_from=2)
TRACES = [scored("q", {"a": 0.9, "x": 0.8, "b": 0.5, "c": 0.1}), scored("n", {"a": 0.9, "y": 0.2})]


def test_judged_pairs_alone_count_those_of_queries_without_an_answer_too() -> None:
    found = judged_reliability([*TRACES, scored("nobody", {"a": 1.0})], GRADES)
    assert isinstance(found, Reliability)
    assert (found.pairs, found.relevant, found.reranked) == (4, 1, 6)
    assert found.said == pytest.approx((0.9 + 0.5 + 0.1 + 0.9) / 4)
    # b is below the lowest relevant grade; 0.9 was said twice and true once.
    assert found.error == pytest.approx((2 * abs(0.9 - 1 / 2) + abs(0.5 - 0) + abs(0.1 - 0)) / 4)
    assert [row.count for row in found.table] == [1, 1, 2]


@pytest.mark.parametrize(
    ("traces", "why"),
    [
        ([scored("q", {"a": 4.0}, ScoreScale.LOGIT)], "on the scale logit, not probabilities"),
        ([scored("q", {"x": 0.4})], "no judged passage was reranked"),
        ([trace("q", {"fusion": ["a", "b"]})], "no judged passage was reranked"),
        ([scored("q", {"a": 0.9})], "the only judged pair is relevant"),
        ([scored("q", {"b": 0.9, "c": 0.3})], "all 2 judged pairs are not relevant"),
    ],
)
def test_where_there_is_nothing_to_show_the_reason_is_said(traces: list[Trace], why: str) -> None:
    found = judged_reliability(traces, GRADES)
    assert isinstance(found, str)
    assert why in found
