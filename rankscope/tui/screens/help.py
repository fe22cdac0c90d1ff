"""The help overlay: every key of the screen that is showing, and how to read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from rankscope.tui import cells
from rankscope.tui.keys import GLOBAL, Key, Notes
from rankscope.tui.widgets.fitted_text import FittedText

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
            yield FittedText(partial(help_text, self._table, self._notes))


def help_text(table: Iterable[Key], notes: Notes, width: int) -> Content:
    """The whole text of the overlay, made from a screen's key table and the global one."""
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    for group, members in groupby((*table, *GLOBAL), key=lambda key: key.group):
        rows = [*notes.more.get(group, ()), *_MORE.get(group, ())]
        for sentence, keys in groupby(members, key=lambda key: key.sentence):
            rows.append((" ".join(dict.fromkeys(key.shown for key in keys)), sentence))
        groups.append((group, rows))
    lines = _sections(groups, width)
    if notes.reading:
        lines += _sections([("Reading the screen", notes.reading)], width)
    if notes.footnote:
        lines.append(Content.styled(notes.footnote, "$muted"))
    return Content("\n").join(lines)


def _sections(groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], width: int) -> list[Content]:
    """Titles with their rows; what the signs mean stands in one column, and so do its further lines."""
    column = max(cell_len(sign) for _, rows in groups for sign, _ in rows) + 4
    lines = []
    for title, rows in groups:
        lines.append(Content.styled(title, "bold $primary"))
        for sign, meaning in rows:
            shown = Content.assemble("  ", (set_cell_size(sign, column - 2), "bold"))
            lines += cells.hung(shown, Content(meaning), width)
    return lines
