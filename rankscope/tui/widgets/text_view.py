"""A scrolling view of styled text, folded to its width; what is selected with the mouse can be copied."""

from __future__ import annotations

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

__all__ = ["TextView"]

LONGEST_LINE = 140
"""Longer lines are hard to read."""


class TextView(ScrollView, can_focus=True):
    """Draws line by line, so that a new text is on the screen in the next frame, without a new layout."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._content = Content("")
        self._lines: list[Content] = []

    def show(self, content: Content, *, from_top: bool) -> None:
        """Show a text, from its top or where the view stands."""
        self._content = content
        self._fold()
        if from_top:
            self.scroll_home(animate=False)

    def _fold(self) -> None:
        width = min(self.scrollable_content_region.width - 1, LONGEST_LINE)
        self._lines = self._content.wrap(width) if width > 0 else []
        self.virtual_size = Size(max(width, 0), len(self._lines))
        self.refresh()

    def on_resize(self) -> None:
        """Fold anew."""
        self._fold()

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        style, width = self.visual_style, self.scrollable_content_region.width
        place = y + self.scroll_offset.y
        if place >= len(self._lines):
            return Strip.blank(width, style.rich_style)
        line = self._lines[place]
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(place)) is not None:
            start, end = span
            marked = self.screen.get_visual_style("screen--selection")
            line = line.stylize(marked, start, len(line.plain) if end == -1 else end)
        segments = [
            Segment(text, (style + part).rich_style)
            for text, part in line.render(style, end="", parse_style=self._get_style)
        ]
        return Strip(segments).adjust_cell_length(width, style.rich_style).apply_offsets(0, place)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text."""
        return selection.extract("\n".join(line.plain for line in self._lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002
        """Draw the selection."""
        self.refresh()
