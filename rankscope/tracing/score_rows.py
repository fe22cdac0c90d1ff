"""Scores of many stored traces at once, without building the traces: for histograms over a million.

Read are the lists that stand (the reranked one when it is complete, else the last one before it), as
``Trace.final`` chooses them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rankscope.core.trace import ModelInfo, PipelineInfo
from rankscope.tracing.columns import from_column
from rankscope.tracing.database import connect, one_line_errors, prepare
from rankscope.tracing.json_text import parse_time
from rankscope.tracing.summaries import TraceFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ScoreReader", "ScoreRow"]

_FINAL = """
    coalesce(
        (SELECT r.ranking FROM rankings r
         WHERE r.trace_id = t.id AND r.stage = 'rerank' AND r.status = 'ok'),
        (SELECT r.ranking FROM rankings r
         WHERE r.trace_id = t.id AND r.stage <> 'rerank' AND r.status IN ('ok', 'partial')
         ORDER BY r.position DESC LIMIT 1)
    )
"""


class ScoreRow(NamedTuple):  # frozen dataclasses are four times slower to make, and there may be 100,000
    """What is known of one trace apart from its hits."""

    seq: int
    trace_id: str
    created_at: datetime
    origin: str
    query: str
    query_id: str | None
    filters: str
    """As stored: equal texts are equal filters."""
    top_k: int | None
    pipeline: PipelineInfo
    """Without its settings but for ``rerank``."""
    ranking: int | None
    """Key of the list that stands; None where no stage ran."""
    stage: str
    score_scale: str


class ScoreReader:
    """One read of the database at ``path``: rows first, then the hits of their lists."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._pipelines: dict[int, PipelineInfo] = {}

    @classmethod
    @contextmanager
    def open(cls, path: Path, *, busy_seconds: float = 30.0) -> Iterator[ScoreReader]:
        """A reader that sees one state of the database. Raises WorkspaceError."""
        prepare(path, create=False, busy_seconds=busy_seconds)
        connection = connect(path, busy_seconds=busy_seconds, readonly=True)
        try:
            with one_line_errors(path):
                connection.execute("BEGIN")
                yield cls(connection)
        finally:
            connection.close()

    def rows(self, chosen: TraceFilter) -> list[ScoreRow]:
        """The traces that pass, in order of the key of their list; those without one last."""
        where, values = chosen.where()
        sql = f"""
            SELECT f.seq, f.id, f.created_at, f.origin, f.query, f.query_id, f.filters, f.top_k, f.pipeline,
                f.final, r.stage, r.score_scale
            FROM (
                SELECT t.seq, t.id, t.created_at, t.origin, t.query, t.query_id, t.filters, t.top_k,
                    t.pipeline, {_FINAL} AS final
                FROM traces t WHERE {where}
            ) f LEFT JOIN rankings r ON r.ranking = f.final
            ORDER BY f.final IS NULL, f.final
        """  # noqa: S608 - column names and placeholders only
        return [self._row(row) for row in self._connection.execute(sql, values)]

    def scores(self, rankings: Sequence[int]) -> tuple[NDArray, NDArray]:
        """Scores of the hits of these lists (keys ascending) in rank order, and where each list starts.

        A missing score is minus infinity. The second array has one more entry than there are lists.
        """
        import numpy as np

        found = chain.from_iterable(self._hits("coalesce(h.score, -9e999)", rankings))
        scores = np.fromiter(found, dtype=np.float64)
        # Ranks start at 1 and differ, so a list is never longer than its last rank; where the sums agree,
        # no list is shorter either. An import may skip ranks: then the lists are counted.
        lengths = self._lengths("max(rank)", rankings)
        if int(lengths.sum()) != len(scores):
            lengths = self._lengths("count(*)", rankings)
        return scores, np.concatenate(([0], np.cumsum(lengths)))

    def doc_ids(self, rankings: Sequence[int]) -> Iterator[str]:
        """Document ids of the hits of these lists, in the order of :meth:`scores`."""
        for (doc_id,) in self._hits("h.doc_id", rankings):
            yield from_column(doc_id)

    def sizes(self, rankings: Sequence[int]) -> NDArray:
        """Characters of the hits' texts, in the order of :meth:`scores`; NaN where none is stored."""
        import numpy as np

        lengths = dict(
            self._connection.execute(
                "SELECT content, CASE WHEN text LIKE 'json:\"%' THEN NULL ELSE length(text) END FROM contents"
            ).fetchall()
        )
        for content, length in lengths.items():
            if length is None:  # text that UTF-8 cannot hold is stored escaped
                sql = "SELECT text FROM contents WHERE content = ?"
                (text,) = self._connection.execute(sql, (content,)).fetchone()
                lengths[content] = len(from_column(text))
        lengths[None] = np.nan
        contents = self._hits("h.content", rankings)
        return np.fromiter((lengths[content] for (content,) in contents), dtype=float)

    def _lengths(self, measure: str, rankings: Sequence[int]) -> NDArray:
        import numpy as np

        sql = f"""
            SELECT coalesce((SELECT {measure} FROM hit_rows h WHERE h.ranking = wanted.value), 0)
            FROM json_each(?) wanted ORDER BY wanted.key
        """  # noqa: S608 - constant expressions
        found = self._connection.execute(sql, (json.dumps(list(rankings)),))
        return np.fromiter((length for (length,) in found), dtype=np.int64)

    def _hits(self, columns: str, rankings: Sequence[int]) -> Iterator[tuple[Any, ...]]:
        """Columns of the hits of these lists, in order of list and rank."""
        sql = f"""
            SELECT {columns} FROM hit_rows h
            WHERE h.ranking IN (SELECT value FROM json_each(?)) ORDER BY h.ranking, h.rank
        """  # noqa: S608 - column names and placeholders only
        return self._connection.execute(sql, (json.dumps(list(rankings)),))

    def _row(self, row: tuple[Any, ...]) -> ScoreRow:
        seq, trace_id, created_at, origin, query, query_id, filters, top_k, pipeline, final, stage, scale = (
            row
        )
        return ScoreRow(
            seq,
            from_column(trace_id),
            _moment(created_at),
            from_column(origin),
            from_column(query),
            None if query_id is None else from_column(query_id),
            filters or "",
            top_k,
            self._pipelines.get(pipeline) or self._pipeline(pipeline),
            final,
            "" if stage is None else from_column(stage),
            scale or "",
        )

    def _pipeline(self, key: int) -> PipelineInfo:
        sql = "SELECT fingerprint, corpus, settings, models FROM pipelines WHERE pipeline = ?"
        fingerprint, corpus, settings, models = self._connection.execute(sql, (key,)).fetchone()
        self._pipelines[key] = PipelineInfo(
            fingerprint=from_column(fingerprint),
            corpus=from_column(corpus),
            settings=_json(settings),
            models={role: ModelInfo(**model) for role, model in _json(models).items()},
        )
        return self._pipelines[key]


def _moment(stored: str) -> datetime:
    """As ``parse_time``; what the store itself writes ends in Z and needs no conversion."""
    return (
        datetime.fromisoformat(stored[:-1]).replace(tzinfo=UTC) if stored[-1:] == "Z" else parse_time(stored)
    )


def _json(stored: str | None) -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(stored) if stored is not None else {}
    return table
