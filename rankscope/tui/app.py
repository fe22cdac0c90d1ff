"""The application: themes, the screens behind the number keys, and the keys that work everywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import ClassVar, cast

from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from rankscope.core.sanitize import one_line
from rankscope.core.trace import Trace
from rankscope.tui import keys, messages
from rankscope.tui.garbage import REST_S, QuietCollector
from rankscope.tui.modes import MODES, mode_named
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.screens.help import HelpScreen
from rankscope.tui.screens.mode_screen import ModeScreen
from rankscope.tui.screens.probe import ProbeScreen
from rankscope.tui.themes import DARK, LIGHT

__all__ = ["RankScopeApp"]


def local_time() -> str:
    """Now, as it stands in a file name."""
    return datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")


class RankScopeApp(App[None]):
    """RankScope on one workspace. ``now`` names pictures; ``picture_folder`` is where they go."""

    TITLE = "RankScope"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.GLOBAL)]
    DEFAULT_MODE = "probe"

    def __init__(
        self,
        workspace: ProbeWorkspace,
        *,
        picture_folder: Path | None = None,
        now: Callable[[], str] = local_time,
    ) -> None:
        super().__init__()
        self.workspace = workspace
        self.picture_folder = picture_folder or Path.cwd()
        self.now = now
        self.collector = QuietCollector()
        self._built: dict[str, ModeScreen] = {}
        for mode in MODES:
            self.add_mode(mode.name, partial(self.mode_screen, mode.name))
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name
        self.animation_level = "none"

    def on_mount(self) -> None:
        """From here on keys are pressed."""
        self.collector.start()
        self.set_interval(REST_S, self.collector.rest)

    def on_unmount(self) -> None:
        """The collector is the process', which may go on."""
        self.collector.stop()

    async def on_event(self, event: events.Event) -> None:
        """Take note of what the user does, then do it."""
        if isinstance(event, events.InputEvent):
            self.collector.touched()
        await super().on_event(event)

    @on(messages.WorkspaceReady)
    @on(messages.WorkspaceRefused)
    def _models_loaded(self) -> None:
        self.collector.loaded()

    @property
    def probe(self) -> ProbeScreen:
        """The probe screen, which is there from the start."""
        return cast(ProbeScreen, self.mode_screen("probe"))

    def mode_screen(self, name: str) -> ModeScreen:
        """The one screen of a mode, imported and made on first use."""
        if name not in self._built:
            module, _, class_name = mode_named(name).screen.partition(":")
            screen: ModeScreen = getattr(import_module(module), class_name)(self.workspace)
            self._built[name] = screen
        return self._built[name]

    def open_trace(self, trace: Trace) -> None:
        """Show a stored trace read-only in the probe's layout; escape there comes back to this mode."""
        came_from = self.current_mode
        if came_from == "probe":
            self.probe.show_trace(trace)
            return
        self.probe.show_trace(trace, came_from=came_from)
        self.switch_mode("probe")  # only now, so that it is painted once

    def close(self, timeout: float) -> bool:
        """Stop what runs beside the screens; says whether it ended within ``timeout`` seconds."""
        screens = tuple(self._built.values())
        for screen in screens:
            screen.stop()
        deadline = time.monotonic() + timeout
        ended = [screen.close(max(deadline - time.monotonic(), 0)) for screen in screens]
        return all(ended)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette offers what the keys do, from the same tables."""
        table = getattr(screen, "KEYS", ())
        for key in (*table, *keys.GLOBAL):
            if not key.palette or not self._works(screen, key):
                continue
            yield SystemCommand(key.name, f"{key.shown}  {key.sentence}", self._runner(screen, key.action))

    def _works(self, screen: Screen[object], key: keys.Key) -> bool:
        if key.action.startswith("app."):
            return True
        name, _, arguments = key.action.removesuffix(")").partition("(")
        return bool(screen.check_action(name, (arguments.split(",")[0],)))

    def _runner(self, screen: Screen[object], action: str) -> Callable[[], object]:
        node = self if action.startswith("app.") else screen
        return lambda: self.run_action(action.removeprefix("app."), node)

    def action_show_mode(self, name: str) -> None:
        """Another screen."""
        self.switch_mode(name)

    def action_switch_theme(self) -> None:
        """Dark or light."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def action_help(self) -> None:
        """The keys of this screen, and how to read it."""
        table = getattr(self.screen, "KEYS", None)  # also of a screen that stands on top of a mode's
        if table is not None:
            self.push_screen(HelpScreen(table, getattr(self.screen, "NOTES", keys.Notes())))

    def action_save_picture(self) -> None:
        """Save what is on the screen as SVG, and say where."""
        path = self.picture_folder / f"rankscope-{self.now()}.svg"
        try:
            path.write_text(self.export_screenshot(), encoding="utf-8")
        except OSError as error:
            reason = error.strerror or str(error)
            self.notify(f"{reason}: {one_line(str(path))}", title="Not saved", severity="error", markup=False)
            return
        self.notify(one_line(str(path)), title="Picture saved", markup=False)
