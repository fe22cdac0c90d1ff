"""The first line: program, corpus, models, and the settings that the keys change."""

from __future__ import annotations

from textual.content import Content

from rankscope.config import Settings
from rankscope.core.counting import counted
from rankscope.core.sanitize import one_line
from rankscope.core.trace import Trace
from rankscope.tui import cells
from rankscope.tui.state import ProbeState
from rankscope.tui.widgets.mode_tabs import mode_tabs
from rankscope.tui.widgets.state_line import StateLine

__all__ = ["TitleLine"]


class TitleLine(StateLine):
    """Corpus at the left, settings at the right; models where there is room between."""

    def __init__(self, workspace_name: str, *, id: str) -> None:
        super().__init__(id=id)
        self._workspace_name = workspace_name

    def line(self, state: ProbeState, width: int) -> Content:
        """The line, in exactly ``width`` cells."""
        settings = state.settings
        trace = state.trace if state.read_only else None
        right = _settings(settings) if trace is None else _recorded(trace, width)
        name = one_line(self._workspace_name, 32)
        here = Content.styled(name, "bold")
        if state.documents:
            here += Content.styled(f" {counted(state.documents, 'passage')}", "$muted")
        left = mode_tabs("probe", width, here.cell_length + right.cell_length + 2) + here
        models = _models(settings)
        room = width - right.cell_length - 1
        if left.cell_length + models.cell_length < room:
            left = left + models
        left = left.truncate(max(room - 1, 0), ellipsis=True)
        return left + Content(" " * max(room - left.cell_length, 1)) + right


def _models(settings: Settings) -> Content:
    names = [one_line(settings.models.bi_encoder, 32)]
    if settings.rerank.enabled:
        names.append(one_line(settings.rerank.model, 32))
    return Content.styled("   " + " → ".join(names), "$muted")


def _settings(settings: Settings) -> Content:
    """N, K and floor as the next run will use them."""
    floor = cells.short_floor_text(settings.floor.value)
    parts = [
        cells.label("N", f"{settings.retrieval.candidates:,}"),
        cells.label("K", f"{settings.floor.top_k}"),
    ]
    if settings.rerank.enabled:
        parts.append(cells.label("floor", floor))
    else:
        parts.append(cells.label("reranker", "off", style="bold $fall"))
    return cells.join_cells(parts, "  ")


def _recorded(trace: Trace, width: int) -> Content:
    """Where a stored trace comes from, and the limits that it was recorded with."""
    time = trace.created_at.strftime("%Y-%m-%d %H:%M")
    parts = [
        Content.styled("stored, read-only", "bold $fall"),
        Content.styled(f"{one_line(trace.origin, 16)} {time}", "$muted"),
    ]
    if width >= 100:
        if trace.top_k is not None:
            parts.append(cells.label("K", str(trace.top_k)))
        value = None if trace.floor is None else trace.floor.value
        parts.append(cells.label("floor", cells.short_floor_text(value)))
    return cells.join_cells(parts, "  ")
