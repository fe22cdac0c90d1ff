"""Traces as Parquet: one row a hit, for data frames and SQL engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rankscope.core.trace import Trace

__all__ = ["write_parquet"]

_ROWS = 50_000


def write_parquet(traces: Iterable[Trace], path: Path) -> int:
    """Write one row for each hit of each stage; a stage without hits has one row without a document.

    Texts stand in the row of every hit; Parquet's dictionaries store each once a row group. Returns the
    number of traces. Lone surrogates, which Parquet cannot hold, become ``\\udc80``.
    """
    import pyarrow as pa
    from pyarrow import parquet

    text, number, whole = pa.string(), pa.float64(), pa.int64()
    schema = pa.schema(
        [
            ("trace_id", text),
            ("created_at", pa.timestamp("us", tz="UTC")),
            ("origin", text),
            ("parent_id", text),
            ("query_id", text),
            ("query", text),
            ("decision", text),
            ("floor", number),
            ("floor_scale", text),
            ("position", whole),
            ("stage", text),
            ("score_scale", text),
            ("ms", number),
            ("status", text),
            ("rank", whole),
            ("doc_id", text),
            ("score", number),
            ("title", text),
            ("text", text),
        ]
    )
    count = [0]
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        rows = _rows(traces, count)
        while chunk := list(_take(rows, _ROWS)):
            writer.write_table(pa.Table.from_pylist(chunk, schema=schema))
    return count[0]


def _take(rows: Iterator[dict[str, Any]], size: int) -> Iterator[dict[str, Any]]:
    for _, row in zip(range(size), rows, strict=False):
        yield row


def _rows(traces: Iterable[Trace], count: list[int]) -> Iterator[dict[str, Any]]:
    for trace in traces:
        count[0] += 1
        about = {
            "trace_id": trace.trace_id,
            "created_at": trace.created_at,
            "origin": trace.origin,
            "parent_id": trace.parent_id,
            "query_id": trace.query.query_id,
            "query": trace.query.text,
            "decision": trace.decision,
            "floor": trace.floor.value if trace.floor else None,
            "floor_scale": trace.floor.score_scale.value if trace.floor else None,
        }
        rows = list(_hits(trace)) or [{}]
        yield from (_encodable({**about, **row}) for row in rows)


def _hits(trace: Trace) -> Iterator[dict[str, Any]]:
    for position, ranking in enumerate(trace.rankings):
        stage = {
            "position": position,
            "stage": ranking.stage,
            "score_scale": ranking.score_scale.value,
            "ms": ranking.ms,
            "status": ranking.status,
        }
        if not ranking.hits:
            yield stage
        for hit in ranking.hits:
            document = trace.documents.get(hit.doc_id)
            yield {
                **stage,
                "rank": hit.rank,
                "doc_id": hit.doc_id,
                "score": hit.score,
                "title": document.title if document else None,
                "text": document.text if document else None,
            }


def _encodable(row: dict[str, Any]) -> dict[str, Any]:
    return {key: _utf8(value) if isinstance(value, str) else value for key, value in row.items()}


def _utf8(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
