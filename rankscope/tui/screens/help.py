"""The help overlay: every key of the table, and how to read the screen."""

from __future__ import annotations

from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from rankscope.tui.keys import KEYS

__all__ = ["HelpScreen"]

_READING: tuple[tuple[str, str], ...] = (
    ("▲ 2  ▼ 3  =", "places gained, lost or kept; grey where they do not count"),
    (">100  –", "not in the first 100 of that list; no match in it at all"),
    ("█████▌", "score, on the scale of its list; before: the share of each list"),
    ("── floor 0.40", "drops what is below it; when all is, the query is refused"),
    ("▶ ▷", "the chosen document, here and in the other column"),
    ("━┓ ┗━", "its way from its place before to its place after"),
    ("draft", "a run started by typing; only runs kept by enter are stored"),
)
_SESSION = "N, K, floor and reranker change for this session, rankscope.toml stays as it is."
_MORE: dict[str, tuple[tuple[str, str], ...]] = {
    "Query": (
        ("enter", "Run the query to the end, and keep the run as a trace."),
        ("↑ ↓", "Earlier and later queries; below the latest, the results."),
    ),
    "Documents": (
        ("↑ ↓", "Choose a document; pgup pgdn home end too."),
        ("tab", "Next part of the screen; shift+tab, the one before."),
    ),
    "Screen": (("ctrl+p", "All commands by name."),),
}
"""Keys of single widgets, which the table does not hold."""


class HelpScreen(ModalScreen[None]):
    """Scrolls where the screen is small; any of its keys closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "close", key_display="esc"),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help-box") as box:
            box.border_title = Content("Keys")
            box.border_subtitle = Content("esc closes, ↓ scrolls")
            yield Static(help_text(), markup=False)


def help_text() -> Content:
    """The whole text of the overlay, made from the key table."""
    lines: list[Content] = []
    for group, members in groupby(KEYS, key=lambda key: key.group):
        lines.append(Content.styled(group, "bold $primary"))
        lines += [_line(sign, meaning) for sign, meaning in _MORE.get(group, ())]
        for sentence, keys in groupby(members, key=lambda key: key.sentence):
            shown = dict.fromkeys(key.shown for key in keys)
            lines.append(_line(" ".join(shown), sentence))
    lines.append(Content.styled("Reading the screen", "bold $primary"))
    lines += [_line(sign, meaning, width=15) for sign, meaning in _READING]
    lines.append(Content.styled(_SESSION, "$muted"))
    return Content("\n").join(lines)


def _line(sign: str, meaning: str, width: int = 8) -> Content:
    return Content.assemble("  ", (sign.ljust(width), "bold"), (meaning, ""))
