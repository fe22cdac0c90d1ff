"""What a floor is said to do against what the pipeline then does, on every one of the sample traces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rankscope.core.trace import Floor, Trace
from rankscope.engine.floor_material import FloorReading, read_floors
from rankscope.engine.pipeline import finish
from rankscope.engine.workspace import Workspace
from rankscope.insight.floors.whatif import kept_ids, whatif
from rankscope.tracing.formats.native import loads
from rankscope.tracing.store import TraceStore

SAMPLE = Path(__file__).parents[2] / "traces" / "sample.jsonl"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FloorReading, dict[str, Trace]]]:
    folder = tmp_path_factory.mktemp("whatif")
    traces = [loads(line) for line in SAMPLE.read_bytes().splitlines() if line.strip()]
    with TraceStore(folder / "traces.db") as store:
        for trace in traces:
            store.append(trace)
    workspace = Workspace(folder)
    yield read_floors(workspace), {trace.trace_id: trace for trace in traces}
    workspace.close()


def test_kept_documents_and_decisions_match_a_replay_with_that_floor(
    stored: tuple[FloorReading, dict[str, Trace]],
) -> None:
    reading, traces = stored
    groups = reading.gathered.groups
    assert sum(group.trace_count for group in groups) + reading.gathered.without_order == len(traces) > 200
    for group in groups:
        scores = sorted(group.scores[group.scored].tolist())
        # Scores themselves are floors too: what equals the floor is kept.
        for value in (scores[len(scores) // 2], scores[-len(scores) // 10], 0.25, scores[-1] + 1, None):
            floor = None if value is None else Floor(value, group.score_scale)
            before = [traces[trace_id] for trace_id in group.trace_ids]
            after = [finish(replace(trace, floor=floor, attributes={})) for trace in before]
            assert kept_ids(group, value) == [list(trace.kept) for trace in after]
            said = whatif(group, value)
            assert said.answered == sum(trace.decision == "answer" for trace in after)
            assert said.refused == sum(trace.decision == "refuse" for trace in after)
