"""A text over the screen, closed by escape."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from rankscope.tui.widgets.fitted_text import FittedText

__all__ = ["Panel"]


class Panel(ModalScreen[None]):
    """Scrolls where the screen is small."""

    CSS_PATH = "panel.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "close", key_display="esc")]

    def __init__(self, title: str, make: Callable[[int], Content]) -> None:
        """``make`` gives the text for a width."""
        super().__init__()
        self._title, self._make = title, make

    def compose(self) -> ComposeResult:
        """The text in a frame."""
        with VerticalScroll(id="panel-box") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = Content("esc closes, ↓ scrolls")
            yield FittedText(self._make)
