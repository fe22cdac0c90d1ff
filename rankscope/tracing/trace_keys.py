"""What stored traces are paired by, without reading their rankings: for groups of many."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from rankscope.tracing.columns import from_column
from rankscope.tracing.database import connect, one_line_errors, prepare
from rankscope.tracing.json_text import parse_time
from rankscope.tracing.summaries import TraceFilter

__all__ = ["StoredKey", "read_keys"]


class StoredKey(NamedTuple):
    """Identity of one stored trace and of its query."""

    trace_id: str
    parent_id: str | None
    created_at: datetime
    query: str
    query_id: str | None
    filters: str
    """As stored: equal texts are equal filters."""
    job: str | None
    """Of a replay: the key of what it was run through."""


def read_keys(path: Path, chosen: TraceFilter, *, busy_seconds: float = 30.0) -> list[StoredKey]:
    """Keys of the traces that pass, oldest first. Raises WorkspaceError."""
    prepare(path, create=False, busy_seconds=busy_seconds)
    where, values = chosen.where()
    sql = f"""
        SELECT t.id, t.parent_id, t.created_at, t.query, t.query_id, t.filters,
            CASE WHEN t.origin = 'replay' THEN json_extract(x.attributes, '$.replay.job') END
        FROM traces t JOIN trace_extras x ON x.seq = t.seq
        WHERE {where} ORDER BY t.created_at, t.seq
    """  # noqa: S608 - column names and placeholders only
    connection = connect(path, busy_seconds=busy_seconds, readonly=True)
    try:
        with one_line_errors(path):
            return [
                StoredKey(
                    trace_id=from_column(trace_id),
                    parent_id=None if parent_id is None else from_column(parent_id),
                    created_at=parse_time(created_at),
                    query=from_column(query),
                    query_id=None if query_id is None else from_column(query_id),
                    filters=filters or "",
                    job=None if job is None else str(job),
                )
                for trace_id, parent_id, created_at, query, query_id, filters, job in connection.execute(
                    sql, values
                )
            ]
    finally:
        connection.close()
