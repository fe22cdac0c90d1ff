"""Python's garbage collector, kept out of the way of keys.

With the models loaded there are half a million objects, and looking through all of them stops every thread
for a quarter of a second or more, at any moment. What is loaded stays for as long as the program does, so it
is taken out of the collector's sight; the rest is looked through when no key was pressed for a while.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

__all__ = ["QuietCollector"]

REST_S = 1.0
"""So long after the last key nobody waits for an answer."""
_WORTH_COLLECTING = 10
"""Collections of young objects since the last full one; fewer leave next to nothing behind."""
_AT_THE_LATEST = 300
"""As many make a full one due even while keys are pressed, so that memory cannot grow without end."""


class QuietCollector:
    """Between ``start`` and ``stop``, full collections wait for a rest. The settings are the process's."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._touched = clock()
        self._before: tuple[int, int, int] | None = None
        self._settled = False

    def start(self) -> None:
        """Put off full collections."""
        if self._before is None:
            self._before = gc.get_threshold()
            gc.set_threshold(*self._before[:2], _AT_THE_LATEST)
            gc.freeze()

    def loaded(self) -> None:
        """All is loaded, and will stay: never look through it again. From now on a rest is used."""
        if self._before is not None:
            gc.freeze()
            self._settled = True

    def touched(self) -> None:
        """A key was pressed, or the mouse moved."""
        self._touched = self._clock()

    def rest(self) -> bool:
        """Collect now if nobody waits and there may be something; says whether it did."""
        resting = self._clock() - self._touched >= REST_S
        if not (self._settled and resting) or gc.get_count()[2] < _WORTH_COLLECTING:
            return False
        gc.collect()
        return True

    def stop(self) -> None:
        """Everything as it was before ``start``."""
        if self._before is not None:
            gc.set_threshold(*self._before)
            gc.unfreeze()
            self._before, self._settled = None, False
