"""Deleting a few traces by id, and the texts that nothing else holds, without reading the whole database.

Hits are not indexed by content, because that would nearly double the cost of storing a trace. Whether a text
is still in use is found out by going back from the newest trace: most are found again at once, and the search
ends where the text was stored first, since nothing older can refer to it. It goes on beside the writer, which
is held up by short transactions only.

What may be free is noted in ``pending_frees`` by the transaction that deletes the traces. Whoever is stopped
in between leaves it to the next deletion, or to the next store that appends.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from rankscope.tracing.columns import to_column
from rankscope.tracing.database import connect, one_line_errors

__all__ = [
    "Deleted",
    "Freed",
    "copy_back",
    "delete_freed",
    "delete_traces",
    "give_back",
    "go_on",
    "pending",
    "spare_what_is_used",
]

_FIRST_LOOK = 100
"""Traces of the first look back; each further look takes twice as many, up to the most."""
_MOST = 5_000
_ON_WRITER = 500
"""Traces of a look by the writer itself, while traces wait to be stored."""
_PORTION = 500
"""Texts that one transaction deletes: a few milliseconds, for which other writers wait."""
_NOTES = 5_000
_PAGES = 500
"""Free pages that one transaction gives back."""
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


@dataclass(frozen=True, slots=True)
class Deleted:
    """What one transaction deleted."""

    lines: list[tuple[str, int]]
    """Time and ``seq`` of each deleted trace, as the database has them."""
    removals: tuple[int, int]
    """The database's count of deletions before and after."""


@dataclass(slots=True)
class Freed:
    """What deleted traces held that may be in use elsewhere."""

    until: int
    """The newest ``seq`` when this was read."""
    noted: int
    """The last row of ``pending_frees`` that is in here."""
    contents: dict[int, int] = field(default_factory=dict)
    """Keys of contents, each with the ``seq`` of the first trace that held it; 0 where that is unknown."""
    pipelines: dict[int, int] = field(default_factory=dict)
    newest: int = 0
    """What is stored up to here has not been looked through yet."""
    size: int = 0
    """Traces of the next look."""

    def keep(self, contents: Iterable[int], pipelines: Iterable[int]) -> None:
        """These are in use."""
        for table, keys in ((self.contents, contents), (self.pipelines, pipelines)):
            for key in keys:
                table.pop(key, None)

    @property
    def searched(self) -> bool:
        """Whether no trace that was not looked through can use any of it."""
        oldest = min((*self.contents.values(), *self.pipelines.values()), default=None)
        return oldest is None or self.newest < max(oldest, 1)


def delete_traces(connection: sqlite3.Connection, ids: Sequence[str]) -> Deleted:
    """Delete these traces in one transaction that notes what they held; unknown ids do nothing."""
    run, lines = connection.execute, []
    held: dict[tuple[str, int], int] = {}
    run("BEGIN IMMEDIATE")
    for trace_id in map(to_column, ids):
        row = run(_TRACE, (trace_id,)).fetchone()
        if row is None:
            continue
        seq, created_at, pipeline, first_seq = row
        lines.append((created_at, seq))
        held["pipelines", pipeline] = first_seq or 0
        held.update((("contents", key), first or 0) for key, first in run(_HELD, (trace_id, seq)))
        run("DELETE FROM traces WHERE seq = ?", (seq,))
    (removed,) = run("SELECT traces_removed FROM upkeep").fetchone()
    if lines:
        rows = ((*key, first) for key, first in held.items())
        connection.executemany("INSERT INTO pending_frees (kind, key, first_seq) VALUES (?, ?, ?)", rows)
        run("UPDATE upkeep SET traces_removed = traces_removed + 1")
    run("COMMIT")
    return Deleted(lines, (removed, removed + bool(lines)))


def pending(connection: sqlite3.Connection) -> Freed | None:
    """What deletions have left to be looked for until now; None where that is nothing.

    In one read transaction, or on the connection of the only writer of this process.
    """
    run = connection.execute
    (noted,) = run("SELECT max(free) FROM pending_frees").fetchone()
    if noted is None:
        return None
    row = run("SELECT seq FROM sqlite_sequence WHERE name = 'traces'").fetchone()
    freed = Freed(row[0] if row else 0, noted, size=_FIRST_LOOK)
    freed.newest = freed.until
    for kind, key, first in run("SELECT kind, key, first_seq FROM pending_frees WHERE free <= ?", (noted,)):
        table = freed.contents if kind == "contents" else freed.pipelines
        table[key] = min(first, table.get(key, first))
    return freed


def spare_what_is_used(
    reading: Callable[[], AbstractContextManager[sqlite3.Connection]], freed: Freed
) -> None:
    """Take from ``freed`` all that stored traces refer to, in read transactions of a fraction of a second."""
    while not freed.searched:
        with reading() as connection:
            _look_back(connection, freed, _MOST)


def _look_back(connection: sqlite3.Connection, freed: Freed, most: int) -> None:
    """Look through the next traces before those that were looked through."""
    sql = "SELECT min(seq) FROM (SELECT seq FROM traces WHERE seq <= ? ORDER BY seq DESC LIMIT ?)"
    (start,) = connection.execute(sql, (freed.newest, min(freed.size, most))).fetchone()
    if start is not None:
        _spare(connection, freed, start, freed.newest)
    freed.newest, freed.size = (start or 1) - 1, min(2 * freed.size, most)


def delete_freed(connection: sqlite3.Connection, freed: Freed) -> bool:
    """Delete a portion of what is left in ``freed`` and not used by traces that were stored meanwhile.

    Says whether there is more to do; at the last, that nothing is pending any more is noted.
    """
    some = Freed(freed.until, freed.noted)
    some.contents = dict(islice(freed.contents.items(), _PORTION))
    some.pipelines = {} if some.contents else dict(islice(freed.pipelines.items(), _PORTION))
    keys, done = (list(some.contents), list(some.pipelines)), False
    run = connection.execute
    # SQLite would read all traces to see that none has the pipeline, which is known by then.
    run("PRAGMA foreign_keys = OFF")
    try:
        run("BEGIN IMMEDIATE")
        _spare(connection, some, freed.until + 1, _LAST)
        for table, left in (("contents", some.contents), ("pipelines", some.pipelines)):
            sql = f"DELETE FROM {table} WHERE {table[:-1]} IN (SELECT value FROM json_each(?))"  # noqa: S608
            run(sql, (_keys(left),))
        if not any(keys):
            sql = "SELECT free FROM pending_frees WHERE free <= ? ORDER BY free LIMIT ?"
            sql = f"DELETE FROM pending_frees WHERE free IN ({sql})"  # noqa: S608
            done = run(sql, (freed.noted, _NOTES)).rowcount < _NOTES
        run("UPDATE upkeep SET contents_removed = contents_removed + 1")
        run("COMMIT")
    finally:
        if connection.in_transaction:
            run("ROLLBACK")
        run("PRAGMA foreign_keys = ON")
    freed.keep(*keys)
    return not done


def give_back(connection: sqlite3.Connection) -> bool:
    """Give some of the free pages back to the file system; says whether there may be more."""
    ask = "PRAGMA freelist_count"
    (before,) = connection.execute(ask).fetchone()
    if before:
        # Frees a page a step; execute() would take the first step only.
        connection.executescript(f"PRAGMA incremental_vacuum({_PAGES})")
    return bool(0 < connection.execute(ask).fetchone()[0] < before)


def copy_back(path: Path) -> None:
    """Copy the log into the file and empty it, where nobody has to wait for that: space is all it gains.

    On a connection of its own, so that the writer goes on.
    """
    connection = connect(path, busy_seconds=0)
    try:
        with one_line_errors(path):
            run = connection.execute
            run("PRAGMA wal_checkpoint(PASSIVE)").fetchall()  # the bulk, beside readers and writers
            with suppress(sqlite3.OperationalError):  # taken: whoever writes next comes to it
                run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()


def go_on(connection: sqlite3.Connection, freed: Freed) -> bool:
    """The next short step of an interrupted deletion; says whether there are more."""
    if not freed.searched:
        _look_back(connection, freed, _ON_WRITER)
        return True
    if freed.noted and delete_freed(connection, freed):
        return True
    freed.noted = 0  # only space is left to do
    return give_back(connection)


def _spare(connection: sqlite3.Connection, freed: Freed, start: int, end: int) -> None:
    """Take from what was freed all that the traces from ``start`` to ``end`` refer to."""
    used = [
        [key for (key,) in connection.execute(sql, (start, end, _keys(table)))] if table else []
        for sql, table in ((_USED_CONTENTS, freed.contents), (_USED_PIPELINES, freed.pipelines))
    ]
    freed.keep(*used)


def _keys(table: Iterable[int]) -> str:
    return json.dumps(list(table))
