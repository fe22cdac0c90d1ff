"""A scrolling text that is laid out for the width it has, and not folded."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip

from rankscope.tui.widgets.line_view import LineView

__all__ = ["LaidOut"]


def _nothing(width: int) -> Content:  # noqa: ARG001
    return Content("")


class LaidOut(LineView, can_focus=False):
    """``show`` takes what makes the text for a width; it is made anew when the width changes."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._make: Callable[[int], Content] = _nothing
        self._text = Content("")
        self._size_drawn = (0, 0)
        self._lines: list[Content] = []

    def show(self, make: Callable[[int], Content]) -> None:
        """Show this, from where the view stands."""
        self._make = make
        self._lay_out()

    def on_resize(self) -> None:
        """Lay out anew."""
        self._lay_out()

    def _lay_out(self) -> None:
        if self.inner_width < 1:
            return
        text = self._make(self.inner_width)
        size = (self.inner_width, self.outer_size.height)
        if size == self._size_drawn and text.is_same(self._text):
            return
        self._text, self._size_drawn = text, size
        self._lines = text.split("\n", allow_blank=True)
        self.virtual_size = Size(self.inner_width, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        style, place = self.visual_style, y + int(self.scroll_offset.y)
        if place >= len(self._lines):
            return Strip.blank(self.inner_width, style.rich_style)
        return self.strip(self._lines[place], style, self.inner_width)

    def scroll_pages(self, pages: int) -> None:
        """Scroll by pages, a line less so that one stays in sight."""
        self.scroll_relative(y=pages * max(self.outer_size.height - 1, 1), animate=False)
