"""Traces to rows, many at a time. Runs inside the writer's transaction."""

from __future__ import annotations

import hashlib
import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import accumulate
from typing import Any, TypeAlias, cast

from rankscope.core.trace import Finding, PipelineInfo
from rankscope.errors import TraceError
from rankscope.tracing.columns import to_column, to_columns
from rankscope.tracing.formats.native import dumps
from rankscope.tracing.json_text import format_time, to_json_text
from rankscope.tracing.record import Content, RankingRecord, TraceRecord
from rankscope.tracing.row_reader import load_trace

__all__ = ["RowWriter", "content_key"]

_HITS_AT_ONCE = (100, 50, 20, 10, 5, 2, 1)
"""One statement of many rows costs half of many statements, and lets go of the interpreter once."""
_INSERT_TRACE = "INSERT INTO traces VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_INSERT_RANKING = "INSERT INTO rankings VALUES (?,?,?,?,?,?,?,?,?)"
_INSERT_FINDING = "INSERT INTO findings VALUES (?,?,?,?,?,?)"
_MOST_REMEMBERED = 32 * 1024 * 1024
"""Characters of text whose keys are remembered before starting afresh."""
_NOTHING: Mapping[str, Any] = {}
_Known: TypeAlias = str | tuple[str, str, str]


@dataclass(slots=True)
class _Rows:
    """Rows of one trace, in the column order of their tables."""

    trace: tuple[Any, ...]
    extra: tuple[Any, ...]
    rankings: list[tuple[Any, ...]]
    hits: list[tuple[Sequence[Any] | None, ...]]
    """The columns ``rank`` to ``details`` of a ranking each; None where a column holds nothing but NULL."""
    findings: list[tuple[Any, ...]]
    others: list[tuple[Any, ...]]


def content_key(title: str, text: str, metadata: str) -> str:
    """Hash under which a content is stored: of title and text, and of metadata (JSON) where there is any.

    Without metadata it is the Document's own ``content_hash``.
    """
    raw = f"{title}\0{text}\0{metadata}" if metadata else f"{title}\0{text}"
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()


class RowWriter:
    """Writes traces through one connection and remembers the keys of contents and pipelines."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._contents: dict[_Known, int] = {}
        self._remembered = 0
        self._pipelines: dict[tuple[str, ...], int] = {}
        self._last_pipeline: tuple[PipelineInfo, int] | None = None
        self._removals = -1
        self._seq = 0
        self._ranking = 0

    def forget(self) -> None:
        """Drop remembered keys; needed after a rollback, which may have taken their rows back."""
        self._contents.clear()
        self._pipelines.clear()
        self._last_pipeline = None
        self._remembered = 0

    def write(self, sources: Sequence[Callable[[], TraceRecord]]) -> dict[int, TraceError]:
        """Insert the traces that ``sources`` give, inside the open transaction; returns what was refused.

        A trace that is stored already is passed over, whatever findings were drawn from it meanwhile; a
        different one under its id is refused. Each is made,
        turned into rows and inserted before the next, while its data is in the processor's caches; other
        threads have the interpreter while SQLite inserts.
        """
        self._begin()
        refused: dict[int, TraceError] = {}
        for place, source in enumerate(sources):
            try:
                record = source()
                if self._is_new(record):
                    self._insert(self._rows_of(record))
            except TraceError as error:
                refused[place] = error
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

    def _is_new(self, record: TraceRecord) -> bool:
        sql = "SELECT 1 FROM traces WHERE id = ?"
        if self._connection.execute(sql, (to_column(record.trace_id),)).fetchone() is None:
            return True
        found, trace = load_trace(self._connection, record.trace_id), replace(record.whole(), findings=())
        stored = None if found is None else replace(found, findings=())
        if stored == trace or (stored is not None and dumps(stored) == dumps(trace)):
            return False
        raise TraceError(f"trace {record.trace_id!r:.80} is stored already, with other contents.")

    def _rows_of(self, record: TraceRecord) -> _Rows:
        identifier = to_column(record.trace_id)
        seq = self._seq + 1
        contents = dict(zip(record.contents, self._keys_of(record.contents), strict=True))
        rankings: list[tuple[Any, ...]] = []
        hits: list[tuple[Sequence[Any] | None, ...]] = []
        unlisted = set(contents)
        for position, ranking in enumerate(record.rankings):
            number = self._ranking + position + 1
            rankings.append((number, identifier, position, *_ranking_columns(ranking)))
            unlisted.difference_update(ranking.doc_ids)
            hits.append(_hit_columns(ranking, contents))
        attributes = to_json_text(dict(record.attributes), "attributes") if record.attributes else None
        pipeline = self._pipeline(record.pipeline)
        return _Rows(
            trace=(seq, identifier, *_trace_columns(record), pipeline, *_outcome_columns(record)),
            extra=(seq, to_json_text(list(record.kept)), attributes),
            rankings=rankings,
            hits=hits,
            findings=[
                (identifier, place, *_finding_columns(finding))
                for place, finding in enumerate(record.findings)
            ],
            others=[(seq, to_column(doc_id), contents[doc_id]) for doc_id in unlisted],
        )

    def _insert(self, rows: _Rows) -> None:
        connection = self._connection
        connection.execute(_INSERT_TRACE, rows.trace)
        connection.execute("INSERT INTO trace_extras VALUES (?,?,?)", rows.extra)
        connection.executemany(_INSERT_RANKING, rows.rankings)
        for number, columns in enumerate(rows.hits, start=self._ranking + 1):
            self._insert_hits(number, columns)
        if rows.findings:
            connection.executemany(_INSERT_FINDING, rows.findings)
        if rows.others:
            connection.executemany("INSERT INTO other_documents VALUES (?,?,?)", rows.others)
        self._seq += 1
        self._ranking += len(rows.rankings)

    def _insert_hits(self, number: int, columns: Sequence[Sequence[Any] | None]) -> None:
        given = [column for column in columns if column is not None]
        filled = tuple(column is not None for column in columns)
        at, end = 0, len(given[0])
        for count in _HITS_AT_ONCE:
            while end - at >= count:
                values: list[Any] = [number]
                for column in given:
                    values += column[at : at + count]
                self._connection.execute(_insert_hits(count, filled), values)
                at += count

    def _keys_of(self, contents: Mapping[str, Content]) -> list[int]:
        """Keys of contents, in order; those that are new are stored now."""
        given = contents.values()
        known = cast(
            list[_Known], list(given) if set(map(type, given)) == {str} else list(map(_known, given))
        )
        keys = list(map(self._contents.get, known))
        if None not in keys:
            return cast(list[int], keys)
        return [
            self._remember(remembered, doc_id, content) if key is None else key
            for key, remembered, (doc_id, content) in zip(keys, known, contents.items(), strict=True)
        ]

    def _remember(self, remembered: _Known, doc_id: str, content: Content) -> int:
        key = self._contents.get(remembered)  # it may stand twice in one trace
        if key is None:
            title, text, metadata = ("", content, _NOTHING) if isinstance(content, str) else content
            key = self._store_content(doc_id, title, text, metadata)
            self._remembered += len(title) + len(text)
            if self._remembered > _MOST_REMEMBERED:
                self._contents.clear()
                self._remembered = len(text)
            self._contents[remembered] = key
        return key

    def _store_content(self, doc_id: str, title: str, text: str, metadata: Mapping[str, Any]) -> int:
        encoded = to_json_text(dict(metadata), f"metadata of document {doc_id!r:.60}") if metadata else ""
        content_hash = content_key(title, text, encoded)
        run = self._connection.execute
        row = run("SELECT content FROM contents WHERE content_hash = ?", (content_hash,)).fetchone()
        if row is not None:
            return int(row[0])
        values = (content_hash, to_column(title), to_column(text), encoded or None, self._seq + 1)
        sql = "INSERT INTO contents (content_hash, title, text, metadata, first_seq) VALUES (?,?,?,?,?)"
        return _rowid(run(sql, values))

    def _pipeline(self, pipeline: PipelineInfo) -> int:
        if self._last_pipeline is not None and self._last_pipeline[0] is pipeline:
            return self._last_pipeline[1]
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
            sql = (
                "INSERT INTO pipelines (fingerprint, corpus, settings, models, first_seq) VALUES (?,?,?,?,?)"
            )
            key = self._pipelines[values] = row[0] if row else _rowid(run(sql, (*values, self._seq + 1)))
        self._last_pipeline = pipeline, key
        return key


def _known(content: Content) -> _Known:
    """What a content is remembered by."""
    if isinstance(content, str):
        return content
    title, text, metadata = content
    # repr tells 1, 1.0 and True apart, which are equal as keys of a dict.
    return title, text, repr(metadata) if metadata else ""


def _rowid(cursor: sqlite3.Cursor) -> int:
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _trace_columns(record: TraceRecord) -> tuple[Any, ...]:
    """Columns ``created_at`` to ``filters``."""
    query = record.query
    folded = None if query.text.isascii() else query.text.casefold()
    return (
        format_time(record.created_at, fixed=True),
        to_column(record.origin),
        None if record.parent_id is None else to_column(record.parent_id),
        to_column(query.text),
        None if query.query_id is None else to_column(query.query_id),
        None if folded is None else to_column(folded),
        to_json_text(dict(query.filters), "query.filters") if query.filters else None,
    )


def _outcome_columns(record: TraceRecord) -> tuple[Any, ...]:
    """Columns ``top_k`` to ``finding_count``."""
    floor = record.floor
    given = (None, None, None)
    top, score = record.top()
    doc_id, places = record.biggest_move()
    return (
        record.top_k,
        *(given if floor is None else (floor.value, floor.score_scale.value, to_column(floor.source))),
        record.decision,
        record.total_ms,
        None if top is None else to_column(top),
        score,
        None if doc_id is None else to_column(doc_id),
        places,
        len(record.findings),
    )


def _ranking_columns(ranking: RankingRecord) -> tuple[Any, ...]:
    """Columns ``stage`` to ``details``."""
    if ranking.ms is not None and not math.isfinite(ranking.ms):
        # SQLite would store NaN as NULL.
        raise TraceError(f"ms of stage {ranking.stage!r:.40} is {ranking.ms}, expected a finite number.")
    name = f"details of stage {ranking.stage!r:.40}"
    return (
        to_column(ranking.stage),
        ranking.score_scale,
        ranking.ms,
        ranking.depth,
        to_column(ranking.status),
        to_json_text(dict(ranking.details), name) if ranking.details else None,
    )


def _hit_columns(ranking: RankingRecord, contents: Mapping[str, int]) -> tuple[Sequence[Any] | None, ...]:
    """Columns ``rank`` to ``details`` of a ranking's hits; None for one that holds nothing but NULL."""
    name = f"details of a hit of stage {ranking.stage!r:.40}"
    details: list[str | None] | None = None
    if ranking.hit_details is not None:
        details = [to_json_text(dict(known), name) if known else None for known in ranking.hit_details]
    keys = list(map(contents.get, ranking.doc_ids)) if contents else None
    return (ranking.ranks, to_columns(ranking.doc_ids), ranking.scores, keys, details)


@cache
def _insert_hits(count: int, filled: tuple[bool, ...]) -> str:
    """The statement that inserts ``count`` hits of one ranking, for the values of one column after another.

    A column that is not ``filled`` is not bound: binding a None costs more than storing the rest of a hit.
    """
    groups = list(accumulate(filled, initial=0))
    rows = (
        ",".join(
            f"?{2 + groups[column] * count + row}" if full else "NULL" for column, full in enumerate(filled)
        )
        for row in range(count)
    )
    return "INSERT INTO hit_rows VALUES " + ",".join(f"(?1,{row})" for row in rows)  # noqa: S608 - placeholders


def _finding_columns(finding: Finding) -> tuple[Any, ...]:
    """Columns ``code`` to ``doc_ids``."""
    return (
        to_column(finding.code),
        finding.severity,
        to_column(finding.message),
        to_json_text(list(finding.doc_ids)) if finding.doc_ids else None,
    )
