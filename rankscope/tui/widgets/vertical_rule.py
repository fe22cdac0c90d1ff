"""A vertical rule between two parts of a frame."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.widget import Widget

__all__ = ["VerticalRule"]


class VerticalRule(Widget):
    """One cell wide, as high as its container; ``placed`` is called whenever it was laid out."""

    def __init__(self, placed: Callable[[], None], *, id: str) -> None:
        super().__init__(id=id)
        self._placed = placed

    def on_resize(self) -> None:
        """The rules above and below meet it."""
        self._placed()

    def render(self) -> Content:
        """The line."""
        return Content("\n".join("│" * max(self.size.height, 1)))
