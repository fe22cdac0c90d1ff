"""The stage rail: milliseconds of each stage on one scale, and the total against the budget."""

from __future__ import annotations

import math

from textual.content import Content

from rankscope.core.sanitize import one_line
from rankscope.core.trace import Ranking, Trace
from rankscope.tui import cells
from rankscope.tui.state import ProbeState, RunPhase
from rankscope.tui.widgets.state_line import StateLine

__all__ = ["StageRail", "rail"]

EXPECTED = ("bm25", "dense", "fusion", "rerank")


class StageRail(StateLine):
    """One line that fills from left to right while a run goes on."""

    def line(self, state: ProbeState, width: int) -> Content:
        """The rail."""
        return rail(state, width)


def rail(state: ProbeState, width: int) -> Content:
    """Names and times of the stages, a bar each, then total and budget."""
    trace = state.trace
    if trace is None:
        return _idle(width)
    budget = state.settings.budget.total_ms
    running = state.running if state.run is RunPhase.RUNNING else ""
    texts = [_stage_text(ranking, state, running) for ranking in trace.rankings]
    waiting = [name for name in EXPECTED if running == name and trace.ranking(name) is None]
    texts += [Content.assemble((f"{one_line(name, 12)} ", ""), ("…", "$primary")) for name in waiting]
    times = [ranking.ms or 0.0 for ranking in trace.rankings]
    used = 2 + sum(text.cell_length + 2 for text in texts) + len(times)
    over = trace.total_ms is not None and trace.total_ms > budget
    gauge = min(10, max(width - used - (28 if over else 22), 0))
    end = _budget(trace, budget, gauge if gauge >= 4 else 0)
    # One scale for all stages and all runs: a full rail is the budget, or the total where that is more.
    room = max(width - used - end.cell_length, 0)
    scale = room / max(sum(times), budget)
    parts: list[Content] = [Content(" ")]
    for place, text in enumerate(texts):
        parts.append(text)
        if place < len(times):
            parts += [Content(" "), _bar(trace.rankings[place], times[place] * scale)]
        parts.append(Content(" "))
    line = Content("").join(parts).truncate(max(width - end.cell_length - 1, 0))
    return line + Content(" " * max(width - line.cell_length - end.cell_length - 1, 0)) + end


def _stage_text(ranking: Ranking, state: ProbeState, running: str) -> Content:
    name = one_line(ranking.stage, 12)
    word = ranking.status.partition(":")[0]
    if word in ("failed", "skipped"):
        return Content.assemble((f"{name} ", "$muted"), (word, "bold $fall"))
    if ranking.status == "partial":
        amount = f"{len(ranking.hits)}/{state.total}" if state.total else f"{len(ranking.hits)}"
        if running == ranking.stage:
            return Content.assemble((f"{name} ", ""), (amount, "bold $primary"))
        return Content.assemble((f"{name} ", "$muted"), (f"stopped at {amount}", "bold $fall"))
    return Content.assemble((f"{name} ", "$muted"), (cells.ms_text(ranking.ms), "bold"))


def _bar(ranking: Ranking, length: float) -> Content:
    """The stage's share of the budget; it grows while the reranker scores."""
    if ranking.status.partition(":")[0] in ("failed", "skipped"):
        return Content("")
    whole = max(math.ceil(length), 1)
    return Content.styled(cells.bar(length / whole, whole), "$bar")


def _budget(trace: Trace, budget: float, width: int) -> Content:
    total = trace.total_ms
    if total is None:
        return Content.styled("no times recorded", "$muted")
    over = total > budget
    taken, limit = cells.ms_text(total), cells.ms_text(budget)
    if over:
        unit = "" if taken.endswith("s") else " ms"
        parts = [Content.assemble((taken, "bold $fall"), (f"{unit}, budget {limit}: ", "$muted"))]
        parts.append(Content.styled("over", "bold $fall"))
    else:
        parts = [Content.assemble((taken, "bold"), (f" of {limit} ms", "$muted"))]
    if width:
        parts += [Content(" "), cells.gauge(total / budget, width, "$fall" if over else "$bar")]
    return Content("").join(parts)


def _idle(width: int) -> Content:
    """Before the first run: the way that a query will take."""
    return Content.styled(" " + " → ".join((*EXPECTED, "floor")), "$muted").truncate(width)
