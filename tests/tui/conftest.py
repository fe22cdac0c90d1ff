"""What the screen's tests share: an app on the fake workspace, and waiting for it without guessing times."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from rankscope.core.trace import Trace
from rankscope.engine.replay_today import Today
from rankscope.tui.app import RankScopeApp
from rankscope.tui.screens.traces import TracesScreen
from rankscope.tui.state import Phase, ProbeState
from tests.tui.fakes import FakeReranker, FakeWorkspace, Script
from tests.tui.running_app import RunningApp
from tests.tui.tracing_app import stored_trace


class Bench(RunningApp):
    """A running app on a fake workspace, with shorthands."""

    def __init__(self, app: RankScopeApp, workspace: FakeWorkspace, pilot: Pilot[None]) -> None:
        super().__init__(app, pilot)
        self.workspace = workspace

    @property
    def state(self) -> ProbeState:
        return self.app.probe.state

    async def ready(self) -> None:
        await self.until(lambda: self.state.phase is Phase.READY)

    async def ask(self, text: str) -> None:
        """Submit a query as if typed and wait for its end."""
        self.app.probe.submit(text)
        await self.idle()

    async def idle(self) -> None:
        await self.until(lambda: self.state.phase is Phase.READY and not self.state.busy)

    async def type(self, text: str) -> None:
        await self.pilot.press(*("space" if char == " " else char for char in text))

    def line(self, selector: str) -> str:
        """The text of the rows that a widget takes on the screen."""
        region = self.app.probe.query_one(selector).region
        return "\n".join(self.text().split("\n")[region.y : region.bottom])


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., object]:
    @asynccontextmanager
    async def open_bench(
        workspace: FakeWorkspace | None = None, size: tuple[int, int] = (120, 40)
    ) -> AsyncIterator[Bench]:
        workspace = workspace or FakeWorkspace()
        app = RankScopeApp(workspace, picture_folder=tmp_path, now=lambda: "2026-01-31T12-00-00")
        async with app.run_test(size=size, notifications=True) as pilot:
            yield Bench(app, workspace, pilot)

    return open_bench


@pytest.fixture
def thirty() -> list[Trace]:
    return [stored_trace(number) for number in range(30)]


@pytest.fixture
def today(monkeypatch) -> Script:
    """Replays go through the fake reranker."""
    script = Script()
    settings = FakeWorkspace().settings

    def made(self: TracesScreen, mode: str) -> Today:
        return Today(settings, FakeReranker(script))

    monkeypatch.setattr(TracesScreen, "today", made)
    return script
