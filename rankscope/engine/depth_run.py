"""Latency by depth in one pass: candidates are scored in prefixes, and the time at each prefix is noted.

What a depth of 200 scores holds the scores of every smaller depth, so the curve costs no more than its
deepest point.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rankscope.config import Settings
from rankscope.core.cancellation import never
from rankscope.core.documents import Document
from rankscope.core.protocols import Reranker, ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, ModelInfo, Ranking, Trace
from rankscope.engine.pipeline import FIRST_RERANK, Pipeline, finish

__all__ = ["PrefixTimer", "at_depth", "depth_settings", "timed_pipeline"]


class PrefixTimer:
    """A reranker that scores the same candidates prefix by prefix and remembers when each was done.

    For one query at a time: :meth:`attach` speaks of the query that was scored last.
    """

    def __init__(
        self, reranker: Reranker, depths: Sequence[int], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._reranker = reranker
        self._depths = sorted(depths)
        self._clock = clock
        self._marks: dict[str, float | str] = {}

    @property
    def info(self) -> ModelInfo:
        """Identity of the model that makes the scores."""
        return self._reranker.info

    @property
    def score_scale(self) -> ScoreScale:
        """Scale of the scores."""
        return self._reranker.score_scale

    def score(
        self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = never
    ) -> Iterator[list[ScoredPair]]:
        """As the reranker itself; the time that the caller spends between two chunks is not counted."""
        self._marks = {}
        spent = 0.0
        start = 0
        for end in [*(depth for depth in self._depths if depth < len(candidates)), len(candidates)]:
            began = self._clock()
            for chunk in self._reranker.score(query, candidates[start:end], cancelled=cancelled):
                spent += self._clock() - began
                yield [replace(pair, index=pair.index + start) for pair in chunk]
                began = self._clock()
            spent += self._clock() - began
            if cancelled():
                return
            self._marks[f"ms@{end}"] = spent * 1000
            start = end

    def attach(self, trace: Trace) -> Trace:
        """The trace with ``ms@N`` among the details of its reranking."""
        ranking = trace.after
        if ranking is None or not self._marks:
            return trace
        marks, self._marks = self._marks, {}
        return trace.with_ranking(replace(ranking, details={**ranking.details, **marks}))


def timed_pipeline(pipeline: Pipeline, depths: Sequence[int]) -> tuple[Pipeline, Callable[[Trace], Trace]]:
    """The pipeline with a timed reranker, and what completes each of its traces."""
    if pipeline.reranker is None:
        return pipeline, lambda trace: trace
    timer = PrefixTimer(pipeline.reranker, depths)
    return replace(pipeline, reranker=timer), timer.attach


def depth_settings(settings: Settings, depth: int) -> Settings:
    """Settings that rerank ``depth`` candidates, and retrieve as many as that takes."""
    retrieval = settings.retrieval
    if depth <= retrieval.candidates:
        return settings
    return settings.override("retrieval", candidates=depth, depth=max(depth, retrieval.depth))


def at_depth(trace: Trace, depth: int) -> Trace:
    """What the trace would be if only the first ``depth`` candidates had been fused and reranked.

    First-stage lists stay as deep as they are. Times that were not measured at this depth are taken in
    proportion. A trace that is no deeper, or of a cascade, is given back as it is.
    """
    before, after = trace.before, trace.after
    if before is None or len(before.hits) <= depth or trace.ranking(FIRST_RERANK) is not None:
        return trace
    fused = replace(before, hits=before.hits[:depth], depth=depth)
    cut = trace.with_ranking(fused)
    if after is None:
        return finish(cut)
    head = set(fused.doc_ids)
    hits = [hit for hit in after.hits if hit.doc_id in head]
    reranked = replace(after, hits=_ranked(hits), depth=depth, ms=_ms_at(after, depth))
    return finish(cut.with_ranking(reranked))


def _ranked(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1))


def _ms_at(ranking: Ranking, depth: int) -> float | None:
    timed = ranking.details.get(f"ms@{depth}")
    if isinstance(timed, int | float):
        return float(timed)
    return None if ranking.ms is None or not ranking.hits else ranking.ms * depth / len(ranking.hits)
