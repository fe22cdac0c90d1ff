"""The judgments in the trace database, as grades: the newest one of each query and document."""

from __future__ import annotations

from pathlib import Path

from rankscope.tracing.columns import from_column
from rankscope.tracing.database import connect, one_line_errors, prepare

__all__ = ["read_stored_grades"]


def read_stored_grades(path: Path, *, busy_seconds: float = 30.0) -> dict[str, dict[str, int]]:
    """Grades by query (as it was stored: text or id) and document id; none where there is no database."""
    if not path.exists():
        return {}
    prepare(path, create=False, busy_seconds=busy_seconds)
    connection = connect(path, busy_seconds=busy_seconds, readonly=True)
    grades: dict[str, dict[str, int]] = {}
    try:
        with one_line_errors(path):
            for query, doc_id, grade in connection.execute(
                "SELECT query, doc_id, grade FROM judgments ORDER BY judgment"
            ):
                grades.setdefault(from_column(query), {})[from_column(doc_id)] = grade
    finally:
        connection.close()
    return grades
