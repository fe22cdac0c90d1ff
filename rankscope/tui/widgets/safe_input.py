"""A text field that shows control characters as glyphs and keeps every line of a paste."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.strip import Strip
from textual.widgets import Input

from rankscope.core.sanitize import visible
from rankscope.tui.cells import fit

__all__ = ["SafeInput"]


class SafeInput(Input):
    """One line high, no border. Its value is what was typed or pasted; only what is drawn is made safe."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str) -> None:
        super().__init__(value, placeholder=placeholder, compact=True, id=id)

    def begin(self, text: str) -> None:
        """Take the focus with this text, and go on writing behind it.

        Taking the focus otherwise selects the text, so that the next character replaces it.
        """
        self.select_on_focus = False
        self.screen.set_focus(self)  # at once: the next key may be on its way already
        self.value = text
        self.cursor_position = len(text)

    def on_blur(self) -> None:
        """The next time that it takes the focus, its text is selected again."""
        self.select_on_focus = True

    def render_line(self, y: int) -> Strip:
        """A line that is not being written shows its beginning, with an ellipsis where it is cut."""
        room = self.scrollable_content_region.width
        shown = visible(self.value)
        if y or self.has_focus or cell_len(shown) <= room:
            return super().render_line(y)
        return Strip([Segment(fit(shown, room) + " ")]).apply_style(self.rich_style)

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
