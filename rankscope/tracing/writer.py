"""The one thread that writes: traces go in by a bounded queue and are committed in batches."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rankscope.core.trace import Trace
from rankscope.errors import RankScopeError, TraceError, WorkspaceError
from rankscope.tracing.database import connect, describe, is_busy, prepare
from rankscope.tracing.row_writer import RowWriter

__all__ = ["OnError", "Task", "Writer"]

Task = Callable[[sqlite3.Connection, RowWriter], Any]
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
    """Owns the write connection. The thread starts with the first job and ends with :meth:`close`."""

    def __init__(
        self, path: Path, *, busy_seconds: float, queue_size: int, on_error: OnError | None = None
    ) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._queue_size = queue_size
        self._on_error = on_error
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._given = 0
        self._finished = 0
        self._failed = 0
        self._first_error: RankScopeError | None = None
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._rows: RowWriter | None = None

    def put(self, trace: Trace | None, task: Task | None = None) -> Future[Any]:
        """Queue a trace, or a task that runs between batches; waits while the queue is full."""
        job = _Job(trace, task)
        with self._changed:
            while len(self._jobs) >= self._queue_size and threading.current_thread() is not self._thread:
                self._changed.wait()
            if self._closing:
                raise WorkspaceError(f"{self._path}: the trace store is closed.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="rankscope-traces", daemon=True)
                self._thread.start()
            self._jobs.append(job)
            self._given += 1
            self._changed.notify_all()
        return job.done

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything given so far is committed or has failed; raise the first failure."""
        with self._changed:
            target = self._given
            if not self._changed.wait_for(lambda: self._finished >= target, timeout):
                raise WorkspaceError(f"{self._path}: traces are still being written after {timeout:g} s.")
            error, count = self._first_error, self._failed
            self._first_error, self._failed = None, 0
        if error is not None:
            noun = "1 trace was" if count == 1 else f"{count} traces were"
            raise type(error)(f"{noun} not stored: {error.message}", remedy=error.remedy) from error

    def close(self, timeout: float | None = None) -> None:
        """Flush, end the thread, close the connection. Raises what :meth:`flush` raises."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)
        self.flush(timeout)

    def leak(self) -> list[object]:
        """After a fork, in the child: what must neither be used nor closed there, to be kept alive."""
        return [self._connection, self._jobs, self._thread]

    # Below runs on the writer's thread only.

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._jobs or self._closing)
                if not self._jobs:
                    break
                batch = [self._jobs.popleft()]
                while (
                    self._jobs and len(batch) < BATCH and batch[0].task is None and self._jobs[0].task is None
                ):
                    batch.append(self._jobs.popleft())
            self._run(batch)
            with self._changed:
                self._finished += len(batch)
                self._changed.notify_all()
        self._disconnect()

    def _run(self, batch: list[_Job]) -> None:
        """Do one batch, each job's future settled at the end whatever happens."""
        try:
            outcomes = self._with_retries(lambda: self._attempt(batch))
        except Exception as error:  # noqa: BLE001 - it goes to whoever gave the job; the thread lives on
            self._disconnect()
            self._settle_failures(batch, self._explain(error, batch[0].trace))
        else:
            for job, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, RankScopeError):
                    self._fail(job, outcome)
                else:
                    job.done.set_result(outcome)

    def _explain(self, error: Exception, trace: Trace | None) -> RankScopeError:
        if isinstance(error, RankScopeError):
            return error
        # Not the database but a value of the trace is at fault when the driver cannot bind it.
        unbindable = isinstance(error, sqlite3.InterfaceError | sqlite3.ProgrammingError)
        if isinstance(error, sqlite3.Error | OSError) and not unbindable:
            return describe(error, self._path)
        name = "a trace" if trace is None else f"trace {trace.trace_id!r:.80}"
        return TraceError(f"{name} holds a value that cannot be stored: {error!r:.200}.")

    def _settle_failures(self, batch: list[_Job], error: RankScopeError) -> None:
        """Fail the jobs; where a value is at fault, one by one, so that it takes no other with it."""
        alone = len(batch) == 1 or not isinstance(error, TraceError)
        for job in batch:
            if alone:
                self._fail(job, error)
            else:
                self._run([job])

    def _fail(self, job: _Job, error: RankScopeError) -> None:
        if job.trace is None:  # whoever gave a task waits for its future
            job.done.set_exception(error)
            return
        with self._changed:
            self._failed += 1
            self._first_error = self._first_error or error
        job.done.set_exception(error)
        if self._on_error is not None:
            try:
                self._on_error(error, job.trace)
            except Exception as fault:  # noqa: BLE001 - a faulty callback must not end the thread
                sys.excepthook(type(fault), fault, fault.__traceback__)

    def _attempt(self, batch: list[_Job]) -> list[Any]:
        """One try at a batch: the result of the task, or None or the refusal of each trace."""
        connection, rows = self._open()
        task = batch[0].task
        if task is not None:
            return [task(connection, rows)]
        connection.execute("BEGIN IMMEDIATE")
        refused = rows.write([job.trace for job in batch if job.trace is not None])
        connection.execute("COMMIT")
        return [refused.get(place) for place in range(len(batch))]

    def _with_retries(self, attempt: Callable[[], list[Any]]) -> list[Any]:
        """Retry while another process holds the lock, beyond SQLite's own waiting, with random pauses."""
        deadline = time.monotonic() + self._busy_seconds
        while True:
            try:
                return attempt()
            except sqlite3.OperationalError as error:
                self._roll_back()
                if not is_busy(error) or time.monotonic() >= deadline:
                    raise
                time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - only to part the competitors
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        if self._rows is not None:
            self._rows.forget()

    def _open(self) -> tuple[sqlite3.Connection, RowWriter]:
        """The connection, opened again when the file was replaced or removed underneath it."""
        if self._connection is not None and self._file != _identity(self._path):
            self._disconnect()
        if self._connection is None or self._rows is None:
            prepare(self._path, create=True, busy_seconds=self._busy_seconds)
            self._connection = connect(self._path, busy_seconds=self._busy_seconds)
            self._file = _identity(self._path)
            self._rows = RowWriter(self._connection)
        return self._connection, self._rows

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._rows = self._file = None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - once a batch; Path.stat costs twice as much
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
