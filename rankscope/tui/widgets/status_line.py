"""The status line: one plain sentence for where things stand."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from rankscope.core.sanitize import visible
from rankscope.tui.sentences import Sentence, Tone

__all__ = ["StatusLine"]

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
        shown = self.query_one("#status-text", Static)
        text = Content.styled(visible(sentence.text), _TEXT_STYLES[sentence.tone])
        # A new layout of the screen takes longer than all else that a key does.
        width, height = shown.size
        shown.update(text, layout=width < 1 or min(len(text.wrap(width)), _MOST_LINES) != height)
