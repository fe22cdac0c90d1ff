"""Examine many traces: files and the store, spread over the processors when there are many.

Reading takes more time than the rules, so each process reads its own part of a file, or its own traces of
a store, and hands back reports only.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise, repeat
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rankscope.config import Settings
from rankscope.core.trace import Floor, Trace
from rankscope.engine.floors import Judged, judged_of, stored_passports
from rankscope.errors import InputError, RankScopeError, TraceError
from rankscope.insight.findings import Report, examine
from rankscope.insight.floors.passport import ATTRIBUTE, Passport
from rankscope.insight.standing import LookedUp

if TYPE_CHECKING:
    from rankscope.engine.index_lookup import IndexLookup
    from rankscope.engine.workspace import Workspace

__all__ = ["CheckPlan", "Checked", "Unreadable", "check_file", "check_store", "plan_for"]

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
    judged: Judged = field(default_factory=lambda: Judged(None))
    """Which documents are relevant, by query."""
    passports: Mapping[Floor, Passport] = field(default_factory=dict)
    """What each stored floor was fitted on, for traces that hold that floor and carry no passport of it."""
    lookup: IndexLookup | None = None
    """The index to ask for what a trace cannot know; needs the models, so nothing is spread then."""
    processes: int = field(default_factory=lambda: min(os.cpu_count() or 1, 8))

    def check(self, trace: Trace) -> Report:
        """The report on one trace."""
        relevant = self.judged.relevant_to(trace.query)
        known = self.lookup.ask(trace, relevant) if self.lookup is not None else LookedUp()
        stored = None if trace.floor is None else self.passports.get(trace.floor)
        passport = stored if ATTRIBUTE not in trace.attributes else None
        return examine(
            trace,
            settings=self.settings,
            relevant=relevant,
            passport=passport,
            standings=known.standings,
            exact=known.exact,
            not_looked_up=known.refused,
        )


def plan_for(
    workspace: Workspace,
    settings: Settings | None = None,
    *,
    traces_path: Path | None = None,
    queries: Path | None = None,
    qrels: Path | None = None,
    exact: bool = False,
) -> CheckPlan:
    """What a workspace knows: its settings, judgments and floors; with ``exact`` its index is asked too.

    ``traces_path`` is another trace database than the workspace's; ``queries`` and ``qrels`` stand in place
    of the judgments beside the indexed corpus.
    """
    stored = traces_path if traces_path is not None else workspace.traces_path
    lookup = None
    if exact:
        from rankscope.engine.index_lookup import IndexLookup

        lookup = IndexLookup(workspace)
    return CheckPlan(
        settings=settings if settings is not None else workspace.settings,
        judged=judged_of(workspace, queries, qrels, traces_path=stored),
        passports=stored_passports(stored),
        lookup=lookup,
    )


def check_file(path: Path, plan: CheckPlan) -> Iterator[Outcome]:
    """Every trace of a file, in its order. Raises InputError for a file that holds none of a known format."""
    from rankscope.tracing.formats.registry import sniff
    from rankscope.tracing.formats.text_source import is_plain

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
    if importer.name == "native" and is_plain(path):
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
    for reports in _spread(_check_ids, [(path, part) for part in parts], plan):
        yield from reports


def _check_ids(plan: CheckPlan, path: Path, trace_ids: Sequence[str]) -> list[Checked]:
    from rankscope.tracing.store import TraceStore

    with TraceStore(path, create=False) as store:
        traces = (store.get(trace_id) for trace_id in trace_ids)
        return [Checked(trace.trace_id, trace.query.text, plan.check(trace)) for trace in traces]


def _native_file(path: Path, plan: CheckPlan) -> Iterator[Outcome]:
    """The parts of the file in order; line numbers are made whole again."""
    size = path.stat().st_size
    bounds = [*range(0, size, PART_BYTES), size]
    jobs = [(path, start, end) for start, end in pairwise(bounds)]
    before = 0
    for outcomes, lines in _spread(_check_part, jobs, plan):
        for item in outcomes:
            yield replace(item, line=item.line + before) if item.line is not None else item
        before += lines


def _check_part(plan: CheckPlan, path: Path, start: int, end: int) -> tuple[list[Outcome], int]:
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
    work: Callable[..., Result], jobs: Sequence[tuple[object, ...]], plan: CheckPlan
) -> Iterator[Result]:
    """The results in the order of the jobs; more than one job is spread over processes."""
    if len(jobs) < 2 or plan.processes < 2 or plan.lookup is not None:
        for job in jobs:
            yield work(plan, *job)
        return
    # Spawned, because a thread of the caller (a store's writer, a screen) must not be copied half-way.
    pool = ProcessPoolExecutor(
        min(plan.processes, len(jobs)),
        mp_context=get_context("spawn"),
        initializer=_prepare_process,
        initargs=(plan,),
    )
    try:
        with _interrupts_held():
            results = pool.map(_work_here, repeat(work), jobs)
        yield from results
    except BrokenProcessPool as error:
        raise RankScopeError(
            "a process that checked part of the traces was ended from outside.",
            remedy="Was memory short? Run it again.",
        ) from error
    finally:  # also on Ctrl-C, and when the caller wants no more: parts that have not begun never do
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes started in here never see the Ctrl-C of their terminal; this one sees it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_plan_here: list[CheckPlan] = []
"""In a process that checks parts: what it was given once, as judgments may be many."""


def _prepare_process(plan: CheckPlan) -> None:
    _plan_here.append(plan)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # traces hold no cycles, and looking for some takes a tenth of the time


def _work_here(work: Callable[..., Result], job: tuple[object, ...]) -> Result:
    return work(_plan_here[0], *job)
