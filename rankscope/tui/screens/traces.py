"""The Traces screen: every stored trace, wherever it ran.

Here are its keys. The list is in ``traces_list``, replays and comparisons in ``traces_replay``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events, on
from textual.binding import BindingType

from rankscope.core.sanitize import one_line
from rankscope.tracing.summaries import TraceSummary
from rankscope.tui import keys
from rankscope.tui import traces_messages as messages
from rankscope.tui.screens.confirm import Confirm
from rankscope.tui.screens.traces_keys import TRACES_KEYS, TRACES_NOTES
from rankscope.tui.screens.traces_replay import TracesReplay
from rankscope.tui.traces_reader import MOST_MARKED
from rankscope.tui.traces_sentences import deletion_question, deletion_result
from rankscope.tui.widgets.filter_bar import FilterBar, FilterInput

__all__ = ["TracesScreen"]

_MEANT = frozenset(key.key for key in (*TRACES_KEYS, *keys.GLOBAL))


class TracesScreen(TracesReplay):
    """Find, open, mark, delete, replay and compare."""

    MODE = "traces"
    KEYS = TRACES_KEYS
    NOTES = TRACES_NOTES
    CSS_PATH = "traces.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(TRACES_KEYS)]
    AUTO_FOCUS = "#traces"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Which keys work now; the others are neither shown nor obeyed."""
        state, row = self.state, self._cursor_row
        if action == "stop_replay":
            return state.replay is not None and not state.replay.stopping
        if action in ("replay", "replay_full"):
            return bool(state.chosen_rows(row)) and not state.busy
        if action == "diff":
            return state.pair(row) is not None
        if action == "show_summary":
            return self.outcome is not None and state.replay is None
        if action == "clear_marks":
            return state.replay is None and bool(state.marked)
        if action == "clear_filter":
            return state.replay is None and not state.marked and bool(state.text)
        if action == "mark":
            return row is not None
        if action == "mark_all":
            return row is not None
        if action == "delete":
            return bool(state.chosen_rows(row)) and not state.busy
        return True

    @property
    def _cursor_row(self) -> TraceSummary | None:
        return self.table.cursor_row if self.is_mounted else None

    def on_key(self, event: events.Key) -> None:
        """A character that means nothing here starts a new filter."""
        if event.character is None or not event.is_printable:
            return
        if isinstance(self.focused, FilterInput):  # it was on its way before the field had the focus
            self.focused.insert_text_at_cursor(event.character)
            return
        if event.key in _MEANT or event.character == " ":
            return
        event.stop()
        event.prevent_default()
        self.query_one(FilterBar).field.begin(event.character)

    def action_focus_filter(self) -> None:
        """To the filter."""
        self.query_one(FilterBar).field.focus()

    def action_clear_filter(self) -> None:
        """All traces again."""
        self.query_one(FilterBar).write("")

    def action_clear_marks(self) -> None:
        """Nothing is marked any more."""
        self.state = replace(self.state, marked={})

    def action_read_again(self) -> None:
        """Read the list anew, as others may have deleted from it."""
        self.open_list(around=self.table.cursor_row if self.table.cursor else None)
        self.reader.count_store()

    def action_hold(self) -> None:
        """Hold the list, or follow again and show what came meanwhile."""
        following = not self.state.following
        held = self.state.held
        self.state = replace(self.state, following=following, held=0)
        if following and held:
            self.open_list(around=self.table.cursor_row if self.table.cursor else None)

    def action_mark(self) -> None:
        """Mark this trace or unmark it, and go on to the next."""
        row = self.table.cursor_row
        if row is not None:
            self.state = self.state.toggled(row)
            self.table.action_step(1)

    def action_mark_all(self) -> None:
        """Mark all that pass the filter."""
        self.reader.mark_all()

    @on(messages.RowsMarked)
    def _rows_marked(self, message: messages.RowsMarked) -> None:
        self.state = self.state.marking(message.rows)
        if message.more:
            self.notify(f"The newest {MOST_MARKED:,} are marked; narrow the filter to reach the others.")

    def action_replay(self) -> None:
        """The saved candidates through today's reranker."""
        self.start_replay(self._chosen_ids, "rerank-only")

    def action_replay_full(self) -> None:
        """The queries through today's whole pipeline."""
        self.start_replay(self._chosen_ids, "full")

    def action_show_summary(self) -> None:
        """What the last replay changed."""
        if self.outcome is not None:
            self.show_outcome(self.outcome)

    def action_diff(self) -> None:
        """Two traces side by side."""
        pair = self.state.pair(self.table.cursor_row)
        if pair is not None:
            self.compare(*pair)

    @property
    def _chosen_ids(self) -> tuple[str, ...]:
        return tuple(row.trace_id for row in self.state.chosen_rows(self.table.cursor_row))

    def action_delete(self) -> None:
        """Delete the marked traces or this one, after a question that says what hangs on them."""
        self.reader.find_links(self._chosen_ids)

    @on(messages.LinksFound)
    def _links_found(self, message: messages.LinksFound) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self.state = replace(self.state, deleting=len(message.ids))
                self.reader.delete(message.ids)

        self.app.push_screen(Confirm(deletion_question(len(message.ids), message.links), "deletes"), answered)

    @on(messages.TracesDeleted)
    def _traces_deleted(self, message: messages.TracesDeleted) -> None:
        if message.reason:
            self.state = replace(self.state, deleting=0)
            self.notify(
                one_line(message.reason), title="Not deleted", severity="error", markup=False, timeout=10
            )
            return
        self.state = replace(self.state.without(message.ids), deleting=0)
        self.notify(deletion_result(message.deleted, len(message.ids)), markup=False)
        self.action_read_again()
