"""Deleting a few traces by id, and the texts that nothing else holds, without reading the whole database.

Hits are not indexed by content, because that would nearly double the cost of storing a trace. Whether a text
is still in use is found out by going back from the newest trace: most are found again at once, and the search
ends where the text was stored first, since nothing older can refer to it. It goes on beside the writer, which
is held up by short transactions only.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from rankscope.tracing.columns import to_column

__all__ = ["Freed", "delete_freed", "delete_traces", "spare_what_is_used"]

_FIRST_LOOK = 100
"""Traces of the first look back; each further look takes twice as many, up to the most."""
_MOST = 5_000
_LAST = 1 << 62
_TRACE = """
    SELECT t.seq, t.created_at, t.pipeline, p.first_seq
    FROM traces t JOIN pipelines p ON p.pipeline = t.pipeline WHERE t.id = ?
"""
_HELD = """
    SELECT h.content, c.first_seq FROM rankings r
    JOIN hit_rows h ON h.ranking = r.ranking JOIN contents c ON c.content = h.content WHERE r.trace_id = ?
    UNION SELECT o.content, c.first_seq FROM other_documents o JOIN contents c USING (content) WHERE o.seq = ?
"""
# By way of the traces: numbers of rankings are given again after a deletion, those of traces never.
_USED_CONTENTS = """
    SELECT h.content FROM traces t CROSS JOIN rankings r ON r.trace_id = t.id
    CROSS JOIN hit_rows h ON h.ranking = r.ranking
    WHERE t.seq BETWEEN ?1 AND ?2 AND h.content IN (SELECT value FROM json_each(?3))
    UNION SELECT content FROM other_documents
    WHERE seq BETWEEN ?1 AND ?2 AND content IN (SELECT value FROM json_each(?3))
"""
_USED_PIPELINES = """
    SELECT pipeline FROM traces WHERE seq BETWEEN ?1 AND ?2
    AND pipeline IN (SELECT value FROM json_each(?3))
"""


@dataclass(slots=True)
class Freed:
    """What was deleted, and what it held that may be in use elsewhere."""

    lines: list[tuple[str, int]] = field(default_factory=list)
    """Time and ``seq`` of each deleted trace, as the database has them."""
    contents: dict[int, int] = field(default_factory=dict)
    """Keys of contents, each with the ``seq`` of the first trace that held it; 0 where that is unknown."""
    pipelines: dict[int, int] = field(default_factory=dict)
    until: int = 0
    """The newest ``seq`` at the time of the deletion."""

    def keep(self, contents: Iterable[int], pipelines: Iterable[int]) -> None:
        """These are in use."""
        for table, keys in ((self.contents, contents), (self.pipelines, pipelines)):
            for key in keys:
                table.pop(key, None)

    @property
    def oldest(self) -> int | None:
        """``seq`` of the oldest trace that can use any of it; None where nothing is left."""
        return min((*self.contents.values(), *self.pipelines.values()), default=None)


def delete_traces(connection: sqlite3.Connection, ids: Sequence[str], freed: Freed) -> None:
    """Delete these traces in one transaction and add what they held to ``freed``; unknown ids do nothing."""
    run, found = connection.execute, Freed()
    run("BEGIN IMMEDIATE")
    for trace_id in map(to_column, ids):
        row = run(_TRACE, (trace_id,)).fetchone()
        if row is None:
            continue
        seq, created_at, pipeline, first_seq = row
        found.lines.append((created_at, seq))
        found.pipelines[pipeline] = first_seq or 0
        found.contents.update((content, first or 0) for content, first in run(_HELD, (trace_id, seq)))
        run("DELETE FROM traces WHERE seq = ?", (seq,))
    row = run("SELECT seq FROM sqlite_sequence WHERE name = 'traces'").fetchone()
    run("COMMIT")
    freed.lines += found.lines
    freed.contents |= found.contents
    freed.pipelines |= found.pipelines
    freed.until = max(freed.until, row[0] if row else 0)


def spare_what_is_used(
    reading: Callable[[], AbstractContextManager[sqlite3.Connection]], freed: Freed
) -> None:
    """Take from ``freed`` all that stored traces refer to, in read transactions of a fraction of a second."""
    newest, size = freed.until, _FIRST_LOOK
    while (oldest := freed.oldest) is not None and newest >= max(oldest, 1):
        with reading() as connection:
            sql = "SELECT min(seq) FROM (SELECT seq FROM traces WHERE seq <= ? ORDER BY seq DESC LIMIT ?)"
            (start,) = connection.execute(sql, (newest, size)).fetchone()
            if start is None:
                return
            _spare(connection, freed, start, newest)
        newest, size = start - 1, min(2 * size, _MOST)


def delete_freed(connection: sqlite3.Connection, freed: Freed) -> tuple[int, int]:
    """Delete what is left in ``freed`` and not used by traces that were stored meanwhile.

    Returns the database's count of deletions before and after.
    """
    run = connection.execute
    # SQLite would read all traces to see that none has the pipeline, which is known by then.
    run("PRAGMA foreign_keys = OFF")
    try:
        run("BEGIN IMMEDIATE")
        _spare(connection, freed, freed.until + 1, _LAST)
        for table, keys in (("contents", freed.contents), ("pipelines", freed.pipelines)):
            sql = f"DELETE FROM {table} WHERE {table[:-1]} IN (SELECT value FROM json_each(?))"  # noqa: S608
            run(sql, (_keys(keys),))
        (removed,) = run("SELECT contents_removed FROM upkeep").fetchone()
        run("UPDATE upkeep SET contents_removed = contents_removed + 1")
        run("COMMIT")
    finally:
        if connection.in_transaction:
            run("ROLLBACK")
        run("PRAGMA foreign_keys = ON")
    if freed.contents:
        # Frees a page a step; execute() would take the first step only.
        connection.executescript("PRAGMA incremental_vacuum")
        run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return removed, removed + 1


def _spare(connection: sqlite3.Connection, freed: Freed, start: int, end: int) -> None:
    """Take from what was freed all that the traces from ``start`` to ``end`` refer to."""
    used = [
        [key for (key,) in connection.execute(sql, (start, end, _keys(table)))] if table else []
        for sql, table in ((_USED_CONTENTS, freed.contents), (_USED_PIPELINES, freed.pipelines))
    ]
    freed.keep(*used)


def _keys(table: Iterable[int]) -> str:
    return json.dumps(list(table))
