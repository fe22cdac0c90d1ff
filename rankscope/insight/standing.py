"""Where one document stands in the whole corpus: what a trace, cut at its depths, cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Ranking

__all__ = ["CorpusStanding", "LookedUp", "StageStanding"]


@dataclass(frozen=True, slots=True)
class StageStanding:
    """A document's exact rank and score in one retriever's list without a cut."""

    stage: str
    score_scale: ScoreScale
    rank: int | None
    """None where no depth lists the document, for instance when it shares no term with the query."""
    score: float | None
    of: int
    """How many documents that list holds."""


@dataclass(frozen=True, slots=True)
class CorpusStanding:
    """One document against one query in the whole corpus, worked out on demand by the engine."""

    doc_id: str
    in_corpus: bool = True
    failed_filters: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    """Filters that the document does not pass: what was asked for, and what it has (None: nothing)."""
    stages: tuple[StageStanding, ...] = ()
    rerank_score: float | None = None
    """What the cross-encoder gives it, whether or not it was a candidate."""
    rerank_scale: ScoreScale | None = None
    tokens_cut: int = 0
    """Tokens at its end that the cross-encoder does not see."""
    shared_terms: tuple[str, ...] | None = None
    """Query terms that the document holds; None where that was not looked up."""

    def stage(self, name: str) -> StageStanding | None:
        """The standing in one retriever's list."""
        return next((standing for standing in self.stages if standing.stage == name), None)


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What an index said about one trace that it made."""

    exact: Ranking | None = None
    """The dense list as exact search finds it."""
    standings: Mapping[str, CorpusStanding] = field(default_factory=dict)
    """Relevant documents that no list of the trace holds, by id."""
    refused: str = ""
    """Why the index was not asked."""
