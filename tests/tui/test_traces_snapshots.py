"""Pictures of the Traces screen, its comparison and its summary. Look at a changed one before accepting it:

pytest tests/tui/test_traces_snapshots.py --snapshot-update
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from rankscope.core.trace import Trace
from rankscope.tracing.store import TraceStore
from rankscope.tui.app import RankScopeApp
from rankscope.tui.screens.confirm import Confirm
from rankscope.tui.screens.replay_summary import ReplaySummary
from rankscope.tui.screens.trace_diff import DiffScreen
from rankscope.tui.screens.traces import TracesScreen
from rankscope.tui.widgets import mode_tabs
from tests.tracing.make import START, make_trace
from tests.tui.fakes import FakeWorkspace
from tests.tui.test_snapshots import FIVE, LARGE, MIDDLE, RECORDED_WITH, SMALL
from tests.tui.tracing_app import stored_trace

pytestmark = pytest.mark.skipif(
    any(not version(name).startswith(f"{minor}.") for name, minor in RECORDED_WITH.items()),
    reason=f"pictures are compared byte for byte with those of {RECORDED_WITH}",
)
Before = Callable[[Pilot[None]], Awaitable[None]]


@pytest.fixture(autouse=True)
def fixed_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tabs and time zone of the pictures."""
    monkeypatch.setattr(mode_tabs, "MODES", FIVE)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Callable[[list[Trace]], RankScopeApp]]:
    """Makes an app on a store with these traces."""
    store = TraceStore(tmp_path / "traces.db")

    def make(traces: list[Trace]) -> RankScopeApp:
        for trace in traces:
            store.append(trace)
        store.flush()
        workspace = FakeWorkspace()
        workspace.traces = store
        return RankScopeApp(workspace, picture_folder=Path("nowhere"), now=lambda: "now")

    yield make
    store.close()


def traces(count: int = 60) -> list[Trace]:
    """Traces in several states, a minute apart."""
    return [
        stored_trace(number, origin=("live", "import:openinference")[number % 7 == 0])
        for number in range(count)
    ]


def pressing(*keys: str, until: type[Screen[object]] = TracesScreen) -> Before:
    """Go to the Traces screen, press keys, wait until the screen is there and everything is counted."""

    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("escape", "2")
        screen = pilot.app.mode_screen("traces")
        screen.query_one("#filter", Input).cursor_blink = False

        def settled() -> bool:
            return screen.state.stored is not None and screen.state.total is not None

        async with asyncio.timeout(10):
            while not settled():
                await pilot.pause(0.005)
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
            while not (settled() and isinstance(pilot.app.screen, until)):
                await pilot.pause(0.005)
        await pilot.pause(0.1)

    return before


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_the_list(snap_compare, app, size) -> None:
    """Marks, a cursor, decisions, moves and findings."""
    keys = ("down", "space", "space", "down")
    assert snap_compare(app(traces()), terminal_size=size, run_before=pressing(*keys))


def test_a_filter_in_the_light_theme(snap_compare, app) -> None:
    """How many pass, and how the filter was understood."""
    keys = ("t", "slash", *"refuse", "space", "greater_than_sign", *"120", "enter")
    assert snap_compare(app(traces()), terminal_size=MIDDLE, run_before=pressing(*keys))


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
def test_an_empty_store(snap_compare, app, size) -> None:
    """What to do about it."""
    assert snap_compare(app([]), terminal_size=size, run_before=pressing())


def test_a_deletion(snap_compare, app) -> None:
    """The question, and what hangs on the traces."""
    replay = stored_trace(70, parent_id="trace-000059", origin="replay")
    before = pressing("down", "space", "delete", until=Confirm)
    assert snap_compare(app([*traces(), replay]), terminal_size=SMALL, run_before=before)


def pair() -> list[Trace]:
    """A trace and its replay, which refuses."""
    parent = make_trace(0, candidates=12, top_k=5)
    later = replace(
        make_trace(1, candidates=12, top_k=5),
        trace_id="later",
        query=parent.query,
        parent_id=parent.trace_id,
        origin="replay",
        created_at=START + timedelta(days=1),
        floor=replace(parent.floor, value=0.9),
        decision="refuse",
        kept=(),
    )
    return [parent, later]


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_two_traces_side_by_side(snap_compare, app, size) -> None:
    """Figures, why the decision flipped, both orders, the document's place in both."""
    assert snap_compare(app(pair()), terminal_size=size, run_before=pressing("d", until=DiffScreen))


@pytest.mark.parametrize("size", [SMALL, MIDDLE])
def test_the_summary_of_a_replay(snap_compare, app, size, today, monkeypatch) -> None:
    """What changed, in figures, and the traces that changed most."""
    monkeypatch.setattr("rankscope.insight.diff.groups.GroupDiff.latency", lambda _: {})  # times vary
    before = pressing("space", "space", "space", "space", "p", until=ReplaySummary)
    assert snap_compare(app(traces(10)), terminal_size=size, run_before=before)


def test_help(snap_compare, app) -> None:
    """The keys of this screen, and how to read it."""
    assert snap_compare(
        app(traces(3)), terminal_size=MIDDLE, run_before=pressing("question_mark", until=Screen)
    )
