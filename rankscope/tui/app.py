"""The application: themes, the probe screen, and the keys that work everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from rankscope.tui import keys
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.screens.help import HelpScreen
from rankscope.tui.screens.probe import ProbeScreen
from rankscope.tui.themes import DARK, LIGHT

__all__ = ["RankScopeApp"]


def local_time() -> str:
    """Now, as it stands in a file name."""
    return datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")


class RankScopeApp(App[None]):
    """RankScope on one workspace. ``now`` names pictures; ``picture_folder`` is where they go."""

    TITLE = "RankScope"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(app=True)]
    DEFAULT_MODE = "probe"

    def __init__(
        self,
        workspace: ProbeWorkspace,
        *,
        picture_folder: Path | None = None,
        now: Callable[[], str] = local_time,
    ) -> None:
        super().__init__()
        self.probe = ProbeScreen(workspace, picture_folder=picture_folder or Path.cwd(), now=now)
        self.add_mode(self.DEFAULT_MODE, lambda: self.probe)
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name
        self.animation_level = "none"

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette offers what the keys do, from the same table."""
        for key in keys.KEYS:
            if not key.palette or not self._works(screen, key):
                continue
            yield SystemCommand(key.name, f"{key.shown}  {key.sentence}", self._runner(screen, key.action))

    def _works(self, screen: Screen[object], key: keys.Key) -> bool:
        if key.action.startswith("app."):
            return True
        name, _, arguments = key.action.removesuffix(")").partition("(")
        return isinstance(screen, ProbeScreen) and bool(screen.check_action(name, (arguments.split(",")[0],)))

    def _runner(self, screen: Screen[object], action: str) -> Callable[[], object]:
        node = self if action.startswith("app.") else screen
        return lambda: self.run_action(action.removeprefix("app."), node)

    def action_switch_theme(self) -> None:
        """Dark or light."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def action_help(self) -> None:
        """All keys."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())
