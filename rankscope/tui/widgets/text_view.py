"""A view of styled text, folded to its width: some lines stay at the top, the others scroll below them."""

from __future__ import annotations

from textual.content import Content
from textual.geometry import Size
from textual.selection import Selection
from textual.strip import Strip

from rankscope.tui.widgets.line_view import LineView

__all__ = ["TextView"]

LONGEST_LINE = 140
"""Longer lines are hard to read."""


class TextView(LineView, can_focus=True):
    """Draws line by line, so that a new text is there in the next frame, without a new layout.

    What is selected with the mouse can be copied.
    """

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._laid = (0, Content(""), Content(""))
        """Width, pinned lines and text that are laid out."""
        self._pinned: list[Content] = []
        self._lines: list[Content] = []

    @property
    def inner_width(self) -> int:
        """Cells for text; a scrollbar stands in the last one, which text keeps free."""
        return max(self.outer_size.width - self.gutter.width, 0)

    def show_lines(self, pinned: Content, text: Content, *, from_top: bool) -> None:
        """Show a text below its pinned lines, from its top or where the view stands."""
        width = min(self.inner_width - 1, LONGEST_LINE)
        if from_top:
            self.scroll_home(animate=False)
        known_width, *known = self._laid
        if known_width == self.inner_width and pinned.is_same(known[0]) and text.is_same(known[1]):
            return
        self._laid = (self.inner_width, pinned, text)
        self._pinned = pinned.wrap(self.inner_width) if pinned and width > 0 else []
        self._lines = text.wrap(width) if width > 0 else []
        self.virtual_size = Size(max(width, 0), len(self._pinned) + len(self._lines))
        self.refresh()

    def _line(self, y: int) -> int:
        """Place of a line of the viewport among pinned and other lines together."""
        return y if y < len(self._pinned) else y + self.scroll_offset.y

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        style, place = self.visual_style, self._line(y)
        lines = (*self._pinned, *self._lines)
        if place >= len(lines):
            return Strip.blank(self.inner_width, style.rich_style)
        line = lines[place]
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(place)) is not None:
            start, end = span
            marked = self.screen.get_visual_style("screen--selection")
            line = line.stylize(marked, start, len(line.plain) if end == -1 else end)
        return self.strip(line, style, self.inner_width).apply_offsets(0, place)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text."""
        lines = (*self._pinned, *self._lines)
        return selection.extract("\n".join(line.plain for line in lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002
        """Draw the selection."""
        self.refresh()
