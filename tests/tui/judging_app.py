"""A running app on the judge screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from rankscope.tui.app import RankScopeApp
from rankscope.tui.judge_state import JudgePhase, JudgeState
from rankscope.tui.screens.judge import JudgeScreen
from rankscope.tui.widgets.status_line import StatusLine
from tests.tui.judged import JudgedWorkspace


class Judging:
    """A running app on the judge screen."""

    def __init__(self, app: RankScopeApp, workspace: JudgedWorkspace, pilot: Pilot[None]) -> None:
        self.app, self.workspace, self.pilot = app, workspace, pilot
        screen = app.mode_screen("judge")
        assert isinstance(screen, JudgeScreen)
        self.screen = screen

    @property
    def state(self) -> JudgeState:
        return self.screen.state

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                await self.pilot.pause(0.005)
        await self.pilot.pause()

    async def settled(self) -> None:
        await self.until(lambda: self.state.phase is not JudgePhase.LOADING and not self._waits())

    def _waits(self) -> bool:
        return self.state.phase is JudgePhase.READY and self.state.pool is None

    def sentence(self) -> str:
        said = self.screen.query_one(StatusLine).sentence
        return "" if said is None else said.text

    def text(self) -> str:
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.crop(0, width).text for strip in lines[:height])


@asynccontextmanager
async def judging(workspace: JudgedWorkspace, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Judging]:
    app = RankScopeApp(workspace, now=lambda: "now")
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("alt+4")
        bench = Judging(app, workspace, pilot)
        await bench.settled()
        yield bench
    workspace.close()
