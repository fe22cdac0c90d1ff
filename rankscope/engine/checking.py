"""Examine many traces: files and the store, spread over the processors when there are many.

Reading takes more time than the rules, so each process reads its own part of a file, or its own traces of
a store, and hands back reports only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from rankscope.config import Settings
from rankscope.core.trace import Floor, Trace
from rankscope.errors import InputError, TraceError
from rankscope.insight.findings import Report, examine
from rankscope.insight.floors.passport import ATTRIBUTE, Passport

__all__ = ["CheckPlan", "Checked", "Unreadable", "check_file", "check_store"]

PART_BYTES = 16_000_000
"""A file is read in parts of about this size; one part is not worth a second process."""
PART_TRACES = 500
"""A store is read in parts of this many traces."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The report on one trace, and where the trace came from."""

    trace_id: str
    query: str
    report: Report
    path: Path | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that holds no trace, and why."""

    path: Path
    line: int
    reason: str


Outcome = Checked | Unreadable
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """What all traces are checked against."""

    settings: Settings = field(default_factory=Settings)
    relevant: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Relevant documents by query id; empty for a query judged to have none."""
    query_ids: Mapping[str, str] = field(default_factory=dict)
    """Ids by query text, for traces that do not carry the id of their query."""
    passports: Mapping[Floor, Passport] = field(default_factory=dict)
    """What each stored floor was fitted on, for traces that hold that floor and carry no passport of it."""
    processes: int = field(default_factory=lambda: min(os.cpu_count() or 1, 8))

    def check(self, trace: Trace) -> Report:
        """The report on one trace."""
        query_id = trace.query.query_id or self.query_ids.get(trace.query.text)
        relevant = self.relevant.get(query_id) if query_id is not None else None
        stored = None if trace.floor is None else self.passports.get(trace.floor)
        passport = stored if ATTRIBUTE not in trace.attributes else None
        return examine(trace, settings=self.settings, relevant=relevant, passport=passport)


def check_file(path: Path, plan: CheckPlan) -> Iterator[Outcome]:
    """Every trace of a file, in its order. Raises InputError for a file that holds none of a known format."""
    from rankscope.tracing.formats.registry import sniff

    try:
        importer = sniff(path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}.", path=path) from error
    if importer is None:
        raise InputError(
            "is in no format that is known.",
            path=path,
            remedy="`rankscope traces import --map` reads other logs.",
        )
    if importer.name == "native":
        yield from _native_file(path, plan)
        return
    from rankscope.tracing.formats.importer import Imported, ImportOptions, Rejected

    for item in importer.read(path, ImportOptions()):
        if isinstance(item, Imported):
            trace = item.trace
            yield Checked(trace.trace_id, trace.query.text, plan.check(trace), path)
        elif isinstance(item, Rejected):
            yield Unreadable(path, item.line, item.reason)


def check_store(path: Path, plan: CheckPlan, trace_ids: Sequence[str] = ()) -> Iterator[Checked]:
    """The traces of a database with these ids (or their beginnings), else all, oldest first."""
    from rankscope.tracing.store import TraceFilter, TraceStore

    with TraceStore(path, create=False) as store:
        if trace_ids:
            ids = [store.resolve(trace_id) for trace_id in trace_ids]
        else:
            total = store.count()
            rows = store.summaries(total, chosen=TraceFilter(), oldest_first=True) if total else []
            ids = [row.trace_id for row in rows]
    parts = [ids[start : start + PART_TRACES] for start in range(0, len(ids), PART_TRACES)]
    for reports in _spread(_check_ids, [(path, part, plan) for part in parts], plan.processes):
        yield from reports


def _check_ids(path: Path, trace_ids: Sequence[str], plan: CheckPlan) -> list[Checked]:
    from rankscope.tracing.store import TraceStore

    with TraceStore(path, create=False) as store:
        traces = (store.get(trace_id) for trace_id in trace_ids)
        return [Checked(trace.trace_id, trace.query.text, plan.check(trace)) for trace in traces]


def _native_file(path: Path, plan: CheckPlan) -> Iterator[Outcome]:
    """The parts of the file in order; line numbers are made whole again."""
    size = path.stat().st_size
    bounds = [*range(0, size, PART_BYTES), size]
    jobs = [(path, start, end, plan) for start, end in pairwise(bounds)]
    before = 0
    for outcomes, lines in _spread(_check_part, jobs, plan.processes):
        for item in outcomes:
            yield replace(item, line=item.line + before) if item.line is not None else item
        before += lines


def _check_part(path: Path, start: int, end: int, plan: CheckPlan) -> tuple[list[Outcome], int]:
    """The lines that begin in ``[start, end)``, numbered from 1, and how many there are."""
    from rankscope.tracing.formats.native import loads

    outcomes: list[Outcome] = []
    number = 0
    with path.open("rb") as lines:
        if start > 0:
            lines.seek(start - 1)
            lines.readline()  # the rest of a line that began in the part before
        while lines.tell() < end and (line := lines.readline()):
            number += 1
            if not line.strip():
                continue
            try:
                trace = loads(line)
            except TraceError as error:
                outcomes.append(Unreadable(path, number, str(error)))
            else:
                outcomes.append(Checked(trace.trace_id, trace.query.text, plan.check(trace), path, number))
    return outcomes, number


def _spread(
    work: Callable[..., Result], jobs: Sequence[tuple[object, ...]], processes: int
) -> Iterator[Result]:
    """The results in the order of the jobs; more than one job is spread over processes."""
    if len(jobs) < 2 or processes < 2:
        for job in jobs:
            yield work(*job)
        return
    # Spawned, because a thread of the caller (a store's writer, a screen) must not be copied half-way.
    with ProcessPoolExecutor(min(processes, len(jobs)), mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(work, *_columns(jobs))
        except GeneratorExit:
            pool.shutdown(cancel_futures=True)
            raise


def _columns(jobs: Sequence[tuple[object, ...]]) -> Iterable[tuple[object, ...]]:
    return zip(*jobs, strict=True)
