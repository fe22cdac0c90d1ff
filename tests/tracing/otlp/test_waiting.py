"""Spans that come in several posts, out of order, twice, late, or without end."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.trace import Trace
from rankscope.tracing.formats.span_file import SpanCollector
from rankscope.tracing.otlp.waiting import Due, Joined, Limits, WaitingSpans
from tests.tracing.otlp.spans import request, spans

NOW = datetime(2026, 1, 31, tzinfo=UTC)
LIMITS = Limits(settle_s=1.0, quiet_s=10.0, keep_s=100.0)


def _ready(waiting: WaitingSpans, now: float) -> list[Joined]:
    return _joined(waiting, waiting.ready(now, NOW))


def _joined(waiting: WaitingSpans, ready: list[Due]) -> list[Joined]:
    joined = [due.join() for due in ready]
    for due in ready:
        waiting.release(due)
    return joined


def _traces(joined: list[Joined]) -> list[Trace]:
    return [trace for item in joined for trace in item.traces]


def test_a_request_is_joined_once_its_root_has_come() -> None:
    waiting = WaitingSpans(LIMITS)
    retriever, reranker, root = spans(request())
    waiting.add([reranker], 0.0)
    waiting.add([retriever], 2.0)
    assert _ready(waiting, 3.5) == []
    waiting.add([root], 4.0)
    assert _ready(waiting, 4.9) == []
    (trace,) = _traces(_ready(waiting, 5.0))
    assert [ranking.stage for ranking in trace.rankings] == ["dense", "rerank"]
    assert trace.origin == "import:openinference"
    assert _ready(waiting, 50.0) == []


def test_without_its_root_after_a_quiet_time() -> None:
    waiting = WaitingSpans(LIMITS)
    retriever, reranker, _ = spans(request())
    waiting.add([retriever], 0.0)
    waiting.add([reranker], 9.0)
    assert _ready(waiting, 18.9) == []
    assert len(_traces(_ready(waiting, 19.0))) == 1


def test_a_root_with_a_child_missing_waits_for_it() -> None:
    waiting = WaitingSpans(LIMITS)
    retriever, reranker, root = spans(request())
    inner = spans(
        [{**request()[1], "parentSpanId": retriever.span_id.replace("0", "a"), "spanId": reranker.span_id}]
    )
    waiting.add([root, retriever, *inner], 0.0)
    assert _ready(waiting, 9.0) == []
    assert len(_traces(_ready(waiting, 10.0))) == 1


@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_order_and_posts_do_not_matter(source: random.Random, count: int) -> None:
    found = [span for number in range(1, count + 1) for span in spans(request(number))]
    straight, shuffled = WaitingSpans(LIMITS), WaitingSpans(LIMITS)
    straight.add(found, 0.0)
    source.shuffle(found)
    for span in found:
        shuffled.add([span], 0.0)
    expected = {trace.trace_id: trace for trace in _traces(_ready(straight, 1.0))}
    assert {trace.trace_id: trace for trace in _traces(_ready(shuffled, 1.0))} == expected
    assert len(expected) == count


def test_spans_that_were_sent_before_change_nothing() -> None:
    waiting = WaitingSpans(LIMITS)
    waiting.add(spans(request()), 0.0)
    waiting.add(spans(request()), 0.5)
    (trace,) = _traces(_ready(waiting, 1.5))
    waiting.add(spans(request()), 2.0)
    assert _ready(waiting, 50.0) == []
    assert waiting.counts.repeated_spans == 6
    assert len(trace.rankings) == 2


def test_a_repeat_after_the_spans_were_let_go_gives_the_same_trace() -> None:
    waiting = WaitingSpans(LIMITS)
    waiting.add(spans(request()), 0.0)
    (first,) = _traces(_ready(waiting, 1.0))
    assert _ready(waiting, 200.0) == []
    waiting.add(spans(request()), 300.0)
    (again,) = _traces(_ready(waiting, 301.0))
    assert again == first


def test_late_spans_complete_the_trace_and_name_the_one_it_replaces() -> None:
    waiting = WaitingSpans(LIMITS)
    retriever, reranker, root = spans(request())
    waiting.add([retriever, root], 0.0)
    (short,) = _ready(waiting, 1.0)
    short.note_stored(trace.trace_id for trace in short.traces)
    waiting.add([reranker], 20.0)
    (whole,) = _ready(waiting, 21.0)
    assert whole.outdated == {short.traces[0].trace_id}
    assert [ranking.stage for ranking in whole.traces[0].rankings] == ["dense", "rerank"]


def test_spans_that_come_while_a_trace_is_joined_complete_it_afterwards() -> None:
    waiting = WaitingSpans(LIMITS)
    retriever, reranker, root = spans(request())
    waiting.add([retriever, root], 0.0)
    (due,) = waiting.ready(1.0, NOW)
    waiting.add([reranker], 1.0)
    short = due.join()
    assert [ranking.stage for ranking in short.traces[0].rankings] == ["dense"]
    short.note_stored(trace.trace_id for trace in short.traces)
    (whole,) = _ready(waiting, 3.0)
    assert whole.outdated == {short.traces[0].trace_id}
    assert [ranking.stage for ranking in whole.traces[0].rankings] == ["dense", "rerank"]


def test_what_comes_after_a_crowded_trace_was_taken_replaces_nothing_of_it() -> None:
    waiting = WaitingSpans(Limits(settle_s=1.0, spans_per_trace=2))
    retriever, reranker, root = spans(request())
    waiting.add([retriever, root], 0.0)
    (due,) = waiting.ready(0.0, NOW)
    waiting.add([reranker], 0.5)
    first = due.join()
    first.note_stored(trace.trace_id for trace in first.traces)
    (second,) = _ready(waiting, 20.0)
    assert second.outdated == frozenset()


def test_a_trace_that_was_stored_by_others_is_not_replaced() -> None:
    waiting = WaitingSpans(LIMITS)
    retriever, reranker, root = spans(request())
    waiting.add([retriever, root], 0.0)
    assert len(_ready(waiting, 1.0)) == 1  # and nobody says that it was new to the store
    waiting.add([reranker], 20.0)
    (whole,) = _ready(waiting, 21.0)
    assert whole.outdated == frozenset()


def test_spans_without_retrieval_make_nothing_and_are_let_go() -> None:
    waiting = WaitingSpans(LIMITS)
    waiting.add(spans(request())[2:], 0.0)
    assert _ready(waiting, 1.0) == []
    assert _ready(waiting, 101.0) == []
    assert waiting.pending == 0


def test_a_retriever_with_neither_query_nor_documents_is_told_once() -> None:
    waiting = WaitingSpans(LIMITS)
    record = {**request()[0], "attributes": {"openinference.span.kind": "RETRIEVER"}, "parentSpanId": ""}
    waiting.add(spans([record]), 0.0)
    (first,) = _ready(waiting, 1.0)
    assert "neither a query nor documents" in first.useless[0]
    waiting.add(spans([{**record, "name": "other", "spanId": "c" * 16, "attributes": {}}]), 2.0)
    (second,) = _ready(waiting, 3.0)
    assert (second.traces, second.useless) == ((), ())


def test_memory_is_bounded_and_nothing_is_lost_by_it() -> None:
    one = spans(request(1))
    probe = WaitingSpans(LIMITS)
    probe.add(one, 0.0)
    room = int(3.5 * probe._bytes)
    waiting = WaitingSpans(Limits(settle_s=1.0, quiet_s=1e9, keep_s=1e9, bytes_held=room))
    seen: set[str] = set()
    for number in range(1, 101):
        waiting.add(spans(request(number))[:2], float(number))
        seen |= {trace.trace_id for trace in _traces(_ready(waiting, float(number)))}
        assert waiting._bytes <= 2 * room
        assert not waiting.full
    assert 95 <= waiting.counts.stored_early < 100
    seen |= {trace.trace_id for trace in _traces([due.join() for due in waiting.drain(NOW)])}
    assert len(seen) == 100


def test_stored_traces_go_first_for_want_of_room() -> None:
    probe = WaitingSpans(LIMITS)
    probe.add(spans(request(1)), 0.0)
    waiting = WaitingSpans(Limits(settle_s=1.0, quiet_s=1e9, keep_s=1e9, bytes_held=int(2.5 * probe._bytes)))
    waiting.add(spans(request(1)), 0.0)
    assert len(_ready(waiting, 1.0)) == 1
    waiting.add(spans(request(2))[:2], 2.0)
    waiting.add(spans(request(3))[:2], 2.0)
    assert _ready(waiting, 2.5) == []
    assert waiting.counts.stored_early == 0
    assert waiting.pending == 2


def test_what_is_being_joined_is_held_until_it_is_stored() -> None:
    one = spans(request(1))
    probe = WaitingSpans(LIMITS)
    probe.add(one, 0.0)
    waiting = WaitingSpans(Limits(settle_s=1.0, bytes_held=probe._bytes))
    for number in range(1, 4):
        waiting.add(spans(request(number)), 0.0)
    assert waiting.full
    ready = waiting.ready(1.0, NOW)
    assert len(ready) == 3
    for left in (3, 2, 1):
        assert waiting._bytes >= left * probe._bytes
        assert waiting.full == (left == 3)
        due = ready.pop(0)
        due.join()
        waiting.release(due)
    # The two that were stored early for want of room are gone; the third is held for late spans.
    assert (waiting.counts.stored_early, waiting._bytes) == (2, probe._bytes)
    assert (waiting.ready(1_000.0, NOW), waiting._bytes, waiting._leaving) == ([], 0, 0)


def test_what_is_being_joined_is_not_let_go_for_room_nor_for_its_age() -> None:
    retriever, reranker, root = spans(request(1))
    probe = WaitingSpans(LIMITS)
    probe.add(spans(request(1)), 0.0)
    waiting = WaitingSpans(Limits(settle_s=1.0, keep_s=5.0, bytes_held=int(2.5 * probe._bytes)))
    waiting.add([retriever, root], 0.0)
    (due,) = waiting.ready(1.0, NOW)
    for number in (2, 3):
        waiting.add(spans(request(number)), 2.0)
    assert len(_ready(waiting, 90.0)) == 2
    short = due.join()
    short.note_stored(trace.trace_id for trace in short.traces)
    waiting.add([reranker], 90.0)
    waiting.release(due)
    (whole,) = _ready(waiting, 91.0)
    assert whole.outdated == {short.traces[0].trace_id}


def test_a_sender_is_told_to_wait_when_far_too_much_waits() -> None:
    waiting = WaitingSpans(Limits(bytes_held=1000))
    waiting.add([span for number in range(1, 20) for span in spans(request(number))], 0.0)
    assert waiting.full
    assert len(_traces(_ready(waiting, 0.0))) == 19
    assert not waiting.full


def test_a_trace_without_end_is_stored_as_it_stands() -> None:
    waiting = WaitingSpans(Limits(spans_per_trace=50))
    template = request()[0]
    chain = [
        {**template, "spanId": f"{number:016x}", "parentSpanId": f"{number - 1:016x}" if number > 1 else ""}
        for number in range(1, 51)
    ]
    waiting.add(spans(chain), 0.0)
    assert len(_ready(waiting, 0.0)) == 1
    assert waiting.counts.stored_early == 1
    assert waiting._held == {}


def test_what_is_held_is_counted_by_its_length_wherever_it_stands() -> None:
    def held(record: dict[str, Any]) -> int:
        waiting = WaitingSpans(LIMITS)
        waiting.add(spans([record]), 0.0)
        return waiting._bytes

    long = "x" * 8_000
    plain = request()[2]
    chain = {**plain, "attributes": {**plain["attributes"], "input.value": long}}
    assert held(chain) - held(plain) >= 2 * (len(long) - len(plain["attributes"]["input.value"]))
    retriever = request()[0]
    listed = {**retriever, "attributes": {**retriever["attributes"], "tags": [{"name": long}, long]}}
    assert held(listed) - held(retriever) >= 2 * 2 * len(long)


def test_one_request_that_cannot_be_joined_takes_no_other_along(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = WaitingSpans(LIMITS)
    for number in (1, 2, 3):
        waiting.add(spans(request(number)), 0.0)
    peek, broken = SpanCollector.peek, f"{2:032x}"

    def peek_or_fail(self: SpanCollector, key: str, fallback: datetime) -> Iterator[Any]:
        if key == broken:
            raise ZeroDivisionError("a fault nobody thought of")
        yield from peek(self, key, fallback)

    monkeypatch.setattr(SpanCollector, "peek", peek_or_fail)
    joined = _ready(waiting, 1.0)
    assert len(_traces(joined)) == 2
    assert [item.useless for item in joined if item.key == broken] == [
        (f"the spans of trace {broken} cannot be joined: ZeroDivisionError: a fault nobody thought of",)
    ]
    assert waiting.counts.failed_traces == 1
