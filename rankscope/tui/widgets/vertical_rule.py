"""A vertical rule between two parts of a frame."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

__all__ = ["VerticalRule"]


class VerticalRule(Widget):
    """One cell wide, as high as its container."""

    def render(self) -> Content:
        """The line."""
        return Content("\n".join("│" * max(self.size.height, 1)))
