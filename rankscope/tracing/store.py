"""The trace store: one SQLite file that any SQL tool can read, written by one thread, read by any.

Traces are durable against a crash or kill of this process once :meth:`TraceStore.flush` or the future of
:meth:`TraceStore.append` returns; power loss may take the last moments, never the file. Several processes
may write to one file at once.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from rankscope.core.cancellation import never
from rankscope.core.trace import Trace
from rankscope.errors import InputError, RankScopeError, WorkspaceError
from rankscope.tracing import process_hooks
from rankscope.tracing.columns import from_column, to_column
from rankscope.tracing.database import connect, one_line_errors, prepare
from rankscope.tracing.deletion import (
    Freed,
    copy_back,
    delete_freed,
    delete_traces,
    give_back,
    go_on,
    pending,
    spare_what_is_used,
)
from rankscope.tracing.links import TraceLinks, find_links
from rankscope.tracing.list_index import ListIndex
from rankscope.tracing.pruning import count_prunable, prune
from rankscope.tracing.row_reader import load_trace
from rankscope.tracing.summaries import (
    Page,
    TraceFilter,
    TraceSummary,
    count_traces,
    find_seqs,
    rows_of,
)
from rankscope.tracing.writer import OnError, Task, Writer

__all__ = ["TraceFilter", "TraceStore", "TraceSummary"]

Answer = TypeVar("Answer")
EVERYTHING = TraceFilter()
_PAGE = 200
_STEPS = 10_000
"""Steps of SQLite between two looks at ``stop``: a fraction of a millisecond."""


class TraceStore:
    """Stores traces in the SQLite file at ``path`` and gives them back equal.

    ``on_error(error, trace)`` is called on the writer's thread for each trace that could not be stored;
    the same errors are raised by :meth:`flush` and :meth:`close`, and by the future of :meth:`append`.
    Raises WorkspaceError when the file cannot be used; with ``create=False`` also when it is missing.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        create: bool = True,
        busy_seconds: float = 30.0,
        queue_size: int = 1024,
        on_error: OnError | None = None,
    ) -> None:
        self.path = Path(path)
        self._busy_seconds = busy_seconds
        self._queue_size = queue_size
        self._on_error = on_error
        self._list = ListIndex(self.path, busy_seconds=busy_seconds)
        prepare(self.path, create=create, busy_seconds=busy_seconds)
        self._reset()
        process_hooks.watch(self)

    def _reset(self) -> None:
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._tidied = False
        self._writer = Writer(
            self.path,
            busy_seconds=self._busy_seconds,
            queue_size=self._queue_size,
            on_error=self._on_error,
        )

    # Writing

    def append(self, trace: Trace) -> Future[None]:
        """Queue a trace for storing and return at once, or once there is room in the queue.

        The future is done when the trace is committed. Storing a trace again changes nothing; another
        trace under a stored id is a TraceError.
        """
        process_hooks.watch(self, writing=True)
        done = self._writer.put(trace)
        self._tidy_once()
        return done

    def flush(self, timeout: float | None = None) -> None:
        """Wait until every trace appended so far is committed; raise the first error since last time."""
        self._writer.flush(timeout)

    def prune(
        self, *, before: datetime | None = None, keep: int | None = None, ids: Sequence[str] | None = None
    ) -> int:
        """Delete the traces that were created before a moment, all but the newest ``keep``, or by id.

        Returns how many were deleted. Texts that no trace refers to any more go with them.
        """
        if ids is not None:
            return self._delete(ids)
        done: Future[int] = self._writer.put(
            None, lambda connection: prune(connection, before=before, keep=keep)
        )
        deleted = done.result()
        if deleted and self._list.path.exists():
            self.prepare_lists()  # it holds the queries of what was deleted
        return deleted

    def _delete(self, ids: Sequence[str]) -> int:
        """Delete by id; what takes long is done here and not on the writer's thread.

        What fails once something is deleted is left to whoever comes next; the count says what is gone.
        """
        deleted = 0
        try:
            for start in range(0, len(ids), _PAGE):
                some = ids[start : start + _PAGE]
                deleted += self._writer.put(None, partial(self._delete_some, ids=some)).result()
            with self._reading() as connection:
                freed = pending(connection)
            if freed is not None:
                spare_what_is_used(self._reading, freed)
                self._repeat(partial(delete_freed, freed=freed))
                self._repeat(give_back)
                copy_back(self.path)
        except RankScopeError:
            if not deleted:
                raise
        return deleted

    def _delete_some(self, connection: sqlite3.Connection, ids: Sequence[str]) -> int:
        """One job of the writer, so that nothing comes between the traces and their lines in the list."""
        deleted = delete_traces(connection, ids)
        if deleted.lines:
            try:
                self._list.forget(deleted.lines, deleted.removals)
            except WorkspaceError:
                self._list.discard()
        return len(deleted.lines)

    def _repeat(self, portion: Task) -> None:
        """Have the writer work until there is no more to do; what is appended is stored in between."""
        while self._writer.put(None, portion).result():
            pass

    def _tidy_once(self) -> None:
        """Have the writer look whether an interrupted deletion has left something."""
        if not self._tidied:
            self._tidied = True
            self._put_if_open(self._tidy)

    def _tidy(self, connection: sqlite3.Connection, freed: Freed | None = None) -> None:
        """Work off what an interrupted deletion has left, one short job of the writer after another."""
        freed = freed or pending(connection)
        if freed is not None and go_on(connection, freed):
            self._put_if_open(partial(self._tidy, freed=freed))

    def _put_if_open(self, task: Task) -> None:
        with suppress(WorkspaceError):
            self._writer.put(None, task)

    def close(self) -> None:
        """Flush and release the file. Raises what :meth:`flush` raises. Closing twice is fine."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        process_hooks.forget(self)
        self._writer.close()

    def __enter__(self) -> TraceStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # Reading

    def get(self, trace_id: str) -> Trace:
        """The trace with this id, or with the only id that starts with it. Raises InputError."""
        with self._reading() as connection:
            trace = load_trace(connection, trace_id) or load_trace(connection, _resolve(connection, trace_id))
        assert trace is not None  # one read transaction
        return trace

    def known_ids(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that are stored."""
        with self._reading() as connection:
            sql = "SELECT 1 FROM traces WHERE id = ?"
            return {key for key in ids if connection.execute(sql, (to_column(key),)).fetchone()}

    def resolve(self, prefix: str) -> str:
        """The whole id that ``prefix`` stands for. Raises InputError when none or several start with it."""
        with self._reading() as connection:
            return _resolve(connection, prefix)

    def shortest_prefix(self, trace_id: str, *, least: int = 8) -> str:
        """The shortest start of an id, at least ``least`` long, that no other stored id has now."""
        with self._reading() as connection:
            key = to_column(trace_id)
            run = connection.execute
            (below,) = run("SELECT max(id) FROM traces WHERE id < ?", (key,)).fetchone()
            (above,) = run("SELECT min(id) FROM traces WHERE id > ?", (key,)).fetchone()
        if key != trace_id:  # escaped, so that its start says nothing
            return trace_id
        shared = max(_common_start(key, other or "") for other in (below, above))
        return trace_id[: max(least, shared + 1)]

    def summaries(
        self,
        limit: int = 100,
        before: TraceSummary | None = None,
        *,
        chosen: TraceFilter = EVERYTHING,
        offset: int = 0,
        oldest_first: bool = False,
        stop: Callable[[], bool] | None = None,
    ) -> list[TraceSummary]:
        """A page of the list, newest first; ``before`` is the last row of the page before this one.

        ``stop`` is asked while SQLite works; once it says yes, Cancelled is raised.
        """
        page = Page(limit, offset, before, oldest_first)
        seqs = None
        if not chosen.everything:
            seqs = self._from_list(chosen, lambda: self._list.find_seqs(chosen, page, stop))
        with self._reading(stop) as connection:
            rows = [] if seqs is None else rows_of(connection, seqs)
            # A row that was deleted since the list named it would make the page short, like the last one.
            if seqs is None or len(rows) < len(seqs):
                rows = rows_of(connection, find_seqs(connection, chosen, page))
            return rows

    def iter_traces(self, chosen: TraceFilter = EVERYTHING, *, oldest_first: bool = False) -> Iterator[Trace]:
        """Whole traces, newest first unless told, a page at a time, so that memory stays small."""
        last: TraceSummary | None = None
        while page := self.summaries(_PAGE, last, chosen=chosen, oldest_first=oldest_first):
            for summary in page:
                with self._reading() as connection:
                    trace = load_trace(connection, summary.trace_id)
                if trace is not None:  # deleted since the page was read
                    yield trace
            last = page[-1]

    def count(
        self,
        chosen: TraceFilter = EVERYTHING,
        *,
        ahead_of: TraceSummary | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> int:
        """How many traces there are, or pass the filter; ``ahead_of`` a row of the list where one is given.

        ``stop`` is asked while SQLite works; once it says yes, Cancelled is raised.
        """
        listed = self._from_list(chosen, lambda: self._list.count(chosen, ahead_of, stop))
        if listed is not None:
            return listed
        with self._reading(stop) as connection:
            return count_traces(connection, chosen, ahead_of)

    def prepare_lists(self, stop: Callable[[], bool] = never, *, most: int | None = None) -> bool:
        """Bring up to date what makes filters of large stores fast, unless ``most`` traces more are too few.

        Seconds for a million traces the first time, a moment afterwards. Without it all is found too.
        What an interrupted deletion has left goes meanwhile.
        """
        self._tidy_once()
        try:
            return self._list.bring_up_to_date(stop, most=most)
        except WorkspaceError:  # a full disk, a folder that cannot be written, a damaged file: do without
            self._list.discard()
            return False

    def _from_list(self, chosen: TraceFilter, ask: Callable[[], Answer]) -> Answer | None:
        """What the list index answers, None where it cannot."""
        try:
            return ask() if self._list.serves(chosen) else None
        except WorkspaceError:
            self._list.discard()
            return None

    def links(self, ids: Sequence[str]) -> TraceLinks:
        """How these traces hang together with others, as originals and replays."""
        with self._reading() as connection:
            return find_links(connection, ids)

    def count_prunable(self, *, before: datetime | None = None, keep: int | None = None) -> int:
        """How many traces :meth:`prune` would delete."""
        with self._reading() as connection:
            return count_prunable(connection, before=before, keep=keep)

    def last_seq(self) -> int:
        """``seq`` of the trace stored last, 0 in an empty store. Cheap: for watching what comes in."""
        with self._reading() as connection:
            return int(connection.execute("SELECT coalesce(max(seq), 0) FROM traces").fetchone()[0])

    @contextmanager
    def _reading(self, stop: Callable[[], bool] | None = None) -> Iterator[sqlite3.Connection]:
        """A connection of this thread's own for now, in one read transaction that ``stop`` may end."""
        with self._lock:
            if self._closed:
                raise WorkspaceError(f"{self.path}: the trace store is closed.")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = connect(self.path, busy_seconds=self._busy_seconds, readonly=True)
        try:
            with one_line_errors(self.path):
                connection.set_progress_handler(stop, _STEPS)
                connection.execute("BEGIN")
                yield connection
                connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    # Called by process_hooks

    def at_exit(self) -> None:
        """Write what was appended and not flushed; a failure is one line on stderr."""
        try:
            self.close()
        except RankScopeError as error:
            print(f"rankscope: {error}", file=sys.stderr)  # noqa: T201 - nobody is left to raise to

    def before_fork(self) -> None:
        """Pause the writer between two batches."""
        self._writer.pause(process_hooks.FORK_WAIT_S)

    def after_fork_in_parent(self) -> None:
        """Let it go on."""
        self._writer.resume()

    def after_fork_in_child(self) -> None:
        """Start afresh, with an empty queue and connections of its own."""
        process_hooks.leave_alone(self._idle, self._writer)
        closed = self._closed
        self._reset()
        self._closed = closed


def _common_start(one: str, other: str) -> int:
    """How many characters the two begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _resolve(connection: sqlite3.Connection, prefix: str) -> str:
    key = to_column(prefix)
    above = key + "\U0010ffff"
    sql = "SELECT id FROM traces WHERE id >= ? AND id < ? ORDER BY id LIMIT 4"
    found = [from_column(row[0]) for row in connection.execute(sql, (key, above))] if key else []
    if prefix in found or len(found) == 1:
        return prefix if prefix in found else found[0]
    if not found:
        raise InputError(f"no trace has the id {prefix!r:.80}.", remedy="`rankscope traces list` shows them.")
    names = ", ".join(f"{name!r:.60}" for name in found[:3]) + (", ..." if len(found) > 3 else "")
    raise InputError(
        f"several traces have an id that starts with {prefix!r:.80}: {names}.", remedy="Write more of it."
    )
