"""Floors over a million stored scores: times beside numpy in memory and plain SQL.

Run from the repository's root: ``python -m tests.benchmarks.floors_million [DATABASE]``. Without a database
one of 20,000 traces with 50 reranked documents each is made in a temporary folder.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rankscope.insight.floors.distributions import histogram
from rankscope.insight.floors.floor_table import FloorTable
from rankscope.insight.floors.stored import gather_stored
from rankscope.insight.floors.whatif import consequences, curve
from rankscope.tracing.store import TraceStore
from tests.insight.floors.scored_traces import scored_trace

_SCORES = """
    SELECT h.score FROM rankings r JOIN hit_rows h ON h.ranking = r.ranking WHERE r.stage = 'rerank'
"""


def timed(name: str, work: Callable[[], Any], times: int = 5) -> Any:
    """Print the median wall and processor time of several runs; the last result."""
    wall, cpu, result = [], [], None
    for _ in range(times):
        started, used = time.perf_counter(), time.process_time()
        result = work()
        wall.append((time.perf_counter() - started) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    print(f"{name:<52} {statistics.median(wall):9.3f} ms  cpu {statistics.median(cpu):9.3f} ms", flush=True)
    return result


def make(path: Path, traces: int = 20_000) -> None:
    """A database of that many traces."""
    draw = random.Random(1)
    with TraceStore(path) as store:
        for number in range(traces):
            scores = sorted((draw.betavariate(0.5, 3) for _ in range(50)), reverse=True)
            store.append(scored_trace(f"q{number}", scores))
            if number % 1000 == 0:
                store.flush()


def main(path: Path) -> None:
    """Print the table."""
    first = timed("read the scores and draw the first histogram", lambda: draw_first(path))
    connection = sqlite3.connect(path)
    timed("  peer: the same scores by plain SQL", lambda: connection.execute(_SCORES).fetchall())
    group = first
    print(f"{len(group.scores):,} scores of {group.trace_count:,} traces")
    timed("histogram once they are read", lambda: histogram(group))
    timed("histogram on the logit axis", lambda: histogram(group, axis="logit"))
    timed("  limit: numpy.histogram on the array", lambda: np.histogram(group.scores, 20))
    table = FloorTable(group)
    timed("first step of the floor (sorts)", lambda: consequences(FloorTable(group), 0.4, baseline=0.3), 3)
    floors = iter(np.linspace(0.05, 0.95, 101).tolist())
    consequences(table, 0.5, baseline=0.3)
    timed("a step of the floor", lambda: consequences(table, next(floors), baseline=0.3), 100)
    timed("the curve, 200 floors", lambda: curve(table))


def draw_first(path: Path) -> Any:
    """What a screen does when it opens."""
    group = gather_stored(path, documents=False).groups[0]
    histogram(group)
    return group


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder) / "traces.db")
            main(Path(folder) / "traces.db")
