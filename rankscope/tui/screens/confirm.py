"""A yes-or-no question at the foot of the screen, for what cannot be undone."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from rankscope.core.sanitize import visible
from rankscope.tui.widgets.status_line import stand_above_status

__all__ = ["Confirm"]


class Confirm(ModalScreen[bool]):
    """True on y alone; every other way out is no."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape,q,enter", "answer(False)", "no"),
    ]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question, self._yes = question, yes

    def compose(self) -> ComposeResult:
        with Vertical(id="confirm-box"):
            question = visible(self._question, keep_newlines=True)
            yield Static(Content.styled(question, "bold"), id="confirm-question", markup=False)
            hint = Content.assemble(
                ("y", "bold $primary"),
                (f" {self._yes}   ", "$muted"),
                ("esc", "bold $primary"),
                (" leaves things as they are", "$muted"),
            )
            yield Static(hint, id="confirm-hint", markup=False)

    def on_mount(self) -> None:
        """What the screen says stays in sight."""
        stand_above_status(self.query_one("#confirm-box"))

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)
