"""A one-line question at the foot of the screen: N, K or the filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from rankscope.core.sanitize import visible
from rankscope.errors import SettingsError
from rankscope.tui.widgets.safe_input import SafeInput
from rankscope.tui.widgets.status_line import stand_above_status

__all__ = ["Prompt"]


Answer = TypeVar("Answer")


class Prompt(ModalScreen[Answer | None], Generic[Answer]):
    """Asks until ``check`` accepts the text; the result is what ``check`` made of it, None on escape."""

    CSS_PATH = "prompt.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "cancel")]

    def __init__(self, question: str, hint: str, value: str, check: Callable[[str], Answer]) -> None:
        super().__init__()
        self._question, self._hint, self._initial, self._check = question, hint, value, check

    def compose(self) -> ComposeResult:
        with Vertical(id="prompt-box"):
            with Horizontal(id="prompt-line"):
                yield Static(Content.styled(f"{self._question} ", "bold"), id="prompt-question", markup=False)
                yield SafeInput(self._initial, id="prompt-input")
            yield Static(Content.styled(self._hint, "$muted"), id="prompt-hint", markup=False)

    def on_mount(self) -> None:
        """What the screen says stays in sight."""
        stand_above_status(self.query_one("#prompt-box"))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            answer = self._check(event.value)
        except SettingsError as error:
            self.query_one("#prompt-hint", Static).update(Content.styled(f"! {visible(str(error))}", "$fall"))
            return
        self.dismiss(answer)

    def action_cancel(self) -> None:
        """Leave things as they are."""
        self.dismiss(None)
