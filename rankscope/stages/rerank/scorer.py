"""What the reranker asks of a model: read passages, then score windows of them against a query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rankscope.core.documents import Document
from rankscope.core.protocols import ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import ModelInfo
from rankscope.stages.rerank.reading import Reading

__all__ = ["PreparedPassage", "Scorer", "padded_batches", "scored_pair"]


@dataclass(frozen=True, slots=True)
class PreparedPassage:
    """A passage as the model will read it.

    ``windows`` holds what :meth:`Scorer.logits` takes, ``lengths`` their tokens; ``tokens`` is the whole
    passage's, ``cut`` how many of those stand in no window. ``cached`` is None where nothing is cached.
    """

    windows: tuple[Any, ...]
    lengths: tuple[int, ...]
    tokens: int
    cut: int
    cached: bool | None = None


class Scorer(Protocol):
    """A loaded cross-encoder."""

    info: ModelInfo
    score_scale: ScoreScale
    reads_apart: bool
    """Whether :meth:`prepare` is the same for every query."""
    batch_tokens: int
    """Padded tokens of a batch that the device works on well."""

    def query(self, text: str) -> Any:
        """The query, read once for all of its candidates."""

    def queries(self, texts: Sequence[str]) -> list[Any]:
        """Several queries at once, each as :meth:`query` gives it."""

    def query_length(self, query: Any) -> int:
        """Tokens that the query adds to each window."""

    def query_tokens_cut(self, query: Any) -> int:
        """How many tokens at the end of the query are not read."""

    def prepare(
        self, query: Any, candidates: Sequence[Document], check: Callable[[], None]
    ) -> list[PreparedPassage]:
        """Cut candidates into windows and read what does not depend on the query."""

    def reading(self, query: str, text: str) -> Reading:
        """What is read of a passage beside a query; nothing is scored."""

    def logits(self, query: Any, windows: Sequence[Any]) -> list[float]:
        """Raw scores of windows, in one batch."""

    def pair_logits(self, queries: Sequence[Any], windows: Sequence[Any]) -> list[float]:
        """Raw scores in one batch, each window against the query at its place."""

    def activate(self, logit: float) -> float:
        """A raw score on ``score_scale``."""


def scored_pair(
    scorer: Scorer, index: int, passage: PreparedPassage, logits: Sequence[float], query_cut: int
) -> ScoredPair:
    """The best window's score (the first of equals) and what was read of the passage."""
    best = max(range(len(logits)), key=lambda number: logits[number])
    details: dict[str, float] = {
        "logit": logits[best],
        "tokens": passage.tokens,
        "tokens_cut": passage.cut,
        "windows": len(logits),
        "window": best + 1,
    }
    if passage.cached is not None:
        details["cached"] = float(passage.cached)
    if query_cut:
        details["query_tokens_cut"] = query_cut
    return ScoredPair(index=index, score=scorer.activate(logits[best]), details=details)


def padded_batches(lengths: Sequence[int], budget: int, slack: float = 0.75) -> list[list[int]]:
    """Rows in batches of like length: padded none exceeds ``budget`` tokens, and padding stays small.

    A row shorter than ``slack`` of its batch's longest starts a new batch, unless the batch is tiny.
    """
    batches: list[list[int]] = []
    longest = 0
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        batch = batches[-1] if batches else []
        full = longest * (len(batch) + 1) > budget
        wasteful = lengths[row] < slack * longest and len(batch) >= 4
        if not batch or full or wasteful:
            batches.append([])
            longest = max(1, lengths[row])
        batches[-1].append(row)
    return batches
