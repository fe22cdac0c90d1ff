"""What a key is, and the keys that work on every screen.

Each screen has one table of :class:`Key`, in a file beside it; its bindings, footer, help and palette are
all made from that table and from :data:`GLOBAL`.
"""

# ruff: noqa: E501  (one line a key, as a table)

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from textual.binding import Binding

from rankscope.tui.modes import MODES, Mode

__all__ = ["GLOBAL", "Key", "Notes", "bindings"]

Signs = tuple[tuple[str, str], ...]
"""Pairs of a sign and its meaning."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what it does, as a name for the palette, a word for the footer, a sentence for the help."""

    key: str
    """Textual's name of the key."""
    shown: str
    """The key as people write it."""
    action: str
    """Action of the screen or, with the prefix ``app.``, of the app."""
    name: str
    word: str
    """Keys with one word stand together in the footer."""
    sentence: str
    """Keys with one sentence stand together in the help."""
    group: str
    footer: int = 0
    """Place in the footer where there is room, from 1; 0 keeps it out. Global keys start at 90."""
    palette: bool = True


@dataclass(frozen=True, slots=True)
class Notes:
    """What the help of a screen says beside its keys."""

    reading: Signs = ()
    """How to read the screen: signs and their meaning."""
    footnote: str = ""
    more: Mapping[str, Signs] = field(default_factory=dict)
    """Keys of single widgets, which the table does not hold, by group."""


_HELP = "Keys of this screen, and how to read it. f1 from anywhere."


_WITH_ALT = ("inverted_exclamation_mark", "trade_mark_sign", "pound_sign", "cent_sign", "infinity")
"""What Textual makes of alt and 1 to 5 where a terminal says it by ESC and the digit."""


def _mode_keys(mode: Mode) -> Iterable[Key]:
    """The number, and alt with it where the number alone means something else."""
    action = f"app.show_mode('{mode.name}')"
    words = f"{mode.title}: {mode.sentence}"
    yield Key(mode.number, mode.number, action, f"{mode.title} screen", mode.title, words, "Modes")
    for name in (f"alt+{mode.number}", _WITH_ALT[int(mode.number) - 1]):
        yield Key(name, f"alt+{mode.number}", action, "", "", words, "Modes", palette=False)


GLOBAL: tuple[Key, ...] = (
    Key("s", "s", "app.save_picture", "Save a picture", "picture", "Save this screen as an SVG picture.", "Screen", 90),
    Key("t", "t", "app.switch_theme", "Dark or light theme", "theme", "Dark or light.", "Screen", 91),
    Key("question_mark", "?", "app.help", "All keys", "help", _HELP, "Screen", 92),
    Key("f1", "f1", "app.help", "All keys", "help", _HELP, "Screen", 92, palette=False),
    Key("q", "q", "app.quit", "Quit", "quit", "Leave RankScope. ctrl+q leaves from anywhere.", "Screen", 93),
    *(key for mode in MODES for key in _mode_keys(mode)),
)  # fmt: skip


def bindings(table: Iterable[Key]) -> list[Binding]:
    """The bindings of a screen's table, or of the global one."""
    return [
        Binding(
            key.key,
            key.action.removeprefix("app."),
            key.word,
            show=key.footer > 0,
            key_display=key.shown,
        )
        for key in table
    ]
