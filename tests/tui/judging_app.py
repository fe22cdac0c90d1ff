"""A running app on the judge screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from rankscope.tui.app import RankScopeApp
from rankscope.tui.judge_state import JudgePhase, JudgeState
from rankscope.tui.screens.judge import JudgeScreen
from tests.tui.judged import JudgedWorkspace
from tests.tui.running_app import RunningApp


class Judging(RunningApp):
    """A running app on the judge screen."""

    def __init__(self, app: RankScopeApp, workspace: JudgedWorkspace, pilot: Pilot[None]) -> None:
        super().__init__(app, pilot)
        self.workspace = workspace

    @property
    def screen(self) -> JudgeScreen:
        screen = self.app.mode_screen("judge")
        assert isinstance(screen, JudgeScreen)
        return screen

    @property
    def state(self) -> JudgeState:
        return self.screen.state

    async def settled(self) -> None:
        await self.until(lambda: self.state.phase is not JudgePhase.LOADING and not self._waits())

    def _waits(self) -> bool:
        return self.state.phase is JudgePhase.READY and self.state.pool is None


@asynccontextmanager
async def judging(workspace: JudgedWorkspace, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Judging]:
    app = RankScopeApp(workspace, now=lambda: "now")
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("alt+4")
        bench = Judging(app, workspace, pilot)
        await bench.settled()
        yield bench
    workspace.close()
