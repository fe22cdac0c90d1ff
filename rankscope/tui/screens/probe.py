"""The probe screen: a query, its ranked lists before and after reranking, and a document's way through them.

Here are its keys. How it looks is in ``probe_layout``, what it does about runs in ``probe_runs``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar, TypeVar

from textual import events
from textual.binding import BindingType

from rankscope.config import Settings
from rankscope.tui import adjust, keys
from rankscope.tui.findings_views import findings_text
from rankscope.tui.screens.panel import Panel
from rankscope.tui.screens.probe_judging import ProbeJudging
from rankscope.tui.screens.probe_keys import PROBE_KEYS, PROBE_NOTES
from rankscope.tui.screens.prompt import Prompt
from rankscope.tui.state import Phase, RunPhase
from rankscope.tui.widgets.query_bar import QueryBar, QueryInput

__all__ = ["ProbeScreen"]

Answer = TypeVar("Answer")
_MEANT = frozenset(key.key for key in (*PROBE_KEYS, *keys.GLOBAL))


class ProbeScreen(ProbeJudging):
    """One query at a time, live or as stored."""

    MODE = "probe"
    KEYS = PROBE_KEYS
    NOTES = PROBE_NOTES

    CSS_PATH = "probe.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(PROBE_KEYS)]
    AUTO_FOCUS = "#query"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys work now; the others are neither shown nor obeyed."""
        state = self.state
        if action == "stop":
            return state.busy and not state.read_only
        if action == "stop_words":
            return "words" in state.answers.running
        if action == "close_trace":
            return state.read_only
        if action == "run_again":
            return state.query is not None and not state.read_only and state.phase is Phase.READY
        if action == "move_floor":
            return state.trace is not None and not state.read_only
        if action in ("ask_candidates", "ask_top_k", "ask_filters", "toggle_rerank"):
            return not state.read_only
        if action == "show_movement":
            return (
                state.trace is not None and state.trace.before is not None and state.trace.after is not None
            )
        if action == "show_findings":
            return state.trace is not None and bool(state.trace.findings)
        if action == "judge":
            return state.trace is not None and bool(state.chosen) and not state.busy
        if action in (
            "next_view", "focus_before", "focus_after", "lock_columns", "find_document", "mark_other",
        ):  # fmt: skip
            return state.trace is not None
        if action == "show_run":
            target = self._target_run(int(str(parameters[0])))
            return target is not None and not state.read_only
        return True

    def on_key(self, event: events.Key) -> None:
        """A character that means nothing here starts a new query."""
        if event.character is None or not event.is_printable:
            return
        if isinstance(self.focused, QueryInput):  # it was on its way before the field had the focus
            self.focused.insert_text_at_cursor(event.character)
            return
        if event.key in _MEANT or event.character == " " or self.state.read_only:
            return
        event.stop()
        event.prevent_default()
        self.query_one(QueryBar).field.begin(event.character)

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

    def action_close_trace(self) -> None:
        """From a stored trace back to where it was opened: another screen, or what stood here before."""
        came_from = self.state.came_from
        self._close_stored()
        if came_from:
            self.desk.action_show_mode(came_from)

    def action_stop(self) -> None:
        """Stop the run; what was scored stays on the screen."""
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
        scale = adjust.floor_scale(trace, state.settings)
        if scale is None:
            words = f"The floor is for {state.settings.floor.score_scale} scores, and these are others."
            self.notify(words, title="The floor stays", markup=False)
            return
        floor = trace.floor
        value = floor.value if floor is not None and floor.score_scale is scale else None
        target = adjust.moved_floor(value, scale, direction, fine=fine)
        settings = adjust.with_settings_floor(state.settings, target, scale)
        self.state = replace(state, settings=settings).rederived(adjust.with_floor_of(settings, trace))

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

    def action_show_findings(self) -> None:
        """All that the rules found, in full; the rule below the document has room for its beginning."""
        if self.state.trace is not None:
            self.app.push_screen(Panel("Findings", partial(findings_text, self.state.trace)))

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
            self.state = replace(self.state, settings=settings).rederived(adjust.with_top_k(settings, trace))
        else:
            self._apply(settings)

    def action_lock_columns(self) -> None:
        """Scroll the columns together, or apart."""
        self.locked = not self.locked
        self.relink()
