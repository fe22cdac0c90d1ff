"""Changes to floor, K and N, and what each means for the trace on the screen: re-derived or run again."""

from __future__ import annotations

from dataclasses import replace

from rankscope.config import Settings
from rankscope.core import filters
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Trace
from rankscope.engine.pipeline import finish
from rankscope.errors import SettingsError
from rankscope.insight.floors.passport import ATTRIBUTE

__all__ = [
    "can_rederive_top_k",
    "floor_scale",
    "moved_floor",
    "parse_filters",
    "whole_number",
    "with_floor",
    "with_floor_of",
    "with_settings_floor",
    "with_top_k",
]

_STEPS: dict[ScoreScale, tuple[float, float]] = {
    ScoreScale.PROBABILITY: (0.05, 0.01),
    ScoreScale.COSINE: (0.05, 0.01),
    ScoreScale.LOGIT: (0.5, 0.1),
    ScoreScale.BM25: (1.0, 0.1),
    ScoreScale.INNER_PRODUCT: (1.0, 0.1),
    ScoreScale.RRF: (0.001, 0.0001),
}
"""Coarse and fine step of the floor keys on each scale."""


def moved_floor(value: float | None, scale: ScoreScale, direction: int, *, fine: bool) -> float:
    """The next floor on the grid of a scale, within its bounds; from no floor, the first step above zero."""
    coarse_step, fine_step = _STEPS.get(scale, (0.05, 0.01))
    step = fine_step if fine else coarse_step
    if value is None:
        value = 0.0
    # To the next grid point strictly beyond the value, so that an odd floor such as 0.37 joins the grid.
    places = value / step
    nearest = round(places)
    if abs(places - nearest) < 1e-6:
        target = nearest + direction
    else:
        target = int(places // 1) + (1 if direction > 0 else 0)
    low, high = scale.bounds
    return round(min(max(target * step, low if scale is not ScoreScale.COSINE else 0.0), high), 6)


def floor_scale(trace: Trace, settings: Settings) -> ScoreScale | None:
    """Scale on which the floor can be moved now: that of the reranked scores, also while they come in.

    None where the order on the screen is on another scale than the floor, such as without the reranker:
    a floor moved there would be lost for the reranker.
    """
    order = trace.after or trace.final
    if order is None:
        return None
    wanted = ScoreScale(settings.floor.score_scale)
    return order.score_scale if trace.after is not None or order.score_scale is wanted else None


def with_floor(trace: Trace, floor: Floor | None) -> Trace:
    """The same scores under another floor: kept documents and decision follow, nothing is scored again.

    A trace whose run is not over has no decision yet; it only takes the floor.
    """
    kept = {name: value for name, value in trace.attributes.items() if name != ATTRIBUTE}
    changed = replace(trace, floor=floor, attributes=kept)  # its passport was for the floor before
    return changed if trace.decision is None else finish(changed)


def with_floor_of(settings: Settings, trace: Trace) -> Trace:
    """A live trace under the floor of the session, which may have moved since the run began."""
    value, scale = settings.floor.value, ScoreScale(settings.floor.score_scale)
    now = None if value is None else (value, scale)
    then = None if trace.floor is None else (trace.floor.value, trace.floor.score_scale)
    if now == then:
        return trace
    floor = None if value is None else Floor(value, scale, settings.floor.source)
    return _examined(settings, with_floor(trace, floor))


def with_top_k(settings: Settings, trace: Trace) -> Trace:
    """The same scores under the K of the session."""
    return _examined(settings, finish(replace(trace, top_k=settings.floor.top_k)))


def _examined(settings: Settings, trace: Trace) -> Trace:
    """With what the rules say now: another floor or K is another result. A run under way has no findings."""
    if trace.decision is None:
        return trace
    from rankscope.insight.findings import examine

    return replace(trace, findings=examine(trace, settings=settings).findings)


def can_rederive_top_k(trace: Trace, top_k: int) -> bool:
    """Whether another K leaves the stages as they are; the reranker is skipped at K candidates or fewer."""
    rerank = trace.ranking("rerank")
    before = trace.before
    if rerank is None or before is None:
        return rerank is None
    if rerank.status == "ok":
        return len(before.hits) > top_k
    return rerank.status.startswith("skipped:") and len(before.hits) <= top_k


def with_settings_floor(settings: Settings, value: float, scale: ScoreScale) -> Settings:
    """Settings for the runs to come, with this floor."""
    return settings.override("floor", value=value, score_scale=str(scale), source="manual")


def whole_number(text: str, name: str) -> int:
    """A typed N or K. Raises SettingsError with what was expected."""
    try:
        return int(text.strip())
    except ValueError:
        raise SettingsError(f"{name} is {text.strip()!r}, expected a whole number.") from None


def parse_filters(text: str) -> dict[str, str]:
    """``tenant=acme, year=2024`` as a mapping; empty text is no filter. Raises SettingsError."""
    return filters.parse_filters(part for part in text.split(",") if part.strip())
