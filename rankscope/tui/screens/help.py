"""The help overlay: every key of the screen that is showing, and how to read it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from rankscope.tui.keys import GLOBAL, Key, Notes

__all__ = ["HelpScreen"]

_MORE = {"Screen": (("ctrl+p", "All commands by name."),)}


class HelpScreen(ModalScreen[None]):
    """Scrolls where the screen is small; any of its keys closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "close", key_display="esc"),
    ]

    def __init__(self, table: Iterable[Key], notes: Notes) -> None:
        super().__init__()
        self._table, self._notes = tuple(table), notes

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help-box") as box:
            box.border_title = Content("Keys")
            box.border_subtitle = Content("esc closes, ↓ scrolls")
            yield Static(help_text(self._table, self._notes), markup=False)


def help_text(table: Iterable[Key], notes: Notes) -> Content:
    """The whole text of the overlay, made from a screen's key table and the global one."""
    lines: list[Content] = []
    for group, members in groupby((*table, *GLOBAL), key=lambda key: key.group):
        lines.append(Content.styled(group, "bold $primary"))
        lines += [_line(sign, meaning) for sign, meaning in notes.more.get(group, ())]
        lines += [_line(sign, meaning) for sign, meaning in _MORE.get(group, ())]
        for sentence, keys in groupby(members, key=lambda key: key.sentence):
            shown = dict.fromkeys(key.shown for key in keys)
            lines.append(_line(" ".join(shown), sentence))
    if notes.reading:
        lines.append(Content.styled("Reading the screen", "bold $primary"))
        width = max(15, *(cell_len(sign) + 2 for sign, _ in notes.reading))
        lines += [_line(sign, meaning, width) for sign, meaning in notes.reading]
    if notes.footnote:
        lines.append(Content.styled(notes.footnote, "$muted"))
    return Content("\n").join(lines)


def _line(sign: str, meaning: str, width: int = 8) -> Content:
    return Content.assemble("  ", (sign.ljust(width - 2) + "  ", "bold"), (meaning, ""))
