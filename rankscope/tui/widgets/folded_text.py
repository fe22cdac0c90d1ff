"""A scrolling text that folds itself anew when its width changes."""

from __future__ import annotations

from textual.content import Content

from rankscope.tui.widgets.text_view import TextView

__all__ = ["FoldedText"]


class FoldedText(TextView, can_focus=False):
    """``show`` replaces the text; the view goes to its top only where ``of`` changes."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._pinned_text = self._text = Content("")
        self._of = ""

    def show(self, pinned: Content, text: Content, *, of: str) -> None:
        """Show a text below lines that stay; ``of`` names what it is about."""
        from_top = of != self._of
        if not from_top and pinned.is_same(self._pinned_text) and text.is_same(self._text):
            return
        self._pinned_text, self._text, self._of = pinned, text, of
        self.show_lines(pinned, text, from_top=from_top)

    def on_resize(self) -> None:
        """Fold anew."""
        self.show_lines(self._pinned_text, self._text, from_top=False)

    def scroll_pages(self, pages: int) -> None:
        """Scroll by pages, a line less so that one stays in sight."""
        self.scroll_relative(y=pages * max(self.outer_size.height - 1, 1), animate=False)
