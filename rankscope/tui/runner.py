"""Runs queries beside the screen: one thread a run, the newest run wins, and nothing here touches a widget.

Each thread checks for cancellation between two events.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Protocol

from rankscope.config import Settings
from rankscope.core.documents import Query
from rankscope.core.events import StageFinished, TraceFinished
from rankscope.core.trace import Trace
from rankscope.engine.pipeline import Pipeline
from rankscope.engine.progress import IndexProgress
from rankscope.errors import Cancelled
from rankscope.tui.messages import (
    IndexAdvanced,
    RunAdvanced,
    RunCrashed,
    RunStopped,
    TraceNotStored,
    WorkspaceOpened,
    WorkspaceReady,
    WorkspaceRefused,
)
from rankscope.tui.threads import Threads, reason

__all__ = ["ProbeWorkspace", "Runner", "TraceSink"]

PAUSE_BEFORE_RERANK_S = 0.35
"""How long typing must rest before a draft run goes on to the reranker."""
HEAD_START_S = 0.05
"""Most that the reranker waits for the fused list to be painted: both need the processor."""


class TraceSink(Protocol):
    """Where finished traces go, and come from: :class:`rankscope.tracing.store.TraceStore`."""

    def append(self, trace: Trace) -> Future[None]:
        """Hand a trace to the writer; the future is done when it is on disk."""

    def get(self, trace_id: str) -> Trace:
        """A stored trace. Raises InputError."""


class ProbeWorkspace(Protocol):
    """What the screen needs of a workspace; :class:`rankscope.engine.workspace.Workspace` offers it."""

    @property
    def name(self) -> str:
        """What the title line calls it."""

    @property
    def settings(self) -> Settings:
        """Settings of its file."""

    @property
    def document_count(self) -> int:
        """Passages in the index."""

    @property
    def example_queries(self) -> tuple[str, ...]:
        """Queries to start with."""

    @property
    def traces(self) -> TraceSink:
        """Where finished traces go."""

    def prepare(self, cancelled: Callable[[], bool]) -> Iterator[IndexProgress]:
        """Build the index if there is none."""

    def warm_up(self) -> None:
        """Load the models; blocks for seconds."""

    def pipeline(self, settings: Settings) -> Pipeline:
        """Wired stages."""


class Run:
    """One run under way: its id, and the flags that the screen may raise."""

    def __init__(self, run_id: int, *, draft: bool) -> None:
        self.run_id = run_id
        self.cancelled = threading.Event()
        self.go_on = threading.Event()
        """Raised when the reranker need not wait for typing to rest."""
        if not draft:
            self.go_on.set()
        self.shown = threading.Event()
        """Raised when the fused list is on the screen."""


class Runner:
    """Starts runs on threads and posts what happens."""

    def __init__(self, workspace: ProbeWorkspace, threads: Threads) -> None:
        self._workspace = workspace
        self._threads = threads
        self._run: Run | None = None

    def open_workspace(self) -> None:
        """Build or open the index, then load the models; posts how far that is."""
        self._threads.start(self._open, "rankscope-open")

    def start(self, run_id: int, query: Query, settings: Settings, *, draft: bool) -> None:
        """Run a query; an older run is told to stop. A draft rests before the reranker."""
        self.cancel()
        run = self._run = Run(run_id, draft=draft)
        self._threads.start(lambda: self._drive(run, query, settings), f"rankscope-run-{run_id}")

    def promote(self) -> None:
        """Let the draft under way go on to the reranker at once: it was submitted."""
        if self._run is not None:
            self._run.go_on.set()

    def fused_shown(self, run_id: int) -> None:
        """The fused list of a run has been painted: its reranker may start."""
        if self._run is not None and self._run.run_id == run_id:
            self._run.shown.set()

    def cancel(self) -> None:
        """Tell the run under way to stop; it does at its next event."""
        if self._run is not None:
            self._run.cancelled.set()
            self._run.shown.set()
            self._run.go_on.set()
            self._run = None

    def store(self, trace: Trace) -> None:
        """Hand a finished trace to the store, off the screen's thread: opening the store takes a moment.

        Traces on their way to the store are waited for on leaving: a submitted run is not lost.
        """
        self._threads.start(lambda: self._append(trace), "rankscope-store", needed=True)

    def stop(self) -> None:
        """Tell everything to stop, without waiting; nothing is posted from now on."""
        self._threads.stop()
        self.cancel()

    def close(self, timeout: float) -> bool:
        """Stop everything; says whether all threads ended within ``timeout`` seconds."""
        self.stop()
        return self._threads.close(timeout)

    def _open(self) -> None:
        workspace = self._workspace
        try:
            for progress in workspace.prepare(self._threads.closing.is_set):
                self._threads.post(IndexAdvanced(progress))
            self._threads.post(WorkspaceOpened(workspace.document_count, workspace.example_queries))
            workspace.warm_up()
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001  # whatever broke, the screen says so and stays usable
            self._threads.post(WorkspaceRefused(reason(error)))
        else:
            self._threads.post(WorkspaceReady())

    def _drive(self, run: Run, query: Query, settings: Settings) -> None:
        finished = False
        try:
            for event in self._workspace.pipeline(settings).iter_run(query, cancelled=run.cancelled.is_set):
                if run.cancelled.is_set():
                    break
                self._threads.post(RunAdvanced(run.run_id, event))
                finished = isinstance(event, TraceFinished)
                if isinstance(event, StageFinished) and event.stage == "fusion" and settings.rerank.enabled:
                    run.shown.wait(HEAD_START_S)
                    run.go_on.wait(PAUSE_BEFORE_RERANK_S)
        except Cancelled:
            finished = False
        except Exception as error:  # noqa: BLE001  # a fault in a stage must not end the program; it is shown
            self._threads.post(RunCrashed(run.run_id, reason(error)))
            return
        if not finished:
            self._threads.post(RunStopped(run.run_id))

    def _append(self, trace: Trace) -> None:
        try:
            self._workspace.traces.append(trace).result()
        except Exception as error:  # noqa: BLE001  # a full disk, a locked database: said, not swallowed
            self._threads.post(TraceNotStored(trace, reason(error)))
