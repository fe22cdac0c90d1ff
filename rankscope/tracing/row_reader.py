"""Rows to traces."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, cast

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Decision, Finding, Floor, Hit, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.tracing.columns import from_column, to_column
from rankscope.tracing.json_text import parse_time

__all__ = ["load_trace"]

_TRACE = """
    SELECT t.seq, t.created_at, t.origin, t.parent_id, t.query, t.query_id, t.filters, t.top_k,
        t.floor_value, t.floor_scale, t.floor_source, t.decision, x.kept, x.attributes,
        p.fingerprint, p.corpus, p.settings, p.models
    FROM traces t JOIN trace_extras x ON x.seq = t.seq JOIN pipelines p ON p.pipeline = t.pipeline
    WHERE t.id = ?
"""
_RANKINGS = """
    SELECT ranking, stage, score_scale, ms, depth, status, details FROM rankings
    WHERE trace_id = ? ORDER BY position
"""
_HITS = "SELECT rank, doc_id, score, content, details FROM hit_rows WHERE ranking = ? ORDER BY rank"
_OTHERS = "SELECT doc_id, content FROM other_documents WHERE seq = ?"
_FINDINGS = "SELECT code, severity, message, doc_ids FROM findings WHERE trace_id = ? ORDER BY position"
_CONTENTS = "SELECT content, title, text, metadata FROM contents WHERE content IN ({})"
_BATCH = 500
"""Stays below SQLite's limit on bound parameters in every build."""


def load_trace(connection: sqlite3.Connection, trace_id: str) -> Trace | None:
    """The stored trace, equal to the one that was written; None when there is none of this id."""
    key = to_column(trace_id)
    row = connection.execute(_TRACE, (key,)).fetchone()
    if row is None:
        return None
    (seq, created_at, origin, parent_id, query, query_id, filters, top_k, floor_value, floor_scale) = row[:10]
    (floor_source, decision, kept, attributes, fingerprint, corpus, settings, models) = row[10:]
    contents: dict[str, int] = {
        from_column(doc_id): content for doc_id, content in connection.execute(_OTHERS, (seq,))
    }
    rankings = tuple(
        _ranking(connection, ranking, contents)
        for ranking in connection.execute(_RANKINGS, (key,)).fetchall()
    )
    return Trace(
        trace_id=trace_id,
        created_at=parse_time(created_at),
        origin=from_column(origin),
        parent_id=None if parent_id is None else from_column(parent_id),
        query=Query(
            text=from_column(query),
            filters=_json(filters),
            query_id=None if query_id is None else from_column(query_id),
        ),
        rankings=rankings,
        pipeline=PipelineInfo(
            fingerprint=from_column(fingerprint),
            corpus=from_column(corpus),
            settings=_json(settings),
            models={role: ModelInfo(**model) for role, model in _json(models).items()},
        ),
        floor=None
        if floor_value is None
        else Floor(floor_value, ScoreScale(floor_scale), from_column(floor_source)),
        top_k=top_k,
        kept=tuple(json.loads(kept)),
        decision=cast(Decision | None, decision),
        findings=tuple(_finding(found) for found in connection.execute(_FINDINGS, (key,))),
        documents=_documents(connection, contents),
        attributes=_json(attributes),
    )


def _ranking(connection: sqlite3.Connection, row: tuple[Any, ...], contents: dict[str, int]) -> Ranking:
    """One ranking; the contents of its documents are noted in ``contents``."""
    key, stage, score_scale, ms, depth, status, details = row
    hits: list[Hit] = []
    rows = connection.execute(_HITS, (key,)).fetchall()
    for (rank, stored, score, content, _), known in zip(rows, _tables([row[4] for row in rows]), strict=True):
        doc_id = from_column(stored)
        if content is not None:
            contents[doc_id] = content
        hits.append(Hit(doc_id, rank, score, known))
    return Ranking(
        stage=from_column(stage),
        score_scale=ScoreScale(score_scale),
        hits=tuple(hits),
        ms=ms,
        depth=depth,
        status=from_column(status),
        details=_json(details),
    )


def _documents(connection: sqlite3.Connection, contents: dict[str, int]) -> dict[str, Document]:
    """The documents by id; the same content under two ids gives two documents with metadata of their own."""
    wanted = sorted(set(contents.values()))
    rows: dict[int, tuple[str, str, str | None]] = {}
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        found = connection.execute(_CONTENTS.format(",".join("?" * len(part))), part)
        rows.update({content: (title, text, metadata) for content, title, text, metadata in found})
    known = _tables([rows[content][2] for content in contents.values()])
    return {
        doc_id: Document(doc_id, from_column(rows[content][1]), from_column(rows[content][0]), metadata)
        for (doc_id, content), metadata in zip(contents.items(), known, strict=True)
    }


def _finding(row: tuple[Any, ...]) -> Finding:
    code, severity, message, doc_ids = row
    return Finding(
        code=from_column(code),
        severity=severity,
        message=from_column(message),
        doc_ids=tuple(json.loads(doc_ids)) if doc_ids is not None else (),
    )


def _json(stored: str | None) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(stored) if stored is not None else {}
    return table


def _tables(stored: list[str | None]) -> list[dict[str, Any]]:
    """Many small objects, parsed in one go: a call for each takes most of the time."""
    if not any(stored):
        return [{} for _ in stored]
    tables: list[dict[str, Any]] = json.loads(f"[{','.join(text or '{}' for text in stored)}]")
    return tables
