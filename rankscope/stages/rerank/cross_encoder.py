"""The reranker: scores fused candidates with a cross-encoder, best ones first, in small chunks.

A chunk is sized by the time that the last one took, so that a caller who cancels waits no longer than
about a fifth of a second on any machine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from rankscope.config import ModelSettings, RerankSettings
from rankscope.core.cancellation import never
from rankscope.core.documents import Document
from rankscope.core.protocols import ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import ModelInfo
from rankscope.errors import Cancelled, ModelError
from rankscope.stages.rerank.bundled import BUNDLED_NAME, resolve_cross_encoder
from rankscope.stages.rerank.list_scoring import ScoredList, iter_scored
from rankscope.stages.rerank.reading import Reading
from rankscope.stages.rerank.scorer import Scorer, padded_batches, scored_pair

__all__ = ["CrossEncoderReranker"]

_CHUNK_MS = 100.0
_FIRST_CHUNK = 6_000  # characters; about ten passages of 150 tokens
_CHUNK_RANGE = (1_500, 60_000)
_BATCH_TOKENS = 2_000


class CrossEncoderReranker:
    """Implements ``core.protocols.Reranker``. Weights load on first use; safe to share between threads."""

    def __init__(self, rerank: RerankSettings, models: ModelSettings) -> None:
        self.rerank = rerank
        self.models = models
        self._lock = threading.RLock()
        self._scorer: Scorer | None = None

    @property
    def info(self) -> ModelInfo:
        """Identity of the model. Raises ModelError when it cannot be loaded."""
        return self._loaded().info

    @property
    def score_scale(self) -> ScoreScale:
        """Scale that follows from the model's activation; unknown while the model cannot be loaded."""
        if self.rerank.model == BUNDLED_NAME:
            return ScoreScale.PROBABILITY
        try:
            return self._loaded().score_scale
        except ModelError:
            return ScoreScale.UNKNOWN

    def score(
        self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = never
    ) -> Iterator[list[ScoredPair]]:
        """Yield scored chunks in the order given; stop soon after ``cancelled()`` turns true.

        Details of a pair: ``logit``, ``tokens`` (of the passage), ``tokens_cut`` (in no window),
        ``windows``, ``window`` (the one that won, from 1), ``cached`` (1 when the passage had been read
        before) and ``query_tokens_cut`` where the query's end is not read.
        """

        def check() -> None:
            if cancelled():
                raise Cancelled("reranking was stopped.")

        scorer = self._loaded()
        try:
            with self._lock:
                asked = scorer.query(query)
            size = _FIRST_CHUNK
            start = 0
            while start < len(candidates):
                check()
                began = time.perf_counter()
                end = _chunk_end(candidates, start, size)
                with self._lock:
                    pairs = _score_chunk(scorer, asked, candidates[start:end], start, check)
                took = (time.perf_counter() - began) * 1000
                size = _next_size(size, took)
                start = end
                yield pairs
        except Cancelled:
            return

    def score_lists(
        self,
        lists: Sequence[tuple[str, Sequence[Document]]],
        *,
        cancelled: Callable[[], bool] = never,
    ) -> Iterator[list[ScoredList]]:
        """Score the candidates of several queries together: the same scores in less time than one by one.

        Yields (place of the list, scored pair) in no particular order; stops between two batches once
        ``cancelled()`` is true. Details of a pair are those of :meth:`score`.
        """

        def check() -> None:
            if cancelled():
                raise Cancelled("reranking was stopped.")

        scorer = self._loaded()
        scored = iter_scored(scorer, lists, check)
        try:
            while True:
                with self._lock:  # a single query that comes in between waits for one batch only
                    chunk = next(scored, None)
                if chunk is None:
                    return
                yield chunk
        except Cancelled:
            return

    def reading(self, query: str, document: Document) -> Reading:
        """What the model reads of a passage beside a query, without scoring it."""
        scorer = self._loaded()
        with self._lock:
            return scorer.reading(query, document.searchable)

    def _loaded(self) -> Scorer:
        with self._lock:
            if self._scorer is None:
                self._scorer = _open(self.rerank, self.models)
            return self._scorer


def _open(rerank: RerankSettings, models: ModelSettings) -> Scorer:
    folder = resolve_cross_encoder(rerank.model, models.download)
    from rankscope.stages.rerank.split_cross_encoder import is_split_model

    if is_split_model(folder):
        from rankscope.stages.rerank.split_scorer import SplitScorer

        return SplitScorer(folder, rerank, models)
    from rankscope.stages.rerank.stock_scorer import StockScorer

    return StockScorer(folder, rerank, models)


def _next_size(size: int, took: float) -> int:
    """Characters of the next chunk, from the milliseconds that the last one took; at most doubled."""
    low, high = _CHUNK_RANGE
    wanted = int(size * _CHUNK_MS / max(took, 1.0))
    return max(low, min(wanted, 2 * size, high))


def _chunk_end(candidates: Sequence[Document], start: int, size: int) -> int:
    """End of the chunk that begins at ``start`` and holds about ``size`` characters, one passage at least."""
    total = 0
    for place in range(start, len(candidates)):
        total += len(candidates[place].text) + 40
        if total > size and place > start:
            return place
    return len(candidates)


def _score_chunk(
    scorer: Scorer, query: object, chunk: Sequence[Document], offset: int, check: Callable[[], None]
) -> list[ScoredPair]:
    passages = scorer.prepare(query, chunk, check)
    windows = [window for passage in passages for window in passage.windows]
    lengths = [length for passage in passages for length in passage.lengths]
    logits = [0.0] * len(windows)
    for batch in padded_batches(lengths, _BATCH_TOKENS):
        check()
        for row, value in zip(batch, scorer.logits(query, [windows[row] for row in batch]), strict=True):
            logits[row] = value
    query_cut = scorer.query_tokens_cut(query)
    pairs = []
    start = 0
    for place, passage in enumerate(passages):
        mine = logits[start : start + len(passage.windows)]
        start += len(mine)
        pairs.append(scored_pair(scorer, offset + place, passage, mine, query_cut))
    return pairs
