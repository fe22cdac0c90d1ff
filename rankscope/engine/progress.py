"""Progress of long work: how much is done, how fast, how long still."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["IndexProgress", "ProgressClock"]


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """Where an index build stands."""

    stage: str
    """``reading``, ``embedding``, ``bm25``, ``vectors`` or ``finishing``."""
    done: int
    total: int | None
    """None while the size of the source is not known."""
    rate: float
    """Documents a second since the stage began."""
    eta_s: float | None
    """Seconds left in this stage; None while unknown."""


class ProgressClock:
    """Turns counts into rate and time left. ``clock`` gives seconds and never runs backwards."""

    def __init__(self, stage: str, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.stage = stage
        self.total = total
        self._clock = clock
        self._started = clock()

    def at(self, done: int) -> IndexProgress:
        """Progress after ``done`` of the total."""
        elapsed = self._clock() - self._started
        rate = done / elapsed if elapsed > 0 else 0.0
        left = None
        if self.total is not None and rate > 0:
            left = (self.total - done) / rate
        return IndexProgress(self.stage, done, self.total, rate, left)
