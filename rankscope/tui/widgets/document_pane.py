"""The document pane: the chosen document's way through the stages, and one of its views below."""

from __future__ import annotations

from textual.content import Content

from rankscope.core.trace import Trace
from rankscope.tui import cells
from rankscope.tui.state import ProbeState
from rankscope.tui.widgets.document_views import VIEWS, journey, scores_view, text_view
from rankscope.tui.widgets.text_view import TextView

__all__ = ["DocumentPane"]


class DocumentPane(TextView):
    """Shows the document that the state has chosen; ``next_view`` turns to the next view."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.view = VIEWS[0]
        self._shown: tuple[Trace, str, str, int] | None = None
        self._state: ProbeState | None = None

    def next_view(self) -> None:
        """Turn to the next view, from its top."""
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]
        self._draw()

    def show(self, state: ProbeState) -> None:
        """Show the chosen document of this state; nothing is drawn when nothing changed."""
        self._state = state
        self._draw()

    def on_resize(self) -> None:
        """Fold anew; the scores are laid out by width."""
        self._draw()

    def _draw(self) -> None:
        state = self._state
        if state is None or state.trace is None or self.inner_width < 1:
            return
        now = (state.trace, state.chosen, self.view, self.inner_width)
        shown, self._shown = self._shown, now
        if shown is not None and shown[0] is now[0] and shown[1:] == now[1:]:
            return
        from_top = shown is None or shown[1:3] != now[1:3]
        if not state.chosen:
            self.show_lines(Content(""), Content(""), from_top=True)
            return
        trace, width = state.trace, self.inner_width
        way = journey(trace, state.chosen, k=state.rrf_k, total=state.total, width=width)
        if self.view == "scores":
            body = scores_view(trace, state.chosen, width - 1, k=state.rrf_k)
        else:
            body = text_view(trace, state.chosen)
        self.show_lines(way, body, from_top=from_top)

    def title(self, state: ProbeState) -> Content:
        """The chosen document's id and the names of the views, for the rule above."""
        if state.trace is None or not state.chosen:
            return Content("")
        parts: list[Content | tuple[str, str] | str] = [(f" {cells.shorten(state.chosen, 28)} ", "bold")]
        for name in VIEWS:
            parts.append((f" {name} ", "bold reverse $primary" if name == self.view else "$muted"))
        return Content.assemble(*parts, " ")
