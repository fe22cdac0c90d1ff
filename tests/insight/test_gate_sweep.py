"""The gate sweep: what each gap saves and costs, which one is chosen, and how sure that is."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.insight.gate_sweep import Criteria, GateSweep, sweep_gates
from rankscope.insight.judgments import Judgments

START = datetime(2026, 1, 1, tzinfo=UTC)


def traced(
    number: int, gap: float, *, right_at: int, moved_to: int = 1, refused: bool = False, status: str = "ok"
) -> Trace:
    """A trace whose one relevant document stands at ``right_at``, and at ``moved_to`` after reranking."""
    ids = [f"{number}-{place}" for place in range(1, 13)]
    scores = [1.0 + gap, *([1.0] * 8), *([1.0, 0.5, 0.25])]
    before = Ranking(
        "fusion",
        ScoreScale.RRF,
        tuple(Hit(doc, rank, score) for rank, (doc, score) in enumerate(zip(ids, scores, strict=True), 1)),
    )
    relevant = ids[right_at - 1]
    order = [doc for doc in ids if doc != relevant]
    order.insert(moved_to - 1, relevant)
    after = Ranking(
        "rerank",
        ScoreScale.PROBABILITY,
        tuple(Hit(doc, rank, 1 / rank) for rank, doc in enumerate(order, 1)) if status == "ok" else (),
        status=status,
    )
    return Trace(
        f"t{number}",
        START + timedelta(seconds=number),
        "live",
        Query(f"query {number}", query_id=f"q{number}"),
        (before, after),
        decision="refuse" if refused else "answer",
        top_k=10,
    )


def judged(places: dict[int, int]) -> Judgments:
    return Judgments({f"q{number}": {f"{number}-{place}": 1} for number, place in places.items()})


def swept(traces: list[Trace], places: dict[int, int], **criteria: float) -> GateSweep:
    return sweep_gates(traces, judged(places), criteria=Criteria(**criteria), resamples=200)


def test_saved_and_lost_are_counted_by_hand() -> None:
    # Two clear queries that are right already, two unclear ones that the reranker mends from rank 3.
    traces = [
        traced(1, 0.5, right_at=1),
        traced(2, 0.25, right_at=1, refused=True),
        traced(3, 0.125, right_at=3),
        traced(4, 0.0625, right_at=3),
    ]
    found = swept(traces, {1: 1, 2: 1, 3: 3, 4: 3})
    assert [(point.gap, point.skipped, point.saved) for point in found.points] == [
        (0.0625, 4, 1.0),
        (0.125, 3, 0.75),
        (0.25, 2, 0.5),
        (0.5, 1, 0.25),
    ]
    loss = 1 / log2(3 + 1) - 1
    assert [point.change.value for point in found.points] == pytest.approx([2 * loss / 4, loss / 4, 0, 0])
    assert [point.refusals_lost for point in found.points] == [1, 1, 1, 0]
    assert found.best is found.points[2]
    assert (found.calls, found.answerable, found.sure) == (4, 4, True)


def test_a_statement_where_no_gate_is_worth_it() -> None:
    places = dict.fromkeys(range(1, 21), 3)
    found = swept([traced(number, number / 64, right_at=3) for number in places], places)
    assert found.points
    assert (found.best, found.sure) == (None, False)
    assert (found.held_out.saved, found.held_out.change, found.held_out.chosen) == (0.0, 0.0, 0)
    everything = swept([traced(number, 0.5, right_at=1) for number in places], dict.fromkeys(places, 1))
    assert [point.saved for point in everything.points] == [1.0]
    assert everything.best is None  # never calling the reranker is no gate


def test_a_sure_gate_stands_above_one_that_saves_more() -> None:
    # Sixteen clear queries that do not change, twenty in between that change by much either way.
    traces = [traced(n, 8.0 + n / 64, right_at=1) for n in range(1, 17)]
    places = dict.fromkeys(range(1, 17), 1)
    for n in range(17, 37):
        right_at, moved_to = (1, 6) if n % 2 else (6, 1)
        traces.append(traced(n, 1.0 + n / 64, right_at=right_at, moved_to=moved_to))
        places[n] = right_at
    traces += [traced(n, n / 1024, right_at=3) for n in range(37, 41)]
    places |= dict.fromkeys(range(37, 41), 3)
    found = swept(traces, places)
    assert found.best is not None
    assert (found.best.gap > 8.0, found.best.change.value, found.sure) == (True, 0.0, True)
    unsure = [p for p in found.points if p.saved > 0.4 and p.change.value >= -0.01]
    assert unsure
    assert all(point.change.low is not None and point.change.low < -0.02 for point in unsure)
    assert found.lift is not None
    assert found.lift.value == pytest.approx(4 * (1 - 1 / log2(3 + 1)) / 40)


def test_queries_without_a_relevant_document_are_calls_all_the_same() -> None:
    found = swept([traced(1, 0.5, right_at=1), traced(2, 0.25, right_at=1)], {1: 1})
    assert (found.calls, found.answerable) == (2, 1)
    assert [(point.saved, point.change.n) for point in found.points] == [(1.0, 1), (0.5, 1)]


def test_what_was_not_reranked_is_no_call_but_a_query_of_the_mean() -> None:
    traces = [traced(1, 0.5, right_at=3), traced(2, 0.5, right_at=1, status="skipped:x")]
    found = swept(traces, {1: 3, 2: 1})
    assert (found.calls, found.answerable) == (1, 2)
    (point,) = found.points
    assert (point.skipped, point.saved) == (1, 1.0)
    assert point.change.value == pytest.approx((1 / log2(3 + 1) - 1) / 2)
    assert swept(traces[1:], {2: 1}).points == ()
    assert swept([traced(3, 0.5, right_at=1, status="failed:x")], {3: 1}).answerable == 0


def test_signals_that_a_trace_does_not_have_give_no_points() -> None:
    found = swept([traced(number, 0.5 / number, right_at=1) for number in (1, 2)], {1: 1, 2: 1})
    assert {point.signal for point in found.points} == {"fusion"}


def test_follow_ups_are_counted_in_order_of_time() -> None:
    one = traced(1, 0.5, right_at=1)
    again = Trace(
        "t2", START + timedelta(seconds=2), "live", Query("other", query_id="q2"), one.rankings, top_k=10
    )
    assert swept([again, one, traced(3, 0.5, right_at=1)], {1: 1}).follow_ups == 1


def test_choosing_is_tried_on_queries_that_were_not_chosen_on() -> None:
    source = random.Random(7)
    # The gap says nothing here: any gate that looks good on some queries loses on others.
    places = {number: source.choice([1, 4]) for number in range(1, 101)}
    traces = [traced(number, source.random(), right_at=place) for number, place in places.items()]
    useless = swept(traces, places)
    # And here it says everything.
    clear = [
        traced(n, 0.5 + n / 256 if place == 1 else n / 256, right_at=place) for n, place in places.items()
    ]
    telling = swept(clear, places)
    assert telling.best is not None
    assert telling.held_out.chosen == 5
    assert telling.held_out.saved == pytest.approx(telling.best.saved, abs=0.1)
    assert telling.held_out.change >= -0.02
    assert useless.best is None or useless.held_out.change < 0


@given(st.lists(st.tuples(st.floats(1e-6, 30.0), st.integers(1, 12)), min_size=2, max_size=25))
def test_points_fall_in_gap_and_skip_what_a_gate_would(drawn: list[tuple[float, int]]) -> None:
    traces = [traced(number, gap, right_at=place) for number, (gap, place) in enumerate(drawn, start=1)]
    found = sweep_gates(traces, judged({n: p for n, (_, p) in enumerate(drawn, 1)}), resamples=20)
    skipped = [point.skipped for point in found.points]
    assert skipped == sorted(skipped, reverse=True)
    for point in found.points:
        # The limit reads the same once it is written with four digits, as a person would type it.
        assert float(f"{point.gap:.4g}") == point.gap
        gaps = [trace.rankings[0].hits[0].score - trace.rankings[0].hits[9].score for trace in traces]  # type: ignore[operator]
        assert point.skipped == sum(gap >= point.gap for gap in gaps)
