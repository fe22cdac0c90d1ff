"""The filter of a list: a text field, and how many pass at its right."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from rankscope.tui.traces_messages import FilterEdited
from rankscope.tui.widgets.safe_input import SafeInput

__all__ = ["FilterBar", "FilterInput"]

DEBOUNCE_S = 0.08


class FilterInput(SafeInput):
    """The text field; every way out of it leads to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "leave", "to the list", key_display="enter"),
        Binding("down", "leave", "to the list", show=False),
        Binding("escape", "leave", "leave", key_display="esc"),
    ]

    def action_leave(self) -> None:
        """To the list."""
        self.screen.focus_next()


class FilterBar(Horizontal):
    """Posts FilterEdited once typing has rested."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._timer: Timer | None = None
        self._facts = Content("")

    def compose(self) -> ComposeResult:
        yield Static(Content.styled(" / ", "bold $primary"), id="filter-prompt")
        yield FilterInput(placeholder="Words, origin:import, rs101, refuse, >500ms, since:2h", id="filter")
        yield Static(Content(""), id="filter-facts", markup=False)

    @property
    def field(self) -> FilterInput:
        """The text field."""
        return self.query_one("#filter", FilterInput)

    def write(self, text: str) -> None:
        """Put a filter there and let it act at once."""
        self.field.value = text
        self._rested()

    def show_facts(self, facts: Content) -> None:
        """Say this at the right."""
        if not facts.is_same(self._facts):
            self._facts = facts
            self.query_one("#filter-facts", Static).update(facts)

    @on(Input.Changed, "#filter")
    def _edited(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(DEBOUNCE_S, self._rested)

    def _rested(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self.post_message(FilterEdited(self.field.value))
