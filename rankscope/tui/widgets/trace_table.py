"""The list of traces: as long as the store, drawn line by line, a page in memory at a time.

The cursor belongs to a trace and not to a line: rows that are put in front move it along.
"""

from __future__ import annotations

from collections.abc import Container
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip

from rankscope.tracing.summaries import TraceSummary
from rankscope.tui.trace_pages import TracePages
from rankscope.tui.traces_messages import CursorMoved, RowChosen, RowsWanted
from rankscope.tui.widgets import trace_columns
from rankscope.tui.widgets.line_view import LineView

__all__ = ["TraceTable"]

HEADING_LINES = 1


class TraceTable(LineView, can_focus=True):
    """Rows of a :class:`~rankscope.tui.trace_pages.TracePages`; RowsWanted asks for what is missing."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"trace-table--cursor", "trace-table--blurred"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "Previous trace", show=False),
        Binding("down", "step(1)", "Next trace", show=False),
        Binding("pageup", "page(-1)", "A page up", show=False),
        Binding("pagedown", "page(1)", "A page down", show=False),
        Binding("home", "edge(0)", "First trace", show=False),
        Binding("end", "edge(-1)", "Last trace", show=False),
        Binding("enter", "choose", "open", key_display="enter"),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.pages = TracePages()
        self.cursor = 0
        self.marked: Container[str] = ()
        self._words = Content("")
        self._columns: tuple[trace_columns.Column, ...] = ()

    @property
    def cursor_row(self) -> TraceSummary | None:
        """The trace under the cursor, None while it is not read."""
        return self.pages.row(self.cursor)

    @property
    def rows_high(self) -> int:
        """Rows that there is room for."""
        return max(self.outer_size.height - HEADING_LINES, 1)

    def show(self, pages: TracePages, *, cursor: int = 0) -> None:
        """Another list, from where its cursor is."""
        self.pages, self.cursor = pages, cursor
        self.scroll_to(y=max(cursor - self.rows_high // 2, 0), animate=False)
        self.refresh_rows()

    def refresh_rows(self) -> None:
        """Pages were added, or the number of rows is known now."""
        length = self.pages.length
        self.cursor = min(self.cursor, max(length - 1, 0))
        self.virtual_size = Size(self._width, length + HEADING_LINES)
        self.refresh()
        self.ask()

    def put_in_front(self, count: int) -> None:
        """So many rows were put in front: the cursor stays on its trace, and a scrolled list stands still."""
        top = self.scroll_offset.y
        self.cursor += count
        self.refresh_rows()
        if top > 0 or self.cursor >= self.rows_high:
            self.scroll_to(y=top + count, animate=False)

    def say(self, words: Content) -> None:
        """What stands in place of rows where there are none."""
        if not words.is_same(self._words):
            self._words = words
            self.refresh()

    def mark(self, marked: Container[str]) -> None:
        """Which traces the user marked, by id."""
        self.marked = marked
        self.refresh()

    def ask(self) -> None:
        """Ask for the rows in view that are missing."""
        top = self.scroll_offset.y
        self.post_message(RowsWanted(top, top + self.rows_high))

    @property
    def _width(self) -> int:
        return self.outer_size.width - self.scrollbar_gutter.width

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows come into view."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.ask()

    def on_resize(self) -> None:
        """Columns depend on the width."""
        self._columns = trace_columns.plan(self._width)
        self.refresh_rows()

    def render_line(self, y: int) -> Strip:
        """One line of the viewport: the heading stays, the rows below it scroll."""
        width, style = self._width, self.visual_style
        if self.pages.length == 0:
            return self.strip(self._word_line(y, width), style, width)
        if y == 0:
            return self.strip(trace_columns.heading(self._columns), style, width)
        place = y - HEADING_LINES + self.scroll_offset.y
        if place >= self.pages.length:
            return Strip.blank(width, style.rich_style)
        here = place == self.cursor
        if here:
            style = self.get_visual_style("trace-table--cursor" if self.has_focus else "trace-table--blurred")
        mark = "▶" if here and self.has_focus else "▷" if here else " "
        row = self.pages.row(place)
        if row is None:
            return self.strip(Content.styled(f"{mark}  …", "$muted"), style, width)
        line = trace_columns.row_line(self._columns, row, mark=mark, marked=row.trace_id in self.marked)
        return self.strip(line, style, width)

    def _word_line(self, y: int, width: int) -> Content:
        """The words for an empty list, folded, from the third line on."""
        if not self._words or y < 2:
            return Content("")
        folded = [line for part in self._words.split("\n") for line in part.wrap(max(width - 4, 1))]
        return Content("  ") + folded[y - 2] if y - 2 < len(folded) else Content("")

    def action_step(self, by: int) -> None:
        """The next or previous trace."""
        self.move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """As many traces on as the list is high."""
        self.move_to(self.cursor + by * max(self.rows_high - 1, 1))

    def action_edge(self, end: int) -> None:
        """The first or the last trace."""
        self.move_to(0 if end == 0 else self.pages.length - 1)

    def action_choose(self) -> None:
        """Open the trace under the cursor."""
        if self.cursor_row is not None:
            self.post_message(RowChosen(self.cursor_row))

    def move_to(self, place: int) -> None:
        """Put the cursor there and scroll to it."""
        self.cursor = min(max(place, 0), max(self.pages.length - 1, 0))
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + self.rows_high:
            self.scroll_to(y=self.cursor - self.rows_high + 1, animate=False)
        self.refresh()
        self.post_message(CursorMoved(self.cursor))

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there; one where it is already opens the trace."""
        place = event.y - HEADING_LINES + self.scroll_offset.y
        if event.y < HEADING_LINES or place >= self.pages.length:
            return
        if place == self.cursor:
            self.action_choose()
        else:
            self.move_to(place)
