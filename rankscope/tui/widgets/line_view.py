"""A scrolling view that is drawn line by line, in a place of its own on the screen.

What it shows does not change that place, so a new text is there in the next frame without a new layout of the
screen, which takes longer than all else that a key does.
"""

from __future__ import annotations

from itertools import pairwise

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.content import Content
from textual.geometry import Size
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

__all__ = ["LineView"]


class LineView(ScrollView):
    """``virtual_size`` is the size of what can be scrolled through; a subclass has ``render_line``.

    Its CSS gives it a size, and room for the scrollbar whether there is one or not.
    """

    virtual_size: Reactive[Size] = Reactive(Size(0, 0), repaint=False)

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._theme = ""
        self._rich_styles: dict[tuple[Style, tuple[Style | str, ...]], RichStyle] = {}

    def watch_virtual_size(self, size: Size) -> None:
        """Fit the scrollbar."""
        if self.size:  # before the first layout there is none to fit
            self._scroll_update(size)

    @property
    def inner_width(self) -> int:
        """Cells for text. ``size`` is still the old one while a resize is handled, so it is not used."""
        return max(self.outer_size.width - self.gutter.width - self.scrollbar_gutter.width, 0)

    def notify_style_update(self) -> None:
        """Told of the focus as well as of another theme, whose colours are looked up anew."""
        if self.app.theme != self._theme:
            self._theme = self.app.theme
            self.forget()
        super().notify_style_update()

    def forget(self) -> None:
        """Nothing drawn before is worth keeping."""
        self._rich_styles.clear()

    def strip(self, content: Content, style: Style, width: int) -> Strip:
        """One line of text as it is drawn, in exactly ``width`` cells.

        As ``Content.render`` does it, but that a combination of styles is looked up once.
        """
        text, spans = content.plain, content.spans
        ends = sorted({0, len(text), *(span.start for span in spans), *(span.end for span in spans)})
        segments = [
            Segment(
                text[start:end],
                self._rich_style(
                    style, tuple(span.style for span in spans if span.start <= start and end <= span.end)
                ),
            )
            for start, end in pairwise(ends)
        ]
        return Strip(segments).adjust_cell_length(width, style.rich_style)

    def _rich_style(self, base: Style, over: tuple[Style | str, ...]) -> RichStyle:
        key = (base, over)
        if key not in self._rich_styles:
            for style in over:
                base += self._get_style(style)
            self._rich_styles[key] = base.rich_style
        return self._rich_styles[key]
