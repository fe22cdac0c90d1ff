"""Deleting traces, a few at a time so that other writers get their turn, and giving the space back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rankscope.errors import UsageError
from rankscope.tracing.columns import to_column
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


def prune(
    connection: sqlite3.Connection,
    *,
    before: datetime | None = None,
    keep: int | None = None,
    ids: Sequence[str] | None = None,
) -> int:
    """Delete traces by age, by number kept or by id; then contents and pipelines that nothing refers to.

    Which traces go is decided once, at the start. Returns how many were deleted.
    """
    run = connection.execute
    freed: _Freed | None = None
    if ids is not None:
        keys = [(to_column(trace_id),) for trace_id in ids]
        found = [run("SELECT seq FROM traces WHERE id = ?", key).fetchone() for key in keys]
        doomed = [row[0] for row in found if row is not None]
        freed = _held_by(connection, doomed)
    else:
        where, values = _condition(before, keep)
        doomed = [row[0] for row in run(f"SELECT seq FROM traces WHERE {where}", values)]  # noqa: S608
    deleted = 0
    for start in range(0, len(doomed), _AT_ONCE):
        run("BEGIN IMMEDIATE")
        for seq in doomed[start : start + _AT_ONCE]:
            deleted += run("DELETE FROM traces WHERE seq = ?", (seq,)).rowcount
        run("COMMIT")
    if deleted:
        if freed is None:
            _sweep(connection)
        else:
            _sweep_freed(connection, freed)
        # Frees a page a step; execute() would take the first step only.
        connection.executescript("PRAGMA incremental_vacuum")
        run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return deleted


@dataclass(slots=True)
class _Freed:
    """What some traces held, so that what nobody else holds can go with them."""

    contents: set[int]
    pipelines: set[int]


def _held_by(connection: sqlite3.Connection, seqs: Sequence[int]) -> _Freed:
    run, freed = connection.execute, _Freed(set(), set())
    for seq in seqs:
        (trace_id, pipeline) = run("SELECT id, pipeline FROM traces WHERE seq = ?", (seq,)).fetchone()
        freed.pipelines.add(pipeline)
        rows = run(
            "SELECT h.content FROM rankings r JOIN hit_rows h ON h.ranking = r.ranking WHERE r.trace_id = ?"
            " UNION SELECT content FROM other_documents WHERE seq = ?",
            (trace_id, seq),
        )
        freed.contents.update(content for (content,) in rows if content is not None)
    return freed


def _sweep_freed(connection: sqlite3.Connection, freed: _Freed) -> None:
    """Delete of what was freed all that nothing refers to.

    Hits are not indexed by content, so all of them are read to find out: for minutes in a large database.
    That is done outside of the transaction, in which only what was stored meanwhile is looked at again.
    """
    run = connection.execute
    _fill(connection, "freed_contents", freed.contents)
    _fill(connection, "freed_pipelines", freed.pipelines)
    (ranking,) = run("SELECT coalesce(max(ranking), 0) FROM rankings").fetchone()
    (seq,) = run("SELECT coalesce(max(seq), 0) FROM traces").fetchone()
    _spare(connection, "ranking <= ?", "seq <= ?", (ranking, seq, seq))
    run("BEGIN IMMEDIATE")
    _spare(connection, "ranking > ?", "seq > ?", (ranking, seq, seq))
    run("DELETE FROM contents WHERE content IN (SELECT key FROM temp.freed_contents)")
    run("DELETE FROM pipelines WHERE pipeline IN (SELECT key FROM temp.freed_pipelines)")
    run("UPDATE upkeep SET contents_removed = contents_removed + 1")
    run("COMMIT")


def _fill(connection: sqlite3.Connection, table: str, keys: set[int]) -> None:
    connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table} (key INTEGER PRIMARY KEY)")
    connection.execute(f"DELETE FROM temp.{table}")  # noqa: S608 - a name of ours
    connection.executemany(f"INSERT INTO temp.{table} VALUES (?)", ((key,) for key in keys))  # noqa: S608


def _spare(connection: sqlite3.Connection, rankings: str, seqs: str, values: tuple[int, int, int]) -> None:
    """Take from what was freed all that traces in these ranges refer to."""
    # Conditions of ours and placeholders. The inner one reads a few freed keys for every hit, and not
    # every hit for a few keys.
    connection.execute(
        f"""
        DELETE FROM temp.freed_contents WHERE key IN (
            SELECT content FROM hit_rows WHERE {rankings} AND content IN (SELECT key FROM temp.freed_contents)
            UNION SELECT content FROM other_documents WHERE {seqs}
        )
        """,  # noqa: S608
        values[:2],
    )
    connection.execute(
        f"DELETE FROM temp.freed_pipelines WHERE key IN (SELECT pipeline FROM traces WHERE {seqs})",  # noqa: S608
        values[2:],
    )


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
