"""The query bar: the query with its history, the filters, and which run is on the screen."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from rankscope.core.sanitize import one_line
from rankscope.tui.messages import QueryEdited, QuerySubmitted
from rankscope.tui.state import ProbeState, RunPhase
from rankscope.tui.widgets.safe_input import SafeInput

__all__ = ["QueryBar", "QueryInput"]

DEBOUNCE_S = 0.06
"""Rest after a key before the lists follow: long enough to skip bursts, short enough to feel immediate."""


class QueryInput(SafeInput):
    """The query's text field, with its history."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "run and keep", key_display="enter"),
        Binding("up", "history(-1)", "earlier query", key_display="↑"),
        Binding("down", "history(1)", "results", key_display="↓"),
        Binding("escape", "leave", "leave", key_display="esc"),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(placeholder="Type a query", id=id)
        self.history: list[str] = []
        self._place = 0
        self._unsent = ""

    def remember(self, text: str) -> None:
        """Add a submitted query to the history, once."""
        if text in self.history:
            self.history.remove(text)
        self.history.append(text)
        self._place = len(self.history)

    def action_history(self, by: int) -> None:
        """An earlier or later query; beyond the latest, on to the results."""
        if by > 0 and self._place >= len(self.history):
            self.screen.focus_next()
            return
        if self._place >= len(self.history):
            self._unsent = self.value
        self._place = min(max(self._place + by, 0), len(self.history))
        at_end = self._place == len(self.history)
        self.value = self._unsent if at_end else self.history[self._place]
        self.cursor_position = len(self.value)

    def action_leave(self) -> None:
        """To the results."""
        self.screen.focus_next()


class QueryBar(Horizontal):
    """The field with its prompt, and at its right the filters and the run."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._timer: Timer | None = None
        self._typed = ""
        self._facts = Content("")

    def compose(self) -> ComposeResult:
        yield Static(Content.styled(" › ", "bold $primary"), id="prompt")
        yield QueryInput(id="query")
        yield Static(Content(""), id="query-facts", markup=False)

    @property
    def field(self) -> QueryInput:
        """The text field."""
        return self.query_one("#query", QueryInput)

    def write(self, text: str) -> None:
        """Put a query into the field as if it had stood there: no run starts."""
        self._stop_timer()
        self._typed = text
        field = self.field
        field.value = text
        field.cursor_position = len(text)

    @on(Input.Changed, "#query")
    def _edited(self, event: Input.Changed) -> None:
        event.stop()
        if event.value == self._typed:
            return
        self._typed = event.value
        self._stop_timer()
        self._timer = self.set_timer(DEBOUNCE_S, self._rested)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _rested(self) -> None:
        self._timer = None
        self.post_message(QueryEdited(self._typed))

    @on(Input.Submitted, "#query")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._stop_timer()
        self._typed = event.value
        if event.value.strip():
            self.field.remember(event.value)
        self.post_message(QuerySubmitted(event.value))

    def show_facts(self, state: ProbeState) -> None:
        """Filters and run number, as they stand."""
        facts = _facts(state)
        if not facts.is_same(self._facts):
            self._facts = facts
            self.query_one("#query-facts", Static).update(facts)


def _facts(state: ProbeState) -> Content:
    where = " ".join(f"{one_line(key)}={one_line(value)}" for key, value in state.filters.items())
    parts = [Content.assemble(("where ", "$muted"), (one_line(where, 30), "bold $fall"))] if where else []
    count = len(state.runs)
    if state.read_only:
        parts.append(
            Content.styled(f"esc to {state.came_from}" if state.came_from else "esc closes", "$muted")
        )
    elif state.place:
        parts.append(Content.assemble(("run ", "$muted"), (f"{state.place} of {count}", "bold")))
    elif state.draft and state.run is not RunPhase.NONE:
        parts.append(Content.styled("draft, enter keeps it", "$muted"))
    elif state.busy:
        parts.append(Content.assemble(("run ", "$muted"), (f"{count + 1}", "bold"), (" …", "$primary")))
    return Content("  ") + Content("   ").join(parts) + Content(" ") if parts else Content("")
