"""What lists of traces are filtered by, as one narrow table in a file beside the database.

In the database the rows of traces lie among those of their hits, so that a filter over a million of them
reads the whole file from the disk: 5 s where nothing is cached. Here they lie together: 0.3 s. A trace never
changes and its ``seq`` is never given again, so a line stays right until its trace is deleted. The file may
be deleted at any time; it is made again, beside the reading of lists, for databases that are large enough.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rankscope.core.cancellation import never
from rankscope.errors import Cancelled
from rankscope.tracing.database import connect, one_line_errors, write_ahead
from rankscope.tracing.summaries import Page, TraceFilter, TraceSummary, count_traces, find_seqs

__all__ = ["LEAST", "ListIndex"]

LEAST = 50_000
"""Number of the newest trace from which on it is worth having; fewer are read fast where they are."""
_CHUNK = 50_000
"""Traces of one transaction: a fraction of a second, so that it can be stopped."""
_STEPS = 10_000
_VERSION = "2"
_TABLES = (
    "DROP TABLE IF EXISTS facts",
    "DROP TABLE IF EXISTS lines",
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    """
    CREATE TABLE lines (
        created_at TEXT NOT NULL, seq INTEGER NOT NULL, origin TEXT NOT NULL, decision TEXT, total_ms REAL,
        codes TEXT, query TEXT NOT NULL,
        PRIMARY KEY (created_at, seq)
    ) WITHOUT ROWID
    """,
)
_COPY = """
    INSERT OR IGNORE INTO lines
    SELECT t.created_at, t.seq, t.origin, t.decision, t.total_ms,
        CASE WHEN t.finding_count THEN (
            SELECT char(31) || group_concat(f.code, char(31)) || char(31)
            FROM traces.findings f WHERE f.trace_id = t.id
        ) END,
        coalesce(t.query_folded, t.query)
    FROM traces.traces t WHERE t.seq > ? AND t.seq <= ?
"""


class ListIndex:
    """The lines of the database at ``path``. Any thread; each call opens the file anew."""

    def __init__(self, path: Path, *, busy_seconds: float) -> None:
        self.database = path
        self.path = path.with_name(f"{path.name}-list")
        self._busy_seconds = busy_seconds

    def serves(self, chosen: TraceFilter) -> bool:
        """Whether every trace that can pass has its line here, and no deleted one has."""
        if chosen.stored_until is None or chosen.stored_after is not None or chosen.parent_id is not None:
            return False
        if not self.path.exists():
            return False
        with self._reading() as connection:
            known = self._known(connection)
        if int(known.get("seq", -1)) < chosen.stored_until:
            return False
        return bool(known.get("removed") == self._ask("SELECT traces_removed FROM upkeep"))

    def find_seqs(self, chosen: TraceFilter, page: Page, stop: Callable[[], bool] | None) -> list[int]:
        """Numbers of the traces of one page, in order."""
        with self._reading(stop) as connection:
            return find_seqs(connection, chosen, page, lines=True)

    def count(
        self, chosen: TraceFilter, ahead_of: TraceSummary | None, stop: Callable[[], bool] | None
    ) -> int:
        """How many pass the filter; of those only what stands ahead of a row where one is given."""
        with self._reading(stop) as connection:
            return count_traces(connection, chosen, ahead_of, lines=True)

    def bring_up_to_date(self, stop: Callable[[], bool] = never, *, most: int | None = None) -> bool:
        """Add what was stored and drop what was deleted since last time; says whether all has its line.

        A small database gets none. With ``most`` nothing is done where more traces than that would have to
        be added. Raises Cancelled between two transactions once ``stop`` says so; what was done is kept.
        """
        newest = self._ask("SELECT coalesce(max(seq), 0) FROM traces")
        if newest < LEAST and not self.path.exists():
            return False
        with self._writing() as connection:
            known, facts = self._standing(connection)
            start = int(known.get("seq", 0))
            if most is not None and newest - start > most:
                return False
            done = start >= newest and facts.items() <= known.items()
            while not done:
                if stop():
                    raise Cancelled("the list was not brought up to date.")
                done = self._step(connection, newest)
        return True

    def _standing(self, connection: sqlite3.Connection) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the file says of itself, nothing where it is of another database, and what it should say."""
        known = self._known(connection)
        removed, identity = self._of_database(connection)
        same = (known.get("version"), known.get("identity")) == (_VERSION, identity)
        return known if same else {}, {"version": _VERSION, "identity": identity, "removed": removed}

    def _step(self, connection: sqlite3.Connection, newest: int) -> bool:
        """One transaction: the next lines; says whether none is left to add.

        What the file holds is looked at inside it: another process may have been faster.
        """
        run = connection.execute
        run("BEGIN IMMEDIATE")
        try:
            known, facts = self._standing(connection)
            if not known:
                for statement in _TABLES:
                    run(statement)
            elif known.get("removed") != facts["removed"]:
                run("DELETE FROM lines WHERE seq NOT IN (SELECT seq FROM traces.traces)")
            start = int(known.get("seq", 0))
            end = min(start + _CHUNK, newest)
            if start < end:
                run(_COPY, (start, end))
                facts["seq"] = end
            self._note(connection, facts)
            run("COMMIT")
        except BaseException:
            if connection.in_transaction:
                run("ROLLBACK")
            raise
        return end >= newest

    def _ask(self, sql: str) -> int:
        """A number out of the database."""
        connection = connect(self.database, busy_seconds=self._busy_seconds, readonly=True)
        try:
            with one_line_errors(self.database):
                (number,) = connection.execute(sql).fetchone()
        finally:
            connection.close()
        return int(number)

    def forget(self, lines: Sequence[tuple[str, int]], removals: tuple[int, int]) -> None:
        """Drop the lines of deleted traces, each by its time and ``seq``; without a file there are none.

        ``removals`` is the database's count of deletions before and after: where this file knew of all that
        went before, it knows of this one now, and need not compare every line.
        """
        if not self.path.exists():
            return
        with self._writing() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                known, _ = self._standing(connection)
                if known:
                    connection.executemany("DELETE FROM lines WHERE created_at = ? AND seq = ?", lines)
                    if known.get("removed") == removals[0]:
                        self._note(connection, {"removed": removals[1]})
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def discard(self) -> None:
        """Delete the file, which can be made again."""
        with suppress(OSError):
            for end in ("", "-wal", "-shm"):
                Path(f"{self.path}{end}").unlink(missing_ok=True)

    def _of_database(self, connection: sqlite3.Connection) -> tuple[int, str]:
        """How often traces were deleted from the database, and what tells it from another at its path."""
        run = connection.execute
        (removed,) = run("SELECT traces_removed FROM traces.upkeep").fetchone()
        (made,) = run('SELECT min(applied_at) FROM traces."_sqlite_migrations"').fetchone()
        return int(removed), str(made)

    @staticmethod
    def _known(connection: sqlite3.Connection) -> dict[str, Any]:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'facts'").fetchone() is None:
            return {}
        return dict(connection.execute("SELECT name, value FROM facts"))

    @staticmethod
    def _note(connection: sqlite3.Connection, facts: dict[str, Any]) -> None:
        connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    @contextmanager
    def _reading(self, stop: Callable[[], bool] | None = None) -> Iterator[sqlite3.Connection]:
        connection = connect(self.path, busy_seconds=self._busy_seconds, readonly=True)
        try:
            connection.set_progress_handler(stop, _STEPS)
            with one_line_errors(self.path):
                yield connection
        finally:
            connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if not self.path.exists():
            with one_line_errors(self.path):
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))  # private from the start
        connection = connect(self.path, busy_seconds=self._busy_seconds)
        try:
            with one_line_errors(self.path):
                connection.execute("PRAGMA page_size = 16384")
                write_ahead(connection, self._busy_seconds)
                connection.execute("ATTACH ? AS traces", (f"{self.database.absolute().as_uri()}?mode=rw",))
                yield connection
        finally:
            connection.close()
