"""The floors screen over many stored scores: its first histogram and each step, beside numpy and plain SQL.

The limit is numpy on an array that is in memory already; the peer is the query that anyone would write.
Scores are planted, in a database of its own; the running screen is driven without a terminal.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankscope.bench.keys import painted, until
from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.engine.workspace import Workspace

if TYPE_CHECKING:
    from rankscope.tui.app import RankScopeApp
    from rankscope.tui.screens.floors import FloorsScreen

__all__ = ["FloorTimes", "measure_floors"]

DEPTH = 50
STEPS = 60
_SQL = "SELECT h.score FROM rankings r JOIN hit_rows h ON h.ranking = r.ranking WHERE r.stage = 'rerank'"


@dataclass(frozen=True, slots=True)
class FloorTimes:
    """Medians in milliseconds unless the name says otherwise."""

    scores: int
    first_histogram_ms: float
    """Reading the scores and counting them, as when the screen opens; read once before."""
    never_read_ms: float
    """The same when these scores were never read, and are cached for the next time."""
    sql_ms: float
    """Peer: the same scores by a plain query, not counted."""
    numpy_ms: float
    """Limit: ``numpy.histogram`` of the array."""
    screen_ms: float
    """From the key that opens the screen to the frame with its first histogram."""
    step_ms: float
    """From an arrow key to the frame with the moved floor and what it does."""
    step_worst_ms: float

    def as_mapping(self) -> dict[str, float]:
        """Plain values for JSON."""
        return asdict(self)


def measure_floors(scores: int = 1_000_000, rounds: int = 5) -> FloorTimes:
    """Plant the scores, then measure."""
    import numpy as np

    from rankscope.insight.floors.distributions import histogram
    from rankscope.insight.floors.stored import gather_stored

    with tempfile.TemporaryDirectory(prefix="rankscope-bench-") as name:
        folder = Path(name)
        (folder / "rankscope.toml").write_text("[floor]\nvalue = 0.4\n", encoding="utf-8")
        with closing(Workspace(folder)) as workspace:
            path = workspace.traces_path
            plant(workspace, scores // DEPTH)

            def first() -> Any:
                group = gather_stored(path, documents=False).groups[0]
                histogram(group)
                return group

            started = time.perf_counter()
            group = first()
            never_read = (time.perf_counter() - started) * 1000
            with closing(sqlite3.connect(path)) as connection:
                sql = timed(lambda: connection.execute(_SQL).fetchall(), rounds)
            screen, steps = asyncio.run(_drive(workspace))
            return FloorTimes(
                scores=len(group.scores),
                first_histogram_ms=timed(first, rounds),
                never_read_ms=never_read,
                sql_ms=sql,
                numpy_ms=timed(lambda: np.histogram(group.scores, 60), rounds),
                screen_ms=screen,
                step_ms=statistics.median(steps),
                step_worst_ms=max(steps),
            )


def timed(work: Callable[[], object], rounds: int) -> float:
    """Median milliseconds of several runs."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        found.append((time.perf_counter() - started) * 1000)
    return statistics.median(found)


def plant(workspace: Workspace, traces: int) -> None:
    """Traces of one model, each with its reranked list of fifty."""
    draw = random.Random(1)  # noqa: S311  # planted scores, nothing secret
    pipeline = PipelineInfo("sha256:planted", "planted", {}, {"cross_encoder": ModelInfo("planted", "r1")})
    floor = Floor(0.4, ScoreScale.PROBABILITY)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    store = workspace.traces
    for number in range(traces):
        scores = sorted((draw.betavariate(0.5, 3) for _ in range(DEPTH)), reverse=True)
        hits = tuple(Hit(f"d{number}-{rank}", rank, score) for rank, score in enumerate(scores, start=1))
        store.append(
            Trace(
                trace_id=f"planted-{number}",
                created_at=start + timedelta(seconds=number),
                origin="live",
                query=Query(f"planted query {number}"),
                rankings=(Ranking("rerank", ScoreScale.PROBABILITY, hits),),
                pipeline=pipeline,
                floor=floor,
                top_k=10,
            )
        )
        if number % 1000 == 0:
            store.flush()
    store.flush()


async def _drive(workspace: Workspace) -> tuple[float, list[float]]:
    """Milliseconds to the first histogram on the screen, and of each step of the floor."""
    from rankscope.tui.app import RankScopeApp
    from rankscope.tui.floors_state import FloorsPhase
    from rankscope.tui.screens.floors import FloorsScreen

    app = RankScopeApp(workspace, picture_folder=workspace.folder)
    steps: list[float] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        screen = app.mode_screen("floors")
        assert isinstance(screen, FloorsScreen)
        started = time.perf_counter()
        app.simulate_key("alt+3")
        await until(lambda: screen.state.phase is FloorsPhase.READY)
        await painted(app.call_after_refresh)
        opened = (time.perf_counter() - started) * 1000
        # Documents and suggestions come beside; the steps are measured when they are there.
        await until(lambda: not screen.state.busy and not screen.state.suggesting)
        for number in range(STEPS):
            key = "shift+right" if number % 20 < 10 else "shift+left"
            steps.append(await _step_ms(app, screen, key))
        screen.close(60)
    app.close(60)
    return opened, steps


async def _step_ms(app: RankScopeApp, screen: FloorsScreen, key: str) -> float:
    """Milliseconds from a key that moves the floor to the frame that shows it."""
    before = screen.state.floor
    started = time.perf_counter()
    app.simulate_key(key)
    await until(lambda: screen.state.floor != before)
    await painted(app.call_after_refresh)
    return (time.perf_counter() - started) * 1000
