"""What the probe screen knows at one moment: one frozen value; a change is a new one. Pure, no textual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rankscope.config import Settings
from rankscope.core.documents import Query
from rankscope.core.events import BatchScored, Event, StageFinished, StageStarted, TraceFinished
from rankscope.core.trace import Trace
from rankscope.engine.progress import IndexProgress
from rankscope.tui.answers import VIEWS, Answers, View

__all__ = ["Phase", "ProbeState", "RunPhase"]


class Phase(StrEnum):
    """How far the workspace is."""

    INDEXING = "indexing"
    LOADING = "loading"
    READY = "ready"
    REFUSED = "refused"


class RunPhase(StrEnum):
    """How far the newest run is."""

    NONE = "none"
    WAITING = "waiting"
    """Asked for, and held until the models are loaded."""
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class ProbeState:
    """Workspace, settings of this session, the newest run and the trace on the screen."""

    settings: Settings
    phase: Phase = Phase.INDEXING
    documents: int = 0
    examples: tuple[str, ...] = ()
    progress: IndexProgress | None = None
    problem: str = ""
    """Why the workspace was refused or the run crashed; one line."""
    filters: Mapping[str, str] = field(default_factory=dict)
    query: Query | None = None
    run_id: int = 0
    run: RunPhase = RunPhase.NONE
    draft: bool = False
    """Whether the newest run was started by typing; only submitted runs are stored."""
    running: str = ""
    """Stage that is under way."""
    done: int = 0
    total: int = 0
    trace: Trace | None = None
    runs: tuple[Trace, ...] = ()
    """Submitted runs of this session that finished, oldest first."""
    place: int = 0
    """Which of them is on the screen, from 1; 0 for none of them."""
    chosen: str = ""
    """Document that both columns mark."""
    sought: str = ""
    """The chosen document, where the user looked for it: it may be in no list."""
    view: View = "text"
    """Tab of the document."""
    other: str = ""
    """Document that the chosen one is set beside; empty for none."""
    answers: Answers = field(default_factory=Answers)
    """What was looked up about documents on the screen."""
    following: bool = True
    """Whether the mark follows the first document until the user moves it."""
    read_only: bool = False
    """Whether a stored trace is shown, exactly as recorded."""
    came_from: str = ""
    """The mode that a stored trace was opened from, empty for this one."""

    @property
    def busy(self) -> bool:
        """Whether a run is under way or held."""
        return self.run in (RunPhase.WAITING, RunPhase.RUNNING)

    @property
    def rrf_k(self) -> int | None:
        """k of the fusion on the screen; a live trace learns its settings only when it is finished."""
        retrieval = None if self.trace is None else self.trace.pipeline.settings.get("retrieval")
        recorded = retrieval.get("rrf_k") if isinstance(retrieval, Mapping) else None
        if isinstance(recorded, int):
            return recorded
        return None if self.read_only else self.settings.retrieval.rrf_k

    def started(self, run_id: int, query: Query, *, draft: bool) -> ProbeState:
        """A new run was asked for; what is on the screen stays until the first list of the new one."""
        phase = RunPhase.RUNNING if self.phase is Phase.READY else RunPhase.WAITING
        return replace(
            self,
            run_id=run_id,
            run=phase,
            query=query,
            draft=draft,
            running="",
            done=0,
            total=0,
            problem="" if self.phase is not Phase.REFUSED else self.problem,
            # A document that was looked for stays in sight when the same query runs again.
            following=not self.sought or query != self.query,
            read_only=False,
        )

    def advanced(self, event: Event) -> ProbeState:
        """The newest run reported ``event``; earlier reports may have been skipped."""
        state = replace(self, run=RunPhase.RUNNING)
        if isinstance(event, StageStarted):
            total = len(event.trace.before.hits) if event.stage == "rerank" and event.trace.before else 0
            state = replace(state, running=event.stage, done=0, total=total)
        elif isinstance(event, BatchScored):
            state = replace(state, running="rerank", done=event.done, total=event.total)
        elif isinstance(event, StageFinished):
            state = replace(state, running="")
        elif isinstance(event, TraceFinished):
            return replace(state, run=RunPhase.FINISHED, running="").showing(event.trace)
        # The old answer stays until fusion is done: a half-retrieved list would only flicker.
        if event.trace.ranking("fusion") is None:
            return state
        return state.showing(event.trace)

    def showing(self, trace: Trace) -> ProbeState:
        """This trace on the screen. A mark that the user set stays where it can; else it is on the first.

        While a run is under way that is the first fused document, so that the mark does not jump about.
        """
        first = trace.before if self.run is RunPhase.RUNNING else trace.final
        top = first.hits[0].doc_id if first is not None and first.hits else ""
        lists = [ranking for ranking in (trace.before, trace.after) if ranking is not None]
        held = not self.following and (
            self.chosen == self.sought or any(ranking.hit(self.chosen) is not None for ranking in lists)
        )
        return replace(self, trace=trace, chosen=self.chosen if held else top, place=0)

    def choosing(self, doc_id: str, *, sought: bool = False) -> ProbeState:
        """The user chose a document; ``sought`` when it was looked for, so that it may be in no list."""
        return replace(self, chosen=doc_id, sought=doc_id if sought else "", following=False)

    def next_view(self) -> ProbeState:
        """The next tab of the document."""
        return replace(self, view=VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)])

    def stored(self, trace: Trace) -> ProbeState:
        """A submitted run finished and joined the runs of this session."""
        runs = (*self.runs, trace)
        return replace(self, runs=runs, place=len(runs), draft=False)

    def rederived(self, trace: Trace) -> ProbeState:
        """The trace on the screen with another floor or K: no new run, the same place among the runs."""
        place, runs = self.place, self.runs
        if place:
            runs = (*runs[: place - 1], trace, *runs[place:])
        return replace(self, trace=trace, runs=runs)
