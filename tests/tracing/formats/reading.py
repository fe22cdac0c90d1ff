"""Short ways to read a fixture in tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rankscope.core.trace import Ranking, Trace
from rankscope.tracing.formats.importer import Ignored, Imported, Importer, ImportOptions, Rejected

__all__ = ["FIXTURES", "pairs", "read", "traces", "write_lines"]

FIXTURES = Path(__file__).with_name("fixtures")


def read(importer: Importer, path: Path, **options: Any) -> tuple[list[Trace], list[Rejected], list[Ignored]]:
    """What became of a file's records, by kind."""
    outcomes = list(importer.read(path, ImportOptions(**options)))
    return (
        [outcome.trace for outcome in outcomes if isinstance(outcome, Imported)],
        [outcome for outcome in outcomes if isinstance(outcome, Rejected)],
        [outcome for outcome in outcomes if isinstance(outcome, Ignored)],
    )


def traces(importer: Importer, path: Path, **options: Any) -> list[Trace]:
    """The traces of a file in which nothing is to be rejected."""
    found, rejected, _ = read(importer, path, **options)
    assert rejected == []
    return found


def pairs(ranking: Ranking | None) -> list[tuple[str, float | None]]:
    """Ids and scores, best first."""
    assert ranking is not None
    assert [hit.rank for hit in ranking.hits] == sorted(hit.rank for hit in ranking.hits)
    return [(hit.doc_id, hit.score) for hit in ranking.hits]


def write_lines(path: Path, rows: list[Any]) -> Path:
    """JSON lines; text stands for itself."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
