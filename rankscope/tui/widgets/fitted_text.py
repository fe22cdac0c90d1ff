"""A text that is made for the width it has, and as high as that takes."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

__all__ = ["FittedText"]


class FittedText(Static):
    """``make`` gives the text for a width, its lines folded; something around it scrolls."""

    def __init__(self, make: Callable[[int], Content]) -> None:
        super().__init__(markup=False)
        self._make = make

    def render(self) -> Content:
        """The text as it is laid out now."""
        return Content("\n").join(self._lines(self.content_size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as it takes."""
        return len(self._lines(width))

    def _lines(self, width: int) -> list[Content]:
        made = self._make(width).split("\n", allow_blank=True)
        return [folded for line in made for folded in (line.wrap(width) if width > 0 and line else [line])]
