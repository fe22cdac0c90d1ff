"""A running app on the Traces screen over a real store, and traces to fill it with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from rankscope.core.documents import Query
from rankscope.core.trace import Finding, Trace
from rankscope.tracing.store import TraceStore
from rankscope.tui.app import RankScopeApp
from rankscope.tui.screens.traces import TracesScreen
from rankscope.tui.traces_state import ListPhase, TracesState
from tests.tracing.make import make_trace
from tests.tui.fakes import FakeWorkspace
from tests.tui.running_app import RunningApp

QUERIES = ("ibuprofen dosage for children", "naproxen in pregnancy", "aspirin [/b] \x1b[2J overdose")


def stored_trace(number: int, **changes: object) -> Trace:
    """A trace with a query of three in turn; every fourth refused, every fifth with findings."""
    findings = (Finding("RS402", "warning", "m"), Finding("RS101", "error", "m")) if number % 5 == 0 else ()
    values: dict[str, object] = {
        "query": Query(f"{QUERIES[number % 3]} {number}"),
        "decision": "refuse" if number % 4 == 0 else "answer",
        "kept": () if number % 4 == 0 else make_trace(number).kept,
        "findings": findings,
    }
    return make_trace(number, **{**values, **changes})


class Tracing(RunningApp):
    """A running app on the Traces screen, with shorthands."""

    def __init__(self, app: RankScopeApp, store: TraceStore, pilot: Pilot[None]) -> None:
        super().__init__(app, pilot)
        self.store = store

    @property
    def screen(self) -> TracesScreen:
        screen = self.app.mode_screen("traces")
        assert isinstance(screen, TracesScreen)
        return screen

    @property
    def state(self) -> TracesState:
        return self.screen.state

    @property
    def cursor(self) -> str:
        row = self.screen.table.cursor_row
        return "" if row is None else row.trace_id

    async def type_filter(self, text: str) -> None:
        await self.press("slash", *("space" if char == " " else char for char in text))
        await self.until(lambda: self.state.text == text and self.state.total is not None)

    def shown(self) -> list[str]:
        """Ids of the rows on the screen."""
        table = self.screen.table
        top = table.scroll_offset.y
        rows = [table.pages.row(place) for place in range(top, top + table.rows_high)]
        return [row.trace_id for row in rows if row is not None]

    def last_line(self) -> str:
        return self.text().split("\n")[-1]


def name(number: int) -> str:
    return f"trace-{number:06}"


@asynccontextmanager
async def tracing(
    tmp_path: Path, traces: Iterable[Trace] = (), size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Tracing]:
    workspace = FakeWorkspace()
    with TraceStore(tmp_path / "traces.db") as store:
        for trace in traces:
            store.append(trace)
        store.flush()
        workspace.traces = store
        app = RankScopeApp(workspace, picture_folder=tmp_path, now=lambda: "now")
        async with app.run_test(size=size, notifications=True) as pilot:
            on = Tracing(app, store, pilot)
            await pilot.press("escape", "2")
            await on.until(
                lambda: (
                    on.state.phase is not ListPhase.OPENING
                    and on.state.stored is not None
                    and (on.state.total is not None or on.state.phase is ListPhase.REFUSED)
                )
            )
            yield on
            assert app.close(timeout=5)
