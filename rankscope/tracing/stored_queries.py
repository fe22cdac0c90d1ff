"""The distinct queries of the stored traces, each with its newest trace of every pipeline."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rankscope.tracing.columns import from_column
from rankscope.tracing.database import connect, one_line_errors, prepare

__all__ = ["StoredQueries", "StoredQuery", "read_stored_queries"]

_TRACES = "SELECT seq, id, query, query_id, filters, pipeline FROM traces ORDER BY seq"
_LISTED = """
    SELECT h.doc_id FROM rankings r JOIN hit_rows h ON h.ranking = r.ranking AND h.rank <= ?
    WHERE r.trace_id = ? AND r.status IN ('ok', 'partial')
    ORDER BY r.position, h.rank
"""


@dataclass(frozen=True, slots=True)
class StoredQuery:
    """One query text, whatever its filters were."""

    text: str
    query_id: str | None
    """Of the newest trace that has one."""
    filters: Mapping[str, str]
    """Of the newest trace."""
    trace_ids: tuple[str, ...]
    """The newest trace of each pipeline, oldest first."""
    doc_ids: tuple[str, ...]
    """Documents that stand in the first ``depth`` of any list of those traces."""


@dataclass(frozen=True, slots=True)
class StoredQueries:
    """Queries in the order of their first trace."""

    queries: tuple[StoredQuery, ...]
    total: int
    """How many there are; more than ``queries`` where only the newest were asked for."""


def read_stored_queries(
    path: Path, *, depth: int, most: int | None = None, busy_seconds: float = 30.0
) -> StoredQueries:
    """The queries of the database at ``path``, the ``most`` that were run last; none without a database."""
    if not path.exists():
        return StoredQueries((), 0)
    prepare(path, create=False, busy_seconds=busy_seconds)
    connection = connect(path, busy_seconds=busy_seconds, readonly=True)
    try:
        with one_line_errors(path):
            connection.execute("BEGIN")
            found = _newest(connection)
            total = len(found)
            if most is not None and total > most:
                last = sorted(found, key=lambda query: max(row[3] for row in found[query].values()))
                wanted = set(last[-most:])
                found = {query: rows for query, rows in found.items() if query in wanted}
            read = tuple(_read(connection, query, rows, depth) for query, rows in found.items())
            return StoredQueries(read, total)
    finally:
        connection.close()


_Row = tuple[str, str | None, str | None, int]
"""Trace id, query id and filters, as stored, and the place of the trace."""


def _newest(connection: sqlite3.Connection) -> dict[str, dict[int, _Row]]:
    """Query text to pipeline to its newest trace, the newest pipeline last."""
    found: dict[str, dict[int, _Row]] = {}
    for seq, trace_id, query, query_id, filters, pipeline in connection.execute(_TRACES):
        by_pipeline = found.setdefault(query, {})
        by_pipeline.pop(pipeline, None)
        by_pipeline[pipeline] = (trace_id, query_id, filters, seq)
    return found


def _read(
    connection: sqlite3.Connection, query: str, by_pipeline: dict[int, _Row], depth: int
) -> StoredQuery:
    rows = list(by_pipeline.values())
    listed: dict[str, None] = {}
    for trace_id, *_ in rows:
        listed.update(dict.fromkeys(doc_id for (doc_id,) in connection.execute(_LISTED, (depth, trace_id))))
    ids = [query_id for _, query_id, *_ in rows if query_id is not None]
    filters = json.loads(rows[-1][2] or "{}")
    return StoredQuery(
        text=from_column(query),
        query_id=from_column(ids[-1]) if ids else None,
        filters=dict(filters),
        trace_ids=tuple(from_column(trace_id) for trace_id, *_ in rows),
        doc_ids=tuple(map(from_column, listed)),
    )
