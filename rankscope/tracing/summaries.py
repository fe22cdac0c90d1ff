"""Cheap rows about traces, for lists: no hit is read, and a filter is one WHERE clause."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from rankscope.core.trace import Decision
from rankscope.tracing.columns import from_column, to_column
from rankscope.tracing.json_text import format_time, parse_time

__all__ = [
    "Page",
    "TraceFilter",
    "TraceSummary",
    "count_traces",
    "find_seqs",
    "rows_of",
]


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
    findings: tuple[tuple[str, str], ...] = ()
    """Code and severity of each finding."""


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Which traces to list; what is None or empty does not limit."""

    words: tuple[str, ...] = ()
    """Each must occur in the query's text, in any case."""
    origin: str | None = None
    """``live``, ``replay`` ...; ``import`` matches every ``import:FORMAT``."""
    decision: Decision | None = None
    findings: tuple[str, ...] = ()
    """Codes of findings that the trace must have, each of them, such as RS101."""
    slower_than_ms: float | None = None
    faster_than_ms: float | None = None
    since: datetime | None = None
    before: datetime | None = None
    """Created earlier than this moment."""
    stored_after: int | None = None
    """Only those with a larger ``seq``: what came since the last look."""
    stored_until: int | None = None
    """Only those with this ``seq`` or a smaller one: pages of such a list never shift."""
    parent_id: str | None = None

    def where(self, *, lines: bool = False) -> tuple[str, list[Any]]:
        """SQL condition over ``traces t`` and its parameters.

        With ``lines`` over the lines of :mod:`rankscope.tracing.list_index`, which know no parents.
        """
        terms: list[str] = []
        values: list[Any] = []

        def add(term: str, *parameters: Any) -> None:
            terms.append(term)
            values.extend(parameters)

        # LIKE ignores the case of ASCII only; query_folded is there for queries that need more.
        text = "t.query" if lines else "coalesce(t.query_folded, t.query)"
        for word in self.words:
            add(f"{text} LIKE ? ESCAPE '\\'", f"%{_escaped(word.casefold())}%")
        if self.origin is not None:
            origin = to_column(self.origin)
            add("(t.origin = ? OR substr(t.origin, 1, ?) = ?)", origin, len(origin) + 1, f"{origin}:")
        if self.decision is not None:
            add("t.decision = ?", self.decision)
        for code in self.findings:
            here = "instr(t.codes, char(31) || ? || char(31))"
            add(here if lines else "t.id IN (SELECT trace_id FROM findings WHERE code = ?)", to_column(code))
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
        if self.stored_until is not None:
            # The plus keeps SQLite from walking the table where the index on time holds the answer.
            add("t.seq <= ?" if self.stored_after is not None else "+t.seq <= ?", self.stored_until)
        if self.parent_id is not None:
            add("t.parent_id = ?", to_column(self.parent_id))
        return " AND ".join(terms) or "1", values

    @property
    def everything(self) -> bool:
        """Whether all that was stored until some moment passes."""
        return replace(self, stored_until=None) == TraceFilter()


def _escaped(word: str) -> str:
    """A word as LIKE takes it literally. Escaped like the column, minus the marks around it."""
    stored = to_column(word)
    if stored != word:
        stored = stored[len('json:"') : -1]
    return stored.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_ROWS = """
    SELECT t.seq, t.id, t.created_at, t.query, t.origin, t.parent_id, t.decision, t.total_ms,
        t.top_doc, t.top_score, t.moved_doc, t.moved, t.finding_count
    FROM traces t WHERE t.seq IN ({})
"""
_FINDINGS = "SELECT code, severity FROM findings WHERE trace_id = ? ORDER BY position"
_AT_ONCE = 500
_NEAR = 50_000
"""Rows that are looked at in order of time before the whole table is scanned and sorted."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: so many rows behind the row ``edge``, or behind the first ``offset`` ones."""

    limit: int
    offset: int = 0
    edge: TraceSummary | None = None
    oldest_first: bool = False

    @property
    def order(self) -> str:
        """SQL order of the list."""
        way = "ASC" if self.oldest_first else "DESC"
        return f"t.created_at {way}, t.seq {way}"

    def behind_edge(self) -> tuple[str, list[Any]]:
        """SQL condition for what comes after the edge, and its parameters."""
        if self.edge is None:
            return "1", []
        sign = ">" if self.oldest_first else "<"
        moment = format_time(self.edge.created_at, fixed=True)
        return f"(t.created_at, t.seq) {sign} (?, ?)", [moment, self.edge.seq]


def find_seqs(
    connection: sqlite3.Connection, chosen: TraceFilter, page: Page, *, lines: bool = False
) -> list[int]:
    """Numbers of the traces of one page, in order.

    Without a filter the index on time gives the page at once. With one, matches may be rare, and following
    that index through a million rows costs ten times a scan of the table: the nearest rows are tried first,
    then everything is scanned. ``lines`` for a list index instead of the database.
    """
    where, values = chosen.where(lines=lines)
    table = "lines" if lines else "traces"
    behind, edge = page.behind_edge()
    window = (page.limit, page.offset)

    def run(sql: str, *parameters: Any) -> list[int]:
        return [row[0] for row in connection.execute(sql, parameters)]

    # Below, only conditions and placeholders are put together.
    if chosen.everything:
        sql = f"SELECT t.seq FROM {table} t WHERE {behind} AND {where} ORDER BY {page.order} LIMIT ? OFFSET ?"  # noqa: S608
        return run(sql, *edge, *values, *window)
    if page.offset == 0 and chosen.stored_after is None:
        near = f"SELECT * FROM {table} t WHERE {behind} ORDER BY {page.order} LIMIT {_NEAR}"  # noqa: S608
        sql = f"SELECT t.seq FROM ({near}) t WHERE {where} ORDER BY {page.order} LIMIT ? OFFSET ?"  # noqa: S608
        found = run(sql, *edge, *values, *window)
        if len(found) == page.limit:
            return found
    by_scan = page.order.replace("t.created_at", "+t.created_at")  # the plus keeps SQLite off the index
    sql = f"SELECT t.seq FROM {table} t WHERE {behind} AND {where} ORDER BY {by_scan} LIMIT ? OFFSET ?"  # noqa: S608
    return run(sql, *edge, *values, *window)


def rows_of(connection: sqlite3.Connection, seqs: Sequence[int]) -> list[TraceSummary]:
    """Rows of these traces, in this order; one that is gone is left out."""
    found: dict[int, TraceSummary] = {}
    for start in range(0, len(seqs), _AT_ONCE):
        some = seqs[start : start + _AT_ONCE]
        for row in connection.execute(_ROWS.format(",".join("?" * len(some))), some):
            findings = connection.execute(_FINDINGS, (row[1],)).fetchall() if row[-1] else []
            found[row[0]] = _summary(row, findings)
    return [found[seq] for seq in seqs if seq in found]


def count_traces(
    connection: sqlite3.Connection,
    chosen: TraceFilter,
    ahead_of: TraceSummary | None = None,
    *,
    lines: bool = False,
) -> int:
    """How many pass the filter; of those only what stands ahead of a row where one is given."""
    where, values = chosen.where(lines=lines)
    ahead, edge = Page(0, edge=ahead_of, oldest_first=True).behind_edge()
    table = "lines" if lines else "traces"
    sql = f"SELECT count(*) FROM {table} t WHERE {ahead} AND {where}"  # noqa: S608 - placeholders only
    return int(connection.execute(sql, [*edge, *values]).fetchone()[0])


def _summary(row: tuple[Any, ...], findings: Sequence[tuple[str, str]]) -> TraceSummary:
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
        findings=tuple((from_column(code), severity) for code, severity in findings),
    )
