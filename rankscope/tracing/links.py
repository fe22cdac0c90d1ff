"""How traces hang together: a replay names the trace that it was made from."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from rankscope.tracing.columns import to_column

__all__ = ["TraceLinks", "find_links"]

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class TraceLinks:
    """Links between some traces and all others."""

    replays: int
    """Traces among the others that were made from one of these."""
    parents: int
    """Traces among the others that one of these was made from."""


def find_links(connection: sqlite3.Connection, ids: Sequence[str]) -> TraceLinks:
    """Count the links that cross the border of this group of traces."""
    keys = [to_column(trace_id) for trace_id in ids]
    inside = set(keys)
    replays: set[str] = set()
    parents: set[str] = set()
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        marks = ",".join("?" * len(some))
        sql = f"SELECT id FROM traces WHERE parent_id IN ({marks})"  # noqa: S608 - placeholders only
        replays.update(row[0] for row in connection.execute(sql, some))
        sql = f"""
            SELECT p.id FROM traces t JOIN traces p ON p.id = t.parent_id WHERE t.id IN ({marks})
        """  # noqa: S608 - placeholders only
        parents.update(row[0] for row in connection.execute(sql, some))
    return TraceLinks(len(replays - inside), len(parents - inside))
