"""The first line: program, corpus, models, and the settings that the keys change."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from rankscope.config import Settings
from rankscope.core.sanitize import one_line
from rankscope.tui import cells
from rankscope.tui.state import ProbeState

__all__ = ["TitleLine"]


class TitleLine(Widget):
    """Corpus at the left, settings at the right; models where there is room between."""

    state: reactive[ProbeState | None] = reactive(None)

    def __init__(self, workspace_name: str, *, id: str) -> None:
        super().__init__(id=id)
        self._workspace_name = workspace_name

    def render(self) -> Content:
        """The line, in exactly the width of the screen."""
        if self.state is None:
            return Content("")
        settings = self.state.settings
        right = _settings(settings, self.state)
        left = Content.assemble(
            (" RankScope ", "bold $primary"),
            " ",
            (one_line(self._workspace_name, 32), "bold"),
            *self._corpus(),
        )
        models = self._models(settings)
        room = self.size.width - right.cell_length - 1
        if left.cell_length + models.cell_length < room:
            left = left + models
        left = left.truncate(max(room - 1, 0), ellipsis=True)
        return left + Content(" " * max(room - left.cell_length, 1)) + right

    def _corpus(self) -> tuple[Content, ...]:
        count = self.state.documents if self.state is not None else 0
        return (Content.styled(f" {cells.count_text(count, 'passage')}", "$muted"),) if count else ()

    def _models(self, settings: Settings) -> Content:
        names = [one_line(settings.models.bi_encoder, 32)]
        if settings.rerank.enabled:
            names.append(one_line(settings.rerank.model, 32))
        return Content.styled("   " + " → ".join(names), "$muted")


def _settings(settings: Settings, state: ProbeState) -> Content:
    """N, K and floor as they stand; on a stored trace, those that it was recorded with."""
    if state.read_only and state.trace is not None:
        return _recorded(state)
    floor = cells.floor_text(settings.floor.value)
    parts = [
        cells.label("N", f"{settings.retrieval.candidates:,}"),
        cells.label("K", f"{settings.floor.top_k}"),
    ]
    if settings.rerank.enabled:
        parts.append(cells.label("floor", floor))
    else:
        parts.append(cells.label("reranker", "off", style="bold $fall"))
    return cells.join_cells(parts, "  ")


def _recorded(state: ProbeState) -> Content:
    trace = state.trace
    if trace is None:
        return Content("")
    time = trace.created_at.strftime("%Y-%m-%d %H:%M")
    return Content.assemble(
        ("stored trace, read-only ", "bold $fall"),
        (f"{one_line(trace.origin, 16)} {time} ", "$muted"),
    )
