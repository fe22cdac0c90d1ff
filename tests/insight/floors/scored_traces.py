"""Traces and observations with given scores and grades."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, Hit, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.insight.floors.gather import gather
from rankscope.insight.floors.observations import Observations
from rankscope.insight.judgments import Judgments

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
MODEL = ModelInfo("tiny-reranker", "sha256:1234", "fp32", 512, "sigmoid")


def scored_trace(
    name: str,
    scores: Sequence[float | None],
    *,
    scale: ScoreScale = ScoreScale.PROBABILITY,
    stage: str = "rerank",
    model: ModelInfo = MODEL,
    number: int = 0,
    **changes: Any,
) -> Trace:
    """A trace of the query ``name`` whose list holds ``name-1``, ``name-2`` ... with these scores."""
    hits = tuple(Hit(f"{name}-{rank}", rank, score) for rank, score in enumerate(scores, start=1))
    values: dict[str, Any] = {
        "trace_id": f"t-{name}",
        "created_at": START + timedelta(minutes=number),
        "origin": "live",
        "query": Query(f"text of {name}", query_id=name),
        "rankings": (Ranking(stage, scale, hits),),
        "pipeline": PipelineInfo(
            fingerprint="sha256:abc", corpus="sample sha256:def", models={"cross_encoder": model}
        ),
        "floor": Floor(0.4, ScoreScale.PROBABILITY),
        "top_k": 10,
        "documents": {hit.doc_id: Document(hit.doc_id, "x" * hit.rank) for hit in hits},
    }
    return Trace(**{**values, **changes})


def observed(
    rows: Mapping[str, Sequence[float | None]],
    grades: Mapping[str, Mapping[int, int]] | None = None,
    *,
    scale: ScoreScale = ScoreScale.PROBABILITY,
    **options: Any,
) -> Observations:
    """One group: scores by query, and grades by query and rank."""
    judgments = None
    if grades is not None:
        judgments = Judgments(
            {
                name: {f"{name}-{rank}": grade for rank, grade in known.items()}
                for name, known in grades.items()
            }
        )
    traces = [scored_trace(name, scores, scale=scale) for name, scores in rows.items()]
    (group,) = gather(traces, judgments=judgments, **options).groups
    return group


def random_judged(seed: int, queries: int = 60, depth: int = 12, **options: Any) -> Observations:
    """Probabilities that lean upward for relevant documents; every document of every query is judged."""
    draw = random.Random(seed)
    rows: dict[str, list[float]] = {}
    grades: dict[str, dict[int, int]] = {}
    for number in range(queries):
        pairs = []
        for _ in range(depth):
            relevant = draw.random() < 0.3
            score = draw.betavariate(4, 2) if relevant else draw.betavariate(2, 4)
            pairs.append((score, int(relevant)))
        pairs.sort(reverse=True)
        rows[f"q{number}"] = [score for score, _ in pairs]
        grades[f"q{number}"] = {rank: grade for rank, (_, grade) in enumerate(pairs, start=1)}
    return observed(rows, grades, **options)
