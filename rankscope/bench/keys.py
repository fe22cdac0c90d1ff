"""How the running screen feels: a typed query to its fused column, and keys while the reranker works.

Drives the real program without a terminal, with the real models, and reads the clock in the same process.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rankscope.engine.workspace import Workspace
from rankscope.errors import RankScopeError

if TYPE_CHECKING:
    from rankscope.tui.app import RankScopeApp

__all__ = ["KeyTimes", "measure_keys", "painted", "until"]

_PATIENCE_S = 60.0
_QUERIES = 8


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """Milliseconds from a key to the frame that shows its effect, models warm."""

    fused_median_ms: float
    fused_worst_ms: float
    key_median_ms: float | None
    """None when every query was reranked before a key could be pressed."""
    key_worst_ms: float | None
    keys_measured: int

    def as_mapping(self) -> dict[str, float | None]:
        """Plain numbers for JSON."""
        return asdict(self)


def measure_keys(workspace: Workspace, queries: tuple[str, ...] = ()) -> KeyTimes:
    """Type queries, and move to the next document while each is reranked. Gives up after a minute's wait."""
    asked = (queries or workspace.example_queries)[:_QUERIES]
    if not asked:
        raise RankScopeError(
            "there is no query to type.", remedy="Index a BEIR folder that holds queries.jsonl."
        )
    fused, keys = asyncio.run(_drive(workspace, asked))
    middle = statistics.median(keys) if keys else None
    return KeyTimes(statistics.median(fused), max(fused), middle, max(keys, default=None), len(keys))


def leaving_no_trace(workspace: Workspace, folder: Path) -> Workspace:
    """The same workspace with a trace database of its own: measured runs are none of the user's."""
    return Workspace(
        workspace.folder,
        sample=workspace.sample,
        settings=workspace.settings,
        traces_path=folder / "traces.db",
    )


async def _drive(workspace: Workspace, queries: tuple[str, ...]) -> tuple[list[float], list[float]]:
    from rankscope.tui.app import RankScopeApp
    from rankscope.tui.state import Phase, RunPhase

    fused: list[float] = []
    keys: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(leaving_no_trace(workspace, Path(folder))) as measured,
    ):
        app = RankScopeApp(measured, picture_folder=Path(folder))
        async with app.run_test(size=(120, 40)) as pilot:
            probe = app.probe
            await until(lambda: probe.state.phase is Phase.READY)
            for text in queries:
                app.simulate_key("slash")
                await pilot.pause()
                fused.append(await _fused_ms(app, text))
                app.simulate_key("left")
                await pilot.pause()
                if probe.state.run is RunPhase.RUNNING:
                    keys.append(await _moved_ms(app))
                await until(lambda: not probe.state.busy)
    return fused, keys


async def _fused_ms(app: RankScopeApp, text: str) -> float:
    """Milliseconds from enter in the query's field to the frame with the fused column."""
    from textual.widgets import Input

    app.probe.query_one("#query", Input).value = text
    started = time.perf_counter()
    app.simulate_key("enter")
    await until(lambda: _is_fused(app.probe.state.trace, text))
    await painted(app.call_after_refresh)
    return (time.perf_counter() - started) * 1000


async def _moved_ms(app: RankScopeApp) -> float:
    """Milliseconds from a key that chooses the next document to the frame that shows it."""
    before = app.probe.state.chosen
    started = time.perf_counter()
    app.simulate_key("down")
    await until(lambda: app.probe.state.chosen != before)
    await painted(app.call_after_refresh)
    return (time.perf_counter() - started) * 1000


def _is_fused(trace: object, text: str) -> bool:
    """Whether the trace on the screen is of this query and has its fused column."""
    from rankscope.core.trace import Trace

    return isinstance(trace, Trace) and trace.query.text == text and trace.ranking("fusion") is not None


async def painted(after_refresh: Callable[[Callable[[], None]], object]) -> None:
    """Return once the next frame is drawn."""
    drawn = asyncio.Event()
    after_refresh(drawn.set)
    await asyncio.wait_for(drawn.wait(), _PATIENCE_S)


async def until(condition: Callable[[], bool]) -> None:
    """Return once it holds. Raises RankScopeError after a minute."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise RankScopeError("the screen did not answer within a minute.")
        await asyncio.sleep(0.001)
