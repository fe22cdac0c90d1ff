"""What the Traces screen knows, and what it says about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rankscope.tracing.links import TraceLinks
from rankscope.tracing.summaries import TraceFilter, TraceSummary
from rankscope.tui.traces_sentences import deletion_question, deletion_result, traces_sentence
from rankscope.tui.traces_state import ListPhase, ReplayStanding, TracesState
from tests.tracing.make import START

NOW = datetime(2026, 1, 31, tzinfo=UTC)
READY = TracesState(phase=ListPhase.READY, total=5, stored=9)


def row(name: str, *, minute: int = 0, parent: str | None = None) -> TraceSummary:
    moment = START + timedelta(minutes=minute)
    return TraceSummary(minute, name, moment, "q", "live", parent, "answer", 1.0, "a", 0.5, "a", 0, 0)


def test_typing_another_filter_forgets_the_count() -> None:
    typed = READY.typed("dose refuse", NOW)
    assert typed.chosen == TraceFilter(words=("dose",), decision="refuse")
    assert typed.total is None
    assert typed.typed("dose  refuse", NOW).total is None
    assert replace(typed, total=3).typed("dose  refuse ", NOW).total == 3


def test_a_filter_that_cannot_be_meant_keeps_the_one_in_force() -> None:
    typed = READY.typed("refuse", NOW).typed("refuse since:x", NOW)
    assert typed.chosen == TraceFilter(decision="refuse")
    assert "since:x is no date" in typed.misread
    assert typed.typed("refuse", NOW).misread == ""


def test_marks_keep_their_order_and_go_by_id() -> None:
    state = READY.toggled(row("b")).toggled(row("a")).toggled(row("c"))
    assert list(state.marked) == ["b", "a", "c"]
    assert list(state.toggled(row("a")).marked) == ["b", "c"]
    assert list(state.without(("b", "x")).marked) == ["a", "c"]


def test_keys_work_on_the_marked_traces_or_the_one_under_the_cursor() -> None:
    assert READY.chosen_rows(None) == ()
    assert READY.chosen_rows(row("a")) == (row("a"),)
    assert READY.toggled(row("b")).chosen_rows(row("a")) == (row("b"),)


def test_which_two_are_compared() -> None:
    old, new, third = row("old", minute=1), row("new", minute=2), row("third", minute=3)
    replay = row("replay", minute=4, parent="gone")
    assert READY.pair(None) is None
    assert READY.pair(old) is None
    assert READY.pair(replay) == ("gone", "replay")
    assert READY.toggled(new).pair(old) == ("old", "new")
    assert READY.toggled(new).pair(new) is None
    assert READY.toggled(replay).pair(replay) == ("gone", "replay")
    assert READY.toggled(new).toggled(old).pair(third) == ("old", "new")
    assert READY.toggled(new).toggled(old).toggled(third).pair(old) is None


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (TracesState(), "Opening the trace store."),
        (replace(READY, phase=ListPhase.REFUSED, problem="It is damaged."), "It is damaged. r reads"),
        (replace(READY, total=0, stored=0), "No traces yet."),
        (replace(READY, total=None), "Counting."),
        (READY, "Newest first; enter opens"),
        (replace(READY.typed(">500ms", NOW), total=2), "Shown: over 500 ms."),
        (READY.toggled(row("a")), "1 trace marked: p replays, del deletes."),
        (READY.toggled(row("a")).toggled(row("b")), "2 traces marked: p replays, d compares, del deletes."),
        (replace(READY, following=False), "The list is held. h follows again."),
        (replace(READY, following=False, held=2), "2 new traces not shown."),
        (replace(READY, deleting=3), "Deleting 3 traces."),
        (replace(READY, replay=ReplayStanding(200)), "Replaying: 0 of 200 traces. esc"),
        (
            replace(READY, replay=ReplayStanding(200, 50, 2500, 61.4, 125.0)),
            "Replaying: 50 of 200 traces, 61 pairs a second, 2 min left.",
        ),
        (replace(READY, replay=ReplayStanding(2, stopping=True)), "Stopping the replay"),
    ],
)
def test_the_sentence(state: TracesState, says: str) -> None:
    assert says in traces_sentence(state).text


@pytest.mark.parametrize(
    ("count", "links", "says"),
    [
        (1, TraceLinks(0, 0), "Delete 1 trace? This cannot be undone."),
        (2, TraceLinks(1, 0), "1 replay stays, and names an original that is gone."),
        (2, TraceLinks(1200, 0), "1,200 replays stay, and name an original that is gone."),
        (2, TraceLinks(0, 1), "The original stays of what is replayed here."),
        (2, TraceLinks(0, 3), "The 3 originals stay of what is replayed here."),
    ],
)
def test_the_question_before_a_deletion(count: int, links: TraceLinks, says: str) -> None:
    assert says in deletion_question(count, links)


def test_a_deletion_that_did_not_do_all_says_so() -> None:
    assert deletion_result(1, 1) == "1 trace deleted."
    assert deletion_result(2_000, 2_000) == "2,000 traces deleted."
    assert deletion_result(0, 1).startswith("0 of 1 trace deleted. ")
    assert deletion_result(200, 500).startswith("200 of 500 traces deleted. ")
