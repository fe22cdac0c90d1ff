"""A record says of a trace what the trace itself says."""

from __future__ import annotations

from hypothesis import given, settings

from rankscope.core.trace import Trace
from rankscope.tracing.record import record_of, trace_of
from tests.tracing.strategies import traces


@settings(max_examples=30)
@given(traces())
def test_a_trace_comes_back_from_its_record(trace: Trace) -> None:
    assert trace_of(record_of(trace)) == trace


@settings(max_examples=30)
@given(traces())
def test_what_a_list_shows_is_what_the_trace_says(trace: Trace) -> None:
    record = record_of(trace)
    final = trace.final
    top = final.hits[0] if final is not None and final.hits else None
    assert record.total_ms == trace.total_ms
    assert record.top() == ((None, None) if top is None else (top.doc_id, top.score))
    doc_id, places = record.biggest_move()
    before, after = trace.before, trace.after
    if doc_id is None:
        assert before is None or after is None or not set(before.doc_ids) & set(after.doc_ids)
        return
    assert before is not None
    assert after is not None
    ranks = before.by_id()
    moves = {hit.doc_id: ranks[hit.doc_id].rank - hit.rank for hit in after.hits if hit.doc_id in ranks}
    assert places is not None
    assert abs(places) >= max(map(abs, moves.values()))
    assert doc_id in moves
