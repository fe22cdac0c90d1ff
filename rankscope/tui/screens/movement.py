"""The trace as a whole: from the fused to the reranked order, as a slope chart."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget

from rankscope.core.trace import Trace
from rankscope.tui import cells
from rankscope.tui.widgets.slope_chart import slope_rows, summary_lines

__all__ = ["MovementScreen"]


class SlopeChart(Widget):
    """Draws :func:`slope_rows` below a summary, from the rank that stands first."""

    def __init__(self, trace: Trace, chosen: str, *, id: str) -> None:
        super().__init__(id=id)
        self._trace, self._chosen = trace, chosen
        self._first = 1

    @property
    def deepest(self) -> int:
        """The last rank of either order."""
        lists = (self._trace.before, self._trace.after)
        return max(
            (ranking.hits[-1].rank for ranking in lists if ranking is not None and ranking.hits), default=1
        )

    def scroll_ranks(self, by: int) -> None:
        """Show ranks further down, or up."""
        room = max(self.size.height - 3, 1)
        self._first = min(max(self._first + by, 1), max(self.deepest - room + 1, 1))
        self.refresh()

    def render(self) -> Content:
        """Summary, headings and the chart."""
        width, height = self.size.width, self.size.height
        lines = summary_lines(self._trace, width)
        rows = slope_rows(self._trace, width, height - len(lines) - 1, first=self._first, chosen=self._chosen)
        before = "" if self._trace.before is None else self._trace.before.stage
        half = width // 2
        head = Content.styled(f" {cells.fit(f'before: {before}', half - 1)}", "$muted")
        after = Content.styled(f"{cells.fit('after: rerank', width - half - 1, right=True)}", "$muted")
        return Content("\n").join([*lines, head + after, *rows])


class MovementScreen(ModalScreen[None]):
    """The chart over the screen; arrows scroll where the lists are longer."""

    CSS_PATH = "movement.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,m,q,enter", "dismiss", "close", key_display="esc"),
        Binding("down", "ranks(1)", "down", show=False),
        Binding("up", "ranks(-1)", "up", show=False),
        Binding("pagedown", "ranks(20)", "page down", show=False),
        Binding("pageup", "ranks(-20)", "page up", show=False),
    ]

    def __init__(self, trace: Trace, chosen: str) -> None:
        super().__init__()
        self._trace, self._chosen = trace, chosen

    def compose(self) -> ComposeResult:
        chart = SlopeChart(self._trace, self._chosen, id="slope")
        chart.border_title = Content("Movement")
        chart.border_subtitle = Content(
            "coloured: into or out of the top K; grey: not kept; esc closes, ↓ scrolls"
        )
        yield chart

    def action_ranks(self, by: int) -> None:
        """Ranks further down, or up."""
        self.query_one(SlopeChart).scroll_ranks(by)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel does what the arrows do."""
        event.stop()
        self.action_ranks(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel does what the arrows do."""
        event.stop()
        self.action_ranks(-3)
