"""Traces to rows, many at a time. Runs inside the writer's transaction."""

from __future__ import annotations

import hashlib
import math
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rankscope.core.documents import Document
from rankscope.core.trace import PipelineInfo, Ranking, Trace
from rankscope.errors import TraceError
from rankscope.tracing.columns import to_column
from rankscope.tracing.formats.native import dumps
from rankscope.tracing.json_text import format_time, to_json_text
from rankscope.tracing.row_reader import load_trace

__all__ = ["RowWriter", "content_key"]

_HIT_COLUMNS = 6
_HITS_AT_ONCE = 100
# One statement of a hundred rows costs half of a hundred statements, and lets go of the GIL once.
_INSERT_HITS = "INSERT INTO hit_rows VALUES " + ",".join(["(?,?,?,?,?,?)"] * _HITS_AT_ONCE)  # noqa: S608
_INSERT_HIT = "INSERT INTO hit_rows VALUES (?,?,?,?,?,?)"
_INSERT_TRACE = "INSERT INTO traces VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_RANKING = "INSERT INTO rankings VALUES (?,?,?,?,?,?,?,?,?)"
_INSERT_FINDING = "INSERT INTO findings VALUES (?,?,?,?,?,?)"
_MOST_REMEMBERED = 32 * 1024 * 1024
"""Characters of text whose keys are remembered before starting afresh."""


@dataclass
class _Rows:
    """Rows of one or more traces, in the column order of their tables."""

    traces: list[tuple[Any, ...]] = field(default_factory=list)
    extras: list[tuple[Any, ...]] = field(default_factory=list)
    rankings: list[tuple[Any, ...]] = field(default_factory=list)
    hits: list[Any] = field(default_factory=list)
    """Flat: six values a hit."""
    findings: list[tuple[Any, ...]] = field(default_factory=list)
    others: list[tuple[Any, ...]] = field(default_factory=list)


def content_key(document: Document, metadata: str) -> str:
    """Hash under which a content is stored: title and text, and metadata (as JSON) where there is any."""
    if not metadata:
        return document.content_hash
    raw = f"{document.title}\0{document.text}\0{metadata}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(raw).hexdigest()


class RowWriter:
    """Writes traces through one connection and remembers the keys of contents and pipelines."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._contents: dict[tuple[str, str, str], int] = {}
        self._remembered = 0
        self._pipelines: dict[tuple[str, ...], int] = {}
        self._removals = -1
        self._seq = 0
        self._ranking = 0

    def forget(self) -> None:
        """Drop remembered keys; needed after a rollback, which may have taken their rows back."""
        self._contents.clear()
        self._pipelines.clear()
        self._remembered = 0

    def write(self, traces: Sequence[Trace]) -> dict[int, TraceError]:
        """Insert traces inside the open transaction; returns what was refused, by place.

        A trace that is stored already is passed over; a different one under its id is refused.
        """
        self._begin()
        refused: dict[int, TraceError] = {}
        rows = _Rows()
        fresh: dict[str, Trace] = {}
        for place, trace in enumerate(traces):
            try:
                if self._is_new(trace, fresh):
                    self._collect(trace, rows)
                    fresh[trace.trace_id] = trace
                time.sleep(0)  # lets a waiting thread of the service go on before the next trace
            except TraceError as error:
                refused[place] = error
        self._insert(rows)
        return refused

    def _begin(self) -> None:
        run = self._connection.execute
        (removals,) = run("SELECT contents_removed FROM upkeep").fetchone()
        if removals != self._removals:
            self.forget()
            self._removals = removals
        row = run("SELECT seq FROM sqlite_sequence WHERE name = 'traces'").fetchone()
        self._seq = row[0] if row else 0
        (self._ranking,) = run("SELECT coalesce(max(ranking), 0) FROM rankings").fetchone()

    def _is_new(self, trace: Trace, fresh: Mapping[str, Trace]) -> bool:
        stored = fresh.get(trace.trace_id)
        if stored is None:
            sql = "SELECT 1 FROM traces WHERE id = ?"
            if self._connection.execute(sql, (to_column(trace.trace_id),)).fetchone() is None:
                return True
            stored = load_trace(self._connection, trace.trace_id)
        if stored == trace or (stored is not None and dumps(stored) == dumps(trace)):
            return False
        raise TraceError(f"trace {trace.trace_id!r:.80} is stored already, with other contents.")

    def _collect(self, trace: Trace, rows: _Rows) -> None:
        """Append a trace's rows; nothing is appended when it is refused."""
        identifier = to_column(trace.trace_id)
        seq = self._seq + 1
        ids: dict[str, tuple[str, int | None]] = {
            doc_id: (to_column(doc_id), self._content(doc_id, doc)) for doc_id, doc in trace.documents.items()
        }
        ranking_rows: list[tuple[Any, ...]] = []
        hits: list[Any] = []
        unlisted = set(ids)
        for position, ranking in enumerate(trace.rankings):
            number = self._ranking + position + 1
            ranking_rows.append((number, identifier, position, *_ranking_columns(ranking)))
            unlisted.difference_update([hit.doc_id for hit in ranking.hits])
            for hit in ranking.hits:
                known = ids.get(hit.doc_id)
                if known is None:
                    known = ids[hit.doc_id] = (to_column(hit.doc_id), None)
                details = to_json_text(dict(hit.details), "details") if hit.details else None
                hits += (number, hit.rank, known[0], hit.score, known[1], details)
        findings = [
            (
                identifier,
                position,
                to_column(finding.code),
                finding.severity,
                to_column(finding.message),
                to_json_text(list(finding.doc_ids)) if finding.doc_ids else None,
            )
            for position, finding in enumerate(trace.findings)
        ]
        attributes = to_json_text(dict(trace.attributes), "attributes") if trace.attributes else None
        row = (
            seq,
            identifier,
            *_trace_columns(trace),
            self._pipeline(trace.pipeline),
            *_outcome_columns(trace),
        )
        rows.traces.append(row)
        rows.extras.append((seq, to_json_text(list(trace.kept)), attributes))
        rows.rankings += ranking_rows
        rows.hits += hits
        rows.findings += findings
        rows.others += [(seq, *ids[doc_id]) for doc_id in unlisted]
        self._seq = seq
        self._ranking += len(ranking_rows)

    def _insert(self, rows: _Rows) -> None:
        connection = self._connection
        connection.executemany(_INSERT_TRACE, rows.traces)
        connection.executemany("INSERT INTO trace_extras VALUES (?,?,?)", rows.extras)
        connection.executemany(_INSERT_RANKING, rows.rankings)
        step = _HITS_AT_ONCE * _HIT_COLUMNS
        whole = len(rows.hits) // step * step
        for start in range(0, whole, step):
            connection.execute(_INSERT_HITS, rows.hits[start : start + step])
        rest = rows.hits[whole:]
        connection.executemany(
            _INSERT_HIT, [rest[at : at + _HIT_COLUMNS] for at in range(0, len(rest), _HIT_COLUMNS)]
        )
        connection.executemany(_INSERT_FINDING, rows.findings)
        connection.executemany("INSERT INTO other_documents VALUES (?,?,?)", rows.others)

    def _content(self, doc_id: str, document: Document) -> int:
        """Key of a document's content, stored now if it is new."""
        if document.doc_id != doc_id:
            raise TraceError(f"documents[{doc_id!r:.60}] holds document {document.doc_id!r:.60}.")
        metadata = document.metadata
        # repr tells 1, 1.0 and True apart, which are equal as keys of a dict.
        remembered = (document.title, document.text, repr(metadata) if metadata else "")
        key = self._contents.get(remembered)
        if key is None:
            key = self._store_content(doc_id, document)
            self._remembered += len(document.text) + len(document.title)
            if self._remembered > _MOST_REMEMBERED:
                self._contents.clear()
                self._remembered = len(document.text)
            self._contents[remembered] = key
        return key

    def _store_content(self, doc_id: str, document: Document) -> int:
        metadata = dict(document.metadata)
        encoded = to_json_text(metadata, f"metadata of document {doc_id!r:.60}") if metadata else ""
        content_hash = content_key(document, encoded)
        run = self._connection.execute
        row = run("SELECT content FROM contents WHERE content_hash = ?", (content_hash,)).fetchone()
        if row is not None:
            return int(row[0])
        values = (content_hash, to_column(document.title), to_column(document.text), encoded or None)
        sql = "INSERT INTO contents (content_hash, title, text, metadata) VALUES (?,?,?,?)"
        return _rowid(run(sql, values))

    def _pipeline(self, pipeline: PipelineInfo) -> int:
        models = {role: asdict(model) for role, model in pipeline.models.items()}
        values = (
            to_column(pipeline.fingerprint),
            to_column(pipeline.corpus),
            to_json_text(dict(pipeline.settings), "pipeline.settings"),
            to_json_text(models, "pipeline.models"),
        )
        key = self._pipelines.get(values)
        if key is None:
            run = self._connection.execute
            sql = "SELECT pipeline FROM pipelines WHERE (fingerprint, corpus, settings, models) = (?,?,?,?)"
            row = run(sql, values).fetchone()
            sql = "INSERT INTO pipelines (fingerprint, corpus, settings, models) VALUES (?,?,?,?)"
            key = self._pipelines[values] = row[0] if row else _rowid(run(sql, values))
        return key


def _rowid(cursor: sqlite3.Cursor) -> int:
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _trace_columns(trace: Trace) -> tuple[Any, ...]:
    """Columns ``created_at`` to ``filters``."""
    query = trace.query
    folded = None if query.text.isascii() else query.text.casefold()
    return (
        format_time(trace.created_at, fixed=True),
        to_column(trace.origin),
        None if trace.parent_id is None else to_column(trace.parent_id),
        to_column(query.text),
        None if query.query_id is None else to_column(query.query_id),
        None if folded is None else to_column(folded),
        to_json_text(dict(query.filters), "query.filters") if query.filters else None,
    )


def _outcome_columns(trace: Trace) -> tuple[Any, ...]:
    """Columns ``top_k`` to ``finding_count``."""
    floor = trace.floor
    final = trace.final
    top = final.hits[0] if final is not None and final.hits else None
    doc_id, places = biggest_move(trace)
    return (
        trace.top_k,
        *(
            (None, None, None)
            if floor is None
            else (floor.value, floor.score_scale.value, to_column(floor.source))
        ),
        trace.decision,
        trace.total_ms,
        None if top is None else to_column(top.doc_id),
        None if top is None else top.score,
        None if doc_id is None else to_column(doc_id),
        places,
        len(trace.findings),
    )


def _ranking_columns(ranking: Ranking) -> tuple[Any, ...]:
    """Columns ``stage`` to ``details``."""
    if ranking.ms is not None and not math.isfinite(ranking.ms):
        # SQLite would store NaN as NULL.
        raise TraceError(f"ms of stage {ranking.stage!r:.40} is {ranking.ms}, expected a finite number.")
    return (
        to_column(ranking.stage),
        ranking.score_scale.value,
        ranking.ms,
        ranking.depth,
        to_column(ranking.status),
        to_json_text(dict(ranking.details), f"details of stage {ranking.stage!r:.40}")
        if ranking.details
        else None,
    )


def biggest_move(trace: Trace) -> tuple[str | None, int | None]:
    """The document that the reranker moved furthest, and by how many places (positive: up).

    Of equal moves the best ranked wins. ``(None, None)`` where nothing was reranked.
    """
    before, after = trace.before, trace.after
    if before is None or after is None:
        return None, None
    places = {hit.doc_id: hit.rank for hit in reversed(before.hits)}
    shared = [hit for hit in after.hits if hit.doc_id in places]
    if not shared:
        return None, None
    moves = [places[hit.doc_id] - hit.rank for hit in shared]
    lengths = list(map(abs, moves))
    furthest = lengths.index(max(lengths))
    return shared[furthest].doc_id, moves[furthest]
