"""A workspace for the verdict screen: systems that are built to deserve a verdict, in a real trace store."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from rankscope.core.trace import ModelInfo, PipelineInfo, Trace
from rankscope.engine import deciding
from rankscope.insight.ab import compare
from rankscope.insight.verdict.assemble import draw_verdict
from rankscope.tracing.judgment_log import NewJudgment
from tests.tui.judged import JudgedWorkspace

System = Callable[[int, random.Random], list[Trace]]


def store_system(
    workspace: JudgedWorkspace, system: System, *, count: int = 40, pipeline: str = "1", seed: int = 0
) -> Sequence[Trace]:
    """Its traces, stored, and a judgment of each query's one relevant document."""
    made = PipelineInfo(
        f"sha256:{pipeline * 16}",
        corpus="corpus 1",
        settings={"retrieval": {"candidates": 50}, "rerank": {"model": f"model-{pipeline}"}},
        models={"cross_encoder": ModelInfo(f"model-{pipeline}")},
    )
    traces = [
        replace(trace, trace_id=f"{pipeline}-{trace.trace_id}", pipeline=made)
        for trace in system(count, random.Random(seed))
    ]
    for trace in traces:
        workspace.traces.append(trace)
    workspace.traces.flush()
    known = workspace.log.grades()
    new = [
        NewJudgment(trace.query.query_id or "", "rel", 1, "ann")
        for trace in traces
        if trace.query.query_id not in known
    ]
    workspace.log.append_many(new)
    return traces


def decided(folder: Path, *systems: System, count: int = 40) -> JudgedWorkspace:
    """A workspace with one pipeline for each system, over the same queries."""
    workspace = JudgedWorkspace(folder)
    for number, system in enumerate(systems, start=1):
        store_system(workspace, system, count=count, pipeline=str(number))
    return workspace


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer resamples: what the screens show is looked at here, not how sharp the intervals are."""
    monkeypatch.setattr(deciding, "draw_verdict", partial(draw_verdict, resamples=199))
    monkeypatch.setattr(deciding, "compare", partial(compare, resamples=199))
