"""The list of the Traces screen: opened, paged, filtered, followed, and how its state is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import cast

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import var

from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.tracing.summaries import TraceSummary
from rankscope.tui import traces_messages as messages
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.screens.mode_screen import ModeScreen
from rankscope.tui.trace_pages import TracePages
from rankscope.tui.traces_reader import ListedTraces, TracesReader
from rankscope.tui.traces_sentences import EMPTY_STORE, nothing_passes, traces_sentence
from rankscope.tui.traces_state import ListPhase, TracesState
from rankscope.tui.widgets.filter_bar import FilterBar
from rankscope.tui.widgets.key_line import KeyLine
from rankscope.tui.widgets.mode_title import ModeTitle
from rankscope.tui.widgets.status_line import StatusLine
from rankscope.tui.widgets.trace_table import TraceTable

__all__ = ["TracesList"]

SETTLED_S = 0.1
"""Time for the first rows to be painted."""


def local_now() -> datetime:
    """Now, in local time."""
    return datetime.now().astimezone()


class TracesList(ModeScreen):
    """Owns one frozen :class:`~rankscope.tui.traces_state.TracesState`; handlers make a new one."""

    state: var[TracesState] = var(TracesState())
    clock: Callable[[], datetime] = staticmethod(local_now)
    """What ``since:2h`` counts back from."""

    def __init__(self, workspace: ProbeWorkspace) -> None:
        super().__init__(workspace)
        self.reader = TracesReader(lambda: cast(ListedTraces, workspace.traces), self.threads)
        self._number = 0
        self._shown_number = 0
        self._depends: object = None

    def compose(self) -> ComposeResult:
        """The parts of the screen, from the top."""
        yield ModeTitle("traces")
        yield FilterBar(id="filter-bar")
        yield TraceTable(id="traces")
        yield StatusLine(id="status")
        yield KeyLine(id="keys")

    @property
    def up_to_date(self) -> bool:
        """Whether the rows are of the list that was asked for last."""
        return self._shown_number == self._number

    @property
    def table(self) -> TraceTable:
        """The list."""
        return self.query_one("#traces", TraceTable)

    def on_mount(self) -> None:
        """Draw the empty screen at once; the list is read beside it."""
        self.draw(self.state)
        self.open_list()

    def stop(self) -> None:
        """Stop the queries too."""
        self.reader.stop()
        super().stop()

    @on(events.ScreenResume)
    def _shown(self) -> None:
        self.reader.look()

    @on(events.ScreenSuspend)
    def _hidden(self) -> None:
        self.reader.look_away()

    def watch_state(self, old: TracesState, new: TracesState) -> None:
        """Draw what changed."""
        if self.is_mounted and new != old:
            self.draw(new)

    def draw(self, state: TracesState) -> None:
        """Bring every part up to date."""
        name = Content.styled(one_line(self.workspace.name, 32), "bold")
        if state.stored is not None:
            name += Content.styled(f" {counted(state.stored, 'trace')}", "$muted")
        following = Content.styled("follows new ones", "$muted")
        held = Content.styled(f"held, {state.held:,} new", "bold $fall")
        self.query_one(ModeTitle).show(name, following if state.following else held)
        self.query_one(FilterBar).show_facts(_facts(state))
        self.query_one(StatusLine).show(traces_sentence(state))
        self.table.mark(state.marked)
        self.table.say(Content(_words(state)))
        self.check_keys()

    def check_keys(self) -> None:
        """Bring the last line up to date where other keys work now."""
        row = self.table.cursor_row
        depends = self.keys_depend_on(self.state, row)
        if depends != self._depends:
            self._depends = depends
            self.refresh_bindings()

    def keys_depend_on(self, state: TracesState, row: TraceSummary | None) -> object:
        """What decides which keys work."""
        return (
            row is None,
            bool(state.text),
            bool(state.marked),
            state.busy,
            state.replay is None,
            state.pair(row) is None,
        )

    def open_list(self, around: TraceSummary | None = None) -> None:
        """Read the list anew, where ``around`` stands, else from its top."""
        self._number += 1
        self.reader.open(self._number, self.state.chosen, around)
        if self.is_current:
            self.reader.look()

    @on(messages.FilterEdited)
    def _filter_edited(self, message: messages.FilterEdited) -> None:
        old = self.state
        self.state = old.typed(message.text, self.clock())
        if self.state.chosen != old.chosen:
            self.open_list()

    @on(messages.ListOpened)
    def _list_opened(self, message: messages.ListOpened) -> None:
        if message.number != self._number:
            return
        self._shown_number = message.number
        pages = TracePages()
        pages.take(message.page, message.rows)
        self.table.show(pages, cursor=message.place)
        if self.state.phase is ListPhase.OPENING:  # the rows are painted before the rest competes with them
            self.set_timer(SETTLED_S, self.reader.count_store)
        self.state = replace(self.state, phase=ListPhase.READY, problem="", held=0)
        self.check_keys()

    @on(messages.PageRead)
    def _page_read(self, message: messages.PageRead) -> None:
        if message.number == self._number:
            self.table.pages.take(message.page, message.rows)
            self.table.refresh_rows()
            self.check_keys()

    @on(messages.ListCounted)
    def _list_counted(self, message: messages.ListCounted) -> None:
        if message.number == self._number:
            self.table.pages.count(message.total)
            self.table.refresh_rows()
            self.state = replace(self.state, total=self.table.pages.total)

    @on(messages.ListRefused)
    def _list_refused(self, message: messages.ListRefused) -> None:
        if message.number == self._number:
            self.state = replace(self.state, phase=ListPhase.REFUSED, problem=message.reason)

    @on(messages.StoreCounted)
    def _store_counted(self, message: messages.StoreCounted) -> None:
        self.state = replace(self.state, stored=message.stored)

    @on(messages.RowsWanted)
    def _rows_wanted(self, message: messages.RowsWanted) -> None:
        if self.state.phase is ListPhase.READY:
            self.reader.read(self.table.pages.wanted(message.first, message.last))

    @on(messages.CursorMoved)
    def _cursor_moved(self) -> None:
        self.check_keys()

    @on(messages.RowChosen)
    def _row_chosen(self, message: messages.RowChosen) -> None:
        self.open_stored(message.row.trace_id)

    @on(messages.TracesArrived)
    def _traces_arrived(self, message: messages.TracesArrived) -> None:
        state, table = self.state, self.table
        if state.stored is not None:
            state = replace(state, stored=state.stored + message.stored)
        if message.number != self._number or message.passing == 0:
            self.state = state
        elif not state.following:
            self.state = replace(state, held=state.held + message.passing)
        elif message.passing == len(message.rows) and _newer(message.rows[-1], table.pages.newest):
            table.pages.put_in_front(message.rows)
            table.put_in_front(len(message.rows))
            total = None if state.total is None else state.total + message.passing
            self.state = replace(state, total=total)
        else:  # older ones among them, from a log, or too many at once
            self.state = state
            self.open_list(around=table.cursor_row if table.cursor else None)


def _newer(row: TraceSummary, than: TraceSummary | None) -> bool:
    return than is None or (row.created_at, row.seq) > (than.created_at, than.seq)


def _words(state: TracesState) -> str:
    """What stands in place of rows."""
    if state.phase is not ListPhase.READY:
        return ""
    return EMPTY_STORE if state.empty_store else nothing_passes(state) if state.text.strip() else ""


def _facts(state: TracesState) -> Content:
    """How many pass."""
    if state.total is None:
        return Content.styled(" counting… ", "$muted") if state.phase is ListPhase.READY else Content("")
    if not state.text.strip() or state.stored is None:
        return Content.styled(f" {state.total:,} ", "$muted")
    return Content.assemble((f" {state.total:,}", "bold"), (f" of {state.stored:,} ", "$muted"))
