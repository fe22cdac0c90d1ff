"""A scrolling text that is laid out for the width it has, and not folded."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

__all__ = ["LaidOut"]


def _nothing(width: int) -> Content:  # noqa: ARG001
    return Content("")


class LaidOut(ScrollView, can_focus=False):
    """``show`` takes what makes the text for a width; it is made anew when the width changes."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._make: Callable[[int], Content] = _nothing
        self._lines: list[Content] = []

    @property
    def inner_width(self) -> int:
        """Cells for text. ``size`` is still the old one while a resize is handled, so it is not used."""
        return max(self.outer_size.width - self.gutter.width - self.scrollbar_gutter.width, 0)

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
        self._lines = self._make(self.inner_width).split("\n", allow_blank=True)
        self.virtual_size = Size(self.inner_width, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the viewport."""
        style, place = self.visual_style, y + int(self.scroll_offset.y)
        if place >= len(self._lines):
            return Strip.blank(self.inner_width, style.rich_style)
        segments = [
            Segment(text, (style + part).rich_style)
            for text, part in self._lines[place].render(style, end="", parse_style=self._get_style)
        ]
        return Strip(segments).adjust_cell_length(self.inner_width, style.rich_style)

    def scroll_pages(self, pages: int) -> None:
        """Scroll by pages, a line less so that one stays in sight."""
        self.scroll_relative(y=pages * max(self.outer_size.height - 1, 1), animate=False)
