"""Traces made to order: a clean one by seed, and pieces for hand-written ones."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rankscope.config import Settings
from rankscope.core.documents import Document, Query
from rankscope.core.ordering import rank_by_score
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Finding, Floor, Hit, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.insight.findings import examine, rule_by_code
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from rankscope.stages.threshold.relevance_floor import apply_floor

__all__ = [
    "MODEL",
    "WORDS",
    "clean_trace",
    "found",
    "outcome",
    "prose",
    "ranking",
    "refused",
    "relevant_to",
    "trace_of",
    "with_hits",
]

MODEL = ModelInfo("ce", revision="r1", dtype="fp32", max_length=512, activation="sigmoid")
WORDS = [
    f"{first}{middle}{last}"
    for first in ("bo", "ka", "li", "mu", "re", "so", "ta", "ve")
    for middle in ("ra", "de", "mi", "to", "li", "nu")
    for last in ("n", "rk", "st", "", "x", "mel", "do", "ga")
]


def prose(rng: random.Random, sentences: int = 6) -> str:
    """Sentences of nine random words each."""
    return " ".join(
        " ".join(rng.choices(WORDS, k=9)).capitalize() + rng.choice(".?!") for _ in range(sentences)
    )


def ranking(
    stage: str, scale: str, scores: Mapping[str, float | None] | Sequence[str], **fields: Any
) -> Ranking:
    """A list from scores in the given order, or from ids alone (scores fall by one)."""
    if not isinstance(scores, Mapping):
        scores = {doc_id: float(len(scores) - place) for place, doc_id in enumerate(scores)}
    hits = tuple(Hit(doc_id, rank, score) for rank, (doc_id, score) in enumerate(scores.items(), start=1))
    return Ranking(stage, ScoreScale(scale), hits, **fields)


def trace_of(*rankings: Ranking, **fields: Any) -> Trace:
    """A trace of these rankings and nothing else that is not asked for."""
    given = {
        "trace_id": "t",
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "origin": "import:test",
        **fields,
    }
    return Trace(query=given.pop("query", Query("which one")), rankings=rankings, **given)


def with_hits(trace: Trace, stage: str, hits: Sequence[Hit], **fields: Any) -> Trace:
    """The trace with a stage's hits replaced, ranks given anew."""
    old = trace.ranking(stage)
    assert old is not None
    anew = tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1))
    return trace.with_ranking(replace(old, hits=anew, **fields))


def refused(trace: Trace, floor: Floor | None) -> Trace:
    """The trace with this floor applied."""
    final = trace.final
    assert final is not None
    outcome = apply_floor(final, floor, trace.top_k or 10)
    kept = tuple(hit.doc_id for hit in outcome.kept)
    return replace(trace, floor=floor, kept=kept, decision=outcome.decision)


def relevant_to(trace: Trace) -> frozenset[str]:
    """What the clean trace's query is judged by: the two documents that stand first."""
    assert trace.final is not None
    return frozenset(trace.final.doc_ids[:2])


def clean_trace(seed: int, *, candidates: int = 50, depth: int = 100, corpus: int = 300) -> Trace:
    """A live trace in which every rule applies and none fires."""
    rng = random.Random(seed)
    ids = [f"d{number:03}" for number in range(corpus)]
    worth = {doc_id: rng.random() for doc_id in ids}

    def retrieved(stage: str, scale: ScoreScale, top: float, ms: float) -> Ranking:
        noisy = {doc_id: top * (0.5 * worth[doc_id] + 0.5 * rng.random()) for doc_id in ids}
        hits = rank_by_score(noisy.items(), depth=depth)
        if stage == "dense":
            hits = tuple(replace(hit, details={"exact_rank": float(hit.rank)}) for hit in hits)
        return Ranking(stage, scale, hits, ms=ms, depth=depth)

    lists = [retrieved("bm25", ScoreScale.BM25, 20.0, 0.8), retrieved("dense", ScoreScale.COSINE, 0.9, 9.0)]
    fused = replace(ReciprocalRankFusion().fuse(lists, candidates), ms=0.1)
    # The best reranked documents stand deep in the fused list and in both first-stage lists.
    in_both = [hit.doc_id for hit in fused.hits if len(hit.details) == 4]
    chosen = [in_both[-1], *rng.sample(in_both[:-1], 5)]
    scores = {hit.doc_id: rng.uniform(0.01, 0.35) for hit in fused.hits}
    scores.update({doc_id: 0.95 - 0.09 * place + rng.uniform(0, 0.02) for place, doc_id in enumerate(chosen)})
    seen = {doc_id: {"tokens": 90.0, "tokens_cut": 0.0} for doc_id in scores}
    reranked = Ranking(
        "rerank",
        ScoreScale.PROBABILITY,
        rank_by_score(scores.items(), details=seen),
        ms=180.0,
        depth=len(scores),
    )
    trace = Trace(
        trace_id=f"clean-{seed}",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        origin="live",
        query=Query("which one", {"tenant": "own"}, query_id=f"q{seed}"),
        rankings=(*lists, fused, reranked),
        pipeline=PipelineInfo("f", settings=Settings().as_mapping(), models={"cross_encoder": MODEL}),
        top_k=10,
        documents={
            hit.doc_id: Document(hit.doc_id, prose(rng), metadata={"tenant": "own"}) for hit in fused.hits
        },
    )
    return refused(trace, Floor(0.40, ScoreScale.PROBABILITY, "fitted:youden"))


def outcome(code: str, trace: Trace, **known: Any) -> Finding | str:
    """What one rule says: its only finding, ``passed``, or why it does not apply."""
    report = examine(trace, rules=[rule_by_code(code)], **known)
    if report.findings:
        assert len(report.findings) == 1, report.findings
        assert report.findings[0].code == code
        return report.findings[0]
    return report.not_applicable.get(code, "passed")


def found(code: str, trace: Trace, **known: Any) -> Finding:
    """The only finding of one rule, which must fire."""
    said = outcome(code, trace, **known)
    assert isinstance(said, Finding), said
    return said
