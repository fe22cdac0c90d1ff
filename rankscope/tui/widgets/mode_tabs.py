"""Which screen this is and which others there are, as the start of a title line."""

from __future__ import annotations

from textual.content import Content
from textual.style import Style

from rankscope.tui.modes import MODES, Mode

__all__ = ["mode_tabs"]

ROOM_FOR_TITLES = 150
"""From this width of the screen on the other modes stand with their titles, else with their numbers."""


def mode_tabs(current: str, width: int) -> Content:
    """The program's name, this mode by its title, the others by their numbers; a click goes there."""
    tabs = Content.styled(" RankScope  ", "bold $primary")
    if len(MODES) > 1:
        for mode in MODES:
            tabs += _tab(mode, here=mode.name == current, titled=width >= ROOM_FOR_TITLES) + Content(" ")
        tabs += Content(" ")
    return tabs


def _tab(mode: Mode, *, here: bool, titled: bool) -> Content:
    if here:
        return Content.styled(f"{mode.number} {mode.title}", "bold underline")
    words = f"{mode.number} {mode.title}" if titled else mode.number
    click = Style.from_meta({"@click": f"app.show_mode('{mode.name}')"})
    return Content.styled(words, "$muted").stylize(click)
