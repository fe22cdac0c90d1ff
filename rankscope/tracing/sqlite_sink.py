"""Traces into SQLite, a batch a transaction: locks waited for, errors in one line, the file watched."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from rankscope.core.trace import Trace
from rankscope.errors import RankScopeError, TraceError
from rankscope.tracing.database import connect, describe, is_busy, prepare
from rankscope.tracing.record import TraceRecord, record_of
from rankscope.tracing.row_writer import RowWriter

__all__ = ["SqliteSink"]

R = TypeVar("R")
_PAUSE = (0.001, 0.008)
"""Seconds between two looks at the write lock, and after a batch for which it had to be waited for."""

_LONG_LOG = 64 * 1024 * 1024
"""Bytes of a log that is copied back even if others must wait; tried every so many seconds at most."""
_TRY_S = 5.0


class SqliteSink:
    """Owns the write connection, opened with the first batch. For one thread at a time."""

    def __init__(self, path: Path, *, busy_seconds: float) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._rows: RowWriter | None = None
        self._next_try = 0.0

    def write(self, traces: Sequence[Trace]) -> list[RankScopeError | None]:
        """Commit traces together; the error of each that is not stored, else None. Raises nothing."""
        return self.write_from([partial(record_of, trace) for trace in traces])

    def write_from(self, sources: Sequence[Callable[[], TraceRecord]]) -> list[RankScopeError | None]:
        """The same for what makes a record when it is called, which may happen more than once."""
        try:
            refused = self._with_retries(lambda: self._commit(sources))
        except Exception as error:  # noqa: BLE001 - each becomes the answer for its traces
            self.close()
            known = self._explain(error)
            if len(sources) == 1 or not isinstance(known, TraceError):
                return [known] * len(sources)
            # A value that cannot be stored is at fault: it must take no other trace with it.
            return [self.write_from([source])[0] for source in sources]
        return [refused.get(place) for place in range(len(sources))]

    def run(self, task: Callable[[sqlite3.Connection], R]) -> R:
        """Run ``task`` on the connection, outside any transaction. Raises RankScopeError."""
        try:
            return self._with_retries(lambda: task(self._open()[0]))
        except Exception as error:
            self.close()
            raise self._explain(error) from error

    def close(self) -> None:
        """Release the file; the next write opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._rows = self._file = None

    def _commit(self, sources: Sequence[Callable[[], TraceRecord]]) -> dict[int, TraceError]:
        connection, rows = self._open()
        waited = self._begin(connection)
        refused = rows.write(sources)
        connection.execute("COMMIT")
        if waited:  # others want the lock too, and find it free only where somebody pauses
            self._shorten_log(connection)
            _pause()
        return refused

    def _shorten_log(self, connection: sqlite3.Connection) -> None:
        """Copy back a log that has grown long, which keeps all others from writing for that moment.

        SQLite's own checkpoints let others write on, and where one always does the log never begins anew.
        """
        size = _size(f"{self._path}-wal")
        if size < _LONG_LOG or time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + _TRY_S
        _be_patient(connection, 0.5)
        with suppress(sqlite3.OperationalError):  # the batch is stored; whoever writes next meets it again
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        _be_patient(connection, self._busy_seconds)

    def _begin(self, connection: sqlite3.Connection) -> bool:
        """Take the write lock; says whether it had to be waited for.

        SQLite's own waiting looks every tenth of a second. Where several processes write without a break,
        one of them may find the lock taken each time for longer than any patience.
        """
        deadline = time.monotonic() + self._busy_seconds
        waited = False
        _be_patient(connection, 0)
        try:
            while True:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    return waited
                except sqlite3.OperationalError as error:
                    if not is_busy(error) or time.monotonic() >= deadline:
                        raise
                waited = True
                _pause()
        finally:
            _be_patient(connection, self._busy_seconds)

    def _with_retries(self, attempt: Callable[[], R]) -> R:
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
            self.close()
        if self._connection is None or self._rows is None:
            prepare(self._path, create=True, busy_seconds=self._busy_seconds, plainly=True)
            self._connection = connect(self._path, busy_seconds=self._busy_seconds)
            # Four times the default: each checkpoint waits for the disk, and pages written often go once.
            self._connection.execute("PRAGMA wal_autocheckpoint = 4000")
            self._file = _identity(self._path)
            self._rows = RowWriter(self._connection)
        return self._connection, self._rows

    def _explain(self, error: Exception) -> RankScopeError:
        if isinstance(error, RankScopeError):
            return error
        # Not the database but a value of the trace is at fault when the driver cannot bind it.
        unbindable = isinstance(error, sqlite3.InterfaceError | sqlite3.ProgrammingError)
        if isinstance(error, sqlite3.Error | OSError) and not unbindable:
            return describe(error, self._path)
        return TraceError(f"the trace holds a value that cannot be stored: {error!r:.200}.")


def _pause() -> None:
    time.sleep(random.uniform(*_PAUSE))  # noqa: S311 - only to part the competitors


def _be_patient(connection: sqlite3.Connection, seconds: float) -> None:
    """How long SQLite itself waits for locks from now on."""
    connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except FileNotFoundError:
        return 0


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - once a batch; Path.stat costs twice as much
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
