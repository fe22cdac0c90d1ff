"""Opening the trace database: one file, mode 0600, WAL, schema up to date, errors in one line."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rankscope.errors import Cancelled, WorkspaceError

__all__ = [
    "APPLICATION_ID",
    "SCHEMA_VERSION",
    "connect",
    "describe",
    "is_busy",
    "one_line_errors",
    "prepare",
    "write_ahead",
]

APPLICATION_ID = 0x524B5343
"""``RKSC`` in the file's header: tells the trace database from any other SQLite file."""
SCHEMA_VERSION = 5
"""Number of migrations; kept in ``user_version`` so that opening needs no look at the tables."""


def prepare(path: Path, *, create: bool, busy_seconds: float, plainly: bool = False) -> None:
    """Make sure that ``path`` is a trace database of the current schema; create it where allowed.

    ``plainly`` migrates without sqlite-utils, for background threads of services.
    Raises WorkspaceError where it is missing, is something else, or cannot be brought up to date.
    """
    if not path.exists():
        if not create:
            raise WorkspaceError(f"{path}: there are no traces yet.", remedy="Run a query first.")
        with one_line_errors(path):
            # Made before SQLite makes it, so that it is private from the start; -wal and -shm follow suit.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = connect(path, busy_seconds=busy_seconds, readonly=True)
    try:
        with one_line_errors(path):
            version = _version(connection, path)
    finally:
        connection.close()
    if version < SCHEMA_VERSION:
        connection = connect(path, busy_seconds=busy_seconds)
        try:
            with one_line_errors(path):
                _migrate(connection, path, busy_seconds, plainly)
        finally:
            connection.close()


def connect(path: Path, *, busy_seconds: float, readonly: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode that waits ``busy_seconds`` for locks. The file must exist.

    With ``readonly`` nothing can be written through it, and a file on a medium that cannot be written is
    read as it is. A connection may move between threads but serves one at a time.
    """
    with one_line_errors(path):
        uri = path.absolute().as_uri()
        connection = _open(f"{uri}?mode=rw", busy_seconds)
        try:
            if readonly:
                connection.execute("PRAGMA query_only = ON")
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()
            else:
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.OperationalError as error:
            connection.close()
            unwritable = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
            wal = Path(f"{path}-wal")
            if not readonly or not unwritable or (wal.exists() and wal.stat().st_size):
                raise
            connection = _open(f"{uri}?immutable=1", busy_seconds)
        except sqlite3.Error:
            connection.close()
            raise
    return connection


def _open(uri: str, busy_seconds: float) -> sqlite3.Connection:
    return sqlite3.connect(
        uri,
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=64,
    )


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Schema version; 0 for an empty file. Raises WorkspaceError for a file that is not ours."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables or version or application:
            raise WorkspaceError(f"{path}: this SQLite file holds something other than traces.")
        return 0
    if version > SCHEMA_VERSION:
        raise WorkspaceError(
            f"{path}: written by a newer RankScope (schema {version}, this one knows {SCHEMA_VERSION}).",
            remedy="Update RankScope.",
        )
    return int(version)


def write_ahead(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Switch the file to a write-ahead log, which the busy timeout does not cover. Costs nothing again."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _migrate(connection: sqlite3.Connection, path: Path, busy_seconds: float, plainly: bool) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    write_ahead(connection, busy_seconds)
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been faster; inside the transaction the answer holds.
        if _version(connection, path) < SCHEMA_VERSION:
            _apply(connection, plainly)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _apply(connection: sqlite3.Connection, plainly: bool) -> None:
    # Imported late: opening a database that is up to date needs none of it, and sqlite-utils is slow.
    from rankscope.tracing import migrations

    if plainly:
        migrations.apply_plainly(connection)
        return
    from sqlite_utils import Database

    db = Database(connection, recursive_triggers=False, execute_plugins=False)
    migrations.migration_set().apply(db)


def is_busy(error: BaseException) -> bool:
    """Whether another connection's lock is the reason; trying again later may help."""
    code = getattr(error, "sqlite_errorcode", 0) or 0
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def one_line_errors(path: Path) -> Iterator[None]:
    """Turns what SQLite or the file system raises into a WorkspaceError that says how to mend it.

    A query that was interrupted is Cancelled.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise Cancelled("the query was stopped.") from error
        raise describe(error, path) from error


_REMEDIES = {
    sqlite3.SQLITE_BUSY: ("another process holds its lock", "Wait for it, or stop it, and try again."),
    sqlite3.SQLITE_LOCKED: ("another connection holds its lock", "Wait for it and try again."),
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space, or run `rankscope traces prune`."),
    sqlite3.SQLITE_READONLY: ("it cannot be written", "Check the permissions of the file and its folder."),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "Check that the folder exists and can be written."),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", "Move it away, or recover it with `sqlite3 FILE .recover`."),
    sqlite3.SQLITE_NOTADB: ("it is not a SQLite database", "Move it away, or name another file."),
    sqlite3.SQLITE_IOERR: ("reading or writing it failed", "Check the disk."),
    sqlite3.SQLITE_PERM: ("access to it is denied", "Check the permissions of the file and its folder."),
}


def describe(error: sqlite3.Error | OSError, path: Path) -> WorkspaceError:
    """The error as one line that names the file, what is wrong, and how to mend it."""
    if isinstance(error, OSError):
        return WorkspaceError(
            f"{path}: the trace database cannot be opened: {error.strerror or error}.",
            remedy="Check that the folder exists and can be written.",
        )
    code = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
    reason, remedy = _REMEDIES.get(code, ("SQLite refused", ""))
    return WorkspaceError(f"{path}: the trace database failed: {reason} ({error}).", remedy=remedy)
