"""A reranker without a model: the score is a formula of the texts, and what it was asked is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from rankscope.core.documents import Document
from rankscope.core.protocols import ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import ModelInfo


def never() -> bool:
    return False


class CountingReranker:
    """Scores by the share of the query's words that the passage holds, times ``factor``."""

    score_scale = ScoreScale.PROBABILITY

    def __init__(self, name: str = "counting", factor: float = 1.0, delay_s: float = 0.0) -> None:
        self.info = ModelInfo(name, revision="1", activation="sigmoid", max_length=512)
        self.factor = factor
        self.delay_s = delay_s
        self.asked: list[tuple[str, str]] = []

    def expected(self, query: str, text: str) -> float:
        words = query.casefold().split()
        return self.factor * sum(word in text.casefold() for word in words) / len(words)

    def score(
        self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = never
    ) -> Iterator[list[ScoredPair]]:
        for place, document in enumerate(candidates):
            if cancelled():
                return
            time.sleep(self.delay_s)
            self.asked.append((query, document.doc_id))
            yield [ScoredPair(place, self.expected(query, document.searchable), {"tokens": 5.0})]
