"""What the probe screen does about runs: starts them, takes their reports, keeps and shows their traces."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.reactive import var
from textual.timer import Timer

from rankscope.config import FloorSettings, Settings
from rankscope.core.documents import Query
from rankscope.core.events import StageFinished, StageStarted
from rankscope.core.sanitize import one_line
from rankscope.core.trace import Trace
from rankscope.tui import messages
from rankscope.tui.adjust import with_floor_of
from rankscope.tui.runner import ProbeWorkspace, Runner
from rankscope.tui.screens.probe_layout import ProbeLayout
from rankscope.tui.state import Phase, ProbeState, RunPhase
from rankscope.tui.widgets.query_bar import QueryBar
from rankscope.tui.widgets.ranking_table import RankingTable

__all__ = ["ProbeRuns"]

HELD_S = 0.1
_ENDED_EARLY = (RunPhase.NONE, RunPhase.STOPPED, RunPhase.CRASHED)


class ProbeRuns(ProbeLayout):
    """Owns one frozen :class:`~rankscope.tui.state.ProbeState`; handlers make a new one, and it is drawn."""

    state: var[ProbeState] = var(ProbeState(Settings()))

    def __init__(self, workspace: ProbeWorkspace) -> None:
        super().__init__(workspace)
        self.runner = Runner(workspace, self.threads)
        self.set_reactive(ProbeRuns.state, ProbeState(workspace.settings))
        self._run_count = 0
        self._live: ProbeState | None = None
        """The live state while a stored trace is shown."""
        self._held: messages.RunAdvanced | None = None
        self._held_timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """The parts of the screen."""
        yield from self.compose_parts(self.workspace.name)

    def on_mount(self) -> None:
        """Draw the empty screen at once; index and models load beside it."""
        for table in self.query(RankingTable):
            self.watch(table, "scroll_y", partial(self.follow_scroll, table), init=False)
        self.draw(self.state)
        self.call_after_refresh(self.runner.open_workspace)

    def stop(self) -> None:
        """Stop the run too."""
        self.runner.stop()

    def on_resize(self, event: events.Resize) -> None:
        """Share the height anew."""
        self.size_parts(event.size.height, self.state.view)
        self.call_after_refresh(self.relink)

    def on_descendant_focus(self) -> None:
        """The title of the focused column is marked."""
        self.draw_rules(self.state)

    def watch_state(self, old: ProbeState, new: ProbeState) -> None:
        """Draw what changed."""
        if not self.is_mounted:
            return
        self.draw(new, old)
        if new.trace is not old.trace and new.busy and not new.done:
            self.call_after_refresh(self.runner.fused_shown, new.run_id)
        if new.trace is not old.trace and not new.draft and self.focused is None:
            self.call_after_refresh(self._focus_first_results)  # the columns may not be displayed yet
        elif new.run is RunPhase.FINISHED and old.run is not new.run and not new.draft:
            self.leave_empty_column()

    @property
    def indexing(self) -> bool:
        """Whether the index is still being looked at or built. May be asked from any thread."""
        return self._live_state.phase is Phase.INDEXING

    @on(messages.IndexAdvanced)
    def _index_advanced(self, message: messages.IndexAdvanced) -> None:
        self._learn(progress=message.progress)

    @on(messages.WorkspaceOpened)
    def _workspace_opened(self, message: messages.WorkspaceOpened) -> None:
        self._learn(phase=Phase.LOADING, documents=message.documents, examples=message.example_queries)

    @on(messages.WorkspaceReady)
    def _workspace_ready(self) -> None:
        self._learn(phase=Phase.READY)
        live = self._live_state
        if live.run is RunPhase.WAITING and live.query is not None:
            self._run(live.query, draft=live.draft)

    @on(messages.WorkspaceRefused)
    def _workspace_refused(self, message: messages.WorkspaceRefused) -> None:
        self._learn(phase=Phase.REFUSED)
        self._set_live(replace(self._live_state, run=RunPhase.NONE, problem=message.reason))

    @on(messages.QueryEdited)
    def _query_edited(self, message: messages.QueryEdited) -> None:
        text = message.text.strip()
        if not text:
            self.runner.cancel()
            if self.state.busy:
                self.state = replace(self.state, run=RunPhase.STOPPED, running="")
        elif self._query(text) != self.state.query or self.state.run in _ENDED_EARLY:
            self._run(self._query(text), draft=True)

    @on(messages.QuerySubmitted)
    def _query_submitted(self, message: messages.QuerySubmitted) -> None:
        if message.text.strip():
            self.submit(message.text)

    @on(messages.ExampleChosen)
    def _example_chosen(self, message: messages.ExampleChosen) -> None:
        bar = self.query_one(QueryBar)
        bar.write(message.text)
        bar.field.remember(message.text)
        self.submit(message.text)

    @on(messages.RunAdvanced)
    def _run_advanced(self, message: messages.RunAdvanced) -> None:
        live = self._live_state
        if message.run_id != live.run_id or not live.busy:
            return
        if isinstance(message.event, StageStarted | StageFinished) and not message.event.trace.documents:
            self._hold(message)
            return
        self._held = None
        self._advance(live, message)

    def _hold(self, message: messages.RunAdvanced) -> None:
        """Before the lists are fused there is but a word to show: not worth a frame unless it takes long."""
        self._held = message
        if self._held_timer is None:
            self._held_timer = self.set_timer(HELD_S, self._show_held)

    def _show_held(self) -> None:
        self._held_timer = None
        message, self._held = self._held, None
        live = self._live_state
        if message is not None and message.run_id == live.run_id and live.busy:
            self._advance(live, message)

    def _advance(self, live: ProbeState, message: messages.RunAdvanced) -> None:
        state = live.advanced(replace(message.event, trace=with_floor_of(live.settings, message.event.trace)))
        if state.run is RunPhase.FINISHED and not state.draft and state.trace is not None:
            self.runner.store(state.trace)
            state = state.stored(state.trace)
        self._set_live(state)

    @on(messages.RunStopped)
    def _run_stopped(self, message: messages.RunStopped) -> None:
        if message.run_id == self._live_state.run_id and self._live_state.busy:
            self._set_live(replace(self._live_state, run=RunPhase.STOPPED, running=""))

    @on(messages.RunCrashed)
    def _run_crashed(self, message: messages.RunCrashed) -> None:
        if message.run_id == self._live_state.run_id:
            self._set_live(
                replace(self._live_state, run=RunPhase.CRASHED, running="", problem=message.reason)
            )

    @on(messages.TraceNotStored)
    def _trace_not_stored(self, message: messages.TraceNotStored) -> None:
        self.notify(
            f"This run is not stored: {one_line(message.reason)}", severity="error", markup=False, timeout=10
        )

    @on(messages.DocumentChosen)
    def _document_chosen(self, message: messages.DocumentChosen) -> None:
        self.state = self.state.choosing(message.doc_id)

    def submit(self, text: str) -> None:
        """Run a query to the end and keep it; a draft of the same query is kept instead of run again."""
        self.query_one(QueryBar).write(text)
        query = self._query(text.strip())
        state = self.state
        same = state.draft and state.query == query
        if same and state.run is RunPhase.FINISHED and state.trace is not None:
            self.runner.store(state.trace)
            self.state = state.stored(state.trace)
        elif same and state.busy:
            self.runner.promote()
            self.state = replace(state, draft=False)
        else:
            self._run(query, draft=False)
        if self.state.busy:
            # What is typed from here on are keys, not more of the query. The focus comes with the results:
            # now it would draw two columns that are about to be replaced.
            self.set_focus(None)
        else:
            self.focus_results()

    def _focus_first_results(self) -> None:
        if self.focused is None:
            self.focus_results()

    def focus_results(self) -> None:
        """To the column where the answer is, or will be."""
        filled = self.query_one("#after", RankingTable).column is not None
        will_be = self.state.busy and self.state.settings.rerank.enabled
        self.set_focus(self.query_one("#after" if filled or will_be else "#before"))

    def leave_empty_column(self) -> None:
        """From a column that stayed empty to the other one."""
        if self.focused is not None and self.focused.id == "after":
            self.focus_results()

    def _query(self, text: str) -> Query:
        return Query(text, filters=dict(self.state.filters))

    def _run(self, query: Query, *, draft: bool) -> None:
        self._close_stored()
        self._run_count += 1
        self.state = self.state.started(self._run_count, query, draft=draft)
        if self.state.phase is Phase.READY:
            self.runner.start(self._run_count, query, self.state.settings, draft=draft)

    def show_trace(self, trace: Trace, *, came_from: str = "") -> None:
        """Show a stored trace, read-only and exactly as recorded.

        Escape returns to the mode ``came_from``, without one to what stood here before.
        """
        if self._live is None:
            self._live = self.state
        shown = replace(
            self._live,
            run=RunPhase.NONE,
            following=True,
            problem="",
            draft=False,
            read_only=True,
            came_from=came_from,
            sought="",
            other="",
            answers=self._live.answers.idle(),
        )
        displayed = self.state.trace is not None
        self.state = shown.showing(trace)
        self.query_one(QueryBar).write(trace.query.text)
        if displayed:
            self.focus_results()
        else:
            self.call_after_refresh(self.focus_results)

    def _close_stored(self) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            self.state = replace(live, answers=live.answers.idle())
            self.query_one(QueryBar).write(live.query.text if live.query is not None else "")

    def take_floor(self, floor: FloorSettings) -> None:
        """A floor was stored: the runs to come use it, and the live trace on the screen is held to it."""
        live = self._live_state
        settings = replace(live.settings, floor=replace(floor, top_k=live.settings.floor.top_k))
        state = replace(live, settings=settings)
        if live.trace is not None:
            state = state.rederived(with_floor_of(settings, live.trace))
        self._set_live(state)

    @property
    def _live_state(self) -> ProbeState:
        return self.state if self._live is None else self._live

    def _learn(self, **facts: Any) -> None:
        """Facts about the workspace, which hold for a stored trace that is shown and for the live state."""
        if self._live is not None:
            self._live = replace(self._live, **facts)
        self.state = replace(self.state, **facts)

    def _set_live(self, state: ProbeState) -> None:
        if self._live is None:
            self.state = state
        else:
            self._live = state
