"""A sink for the recorder that keeps traces in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from rankscope.core.trace import Trace


class Kept:
    """A sink that keeps traces in memory; it can be made to wait or to fail."""

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()
        self.failure: Exception | None = None

    def write(self, traces: Sequence[Trace]) -> Sequence[Exception | None]:
        self.reached.set()
        self.gate.wait(10)
        if self.failure is not None:
            raise self.failure
        self.traces += traces
        return [None] * len(traces)

    def close(self) -> None:
        self.gate.set()
