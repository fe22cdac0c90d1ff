"""What the pipeline tells its caller while a query runs.

Every event carries the trace as it stands, so a screen renders the same object while a run is under
way as it does for a stored trace.
"""

from __future__ import annotations

from dataclasses import dataclass

from rankscope.core.trace import Trace

__all__ = ["BatchScored", "Event", "StageFailed", "StageFinished", "StageStarted", "TraceFinished"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; ``trace`` is the trace up to and including it."""

    trace: Trace


@dataclass(frozen=True, slots=True)
class StageStarted(Event):
    """A stage has begun its work."""

    stage: str


@dataclass(frozen=True, slots=True)
class BatchScored(Event):
    """The reranker has scored ``done`` of ``total`` candidates; the trace's rerank ranking is partial."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class StageFinished(Event):
    """A stage is complete (or was skipped: see its ranking's status)."""

    stage: str


@dataclass(frozen=True, slots=True)
class StageFailed(Event):
    """A stage failed; ``reason`` is one line. Later stages go on with what stood before."""

    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class TraceFinished(Event):
    """The run is over: floor, kept documents and decision are set."""
