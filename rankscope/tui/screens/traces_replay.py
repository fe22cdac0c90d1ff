"""What the Traces screen does about replays and comparisons."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from textual import on

from rankscope.core.sanitize import one_line
from rankscope.insight.coverage import Mode
from rankscope.tui import messages
from rankscope.tui.replay_job import ReplayAdvanced, ReplayEnded, ReplayFailed, ReplayJob, ReplayOutcome
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.screens.traces_list import TracesList
from rankscope.tui.state import Phase
from rankscope.tui.threads import reason
from rankscope.tui.traces_messages import PairCompared
from rankscope.tui.traces_state import ReplayStanding

if TYPE_CHECKING:
    from rankscope.engine.replay import ReplayStore
    from rankscope.engine.replay_today import Today
    from rankscope.engine.workspace import Workspace

__all__ = ["TracesReplay"]


class TracesReplay(TracesList):
    """Runs one replay at a time, and shows two traces side by side."""

    def __init__(self, workspace: ProbeWorkspace) -> None:
        super().__init__(workspace)
        self.outcome: ReplayOutcome | None = None
        """Of the last replay."""
        self._job: ReplayJob | None = None

    def today(self, mode: Mode) -> Today:
        """What traces are replayed through; called on a thread."""
        from rankscope.engine.replay_today import today_of

        if mode == "full":
            for _ in self.workspace.prepare(self.threads.closing.is_set):
                pass
        return today_of(cast("Workspace", self.workspace), mode)

    def start_replay(self, ids: tuple[str, ...], mode: Mode) -> None:
        """Replay these traces beside the screen."""
        store = cast("ReplayStore", self.workspace.traces)
        probe = self.desk.probe

        def today(chosen: Mode) -> Today:
            # Two threads that import the model's library at once can fail: the probe loads it first.
            while probe.state.phase in (Phase.INDEXING, Phase.LOADING) and not self.threads.closing.wait(
                0.05
            ):
                pass
            return self.today(chosen)

        self._job = ReplayJob(lambda: store, today, self.threads)
        self.state = replace(self.state, replay=ReplayStanding(len(ids)))
        self._job.start(ids, mode)

    def action_stop_replay(self) -> None:
        """Stop the replay under way; what is done is kept."""
        if self._job is not None and self.state.replay is not None:
            self._job.cancel()
            self.state = replace(self.state, replay=replace(self.state.replay, stopping=True))

    @on(ReplayAdvanced)
    def _replay_advanced(self, message: ReplayAdvanced) -> None:
        standing, step = self.state.replay, message.progress
        if standing is not None:
            standing = replace(standing, done=step.done, pairs=step.pairs, rate=step.rate, eta_s=step.eta_s)
            self.state = replace(self.state, replay=standing)

    @on(ReplayFailed)
    def _replay_failed(self, message: ReplayFailed) -> None:
        self.state = replace(self.state, replay=None)
        self.notify(
            one_line(message.reason), title="Not replayed", severity="error", markup=False, timeout=10
        )

    @on(ReplayEnded)
    def _replay_ended(self, message: ReplayEnded) -> None:
        self.outcome = message.outcome
        self.state = replace(self.state, replay=None)
        self.refresh_bindings()
        if self.app.screen is self:
            self.show_outcome(message.outcome)
        else:
            self.notify("The replay is done: i on the Traces screen shows what it changed.", markup=False)

    def show_outcome(self, outcome: ReplayOutcome) -> None:
        """One pair side by side at once; of more the summary."""
        from rankscope.tui.screens.replay_summary import ReplaySummary

        pairs = outcome.group.pairs
        if outcome.asked == 1 and len(pairs) == 1:
            self.compare(pairs[0].before_id, pairs[0].after_id)
        else:
            self.app.push_screen(ReplaySummary(outcome, self.compare))

    def compare(self, first: str, second: str) -> None:
        """Read two traces and compare them, beside the screen; then show them side by side."""
        self.threads.start(partial(self._compare, first, second), "rankscope-compare")

    def _compare(self, first: str, second: str) -> None:
        from rankscope.insight.diff import diff_traces

        try:
            diff = diff_traces(self.workspace.traces.get(first), self.workspace.traces.get(second))
        except Exception as error:  # noqa: BLE001  # a trace that is gone, a damaged database: said
            self.threads.post(messages.TraceNotLoaded(first, reason(error)))
        else:
            self.threads.post(PairCompared(diff))

    @on(PairCompared)
    def _pair_compared(self, message: PairCompared) -> None:
        from rankscope.tui.screens.trace_diff import DiffScreen

        if self.app.current_mode == self.MODE:
            self.app.push_screen(DiffScreen(message.diff))
