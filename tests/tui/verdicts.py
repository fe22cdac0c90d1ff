"""A verdict and a comparison with written figures: pictures of them vary with no library."""

from __future__ import annotations

import random
from dataclasses import replace

from rankscope.core.trace import ModelInfo, PipelineInfo
from rankscope.engine.deciding import Compared, Drawn
from rankscope.engine.judged_traces import JudgedTraces
from rankscope.insight.ab import AbQuery, AbRow, Comparison, Side
from rankscope.insight.significance import Interval
from rankscope.insight.verdict.model import (
    DepthCurve,
    DepthPoint,
    Diagnosis,
    Evidence,
    GatePoint,
    MeasureRow,
    RecallPoint,
    RuleOfThumb,
    StageLatency,
    StratumRow,
    Verdict,
)
from tests.insight.verdict.systems import judgments_of, misordered, small_gain

A, B = "sha256:1f6c09d2aa07", "sha256:9b3e51c7d410"


def near(value: float, by: float = 0.04, n: int = 120) -> Interval:
    return Interval(value, round(value - by, 4), round(value + by, 4), n)


MEASURES = tuple(
    MeasureRow(name, near(before), near(after), near(after - before, 0.03), p_value, near(best))
    for name, before, after, p_value, best in (
        ("nDCG@5", 0.511, 0.624, 0.0004, 0.93),
        ("nDCG@10", 0.553, 0.655, 0.0004, 0.948),
        ("MRR@10", 0.498, 0.611, 0.0012, 0.94),
        ("P@10", 0.097, 0.101, 0.31, 0.12),
    )
)
DEPTHS = tuple(
    DepthPoint(n, near(0.553 + gain), near(gain, 0.02), near(gain - 0.102, 0.01), ms, measured)
    for n, gain, ms, measured in (
        (10, 0.061, 44.0, False),
        (20, 0.097, 87.0, False),
        (50, 0.102, 214.0, True),
    )
)
GATES = tuple(
    GatePoint(gap, saved, near(change, 0.012))
    for gap, saved, change in ((0.004, 0.71, -0.031), (0.009, 0.42, -0.006), (0.014, 0.18, -0.001))
)
DIAGNOSES = (
    Diagnosis(
        "fusion-no-gain",
        "found",
        "fusion gains +0.004 [-0.006, +0.013] nDCG@10 over BM25 alone.",
        "Check that the dense model fits the language of the corpus.",
    ),
    Diagnosis("broken-sentences", "fine", "3% of the top documents break a sentence.", ""),
    Diagnosis("filters-missing", "unknown", "no query has a filter or names a value of a field.", ""),
)
VERDICT = Verdict(
    kind="gate",
    sentence="Gate at this gap: skip the reranker where rank 1 leads rank 10 by 0.009 or more.",
    reasons=(
        "it gains +0.102 [+0.072, +0.132] nDCG@10 over 120 queries, for 214 ms a query",
        "a relevant document is among the first 50 for 95% [90%, 98%] of the queries, in the top 5 for 54%",
    ),
    evidence=Evidence(
        queries=120,
        no_answer=15,
        rule=RuleOfThumb(near(0.95, 0.03), 50, near(0.54, 0.08), 5, met=True),
        recall=tuple(
            RecallPoint(n, near(value), near(min(value + 0.02, 0.95)))
            for n, value in ((1, 0.31), (5, 0.52), (10, 0.66), (20, 0.8), (50, 0.93))
        ),
        measures=MEASURES,
        strata=tuple(
            StratumRow(name, queries, near(before), near(after), near(after - before), near(0.9))
            for name, queries, before, after in (("exact", 40, 0.71, 0.74), ("paraphrase", 80, 0.47, 0.61))
        ),
        latency=(
            StageLatency("bm25", 135, 0.6, 1.1, 50.0),
            StageLatency("dense", 135, 9.1, 14.0, 100.0),
            StageLatency("rerank", 120, 214.0, 412.0, 400.0),
            StageLatency("total", 135, 224.0, 428.0, 500.0),
        ),
        depth=DepthCurve(DEPTHS, 20, 120),
        gates=GATES,
        judged={"fusion": near(0.82), "rerank": near(0.91)},
        refused_no_answer=near(0.73, 0.1, 15),
        refused_answerable=near(0.04),
        diagnoses=DIAGNOSES,
        notes=("the reranker was skipped or failed for 4 queries: their fused order counts",),
    ),
    gate=GATES[1],
    depth=20,
)


def _judged(pipeline: str, seed: int) -> JudgedTraces:
    made = (misordered if pipeline == A else small_gain)(24, random.Random(seed))
    info = PipelineInfo(pipeline, models={"cross_encoder": ModelInfo(f"model-{pipeline[7]}")})
    traces = tuple(replace(trace, trace_id=f"{pipeline}-{trace.trace_id}", pipeline=info) for trace in made)
    return JudgedTraces(
        "sample_corpus", traces, judgments_of(traces), {}, pipeline, {B if pipeline == A else A: 24}
    )


def drawn() -> Drawn:
    return Drawn(_judged(A, 0), VERDICT, "the trace store")


def _side(name: str, pipeline: str, ms: float, judged: float, new: int) -> Side:
    info = PipelineInfo(pipeline, models={"cross_encoder": ModelInfo(f"model-{pipeline[7]}")})
    return Side(name, info, "rerank", near(judged), new, ms, None, None)


def compared() -> Compared:
    a, b = _judged(A, 0), _judged(B, 1)
    queries = tuple(
        AbQuery(f"q{number}", f"query {number} of the set", "exact" if number % 3 else "", *pair, one, two)
        for number, (pair, one, two) in enumerate(
            zip(
                ((0.0, 0.63), (0.1, 0.5), (0.9, 0.6), (0.4, 0.63), (1.0, 0.9), (0.5, 0.5), (0.2, 0.2)),
                (trace.trace_id for trace in a.traces),
                (trace.trace_id for trace in b.traces),
                strict=False,
            )
        )
    )
    rows = tuple(
        AbRow(name, near(one), near(two), near(two - one), p_value, p_value)
        for name, one, two, p_value in (
            ("nDCG@10", 0.443, 0.566, 0.0004),
            ("nDCG@5", 0.401, 0.503, 0.004),
            ("MRR@10", 0.412, 0.409, 0.62),
        )
    )
    comparison = Comparison(
        measure="nDCG@10",
        a=_side("A", A, 214.0, 0.93, 0),
        b=_side("B", B, 388.0, 0.78, 31),
        rows=rows,
        queries=queries,
        won=3,
        lost=2,
        tied=2,
        only_a=0,
        only_b=4,
        changed_settings={"rerank.model": ("model-1", "model-9"), "retrieval.candidates": (50, 100)},
        statements=("The judgments look pooled from A alone: judge the 31 documents that only B brings up.",),
    )
    return Compared(a, b, comparison)
