"""Stage times of the whole pipeline against N, on an indexed workspace."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from rankscope.core.documents import Query
from rankscope.engine.workspace import Workspace

__all__ = ["StageTimes", "measure_stages"]


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Median milliseconds of each stage at one N."""

    candidates: int
    median_ms: dict[str, float]


def measure_stages(
    workspace: Workspace, queries: list[str], depths: tuple[int, ...] = (10, 20, 50, 100)
) -> list[StageTimes]:
    """Run the queries at each N, after one run to warm up."""
    results = []
    for candidates in depths:
        settings = workspace.settings.override("retrieval", candidates=candidates)
        settings = settings.override("rerank", cache_mb=0)
        pipeline = workspace.pipeline(settings)
        pipeline.run(Query(queries[0]))
        times: dict[str, list[float]] = {}
        for text in queries:
            for ranking in pipeline.run(Query(text)).rankings:
                if ranking.ms is not None:
                    times.setdefault(ranking.stage, []).append(ranking.ms)
        medians = {stage: statistics.median(values) for stage, values in times.items()}
        results.append(StageTimes(candidates, medians))
    return results
