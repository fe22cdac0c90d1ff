"""Rank moves as CSV: for each document of a trace, where it stood before the reranker and after."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from rankscope.core.trace import Hit, Ranking, Trace

__all__ = ["COLUMNS", "write_moves"]

_SIDE = ("stage", "rank", "score", "scale")
COLUMNS = (
    *("trace_id", "created_at", "query_id", "query", "doc_id", "title"),
    *(f"before_{name}" for name in _SIDE),
    *(f"after_{name}" for name in _SIDE),
    *("moved", "kept"),
)


def write_moves(traces: Iterable[Trace], path: Path) -> int:
    """Write one row for each document in either list; an empty cell is "not in this list".

    ``moved`` is places gained. Returns the number of traces that had anything to write. Lone surrogates,
    which UTF-8 cannot hold, are written as ``\\udc80``.
    """
    count = 0
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for trace in traces:
            rows = list(_rows(trace))
            writer.writerows(rows)
            count += bool(rows)
    return count


def _rows(trace: Trace) -> Iterable[list[object]]:
    before, after = trace.before, trace.after
    left = before.by_id() if before else {}
    right = after.by_id() if after else {}
    for doc_id in dict.fromkeys((*right, *left)):
        document = trace.documents.get(doc_id)
        one, other = left.get(doc_id), right.get(doc_id)
        moved = one.rank - other.rank if one and other else None
        yield [
            trace.trace_id,
            trace.created_at.isoformat(),
            trace.query.query_id,
            trace.query.text,
            doc_id,
            document.title if document else None,
            *_side(before, one),
            *_side(after, other),
            moved,
            int(doc_id in trace.kept) if trace.kept else None,
        ]


def _side(ranking: Ranking | None, hit: Hit | None) -> list[object]:
    if ranking is None:
        return [None] * 4
    return [
        ranking.stage,
        hit.rank if hit else None,
        None if hit is None or hit.score is None else repr(hit.score),
        ranking.score_scale.value,
    ]
