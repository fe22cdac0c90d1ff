"""The first line of a screen: which mode, what it shows, and a fact at the right."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from rankscope.tui.widgets.mode_tabs import mode_tabs

__all__ = ["ModeTitle"]


class ModeTitle(Widget):
    """For every screen but the probe, whose title holds more; what is at the right is the last to be cut."""

    def __init__(self, mode: str, *, id: str = "title") -> None:
        super().__init__(id=id)
        self._mode = mode
        self._left = self._right = Content("")

    def show(self, left: Content, right: Content = Content("")) -> None:  # noqa: B008  # immutable
        """Say this."""
        if not (left.is_same(self._left) and right.is_same(self._right)):
            self._left, self._right = left, right
            self.refresh()

    def render(self) -> Content:
        """The line, in the width that there is."""
        width = self.size.width
        right = self._right.truncate(width, ellipsis=True)
        room = width - right.cell_length - 1
        beside = self._left.cell_length + right.cell_length + 2
        tabs = mode_tabs(self._mode, width, beside)
        left = (tabs + self._left).truncate(max(room - 1, 0), ellipsis=True)
        return left + Content(" " * max(room - left.cell_length, 1)) + right + Content(" ")
