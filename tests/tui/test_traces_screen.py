"""The Traces screen over a real store: the list, its filter, marks, deletion, follow, replay, comparison."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from rankscope.core.documents import Query
from rankscope.core.trace import Finding, Trace
from rankscope.engine.replay_today import Today
from rankscope.errors import WorkspaceError
from rankscope.tracing.store import TraceStore
from rankscope.tui.app import RankScopeApp
from rankscope.tui.screens.confirm import Confirm
from rankscope.tui.screens.help import HelpScreen
from rankscope.tui.screens.replay_summary import ReplaySummary
from rankscope.tui.screens.trace_diff import DiffScreen
from rankscope.tui.screens.traces import TracesScreen
from rankscope.tui.traces_state import ListPhase, TracesState
from rankscope.tui.widgets.status_line import StatusLine
from tests.tracing.make import START, make_trace
from tests.tui.fakes import FakeReranker, FakeWorkspace, Script

QUERIES = ("ibuprofen dosage for children", "naproxen in pregnancy", "aspirin [/b] \x1b[2J overdose")


def stored_trace(number: int, **changes: object) -> Trace:
    """A trace with a query of three in turn; every fourth refused, every fifth with findings."""
    findings = (Finding("RS402", "warning", "m"), Finding("RS101", "error", "m")) if number % 5 == 0 else ()
    values: dict[str, object] = {
        "query": Query(f"{QUERIES[number % 3]} {number}"),
        "decision": "refuse" if number % 4 == 0 else "answer",
        "kept": () if number % 4 == 0 else make_trace(number).kept,
        "findings": findings,
    }
    return make_trace(number, **{**values, **changes})


class Tracing:
    """A running app on the Traces screen, with shorthands."""

    def __init__(self, app: RankScopeApp, store: TraceStore, pilot: Pilot[None]) -> None:
        self.app, self.store, self.pilot = app, store, pilot

    @property
    def screen(self) -> TracesScreen:
        screen = self.app.mode_screen("traces")
        assert isinstance(screen, TracesScreen)
        return screen

    @property
    def state(self) -> TracesState:
        return self.screen.state

    @property
    def cursor(self) -> str:
        row = self.screen.table.cursor_row
        return "" if row is None else row.trace_id

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                await self.pilot.pause(0.005)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type_filter(self, text: str) -> None:
        await self.press("slash", *("space" if char == " " else char for char in text))
        await self.until(lambda: self.state.text == text and self.state.total is not None)

    def shown(self) -> list[str]:
        """Ids of the rows on the screen."""
        table = self.screen.table
        top = table.scroll_offset.y
        rows = [table.pages.row(place) for place in range(top, top + table.rows_high)]
        return [row.trace_id for row in rows if row is not None]

    def text(self) -> str:
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.crop(0, width).text for strip in lines[:height])

    def sentence(self) -> str:
        said = self.screen.query_one(StatusLine).sentence
        return "" if said is None else said.text

    def last_line(self) -> str:
        return self.text().split("\n")[-1]


def name(number: int) -> str:
    return f"trace-{number:06}"


@asynccontextmanager
async def tracing(
    tmp_path: Path, traces: Iterable[Trace] = (), size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Tracing]:
    workspace = FakeWorkspace()
    with TraceStore(tmp_path / "traces.db") as store:
        for trace in traces:
            store.append(trace)
        store.flush()
        workspace.traces = store
        app = RankScopeApp(workspace, picture_folder=tmp_path, now=lambda: "now")
        async with app.run_test(size=size, notifications=True) as pilot:
            on = Tracing(app, store, pilot)
            await pilot.press("escape", "2")
            await on.until(
                lambda: (
                    on.state.phase is not ListPhase.OPENING
                    and on.state.stored is not None
                    and (on.state.total is not None or on.state.phase is ListPhase.REFUSED)
                )
            )
            yield on
            assert app.close(timeout=5)


@pytest.fixture
def thirty() -> list[Trace]:
    return [stored_trace(number) for number in range(30)]


async def test_the_newest_traces_stand_at_the_top(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        assert on.shown() == [name(number) for number in range(29, -1, -1)]
        assert on.cursor == name(29)
        text = on.text()
        assert "2 Traces" in text
        assert "30 traces" in text
        assert "ibuprofen dosage for" in text
        assert "␛[2J" in text
        assert "[/b]" in text
        assert "RS101 RS402" in text
        assert "refuse" in text


async def test_an_empty_store_says_what_to_do_and_then_shows_what_comes(tmp_path) -> None:
    async with tracing(tmp_path) as on:
        assert "No traces yet." in on.text()
        assert "rankscope traces import" in on.text()
        assert "enter open" in on.last_line()
        await on.press("enter", "space", "delete", "p", "d", "asterisk")
        on.store.append(stored_trace(1)).result()
        await on.until(lambda: on.shown() == [name(1)])
        assert on.state.stored == on.state.total == 1
        assert "No traces yet." not in on.text()


async def test_a_filter_narrows_as_it_is_typed(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.type_filter("naproxen refuse")
        wanted = [number for number in range(29, -1, -1) if number % 3 == 1 and number % 4 == 0]
        assert on.shown() == [name(number) for number in wanted]
        assert f"{len(wanted)} of 30" in on.text()
        await on.press("enter")
        assert on.app.focused is on.screen.table
        assert "“naproxen”, refused" in on.sentence()
        await on.press("escape")
        await on.until(lambda: on.state.total == 30)


async def test_digits_are_typed_into_the_filter_and_switch_no_screen(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.type_filter("11")
        assert on.app.current_mode == "traces"
        assert on.shown() == [name(11)]
        await on.press("enter", "1")
        assert on.app.current_mode == "probe"


async def test_a_letter_without_a_meaning_starts_a_filter(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.press("n", "a", "p")
        await on.until(lambda: on.state.total == 10)
        assert on.screen.query_one("#filter", Input).value == "nap"


async def test_a_filter_that_cannot_be_meant_says_so_and_keeps_the_list(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.type_filter("since:nonsense")
        assert "since:nonsense is no date" in on.sentence()
        assert len(on.shown()) == 30


async def test_a_filter_that_nothing_passes_says_how_to_leave_it(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.type_filter("[red]nothing")
        assert "No trace passes: “[red]nothing”." in on.text()
        await on.press("escape", "escape")
        await on.until(lambda: on.state.total == 30)


async def test_enter_opens_a_trace_as_recorded_and_escape_comes_back(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.press("down", "down", "enter")
        await on.until(lambda: on.app.current_mode == "probe")
        assert on.app.probe.state.trace == thirty[27]
        assert on.app.probe.state.read_only
        assert "esc to traces" in on.text()
        assert on.app.focused is on.app.probe.query_one("#after")
        await on.press("down")
        assert on.app.probe.state.chosen == thirty[27].after.doc_ids[1]
        await on.press("escape")
        await on.until(lambda: on.app.current_mode == "traces")
        assert on.cursor == name(27)
        assert not on.app.probe.state.read_only


async def test_a_trace_that_was_deleted_elsewhere_is_said_to_be_gone(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        on.store.prune(ids=[name(29)])
        await on.press("enter")
        await on.until(lambda: "no trace has the id" in on.text())
        await on.press("r")
        await on.until(lambda: on.shown()[:1] == [name(28)])
        assert on.state.total == 29


async def test_space_marks_and_escape_unmarks(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.press("space", "down", "space")
        assert list(on.state.marked) == [name(29), name(27)]
        assert on.text().count("●") == 2
        assert "2 traces marked" in on.sentence()
        await on.press("up", "space")
        assert list(on.state.marked) == [name(29)]
        await on.press("escape")
        assert not on.state.marked


async def test_a_star_marks_all_that_pass(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.type_filter("naproxen")
        await on.press("enter", "asterisk")
        await on.until(lambda: len(on.state.marked) == 10)


async def test_deleting_asks_first_and_names_what_hangs_on_it(tmp_path, thirty) -> None:
    replay = stored_trace(40, parent_id=name(28), origin="replay")
    async with tracing(tmp_path, [*thirty, replay]) as on:
        await on.press("down", "space", "space", "delete")
        await on.until(lambda: isinstance(on.app.screen, Confirm))
        assert "Delete 2 traces?" in on.text()
        assert "1 replay stays, and names an original that is gone." in on.text()
        await on.press("enter")
        assert not isinstance(on.app.screen, Confirm)
        assert on.store.count() == 31
        await on.press("delete")
        await on.until(lambda: isinstance(on.app.screen, Confirm))
        await on.press("y")
        await on.until(lambda: on.state.total == 29 and on.state.stored == 29)
        assert on.store.known_ids([name(29), name(28)]) == set()
        assert not on.state.marked
        assert on.shown()[:2] == [replay.trace_id, name(27)]


async def test_new_traces_come_in_at_the_top_and_the_cursor_stays(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.press("down", "down", "down")
        with TraceStore(tmp_path / "traces.db") as other:
            for number in (30, 31):
                other.append(stored_trace(number)).result()
        await on.until(lambda: on.shown()[:2] == [name(31), name(30)])
        assert on.cursor == name(26)
        assert (on.state.total, on.state.stored) == (32, 32)


async def test_a_scrolled_list_stands_still_when_new_traces_come(tmp_path) -> None:
    async with tracing(tmp_path, [stored_trace(number) for number in range(90)]) as on:
        await on.press("pagedown", "pagedown")
        before = on.shown()
        on.store.append(stored_trace(90)).result()
        await on.until(lambda: on.state.total == 91)
        assert on.shown() == before


async def test_older_traces_that_are_imported_find_their_place(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty[10:]) as on:
        await on.press("down")
        for trace in thirty[:10]:
            on.store.append(trace)
        on.store.flush()
        await on.until(lambda: on.state.total == 30)
        assert on.shown() == [name(number) for number in range(29, -1, -1)]
        assert on.cursor == name(28)


async def test_a_held_list_counts_what_comes_and_shows_it_on_demand(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.press("h")
        on.store.append(stored_trace(30)).result()
        await on.until(lambda: on.state.held == 1)
        assert on.shown()[0] == name(29)
        assert "1 new trace not shown" in on.sentence()
        await on.press("h")
        await on.until(lambda: on.shown()[0] == name(30))


async def test_only_new_traces_that_pass_the_filter_come_in(tmp_path, thirty) -> None:
    async with tracing(tmp_path, thirty) as on:
        await on.type_filter("naproxen")
        on.store.append(stored_trace(30))
        on.store.append(stored_trace(31)).result()
        await on.until(lambda: on.state.stored == 32 and on.shown()[0] == name(31))
        assert on.state.total == 11


async def test_the_last_of_many_pages_is_an_end_key_away(tmp_path) -> None:
    many = [stored_trace(number, rankings=(), documents={}, kept=()) for number in range(700)]
    async with tracing(tmp_path, many) as on:
        await on.press("end")
        await on.until(lambda: on.cursor == name(0))
        await on.until(lambda: len(on.shown()) == on.screen.table.rows_high)
        assert on.shown()[-1] == name(0)
        await on.press("pageup", "home")
        await on.until(lambda: on.cursor == name(699))


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


@pytest.fixture
def today(monkeypatch) -> Script:
    """Replays go through the fake reranker."""
    script = Script()
    settings = FakeWorkspace().settings

    def made(self: TracesScreen, mode: str) -> Today:
        return Today(settings, FakeReranker(script))

    monkeypatch.setattr(TracesScreen, "today", made)
    return script


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
        assert "have another first document" in on.text()
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


async def test_a_damaged_database_is_said_and_the_screen_stays(tmp_path) -> None:
    async with tracing(tmp_path, [stored_trace(1)]) as on:
        on.store.close()
        await on.press("r")
        await on.until(lambda: on.state.phase is ListPhase.REFUSED)
        assert "the trace store is closed" in on.sentence()


async def test_new_traces_are_followed_again_after_a_failure(tmp_path, thirty, monkeypatch) -> None:
    last_seq = TraceStore.last_seq
    async with tracing(tmp_path, thirty) as on:

        def failing(self: TraceStore) -> int:
            raise WorkspaceError("the disk is gone.")

        monkeypatch.setattr(TraceStore, "last_seq", failing)
        await on.until(lambda: on.state.phase is ListPhase.REFUSED)
        assert "the disk is gone." in on.sentence()
        monkeypatch.setattr(TraceStore, "last_seq", last_seq)
        await on.press("r")
        await on.until(lambda: on.state.phase is ListPhase.READY)
        on.store.append(stored_trace(30)).result()
        await on.until(lambda: on.shown()[0] == name(30))
