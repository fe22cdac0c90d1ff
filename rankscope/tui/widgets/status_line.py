"""The status line: one plain sentence for where things stand."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from rankscope.core.sanitize import visible
from rankscope.tui.sentences import Sentence, Tone

__all__ = ["StatusLine", "stand_above_status"]

_MARKS: dict[Tone, tuple[str, str]] = {
    "calm": ("·", "$muted"),
    "good": ("✓", "bold $rise"),
    "busy": ("◌", "bold $primary"),
    "warn": ("!", "bold $fall"),
    "bad": ("✗", "bold $error"),
}
_TEXT_STYLES: dict[Tone, str] = {"calm": "", "good": "", "busy": "", "warn": "$fall", "bad": "$error"}

_MOST_LINES = 2


class StatusLine(Horizontal):
    """A mark for the tone, and the sentence; a long one takes a second line."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.sentence: Sentence | None = None

    def compose(self) -> ComposeResult:
        yield Static(Content(""), id="status-mark", markup=False)
        yield Static(Content(""), id="status-text", markup=False)

    def show(self, sentence: Sentence) -> None:
        """Show a sentence."""
        if sentence == self.sentence:
            return
        self.sentence = sentence
        mark, style = _MARKS[sentence.tone]
        self.query_one("#status-mark", Static).update(Content.styled(f" {mark} ", style), layout=False)
        self._draw()

    def on_resize(self) -> None:
        """Another part of a long sentence has room."""
        self._draw()

    def _draw(self) -> None:
        if self.sentence is None:
            return
        shown = self.query_one("#status-text", Static)
        text = Content.styled(visible(self.sentence.text), _TEXT_STYLES[self.sentence.tone])
        width, height = shown.size
        lines = text.wrap(width) if width > 0 else [text]
        if len(lines) > _MOST_LINES:
            last = (lines[_MOST_LINES - 1] + Content(" …")).truncate(width, ellipsis=True)
            text = Content("\n").join([*lines[: _MOST_LINES - 1], last])
        # A new layout of the screen takes longer than all else that a key does.
        shown.update(text, layout=width < 1 or min(len(lines), _MOST_LINES) != height)


def stand_above_status(box: Widget) -> None:
    """Put a box at the foot of a modal screen above the status, of one line or two, and the keys below it."""
    stack = box.app.screen_stack
    found = stack[-2].query(StatusLine) if len(stack) > 1 else ()
    height = max((line.size.height for line in found), default=1)
    box.styles.margin = (0, 0, height + 1, 0)
