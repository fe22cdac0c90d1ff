"""The last line: the keys that work now, as many as fit, in the order of the key table."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from rankscope.tui.keys import GLOBAL

__all__ = ["KeyLine"]


class KeyLine(Widget):
    """One line of key hints; the rest is under ``?``."""

    _drawn: Sequence[tuple[str, str]] = ()
    """The hints, as they were drawn last."""

    def on_mount(self) -> None:
        """Follow the screen's bindings: focus and state change which keys work."""
        table = (*getattr(self.screen, "KEYS", ()), *GLOBAL)
        self._places = {key.action.removeprefix("app."): key.footer for key in table if key.footer}
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        # Told for every change of the focus, most of which change nothing here.
        if screen is self.screen and self.hints() != self._drawn:
            self.refresh()

    def hints(self) -> list[tuple[str, str]]:
        """Key and word of what works now: the focused field's own keys first,
        keys of one word together."""
        found: dict[str, tuple[int, str, str]] = {}
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            if not enabled or not binding.show or not binding.key_display:
                continue
            own = node is not self.screen and node is not self.app
            place = 0 if own else self._places.get(binding.action, -1)
            if place >= 0:
                found.setdefault(binding.action, (place, binding.key_display, binding.description))
        merged: dict[str, str] = {}
        for _, key, word in sorted(found.values()):
            merged[word] = f"{merged[word]} {key}" if word in merged else key
        return [(key, word) for word, key in merged.items()]

    def render(self) -> Content:
        """As many hints as fit, and the palette at the right end."""
        palette = Content.assemble(("ctrl+p", "bold $primary"), (" commands ", "$muted"))
        room = self.size.width - palette.cell_length - 1
        line = Content(" ")
        self._drawn = self.hints()
        for key, word in self._drawn:
            hint = Content.assemble((key, "bold $primary"), (f" {word}", "$muted"), "  ")
            if line.cell_length + hint.cell_length > room:
                continue
            line += hint
        return (
            line + Content(" " * max(self.size.width - line.cell_length - palette.cell_length, 0)) + palette
        )

    def on_click(self, event: events.Click) -> None:
        """A click anywhere on the line opens the list of all keys."""
        event.stop()
        self.app.simulate_key("question_mark")
