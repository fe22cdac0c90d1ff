"""A text field that shows control characters as glyphs and keeps every line of a paste."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.widgets import Input

from rankscope.core.sanitize import visible

__all__ = ["SafeInput"]


class SafeInput(Input):
    """One line high, no border. Its value is what was typed or pasted; only what is drawn is made safe."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str) -> None:
        super().__init__(value, placeholder=placeholder, compact=True, id=id)

    @property
    def _value(self) -> Text:
        """What is drawn; one glyph a character, so that cursor and selection stay right."""
        return Text(visible(self.value), no_wrap=True, overflow="ignore", end="")

    def on_paste(self, event: events.Paste) -> None:
        """Several lines become one: the base class would keep the first and drop the rest."""
        event.prevent_default()
        event.stop()
        line = event.text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")
        self.replace(line, *sorted(self.selection))
