"""The formats that traces can be written in, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from rankscope.core.trace import Trace
from rankscope.errors import UsageError

__all__ = ["EXPORTS", "export_traces"]

EXPORTS = ("jsonl", "trec", "parquet", "moves", "openinference")
"""Names as ``--format`` takes them; ``moves`` is the CSV of rank moves."""


def export_traces(traces: Iterable[Trace], path: Path, name: str, *, stage: str | None = None) -> int:
    """Write traces to a file; returns how many. ``stage`` chooses the list of a TREC run.

    Raises UsageError for an unknown name, and for a stage where the format has no use for it.
    """
    if stage is not None and name != "trec":
        raise UsageError(f"--stage means nothing for {name}: all stages are written.")
    if name == "trec":
        from rankscope.tracing.formats.export.trec import write_trec

        return write_trec(traces, path, stage=stage)
    return _writer(name)(traces, path)


def _writer(name: str) -> Callable[[Iterable[Trace], Path], int]:
    if name == "parquet":
        from rankscope.tracing.formats.export.parquet import write_parquet

        return write_parquet
    if name == "moves":
        from rankscope.tracing.formats.export.moves import write_moves

        return write_moves
    if name == "openinference":
        from rankscope.tracing.formats.export.openinference import write_openinference

        return write_openinference
    if name == "jsonl":
        return _write_native
    raise UsageError(f"no format is called {name!r:.60}.", remedy=f"Known: {', '.join(EXPORTS)}.")


def _write_native(traces: Iterable[Trace], path: Path) -> int:
    from rankscope.tracing.formats.native import dumps

    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for trace in traces:
            file.write(dumps(trace) + "\n")
            count += 1
    return count
