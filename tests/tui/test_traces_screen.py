"""The Traces screen over a real store: the list, its filter, marks, deletion and live follow."""

from __future__ import annotations

from textual.widgets import Input

from rankscope.errors import WorkspaceError
from rankscope.tracing.store import TraceStore
from rankscope.tui.screens.confirm import Confirm
from rankscope.tui.traces_state import ListPhase
from tests.tui.tracing_app import name, stored_trace, tracing


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
