"""A running app that a test drives: keys, waiting without guessing times, and what is on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen

from rankscope.tui.app import RankScopeApp
from rankscope.tui.widgets.status_line import StatusLine

__all__ = ["RunningApp"]

_PATIENCE_S = 20.0


class RunningApp:
    """What the tests of every screen do with it."""

    def __init__(self, app: RankScopeApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> Screen[Any]:
        return self.app.screen

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until ``done()``, at most ``_PATIENCE_S``."""
        async with asyncio.timeout(_PATIENCE_S):
            while not done():
                await self.pilot.pause(0.005)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def sentence(self) -> str:
        """What the status line says."""
        said = self.screen.query_one(StatusLine).sentence
        return "" if said is None else said.text

    def text(self) -> str:
        """All that is on the screen."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.crop(0, width).text for strip in lines[:height])
