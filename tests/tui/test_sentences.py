"""Every state has a plain sentence that says what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rankscope.core.documents import Query
from rankscope.engine.progress import IndexProgress
from rankscope.tui.sentences import sentence
from rankscope.tui.state import Phase, ProbeState, RunPhase
from tests.tui.fakes import SETTINGS
from tests.tui.traces import RERANKED, trace, with_details

READY = ProbeState(SETTINGS, phase=Phase.READY)
FINISHED = replace(READY, run=RunPhase.FINISHED, query=Query("q"))
PARTIAL = trace(scores={"a": 0.5, "b": 0.2}, status="partial", finished=False)


@pytest.mark.parametrize(
    ("state", "tone", "parts"),
    [
        (ProbeState(SETTINGS), "busy", ["Opening the index"]),
        (
            ProbeState(SETTINGS, progress=IndexProgress("embedding", 212, 412, 85.4, 2.3)),
            "busy",
            ["Building the index, once: embedding 212 of 412 passages", "85 a second", "2 s left"],
        ),
        (
            ProbeState(SETTINGS, progress=IndexProgress("reading", 1200, None, 0.0, None)),
            "busy",
            ["reading 1,200 passages."],
        ),
        (replace(READY, phase=Phase.LOADING), "busy", ["Loading the models", "You can type already"]),
        (replace(READY, phase=Phase.LOADING, run=RunPhase.WAITING), "busy", ["Your query runs as soon as"]),
        (replace(READY, phase=Phase.REFUSED, problem="No index. Run X."), "bad", ["No index. Run X."]),
        (READY, "calm", ["Type a query"]),
        (replace(READY, run=RunPhase.RUNNING, running="dense"), "busy", ["Retrieving (dense)"]),
        (replace(READY, run=RunPhase.RUNNING, draft=True), "busy", ["A pause, or enter"]),
        (
            replace(READY, run=RunPhase.RUNNING, running="rerank", done=24, total=50),
            "busy",
            ["Reranking 24 of 50", "esc stops it"],
        ),
        (
            replace(READY, run=RunPhase.CRASHED, problem="KeyError: x"),
            "bad",
            ["KeyError: x", "r runs it again"],
        ),
        (
            replace(READY, run=RunPhase.STOPPED, trace=PARTIAL),
            "warn",
            ["Stopped after 2 of 5 candidates: the fused order stands", "r runs it again"],
        ),
        (replace(READY, run=RunPhase.STOPPED, trace=trace()), "warn", ["Stopped."]),
        (replace(FINISHED, trace=trace(scores=RERANKED)), "good", ["Kept 3 of 5", "2 below the floor 0.40"]),
        (
            replace(FINISHED, trace=trace(scores=RERANKED, floor=0.2, top_k=2)),
            "good",
            ["Kept 2 of 5", "1 below the floor 0.20", "2 beyond K=2"],
        ),
        (
            replace(FINISHED, trace=trace(scores=RERANKED, floor=0.95)),
            "warn",
            ["Refused: nothing reaches the floor 0.95, the best is .900", "[ lowers it"],
        ),
        (
            replace(FINISHED, trace=trace(status="skipped:5 candidates are no more than K=10")),
            "warn",
            ["Reranking skipped: 5 candidates are no more than K=10", "The fused order stands"],
        ),
        (
            replace(FINISHED, trace=trace(status="failed:out of memory.")),
            "bad",
            ["Reranking failed: out of memory. The fused order stands", "r runs it again"],
        ),
        (replace(FINISHED, trace=trace()), "good", ["the floor is for probability scores, these are rrf"]),
        (
            replace(FINISHED, trace=with_details(trace(scores=RERANKED), "c", tokens_cut=212.0)),
            "warn",
            ["did not see the end of 1 passage", "212 tokens; c 212"],
        ),
    ],
)
def test_sentences(state: ProbeState, tone: str, parts: list[str]) -> None:
    said = sentence(state)
    assert said.tone == tone
    for part in parts:
        assert part in said.text


def test_scores_that_were_kept_from_before_are_counted() -> None:
    made = trace(scores=RERANKED)
    assert made.after is not None
    reused = made.with_ranking(replace(made.after, details={"scored": 5.0, "reused": 4.0}))
    assert "4 of 5 scores kept from before" in sentence(replace(FINISHED, trace=reused)).text


def test_a_smaller_reranker_that_failed_is_named() -> None:
    made = trace(scores=RERANKED)
    assert made.after is not None
    failed = replace(made.after, stage="rerank-1", hits=(), status="failed:no weights")
    said = sentence(replace(FINISHED, trace=made.with_ranking(failed))).text
    assert "The smaller reranker failed: no weights. The fused order chose for it." in said


def test_an_empty_result_says_what_to_change() -> None:
    bare = replace(trace(), rankings=(), kept=(), decision="refuse")
    assert "try other words" in sentence(replace(FINISHED, trace=bare)).text
    filtered = replace(bare, query=Query("q", filters={"tenant": "acme"}))
    assert (
        "no passage with tenant=acme matches: f changes" in sentence(replace(FINISHED, trace=filtered)).text
    )


def test_both_retrievers_failing_leaves_nothing() -> None:
    made = trace()
    dead = replace(
        made, rankings=tuple(replace(r, status="failed:no disk", hits=()) for r in made.rankings[:2])
    )
    said = sentence(replace(FINISHED, trace=dead))
    assert said.tone == "bad"
    assert "BM25 failed: no disk. Dense retrieval failed: no disk. Nothing is left" in said.text
