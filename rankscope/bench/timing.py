"""Timing two ways of doing the same thing, in turn, in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

__all__ = ["Comparison", "compare", "milliseconds"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """RankScope's way beside the stock way, with the check that both gave the same result."""

    name: str
    ours_ms: float
    """Median milliseconds of RankScope's way."""
    stock_ms: float
    """Median milliseconds of the stock library's way."""
    stock: str
    """What the stock way is, as one would write it."""
    agreement: str
    """How the results compare, with the figure."""

    @property
    def ratio(self) -> float:
        """How many times faster RankScope's way is."""
        return self.stock_ms / self.ours_ms

    def as_mapping(self) -> dict[str, float | str]:
        """Plain values for JSON."""
        return {**asdict(self), "ratio": self.ratio}


def milliseconds(work: Callable[[], object]) -> float:
    """Wall-clock milliseconds of one call."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def compare(ours: Callable[[], object], stock: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median milliseconds of each, run in turn so that a drift of the machine's speed hits both."""
    pairs = [(milliseconds(ours), milliseconds(stock)) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)
