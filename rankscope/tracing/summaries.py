"""Cheap rows about traces, for lists: no hit is read, and a filter is one WHERE clause."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from rankscope.core.trace import Decision
from rankscope.tracing.columns import from_column, to_column
from rankscope.tracing.json_text import format_time, parse_time

__all__ = ["TraceFilter", "TraceSummary", "select_summaries"]


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """What a list shows of one trace."""

    seq: int
    """Number in order of storing; larger is later. For asking what is new."""
    trace_id: str
    created_at: datetime
    query: str
    origin: str
    parent_id: str | None
    decision: Decision | None
    total_ms: float | None
    top_doc: str | None
    """First document of the order that stands."""
    top_score: float | None
    moved_doc: str | None
    """The document that the reranker moved furthest."""
    moved: int | None
    """By how many places: positive is up. None where nothing was reranked."""
    finding_count: int


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Which traces to list; what is None or empty does not limit."""

    words: tuple[str, ...] = ()
    """Each must occur in the query's text, in any case."""
    origin: str | None = None
    """``live``, ``replay`` ...; ``import`` matches every ``import:FORMAT``."""
    decision: Decision | None = None
    finding: str | None = None
    """Code of a finding that the trace must have, such as RS101."""
    slower_than_ms: float | None = None
    faster_than_ms: float | None = None
    since: datetime | None = None
    before: datetime | None = None
    """Created earlier than this moment."""
    stored_after: int | None = None
    """Only those with a larger ``seq``: what came since the last look."""
    parent_id: str | None = None

    def where(self) -> tuple[str, list[Any]]:
        """SQL condition over ``traces t`` and its parameters."""
        terms: list[str] = []
        values: list[Any] = []

        def add(term: str, *parameters: Any) -> None:
            terms.append(term)
            values.extend(parameters)

        for word in self.words:
            # LIKE ignores the case of ASCII only; query_folded is there for queries that need more.
            pattern = f"%{_escaped(word)}%"
            folded = f"%{_escaped(word.casefold())}%"
            add("(t.query LIKE ? ESCAPE '\\' OR t.query_folded LIKE ? ESCAPE '\\')", pattern, folded)
        if self.origin is not None:
            origin = to_column(self.origin)
            add("(t.origin = ? OR substr(t.origin, 1, ?) = ?)", origin, len(origin) + 1, f"{origin}:")
        if self.decision is not None:
            add("t.decision = ?", self.decision)
        if self.finding is not None:
            add("t.id IN (SELECT trace_id FROM findings WHERE code = ?)", to_column(self.finding))
        if self.slower_than_ms is not None:
            add("t.total_ms > ?", self.slower_than_ms)
        if self.faster_than_ms is not None:
            add("t.total_ms < ?", self.faster_than_ms)
        if self.since is not None:
            add("t.created_at >= ?", format_time(self.since, fixed=True))
        if self.before is not None:
            add("t.created_at < ?", format_time(self.before, fixed=True))
        if self.stored_after is not None:
            add("t.seq > ?", self.stored_after)
        if self.parent_id is not None:
            add("t.parent_id = ?", to_column(self.parent_id))
        return " AND ".join(terms) or "1", values


def _escaped(word: str) -> str:
    """A word as LIKE takes it literally. Escaped like the column, minus the marks around it."""
    stored = to_column(word)
    if stored != word:
        stored = stored[len('json:"') : -1]
    return stored.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_COLUMNS = """
    t.seq, t.id, t.created_at, t.query, t.origin, t.parent_id, t.decision, t.total_ms,
    t.top_doc, t.top_score, t.moved_doc, t.moved, t.finding_count
"""
_NEAR = 50_000
"""Rows that are looked at in order of time before the whole table is scanned and sorted."""


def select_summaries(
    connection: sqlite3.Connection,
    chosen: TraceFilter,
    *,
    limit: int,
    offset: int = 0,
    before: TraceSummary | None = None,
    oldest_first: bool = False,
) -> list[TraceSummary]:
    """One page of the list, newest first unless told; ``before`` goes on after a page's last row.

    Without a filter the index on time gives the page at once. With one, matches may be rare, and following
    that index through a million rows costs ten times a scan of the table: the nearest rows are tried first,
    then everything is scanned.
    """
    where, values = chosen.where()
    after, edge = "1", cast(tuple[Any, ...], ())
    if before is not None:
        after = f"(t.created_at, t.seq) {'>' if oldest_first else '<'} (?, ?)"
        edge = (format_time(before.created_at, fixed=True), before.seq)
    way = "ASC" if oldest_first else "DESC"
    order = f"t.created_at {way}, t.seq {way}"
    page = (limit, offset)

    def run(sql: str, *parameters: Any) -> list[TraceSummary]:
        return [_summary(row) for row in connection.execute(sql, parameters)]

    # Below, only column names, conditions and placeholders are put together.
    if where == "1":
        sql = f"SELECT {_COLUMNS} FROM traces t WHERE {after} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        return run(sql, *edge, *page)
    if offset == 0:
        near = f"SELECT * FROM traces t WHERE {after} ORDER BY {order} LIMIT {_NEAR}"  # noqa: S608
        sql = f"SELECT {_COLUMNS} FROM ({near}) t WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        found = run(sql, *edge, *values, *page)
        if len(found) == limit:
            return found
    by_scan = order.replace("t.created_at", "+t.created_at")  # the plus keeps SQLite off the index
    sql = f"SELECT {_COLUMNS} FROM traces t WHERE {after} AND {where} ORDER BY {by_scan} LIMIT ? OFFSET ?"  # noqa: S608
    return run(sql, *edge, *values, *page)


def _summary(row: tuple[Any, ...]) -> TraceSummary:
    (seq, trace_id, created_at, query, origin, parent_id, decision, total_ms) = row[:8]
    (top_doc, top_score, moved_doc, moved, finding_count) = row[8:]
    return TraceSummary(
        seq=seq,
        trace_id=from_column(trace_id),
        created_at=parse_time(created_at),
        query=from_column(query),
        origin=from_column(origin),
        parent_id=None if parent_id is None else from_column(parent_id),
        decision=cast(Decision | None, decision),
        total_ms=total_ms,
        top_doc=None if top_doc is None else from_column(top_doc),
        top_score=top_score,
        moved_doc=None if moved_doc is None else from_column(moved_doc),
        moved=moved,
        finding_count=finding_count,
    )
