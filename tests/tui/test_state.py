"""The state of the screen: runs start, advance, are kept; the mark follows until the user moves it."""

from __future__ import annotations

from dataclasses import replace

from rankscope.core.documents import Query
from rankscope.core.events import BatchScored, StageFinished, StageStarted, TraceFinished
from rankscope.core.trace import PipelineInfo
from rankscope.tui.state import Phase, ProbeState, RunPhase
from tests.tui.fakes import SETTINGS
from tests.tui.traces import RERANKED, trace

READY = ProbeState(SETTINGS, phase=Phase.READY)
QUERY = Query("which one")


def test_a_run_waits_for_the_models() -> None:
    assert ProbeState(SETTINGS).started(1, QUERY, draft=False).run is RunPhase.WAITING
    assert READY.started(1, QUERY, draft=False).run is RunPhase.RUNNING


def test_the_old_answer_stays_until_the_new_one_is_fused() -> None:
    old = trace(scores=RERANKED)
    state = replace(READY, trace=old).started(2, QUERY, draft=False)
    made = trace()
    bm25_only = replace(made, rankings=made.rankings[:1])
    assert state.advanced(StageFinished(bm25_only, "bm25")).trace is old
    assert state.advanced(StageFinished(made, "fusion")).trace is made


def test_reranking_counts_and_the_mark_stays_on_the_first_fused_document() -> None:
    state = READY.started(1, QUERY, draft=False).advanced(StageStarted(trace(finished=False), "rerank"))
    assert (state.running, state.done, state.total) == ("rerank", 0, 5)
    partial = trace(scores={"c": 0.9, "a": 0.5}, status="partial", finished=False)
    state = state.advanced(BatchScored(partial, done=2, total=5))
    assert (state.done, state.total, state.chosen) == (2, 5, "a")


def test_a_report_says_it_all_when_earlier_ones_were_skipped() -> None:
    partial = trace(scores={"c": 0.9, "a": 0.5}, status="partial", finished=False)
    state = READY.started(1, QUERY, draft=False).advanced(BatchScored(partial, done=2, total=5))
    assert (state.running, state.done, state.total, state.trace) == ("rerank", 2, 5, partial)


def test_the_mark_goes_to_the_first_document_of_the_final_order() -> None:
    state = READY.started(1, QUERY, draft=False).advanced(TraceFinished(trace(scores=RERANKED)))
    assert (state.run, state.chosen) == (RunPhase.FINISHED, "c")


def test_a_mark_that_the_user_set_stays_where_it_can() -> None:
    state = READY.started(1, QUERY, draft=False)
    state = replace(state, chosen="d", following=False).advanced(TraceFinished(trace(scores=RERANKED)))
    assert state.chosen == "d"
    gone = replace(state, chosen="zz", following=False).showing(trace(scores=RERANKED))
    assert gone.chosen == "c"


def test_kept_runs_are_counted_and_re_derived_in_place() -> None:
    first, second = trace(scores=RERANKED), trace(scores={"a": 0.9})
    state = READY.showing(first).stored(first).showing(second).stored(second)
    assert (len(state.runs), state.place) == (2, 2)
    moved = trace(scores=RERANKED, floor=0.9)
    state = replace(state, trace=first, place=1).rederived(moved)
    assert state.runs == (moved, second)
    assert state.place == 1


def test_rrf_k_is_that_of_the_trace_or_of_the_live_settings() -> None:
    recorded = replace(trace(), pipeline=PipelineInfo(settings={"retrieval": {"rrf_k": 10}}))
    assert replace(READY, trace=recorded).rrf_k == 10
    assert replace(READY, trace=trace()).rrf_k == 60
    assert replace(READY, trace=trace(), read_only=True).rrf_k is None
