"""The judgments in the trace database, as grades: the newest of each query and document that holds."""

from __future__ import annotations

from pathlib import Path

from rankscope.tracing.judgment_log import JudgmentLog

__all__ = ["read_stored_grades"]


def read_stored_grades(path: Path, *, busy_seconds: float = 30.0) -> dict[str, dict[str, int]]:
    """Grades by query (as it was stored: text or id) and document id; none where there is no database.

    What was taken back, and what a model only proposed, is left out.
    """
    return JudgmentLog(path, busy_seconds=busy_seconds).grades()
