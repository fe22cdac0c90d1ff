"""Which screen this is and which others there are, as the start of a title line."""

from __future__ import annotations

from textual.content import Content
from textual.style import Style

from rankscope.tui.modes import MODES, Mode

__all__ = ["mode_tabs"]

ROOM_FOR_TITLES = 100
"""From this width of the screen on the other modes may stand with their titles, else with their numbers."""


def mode_tabs(current: str, width: int, beside: int = 0) -> Content:
    """The program's name and the modes; a click goes there.

    All modes stand with their titles where the line of ``width`` cells has room for that and for the
    ``beside`` cells of what else it says; else this mode alone does, the others with their numbers.
    """
    if width >= ROOM_FOR_TITLES:
        tabs = _tabs(current, titled=True)
        if tabs.cell_length + beside <= width:
            return tabs
    return _tabs(current, titled=False)


def _tabs(current: str, *, titled: bool) -> Content:
    tabs = Content.styled(" RankScope  ", "bold $primary")
    if len(MODES) > 1:
        gap = Content("  " if titled else " ")
        tabs += gap.join(_tab(mode, here=mode.name == current, titled=titled) for mode in MODES)
        tabs += Content("  ")
    return tabs


def _tab(mode: Mode, *, here: bool, titled: bool) -> Content:
    if here:
        return Content.styled(f"{mode.number} {mode.title}", "bold underline")
    words = f"{mode.number} {mode.title}" if titled else mode.number
    click = Style.from_meta({"@click": f"app.show_mode('{mode.name}')"})
    return Content.styled(words, "$muted").stylize(click)
