"""Deleting traces, a few at a time so that other writers get their turn, and giving the space back."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from rankscope.errors import UsageError
from rankscope.tracing.json_text import format_time

__all__ = ["count_prunable", "prune"]

_AT_ONCE = 500
_KEPT = "seq NOT IN (SELECT seq FROM traces ORDER BY created_at DESC, seq DESC LIMIT ?)"


def count_prunable(
    connection: sqlite3.Connection, *, before: datetime | None = None, keep: int | None = None
) -> int:
    """How many traces :func:`prune` would delete."""
    where, values = _condition(before, keep)
    sql = f"SELECT count(*) FROM traces WHERE {where}"  # noqa: S608 - placeholders only
    return int(connection.execute(sql, values).fetchone()[0])


def prune(connection: sqlite3.Connection, *, before: datetime | None = None, keep: int | None = None) -> int:
    """Delete traces by age or number kept; then contents and pipelines that nothing refers to.

    Which traces go is decided once, at the start. Returns how many were deleted.
    """
    run = connection.execute
    where, values = _condition(before, keep)
    doomed = [row[0] for row in run(f"SELECT seq FROM traces WHERE {where}", values)]  # noqa: S608
    deleted = 0
    for start in range(0, len(doomed), _AT_ONCE):
        run("BEGIN IMMEDIATE")
        for seq in doomed[start : start + _AT_ONCE]:
            deleted += run("DELETE FROM traces WHERE seq = ?", (seq,)).rowcount
        run("UPDATE upkeep SET traces_removed = traces_removed + 1")
        run("COMMIT")
    if deleted or run("SELECT 1 FROM pending_frees").fetchone():
        _sweep(connection)
        # Frees a page a step; execute() would take the first step only.
        connection.executescript("PRAGMA incremental_vacuum")
        run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return deleted


def _sweep(connection: sqlite3.Connection) -> None:
    run = connection.execute
    run("BEGIN IMMEDIATE")
    run("""
        DELETE FROM contents WHERE content NOT IN (
            SELECT content FROM hit_rows WHERE content IS NOT NULL
            UNION SELECT content FROM other_documents
        )
    """)
    run("DELETE FROM pipelines WHERE pipeline NOT IN (SELECT pipeline FROM traces)")
    run("DELETE FROM pending_frees")  # all that nothing refers to is gone
    run("UPDATE upkeep SET contents_removed = contents_removed + 1")
    run("COMMIT")


def _condition(before: datetime | None, keep: int | None) -> tuple[str, list[Any]]:
    terms: list[str] = []
    values: list[Any] = []
    if before is not None:
        terms.append("created_at < ?")
        values.append(format_time(before, fixed=True))
    if keep is not None:
        if keep < 0:
            raise UsageError(f"keep is {keep}, expected 0 or more.")
        terms.append(_KEPT)
        values.append(keep)
    if not terms:
        raise UsageError("nothing says which traces to delete.", remedy="Give a date or a number to keep.")
    return " AND ".join(terms), values
