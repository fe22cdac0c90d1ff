"""A trace store that attaches findings to what is put into it, as a finished run has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Protocol

from rankscope.core.trace import Trace
from rankscope.engine.checking import CheckPlan

__all__ = ["ExaminedStore"]


class Store(Protocol):
    """What is needed of :class:`rankscope.tracing.store.TraceStore`."""

    def append(self, trace: Trace) -> Future[None]:
        """Store a trace."""

    def flush(self) -> None:
        """Raise the first failure since the last time."""

    def known_ids(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that are stored already."""

    def prune(self, *, ids: Sequence[str]) -> int:
        """Delete the traces with these ids."""


class ExaminedStore:
    """Passes traces on to a store; those that come without findings are looked at first."""

    def __init__(self, store: Store, plan: CheckPlan) -> None:
        self._store = store
        self._plan = plan

    def append(self, trace: Trace) -> Future[None]:
        """Store a trace with its findings."""
        if not trace.findings:
            trace = replace(trace, findings=self._plan.check(trace).findings)
        return self._store.append(trace)

    def flush(self) -> None:
        """Raise the first failure since the last time."""
        self._store.flush()

    def known_ids(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that are stored already."""
        return self._store.known_ids(ids)

    def prune(self, *, ids: Sequence[str]) -> int:
        """Delete the traces with these ids."""
        return self._store.prune(ids=ids)
