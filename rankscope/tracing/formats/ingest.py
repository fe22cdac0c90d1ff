"""An import from file to store: committed in batches, counted to the last record, safe to run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rankscope.core.trace import Trace
from rankscope.errors import TraceError
from rankscope.tracing.formats.importer import Ignored, Imported, Outcome, Rejected
from rankscope.tracing.formats.native import dumps
from rankscope.tracing.formats.rejected import RejectedFile

__all__ = ["ImportReport", "TraceSink", "ingest"]

_BATCH = 256


class TraceSink(Protocol):
    """What an import needs of a trace store."""

    def append(self, trace: Trace) -> Future[None]:
        """Store a trace; the future is done when it is committed."""

    def flush(self) -> None:
        """Raise the first failure since the last time."""

    def known_ids(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that are stored already."""


def _silent(report: ImportReport) -> None:
    del report


@dataclass
class ImportReport:
    """What became of every record of a file: ``read == imported + rejected + ignored``."""

    name: str
    format: str
    unit: str = "record"
    imported: int = 0
    """Records that went into traces, those of traces that were stored before included."""
    rejected: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why records were rejected, with how many."""
    new_traces: int = 0
    known_traces: int = 0
    odd: Counter[str] = field(default_factory=Counter)
    """Traces with repeated ids, missing scores and the like, by what is odd."""
    stages: Counter[str] = field(default_factory=Counter)
    """Traces by the stages that they have."""
    rejected_path: Path | None = None

    @property
    def read(self) -> int:
        """Records read so far."""
        return self.imported + self.rejected + self.ignored.total()

    def reject(self, outcome: Rejected) -> None:
        """Count a rejection by its reason without the particulars of its record."""
        self.rejected += outcome.records
        self.reasons[outcome.reason.partition(":")[0][:100]] += outcome.records


_ODD = ("repeated_ids", "missing_scores", "missing_ids", "missing_ranks", "repeated_ranks", "differing_texts")


def ingest(
    outcomes: Iterable[Outcome],
    store: TraceSink,
    report: ImportReport,
    rejected_path: Path,
    *,
    progress: Callable[[ImportReport], None] = _silent,
) -> ImportReport:
    """Store what an importer reads; what it rejects is listed in ``rejected_path``.

    Each batch is committed before the next is read, so an import that was killed has lost nothing, and
    running it again adds the rest: traces that are stored already are counted, not stored twice.
    """
    waiting: list[Imported] = []
    with RejectedFile(rejected_path) as rejected:
        for outcome in outcomes:
            if isinstance(outcome, Imported):
                waiting.append(outcome)
                if len(waiting) >= _BATCH:
                    _commit(waiting, store, report, rejected)
                    progress(report)
            elif isinstance(outcome, Rejected):
                report.reject(outcome)
                rejected.write(outcome)
            else:
                _ignore(report, outcome)
        _commit(waiting, store, report, rejected)
        progress(report)
    report.rejected_path = rejected_path if report.rejected else None
    return report


def _ignore(report: ImportReport, outcome: Ignored) -> None:
    report.ignored[outcome.reason] += outcome.records


def _commit(waiting: list[Imported], store: TraceSink, report: ImportReport, rejected: RejectedFile) -> None:
    """Store a batch and wait for it; the list is emptied."""
    known = store.known_ids([item.trace.trace_id for item in waiting])
    started: list[tuple[Imported, bool, Future[None]]] = []
    for item in waiting:
        new = item.trace.trace_id not in known
        known.add(item.trace.trace_id)
        if new or report.format == "native":
            # Native traces carry their own ids: the store refuses another trace under a stored one.
            started.append((item, new, store.append(item.trace)))
        else:
            _count(report, item, new=False)
    failed = False
    for item, new, done in started:
        try:
            done.result()
        except TraceError as error:
            failed = True
            outcome = Rejected(_line(item.trace), error.message, dumps(item.trace), item.records)
            report.reject(outcome)
            rejected.write(outcome)
            continue
        _count(report, item, new=new)
    if failed:
        # The store holds the first failure for whoever flushes next; each is listed by now.
        with suppress(TraceError):
            store.flush()
    waiting.clear()


def _line(trace: Trace) -> int:
    note = trace.attributes.get("import")
    line = note.get("line") if isinstance(note, dict) else None
    return line if isinstance(line, int) else 0


def _count(report: ImportReport, item: Imported, *, new: bool) -> None:
    report.imported += item.records
    report.new_traces += new
    report.known_traces += not new
    report.stages.update(ranking.stage for ranking in item.trace.rankings)
    note = item.trace.attributes.get("import")
    if isinstance(note, dict):
        report.odd.update(what for what in _ODD if what in note)
    if any(ranking.status.startswith("failed:") for ranking in item.trace.rankings):
        report.odd["failed_stages"] += 1
