"""Retrieval systems that are built to deserve a verdict."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from rankscope.core.documents import Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.insight.judgments import Judgments

N = 50


def ranking(stage: str, scale: ScoreScale, ids: Sequence[str], scores: Sequence[float], ms: float) -> Ranking:
    hits = tuple(Hit(key, rank, score) for rank, (key, score) in enumerate(zip(ids, scores, strict=True), 1))
    return Ranking(stage, scale, hits, ms=ms, depth=len(hits))


def system_trace(
    number: int, place: int | None, reranked: int | None, *, gap: float, rerank_ms: float = 120.0
) -> Trace:
    """One query whose relevant document ``rel`` stands at ``place`` after fusion and then at ``reranked``.

    None: among no candidates. Scores fall evenly, except that rank 1 is ``gap`` above rank 10.
    """
    others = [f"d{number}-{index}" for index in range(N)]

    def order(at: int | None) -> list[str]:
        return others if at is None else [*others[: at - 1], "rel", *others[at - 1 : N - 1]]

    fused = order(place)
    scores = [0.02 + gap * max(0.0, (9 - rank) / 9) - rank * 1e-4 + 9e-4 * (rank == 9) for rank in range(N)]
    falling = [1 - rank / N for rank in range(N)]
    return Trace(
        trace_id=f"t{number}",
        created_at=datetime(2026, 1, 31, tzinfo=UTC),
        origin="live",
        query=Query(f"query {number}", query_id=f"q{number}"),
        rankings=(
            ranking("fusion", ScoreScale.RRF, fused, sorted(scores, reverse=True), 1.0),
            ranking("rerank", ScoreScale.PROBABILITY, order(reranked), falling, rerank_ms),
        ),
        decision="answer",
    )


def judgments_of(traces: Sequence[Trace]) -> Judgments:
    return Judgments({trace.query.query_id or "": {"rel": 1} for trace in traces})


def perfect_first_stage(count: int, random: random.Random) -> list[Trace]:
    """The right document is first already; reranking cannot better it, and now and then harms."""
    return [
        system_trace(number, 1, 1 if random.random() < 0.95 else 2, gap=random.random() / 100)
        for number in range(count)
    ]


def recall_miss(count: int, random: random.Random) -> list[Trace]:
    """A third of the right documents is nowhere; the reranker lifts those that are found."""
    made = []
    for number in range(count):
        place = None if random.random() < 0.35 else random.randint(1, N)
        made.append(system_trace(number, place, place and min(place, 2), gap=random.random() / 100))
    return made


def misordered(count: int, random: random.Random) -> list[Trace]:
    """The right document is nearly always found, seldom in the top 5, and the reranker mends that mostly."""
    made = []
    for number in range(count):
        place = None if random.random() < 0.02 else random.randint(3, 40)
        after = place and (random.choice((1, 1, 1, 2, 3)) if random.random() < 0.9 else place)
        made.append(system_trace(number, place, after, gap=random.random() / 100))
    return made


def useless_reranker(count: int, random: random.Random) -> list[Trace]:
    """There is much to gain, but the reranker only shuffles the top a little, to and fro."""
    made = []
    for number in range(count):
        place = random.randint(2, 12)
        after = max(1, place + random.choice((-1, 0, 0, 1)))
        made.append(system_trace(number, place, after, gap=random.random() / 100))
    return made


def clear_when_gap_is_large(count: int, random: random.Random) -> list[Trace]:
    """Where rank 1 leads by far it is right, elsewhere the reranker is needed."""
    made = []
    for number in range(count):
        clear = random.random() < 0.5
        place = 1 if clear else random.randint(4, 30)
        made.append(system_trace(number, place, 1, gap=0.01 + random.random() / 100 if clear else 0.001))
    return made


def without_reranker(traces: Sequence[Trace]) -> list[Trace]:
    return [replace(trace, rankings=trace.rankings[:1]) for trace in traces]


def small_gain(count: int, random: random.Random) -> list[Trace]:
    """The right document moves up by a place or two more often than down."""
    made = []
    for number in range(count):
        place = random.randint(2, 12)
        after = max(1, place + random.choice((-2, -1, 0, 0, 1, 1)))
        made.append(system_trace(number, place, after, gap=random.random() / 100))
    return made


def add_list(trace: Trace, stage: str, ids: Sequence[str]) -> Trace:
    """The trace with a first-stage list ahead of fusion."""
    scores = [float(len(ids) - rank) for rank in range(len(ids))]
    return replace(trace, rankings=(ranking(stage, ScoreScale.BM25, ids, scores, 1.0), *trace.rankings))
