"""On the Traces screen: two traces side by side, and replays."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

from rankscope.tui.screens.help import HelpScreen
from rankscope.tui.screens.replay_summary import ReplaySummary
from rankscope.tui.screens.trace_diff import DiffScreen
from tests.tracing.make import START
from tests.tui.tracing_app import name, stored_trace, tracing


async def test_two_marked_traces_are_compared_side_by_side(tmp_path, thirty) -> None:
    flipped = replace(
        stored_trace(27, trace_id="later", decision="refuse", kept=(), origin="replay"),
        created_at=START + timedelta(days=1),
    )
    async with tracing(tmp_path, [*thirty, flipped]) as on:
        assert "diff" not in on.last_line()
        await on.press("space", "down", "down", "d")
        await on.until(lambda: isinstance(on.app.screen, DiffScreen))
        text = on.text()
        assert "EARLIER live" in text
        assert "LATER replay" in text
        assert "answer → refuse" in text
        assert "overlap@2" in text
        assert "text of doc-" in text
        await on.press("left", "down", "question_mark")
        assert isinstance(on.app.screen, HelpScreen)
        await on.press("escape", "o")
        await on.until(lambda: on.app.current_mode == "probe")
        assert on.app.probe.state.trace == thirty[27]
        await on.press("escape")
        await on.until(lambda: isinstance(on.app.screen, DiffScreen))
        await on.press("escape")
        assert on.app.screen is on.screen


async def test_a_replay_is_compared_with_its_parent(tmp_path, thirty) -> None:
    replayed = stored_trace(40, parent_id=name(3), origin="replay")
    async with tracing(tmp_path, [*thirty, replayed]) as on:
        assert "d diff" in on.last_line()
        await on.press("d")
        await on.until(lambda: isinstance(on.app.screen, DiffScreen))
        assert on.app.screen.diff.before.trace_id == name(3)


async def test_one_replayed_trace_is_shown_beside_its_parent(tmp_path, thirty, today) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.press("p")
        await on.until(lambda: isinstance(on.app.screen, DiffScreen))
        diff = on.app.screen.diff
        assert (diff.before, diff.after.parent_id) == (thirty[29], name(29))
        await on.press("escape")
        await on.until(lambda: on.state.stored == 31)


async def test_many_replays_end_in_a_summary(tmp_path, thirty, today) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.press("space", "space", "space", "p")
        await on.until(lambda: isinstance(on.app.screen, ReplaySummary))
        assert "3 traces replayed." in on.text()
        assert "another first document" in on.text()
        assert "overlap@" in on.text()
        await on.press("down", "enter")
        await on.until(lambda: isinstance(on.app.screen, DiffScreen))
        await on.press("escape")
        assert isinstance(on.app.screen, ReplaySummary)
        await on.press("escape", "p")
        await on.until(lambda: isinstance(on.app.screen, ReplaySummary))
        assert "3 of them by an earlier run" in on.text()
        await on.press("escape", "escape", "i")
        await on.until(lambda: isinstance(on.app.screen, ReplaySummary))


async def test_a_replay_shows_how_far_it_is_and_escape_stops_it(tmp_path, thirty, today) -> None:
    today.rerank_gates = [threading.Event()]
    today.chunk = 1
    async with tracing(tmp_path, thirty) as on:
        await on.press("asterisk")
        await on.until(lambda: len(on.state.marked) == 30)
        await on.press("p")
        await on.until(lambda: "Replaying: 0 of 30 traces" in on.sentence())
        assert "p replay" not in on.last_line()
        await on.press("escape")
        await on.until(lambda: isinstance(on.app.screen, ReplaySummary))
        assert "stopped at 0 of 30" in on.text()
        assert on.state.replay is None


async def test_a_replay_that_cannot_run_says_why(tmp_path, thirty, today) -> None:
    today.rerank_failure = "the weights are not on this machine."
    async with tracing(tmp_path, thirty) as on:
        await on.press("p")
        await on.until(lambda: "Not replayed" in on.text())
        assert "the weights are not on this machine" in on.text()
        assert on.state.replay is None
