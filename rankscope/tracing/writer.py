"""The store's write side: traces go in by a bounded queue, one thread commits them in batches."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rankscope.core.counting import counted
from rankscope.core.trace import Trace
from rankscope.errors import RankScopeError, TraceError, WorkspaceError
from rankscope.tracing.background import BackgroundQueue
from rankscope.tracing.sqlite_sink import SqliteSink

__all__ = ["OnError", "Task", "Writer"]

Task = Callable[[sqlite3.Connection], Any]
"""Work on the write connection, outside any transaction; what it returns is the future's result."""
OnError = Callable[[RankScopeError, Trace | None], None]

BATCH = 64
"""Most traces of one transaction."""


@dataclass
class _Job:
    """One trace to store, or one task to run."""

    trace: Trace | None
    task: Task | None = None
    done: Future[Any] = field(default_factory=Future)


class Writer:
    """Queue, thread and write connection of one store."""

    def __init__(
        self, path: Path, *, busy_seconds: float, queue_size: int, on_error: OnError | None = None
    ) -> None:
        self._path = path
        self._on_error = on_error
        self._sink = SqliteSink(path, busy_seconds=busy_seconds)
        self._queue: BackgroundQueue[_Job] = BackgroundQueue(
            self._work,
            name="rankscope-traces",
            limit=queue_size,
            batch=BATCH,
            alone=lambda job: job.task is not None,
            stopped=self._sink.close,
        )
        self._lock = threading.Lock()
        self._failed = 0
        self._first_error: RankScopeError | None = None

    def put(self, trace: Trace | None, task: Task | None = None) -> Future[Any]:
        """Queue a trace, or a task that runs between batches; waits while the queue is full."""
        job = _Job(trace, task)
        if not self._queue.put(job):
            raise WorkspaceError(f"{self._path}: the trace store is closed.")
        return job.done

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything given so far is committed or has failed; raise the first failure."""
        if not self._queue.join(timeout):
            raise WorkspaceError(f"{self._path}: traces are still being written after {timeout:g} s.")
        with self._lock:
            error, count = self._first_error, self._failed
            self._first_error, self._failed = None, 0
        if error is not None:
            lost = counted(count, "trace was", "traces were")
            raise type(error)(f"{lost} not stored: {error.message}", remedy=error.remedy) from error

    def close(self) -> None:
        """Flush, end the thread, close the connection. Raises what :meth:`flush` raises."""
        self._queue.close()
        self.flush()

    def pause(self, timeout: float) -> None:
        """Begin no batch until :meth:`resume`; wait for the one under way, at most ``timeout``."""
        self._queue.pause(timeout)

    def resume(self) -> None:
        """Undo :meth:`pause`."""
        self._queue.resume()

    def _work(self, jobs: list[_Job]) -> None:
        task = jobs[0].task
        if task is not None:  # whoever gave it waits for its future
            try:
                result = self._sink.run(task)
            except RankScopeError as error:
                jobs[0].done.set_exception(error)
            else:
                jobs[0].done.set_result(result)
            return
        errors = self._sink.write([job.trace for job in jobs if job.trace is not None])
        for job, refusal in zip(jobs, errors, strict=True):
            if refusal is None:
                job.done.set_result(None)
            else:
                self._fail(job, _named(refusal, job.trace))

    def _fail(self, job: _Job, error: RankScopeError) -> None:
        with self._lock:
            self._failed += 1
            self._first_error = self._first_error or error
        job.done.set_exception(error)
        if self._on_error is not None:
            try:
                self._on_error(error, job.trace)
            except Exception as fault:  # noqa: BLE001 - a faulty callback must not end the thread
                sys.excepthook(type(fault), fault, fault.__traceback__)


def _named(error: RankScopeError, trace: Trace | None) -> RankScopeError:
    """The error with the trace that is at fault in its line, where it does not name it already."""
    if trace is None or not isinstance(error, TraceError) or repr(trace.trace_id)[:80] in error.message:
        return error
    return TraceError(f"trace {trace.trace_id!r:.80}: {error.message}", remedy=error.remedy)
