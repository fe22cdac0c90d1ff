"""The probe screen: a query, its ranked lists before and after reranking, and a document's way through them.

The screen owns one frozen :class:`~rankscope.tui.state.ProbeState`; handlers make a new one, ``watch_state``
draws what changed. Runs happen beside it, in :class:`~rankscope.tui.runner.Runner`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.reactive import var

from rankscope.config import Settings
from rankscope.core.documents import Query
from rankscope.core.sanitize import one_line
from rankscope.core.trace import Trace
from rankscope.tui import adjust, keys, messages
from rankscope.tui.runner import ProbeWorkspace, Runner
from rankscope.tui.screens.probe_layout import ProbeLayout
from rankscope.tui.screens.prompt import Prompt
from rankscope.tui.state import Phase, ProbeState, RunPhase
from rankscope.tui.widgets.document_pane import DocumentPane
from rankscope.tui.widgets.query_bar import QueryBar, QueryInput
from rankscope.tui.widgets.ranking_table import RankingTable

__all__ = ["ProbeScreen"]

_ENDED_EARLY = (RunPhase.NONE, RunPhase.STOPPED, RunPhase.CRASHED)


Answer = TypeVar("Answer")


class ProbeScreen(ProbeLayout):
    """One query at a time, live or as stored."""

    CSS_PATH = "probe.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(app=False)]
    AUTO_FOCUS = "#query"

    state: var[ProbeState] = var(ProbeState(Settings()))

    def __init__(self, workspace: ProbeWorkspace, *, picture_folder: Path, now: Callable[[], str]) -> None:
        super().__init__()
        self.workspace = workspace
        self.picture_folder = picture_folder
        self.now = now
        self.runner = Runner(workspace, self.post_message)
        self.set_reactive(ProbeScreen.state, ProbeState(workspace.settings))
        self._run_count = 0
        self._live: ProbeState | None = None
        """The live state while a stored trace is shown."""

    def compose(self) -> ComposeResult:
        """The parts of the screen."""
        yield from self.compose_parts(self.workspace.name)

    def on_mount(self) -> None:
        """Draw the empty screen at once; index and models load beside it."""
        for table in self.query(RankingTable):
            self.watch(table, "scroll_y", self.relink, init=False)
        self.draw(self.state)
        self.call_after_refresh(self.runner.open_workspace)

    def on_unmount(self) -> None:
        """Leave without waiting: threads stop at their next event."""
        self.runner.close(timeout=0)

    def on_resize(self, event: events.Resize) -> None:
        """Share the height anew."""
        self.size_parts(event.size.height)
        self.call_after_refresh(self.relink)

    def on_descendant_focus(self) -> None:
        """The title of the focused column is marked."""
        self.draw_rules(self.state)

    def watch_state(self, old: ProbeState, new: ProbeState) -> None:
        """Draw what changed."""
        if self.is_mounted:
            self.draw(new, old)

    # What happened

    @on(messages.IndexAdvanced)
    def _index_advanced(self, message: messages.IndexAdvanced) -> None:
        self.state = replace(self.state, progress=message.progress)

    @on(messages.WorkspaceOpened)
    def _workspace_opened(self, message: messages.WorkspaceOpened) -> None:
        self.state = replace(
            self.state, phase=Phase.LOADING, documents=message.documents, examples=message.example_queries
        )

    @on(messages.WorkspaceReady)
    def _workspace_ready(self) -> None:
        self.state = replace(self.state, phase=Phase.READY)
        if self.state.run is RunPhase.WAITING and self.state.query is not None:
            self._run(self.state.query, draft=self.state.draft)

    @on(messages.WorkspaceRefused)
    def _workspace_refused(self, message: messages.WorkspaceRefused) -> None:
        self.state = replace(self.state, phase=Phase.REFUSED, run=RunPhase.NONE, problem=message.reason)

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
            self.submit(message.text.strip())

    @on(messages.ExampleChosen)
    def _example_chosen(self, message: messages.ExampleChosen) -> None:
        bar = self.query_one(QueryBar)
        bar.write(message.text)
        bar.field.remember(message.text)
        self.submit(message.text)

    @on(messages.RunAdvanced)
    def _run_advanced(self, message: messages.RunAdvanced) -> None:
        if message.run_id != self._live_state.run_id:
            return
        state = self._live_state.advanced(message.event)
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
        self.state = replace(self.state, chosen=message.doc_id, following=False)

    # Runs

    def submit(self, text: str) -> None:
        """Run a query to the end and keep it; a draft of the same query is kept instead of run again."""
        query = self._query(text)
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
        self.query_one("#after" if state.settings.rerank.enabled else "#before").focus()

    def _query(self, text: str) -> Query:
        return Query(text, filters=dict(self.state.filters))

    def _run(self, query: Query, *, draft: bool) -> None:
        self._close_stored()
        self._run_count += 1
        self.state = self.state.started(self._run_count, query, draft=draft)
        if self.state.phase is Phase.READY:
            self.runner.start(self._run_count, query, self.state.settings, draft=draft)

    def show_trace(self, trace: Trace) -> None:
        """Show a stored trace, read-only and exactly as recorded; escape returns to what stood before."""
        if self._live is None:
            self._live = self.state
        shown = replace(
            self._live, run=RunPhase.NONE, following=True, problem="", draft=False, read_only=True
        )
        self.state = shown.showing(trace)
        self.query_one(QueryBar).write(trace.query.text)
        self.query_one("#after" if trace.after is not None else "#before").focus()

    def _close_stored(self) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            self.state = live
            self.query_one(QueryBar).write(live.query.text if live.query is not None else "")

    @property
    def _live_state(self) -> ProbeState:
        return self.state if self._live is None else self._live

    def _set_live(self, state: ProbeState) -> None:
        if self._live is None:
            self.state = state
        else:
            self._live = state

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys work now; the others are neither shown nor obeyed."""
        state = self.state
        if action == "stop":
            return state.busy or state.read_only
        if action == "run_again":
            return state.query is not None and not state.read_only and state.phase is Phase.READY
        if action == "move_floor":
            return state.trace is not None and not state.read_only
        if action in ("ask_candidates", "ask_top_k", "ask_filters", "toggle_rerank"):
            return not state.read_only
        if action in ("next_view", "focus_before", "focus_after"):
            return state.trace is not None
        if action == "show_run":
            target = self._target_run(int(str(parameters[0])))
            return target is not None and not state.read_only
        return True

    def on_key(self, event: events.Key) -> None:
        """A character that means nothing here starts a new query."""
        if event.character is None or not event.is_printable or isinstance(self.focused, QueryInput):
            return
        if event.key in self.active_bindings or event.character == " " or self.state.read_only:
            return
        event.stop()
        event.prevent_default()
        field = self.query_one(QueryBar).field
        field.focus()
        field.value = event.character
        field.cursor_position = 1

    def action_focus_query(self) -> None:
        """To the query bar, its text selected."""
        self._close_stored()
        self.query_one(QueryBar).field.focus()

    def action_focus_before(self) -> None:
        """To the fused column."""
        self.query_one("#before").focus()

    def action_focus_after(self) -> None:
        """To the reranked column."""
        self.query_one("#after").focus()

    def action_stop(self) -> None:
        """Close a stored trace, else stop the run."""
        if self.state.read_only:
            self._close_stored()
            return
        self.runner.cancel()
        self.state = replace(self.state, run=RunPhase.STOPPED, running="")

    def action_run_again(self) -> None:
        """Run the query again, with filters and settings as they are now."""
        if self.state.query is not None:
            self._run(self._query(self.state.query.text), draft=False)

    def action_show_run(self, by: int) -> None:
        """Show an earlier or later run of this session, as it ended."""
        place = self._target_run(by)
        if place is None:
            return
        self.runner.cancel()
        trace = self.state.runs[place - 1]
        state = replace(self.state, run=RunPhase.FINISHED, running="", draft=False, query=trace.query)
        self.state = replace(state.showing(trace), place=place)
        self.query_one(QueryBar).write(trace.query.text)

    def _target_run(self, by: int) -> int | None:
        here = self.state.place or len(self.state.runs) + 1
        place = here + by
        return place if 1 <= place <= len(self.state.runs) else None

    def action_move_floor(self, direction: int, fine: bool = False) -> None:
        """Another floor over the same scores; the runs to come use it too."""
        state, trace = self.state, self.state.trace
        if trace is None:
            return
        order = trace.after or trace.final
        if order is None:
            return
        rerank = trace.ranking("rerank")
        if trace.after is None and state.settings.rerank.enabled and rerank is not None:
            self.notify("The fused order stands; the floor is for the reranker's scores.", markup=False)
            return
        current = trace.floor
        value = current.value if current is not None and current.score_scale == order.score_scale else None
        target = adjust.moved_floor(value, order.score_scale, direction, fine=fine)
        settings = adjust.with_settings_floor(state.settings, target, order.score_scale)
        self.state = replace(state, settings=settings).rederived(
            adjust.with_floor(trace, target, order.score_scale)
        )

    def action_toggle_rerank(self) -> None:
        """With or without the reranker; the query runs again."""
        enabled = not self.state.settings.rerank.enabled
        self._apply(self.state.settings.override("rerank", enabled=enabled))

    def action_ask_candidates(self) -> None:
        """Ask for N."""

        def check(text: str) -> Settings:
            number = adjust.whole_number(text, "N")
            return self.state.settings.override("retrieval", candidates=number)

        now = self.state.settings.retrieval.candidates
        self._ask("N", "fused candidates that are reranked", str(now), check, self._apply)

    def action_ask_top_k(self) -> None:
        """Ask for K."""

        def check(text: str) -> Settings:
            return self.state.settings.override("floor", top_k=adjust.whole_number(text, "K"))

        now = self.state.settings.floor.top_k
        self._ask("K", "most documents that are kept", str(now), check, self._apply_top_k)

    def action_ask_filters(self) -> None:
        """Ask for the metadata filters."""

        def apply(filters: dict[str, str]) -> None:
            self.state = replace(self.state, filters=filters)
            if self.state.query is not None:
                self._run(self._query(self.state.query.text), draft=False)

        now = ", ".join(f"{key}={value}" for key, value in self.state.filters.items())
        hint = "KEY=VALUE, commas between; empty for no filter"
        self._ask("where", hint, now, adjust.parse_filters, apply)

    def _ask(
        self, name: str, hint: str, now: str, check: Callable[[str], Answer], apply: Callable[[Answer], None]
    ) -> None:
        def answered(answer: Answer | None) -> None:
            if answer is not None:
                apply(answer)

        self.app.push_screen(Prompt(name, hint, now, check), answered)

    def _apply(self, settings: Settings) -> None:
        """New settings; what is on the screen was made with others, so the query runs again."""
        if settings == self.state.settings:
            return
        self.state = replace(self.state, settings=settings)
        if self.state.query is not None:
            self._run(self._query(self.state.query.text), draft=False)

    def _apply_top_k(self, settings: Settings) -> None:
        trace, top_k = self.state.trace, settings.floor.top_k
        finished = self.state.run is RunPhase.FINISHED
        if trace is not None and finished and adjust.can_rederive_top_k(trace, top_k):
            self.state = replace(self.state, settings=settings).rederived(adjust.with_top_k(trace, top_k))
        else:
            self._apply(settings)

    def action_next_view(self) -> None:
        """Turn the document pane to its next view."""
        self.query_one(DocumentPane).next_view()
        self.draw_rules(self.state)

    def action_save_picture(self) -> None:
        """Save what is on the screen as SVG, and say where."""
        path = self.picture_folder / f"rankscope-{self.now()}.svg"
        try:
            path.write_text(self.app.export_screenshot(), encoding="utf-8")
        except OSError as error:
            reason = error.strerror or str(error)
            self.notify(f"{one_line(str(path))}: {reason}", title="Not saved", severity="error", markup=False)
            return
        self.notify(one_line(str(path)), title="Picture saved", markup=False)
