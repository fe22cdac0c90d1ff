"""Windows over a passage that is longer than the model's input.

Each window is scored by itself and the best one stands for the passage (maximum pooling). Windows
overlap, so that a sentence at an edge is whole in one of them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WindowPlan", "plan_windows"]

_OVERLAP = 4  # neighbours share a quarter of a window


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """Which tokens of a passage are read: half-open spans in order, and how many are in none of them."""

    spans: tuple[tuple[int, int], ...]
    cut: int


def plan_windows(length: int, size: int, most: int) -> WindowPlan:
    """Spans of at most ``size`` tokens that cover ``length`` tokens, no more than ``most`` of them.

    The last window ends with the passage, so it is as long as the others. ``most=1`` reads the
    beginning only. What lies beyond the last allowed window is counted in ``cut``.
    """
    if length <= size:
        return WindowPlan(((0, length),), 0)
    stride = max(1, size - size // _OVERLAP)
    starts = [*range(0, length - size, stride), length - size]
    if len(starts) > most:
        starts = [number * stride for number in range(most)]
    end = starts[-1] + size
    return WindowPlan(tuple((start, start + size) for start in starts), length - end)
