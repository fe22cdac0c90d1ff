"""The evidence behind a verdict: equal to the formulas, complete, and the same on every call."""

from __future__ import annotations

import random
from dataclasses import replace
from math import log2

import pytest

from rankscope.config import Settings
from rankscope.core.documents import Query
from rankscope.engine.depth_run import at_depth
from rankscope.errors import UsageError
from rankscope.insight.judgments import Judgments
from rankscope.insight.verdict.assemble import draw_verdict
from rankscope.insight.verdict.depth import deepened, with_cost
from rankscope.insight.verdict.rows import identified, judged_rows, prefix_ms
from rankscope.stages.rerank.gate import first_stage_gap
from tests.insight.scripted_traces import trace as scripted
from tests.insight.verdict.systems import judgments_of, misordered, system_trace


def test_the_evidence_holds_every_figure() -> None:
    traces = [system_trace(number, 6, 1, gap=0.001) for number in range(30)]
    strata = {f"q{number}": "short" if number < 10 else "long" for number in range(30)}
    verdict = draw_verdict(traces, judgments_of(traces), strata=strata, resamples=200)
    assert verdict.kind == "rerank"
    evidence = verdict.evidence
    assert (evidence.queries, evidence.no_answer) == (30, 0)
    assert evidence.rule is not None
    assert (evidence.rule.found.value, evidence.rule.top.value, evidence.rule.met) == (1.0, 0.0, True)
    assert [(point.n, point.recall.value) for point in evidence.recall] == [
        (1, 0.0),
        (5, 0.0),
        (10, 1.0),
        (20, 1.0),
        (50, 1.0),
    ]
    rows = {row.name: row for row in evidence.measures}
    assert rows["nDCG@10"].before.value == pytest.approx(1 / log2(6 + 1))
    assert rows["nDCG@10"].best.value == 1.0
    assert rows["nDCG@5"].lift is not None
    assert rows["nDCG@5"].lift.value == pytest.approx(1.0)
    assert rows["MRR@10"].before.value == pytest.approx(1 / 6)
    assert [(row.name, row.queries) for row in evidence.strata] == [("short", 10), ("long", 20)]
    assert [(item.stage, item.median_ms) for item in evidence.latency] == [
        ("fusion", 1.0),
        ("rerank", 120.0),
        ("total", 121.0),
    ]
    assert evidence.judged["fusion"].value == pytest.approx(1 / 10)


def test_the_same_traces_give_the_same_verdict() -> None:
    traces = misordered(40, random.Random(3))
    judgments = judgments_of(traces)
    assert draw_verdict(traces, judgments, resamples=200) == draw_verdict(traces, judgments, resamples=200)


def test_nothing_judged_is_a_verdict_too() -> None:
    verdict = draw_verdict([], Judgments({}))
    assert (verdict.kind, verdict.evidence.queries, verdict.evidence.rule) == ("label", 0, None)


def test_the_depth_curve_is_what_shallower_runs_would_give() -> None:
    """Place 15 is out of reach of N = 10; from N = 20 on the reranker brings it to the top."""
    traces = [system_trace(number, 15, 1, gap=0.0) for number in range(25)]
    verdict = draw_verdict(traces, judgments_of(traces), resamples=200)
    curve = verdict.evidence.depth
    assert curve is not None
    assert [(point.n, point.value.value, point.measured) for point in curve.points] == [
        (10, 0.0, False),
        (20, 1.0, False),
        (50, 1.0, True),
    ]
    assert [point.ms for point in curve.points] == pytest.approx([120 * 10 / 50, 120 * 20 / 50, 120.0])
    assert curve.enough == 20
    cost = with_cost(verdict, price=2.0, searches=30_000).evidence.depth
    assert cost is not None
    assert [point.monthly_cost for point in cost.points] == pytest.approx([60 * 10 / 50, 60 * 20 / 50, 60.0])


def test_a_deeper_run_says_what_the_depth_in_use_gives_away() -> None:
    deep = [system_trace(number, 30, 1, gap=0.0) for number in range(25)]
    judgments = judgments_of(deep)
    shallow = [at_depth(trace, 20) for trace in deep]
    verdict = deepened(draw_verdict(shallow, judgments, resamples=200), deep, judgments, 10)
    assert verdict.evidence.depth is not None
    assert [point.n for point in verdict.evidence.depth.points] == [10, 20, 50]
    assert verdict.reasons[-1].startswith("N = 20 gives away -1.000 [-1.000, -1.000] nDCG@10")
    enough = deepened(draw_verdict(deep, judgments, resamples=200), deep, judgments, 10)
    assert not any("gives away" in reason for reason in enough.reasons)


def test_a_time_that_was_measured_at_a_depth_is_taken() -> None:
    made = system_trace(1, 15, 1, gap=0.0)
    timed = made.with_ranking(replace(made.rankings[-1], details={"ms@10": 31.0}))
    assert prefix_ms(timed, 10) == (31.0, True)
    assert prefix_ms(timed, 20) == (120 * 20 / 50, False)


def test_the_gap_is_rank_one_minus_rank_ten() -> None:
    made = system_trace(1, 15, 1, gap=0.25)
    before = made.before
    assert before is not None
    scores = [hit.score or 0.0 for hit in before.hits]
    assert first_stage_gap(before) == scores[0] - scores[9]
    assert first_stage_gap(replace(before, hits=before.hits[:9])) is None


def test_live_traces_are_judged_by_the_text_of_their_query() -> None:
    made = system_trace(1, 2, 1, gap=0.0)
    live = replace(made, query=Query("carry over leave"))
    judgments = Judgments({"carry over leave": {"rel": 1}})
    (known,) = identified([live, system_trace(2, 2, 1, gap=0.0)], judgments)
    (row,) = judged_rows([known], judgments)
    assert (row.query_id, row.trace_id) == ("carry over leave", "t1")
    with pytest.raises(UsageError, match="two traces answer"):
        identified([live, live], judgments)


def test_queries_whose_reranker_was_skipped_count_with_their_fused_order() -> None:
    traces = [system_trace(number, 6, 1, gap=0.0) for number in range(24)]
    skipped = [
        item.with_ranking(replace(item.rankings[-1], hits=(), status="skipped:gap")) if number < 6 else item
        for number, item in enumerate(traces)
    ]
    verdict = draw_verdict(skipped, judgments_of(skipped), resamples=200)
    lift = next(row.lift for row in verdict.evidence.measures if row.name == "nDCG@10")
    assert lift is not None
    assert lift.value == pytest.approx((1 - 1 / log2(7)) * 18 / 24)
    assert any("skipped or failed for 6 queries" in note for note in verdict.evidence.notes)


def test_an_order_that_is_judged_less_is_pointed_out() -> None:
    """The reranker brings up documents that nobody judged; those it pushed down were judged."""
    traces = [
        scripted(f"q{number}", {"fusion": ["rel", "a", "b", "c"], "rerank": ["rel", "x", "y", "z"]})
        for number in range(20)
    ]
    judgments = Judgments({f"q{number}": {"rel": 1, "a": 0, "b": 0, "c": 0} for number in range(20)})
    notes = draw_verdict(traces, judgments, resamples=200).evidence.notes
    assert any("75% less is judged after reranking" in note for note in notes)
    even = Judgments({key: {**known, "x": 0, "y": 0, "z": 0} for key, known in judgments.grades.items()})
    assert not any(
        "is judged after" in note for note in draw_verdict(traces, even, resamples=200).evidence.notes
    )


def test_a_service_that_gives_back_the_first_few_has_no_depth_curve() -> None:
    """Behind what it gave back stand the other candidates, so recall does not fall."""
    traces = [scripted(f"q{n}", {"fusion": ["a", "b", "rel", "c"], "rerank": ["b", "a"]}) for n in range(20)]
    judgments = Judgments({f"q{n}": {"rel": 1} for n in range(20)})
    evidence = draw_verdict(traces, judgments, resamples=200).evidence
    assert evidence.depth is None
    row = next(item for item in evidence.measures if item.name == "MRR@10")
    assert row.after is not None
    assert row.after.value == pytest.approx(1 / 3)


def test_the_sentence_names_the_time_of_the_table() -> None:
    traces = [system_trace(number, 8, 1, gap=0.0, rerank_ms=900.0 + number) for number in range(60)]
    judgments = judgments_of(traces)
    budget = replace(Settings().budget, total_ms=50.0)
    verdict = draw_verdict(traces, judgments, settings=replace(Settings(), budget=budget), resamples=199)
    total = next(row for row in verdict.evidence.latency if row.stage == "total")
    assert f"a query takes {total.median_ms:,.0f} ms of a budget of 50" in verdict.sentence
