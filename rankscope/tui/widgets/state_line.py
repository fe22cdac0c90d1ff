"""A line of the screen that is made from the state alone, and drawn anew only when it says something else."""

from __future__ import annotations

from abc import abstractmethod

from textual.content import Content
from textual.widget import Widget

from rankscope.tui.state import ProbeState

__all__ = ["StateLine"]


class StateLine(Widget):
    """``show`` is cheap to call for every event of a run: most change one line or two."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.state: ProbeState | None = None
        self._line = Content("")

    @abstractmethod
    def line(self, state: ProbeState, width: int) -> Content:
        """The line, in ``width`` cells."""

    def show(self, state: ProbeState) -> None:
        """Show this state."""
        self.state = state
        self._draw()

    def on_resize(self) -> None:
        """Fill the new width."""
        self._draw()

    def _draw(self) -> None:
        if self.state is None or self.outer_size.width < 1:
            return
        line = self.line(self.state, self.outer_size.width)
        if not line.is_same(self._line):
            self._line = line
            self.refresh()

    def render(self) -> Content:
        """The line as it was last made."""
        return self._line
