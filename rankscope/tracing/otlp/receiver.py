"""Spans in, stored traces out: a thread of its own joins and stores what has come."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Protocol

from rankscope.core.trace import Trace
from rankscope.errors import RankScopeError
from rankscope.tracing.formats.importer import ImportOptions
from rankscope.tracing.formats.spans import Span
from rankscope.tracing.otlp.waiting import Counts, Due, Joined, Limits, WaitingSpans

__all__ = ["LiveStore", "Receiver"]

_TURN_S = 0.1


class LiveStore(Protocol):
    """What listening needs of a trace store."""

    def append(self, trace: Trace) -> Future[None]:
        """Store a trace; the future is done when it is committed."""

    def flush(self) -> None:
        """Raise the first failure since the last time."""

    def known_ids(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that are stored already."""

    def prune(self, *, ids: list[str]) -> int:
        """Delete the traces with these ids."""


class Receiver:
    """Takes spans from any thread and stores the traces that they give.

    ``on_stored(trace, completed)`` is called for each trace that was added, ``on_problem(line)`` for what
    could not be; both on the receiver's thread. ``completed`` says that the trace replaces a shorter one
    that was stored before its last spans came.
    """

    def __init__(
        self,
        store: LiveStore,
        *,
        on_stored: Callable[[Trace, bool], None],
        on_problem: Callable[[str], None],
        limits: Limits | None = None,
        options: ImportOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = Counts()
        self._store = store
        self._on_stored = on_stored
        self._on_problem = on_problem
        self._clock = clock
        self._waiting = WaitingSpans(limits, self.counts, options)
        self._ready: deque[Due] = deque()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rankscope-listen", daemon=True)

    def start(self) -> None:
        """Begin to store what comes."""
        self._thread.start()

    def offer(self, spans: Iterable[Span], broken: int = 0, source: Mapping[str, Any] | None = None) -> bool:
        """Take the spans of one post; False where there is no room now and nothing was taken."""
        with self._lock:
            if self._waiting.full or self._ending.is_set():
                self.counts.refused_posts += 1
                return False
            self.counts.posts += 1
            self.counts.broken_spans += broken
            self._waiting.add(spans, self._clock(), source)
        return True

    def refuse(self) -> None:
        """Count a post that could not be read."""
        with self._lock:
            self.counts.refused_posts += 1

    def close(self) -> None:
        """Take nothing more, store all that waits, end the thread."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._turn(last=True)

    def _run(self) -> None:
        while not self._ending.wait(_TURN_S):
            try:
                self._turn()
            except Exception as fault:  # noqa: BLE001 - one faulty trace must not end the thread
                self.counts.failed_traces += 1
                sys.excepthook(type(fault), fault, fault.__traceback__)

    def _turn(self, *, last: bool = False) -> None:
        fallback = datetime.now(UTC)
        with self._lock:
            waiting = self._waiting
            self._ready += waiting.drain(fallback) if last else waiting.ready(self._clock(), fallback)
        while self._ready:  # posts are taken meanwhile
            due = self._ready.popleft()  # so that each is let go before the next is made
            try:
                self._store_due(due)
            finally:
                with self._lock:
                    self._waiting.release(due)

    def _store_due(self, due: Due) -> None:
        joined = due.join()
        try:
            self._store_joined(joined)
        except Exception as fault:  # noqa: BLE001 - the others of the turn are still to be stored
            self.counts.failed_traces += len(joined.traces)
            self._on_problem(f"trace {due.key} was not stored: {type(fault).__name__}: {fault}")

    def _store_joined(self, item: Joined) -> None:
        self.counts.useless_traces += len(item.useless)
        for reason in item.useless:
            self._on_problem(reason)
        try:
            known = self._store.known_ids([trace.trace_id for trace in item.traces])
            new = [trace for trace in item.traces if trace.trace_id not in known]
            self.counts.known_traces += len(item.traces) - len(new)
            stored = self._append(new)
            if item.outdated and len(stored) == len(new):
                self._store.prune(ids=sorted(item.outdated))
        except RankScopeError as error:
            self.counts.failed_traces += len(item.traces)
            self._on_problem(str(error))
            return
        item.note_stored(trace.trace_id for trace in stored)
        for number, trace in enumerate(stored):
            completes = number < len(item.outdated)
            self.counts.traces += not completes
            self.counts.completed_traces += completes
            self._on_stored(trace, completes)

    def _append(self, traces: list[Trace]) -> list[Trace]:
        """Those of the traces that are committed now; what the store refuses is told."""
        waiting = [(trace, self._store.append(trace)) for trace in traces]
        stored: list[Trace] = []
        for trace, done in waiting:
            try:
                done.result()
            except RankScopeError as error:
                self.counts.failed_traces += 1
                self._on_problem(str(error))
            else:
                stored.append(trace)
        if len(stored) < len(waiting):
            # The store holds the first failure for whoever flushes next; each is told by now.
            with suppress(RankScopeError):
                self._store.flush()
        return stored
