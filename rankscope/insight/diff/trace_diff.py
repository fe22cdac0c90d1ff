"""Two traces of one query, side by side: moves, stages, times, decision."""

from __future__ import annotations

from dataclasses import dataclass

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.insight.coverage import Coverage, coverage_of
from rankscope.insight.diff.flip import Flip, why_flipped
from rankscope.insight.diff.setup import Change, comparable_scores, setup_changes
from rankscope.insight.movement import Movement, compare

__all__ = ["StageDiff", "TraceDiff", "diff_traces"]

_EMPTY = Ranking("", ScoreScale.UNKNOWN, ())
"""The order of a trace in which none stands."""


@dataclass(frozen=True, slots=True)
class StageDiff:
    """One stage in both traces; a side in which it does not stand is None."""

    stage: str
    before: Ranking | None
    after: Ranking | None
    movement: Movement | None
    """None where one of the two lists does not exist."""

    @property
    def same(self) -> bool:
        """Whether the stage put out the same documents in the same order, or did not on either side."""
        return _order(self.before) == _order(self.after)

    @property
    def ms(self) -> tuple[float | None, float | None]:
        """Milliseconds before and after, None where not timed or the stage was skipped."""
        return _ms(self.before), _ms(self.after)

    @property
    def together(self) -> bool:
        """Whether a side was scored together with other traces, and so has no time of its own."""
        return any(side is not None and "share_ms" in side.details for side in (self.before, self.after))


@dataclass(frozen=True, slots=True)
class TraceDiff:
    """What changed from one trace to another."""

    before: Trace
    after: Trace
    same_query: bool
    """Whether text and filters are the same; where not, the lists have little to say to one another."""
    top_k: int
    """The K that overlap, entered and left are about."""
    movement: Movement
    """Of the order that stands before, to the one that stands after."""
    stages: tuple[StageDiff, ...]
    """In pipeline order, stages of both traces."""
    changes: tuple[Change, ...]
    """What they were made with differently."""
    incomparable: str
    """Why scores are not compared; empty where they are (same stage, scale and model)."""
    flip: Flip | None
    entered: tuple[str, ...]
    """Documents that are kept after and were not before, best first."""
    left: tuple[str, ...]
    """Documents that were kept before and are not after."""
    coverage: Coverage | None
    """How far the second one could be run again, where it is a replay."""

    @property
    def copied(self) -> tuple[str, ...]:
        """Stages that a rerank-only replay took over with their times: measured then, not again."""
        if self.coverage is None or self.coverage.mode != "rerank-only":
            return ()
        return tuple(stage.stage for stage in self.stages if stage.stage != "rerank")

    @property
    def diverges_at(self) -> str | None:
        """The first stage that both ran whose orders differ; None where none does.

        ``candidates`` where the reranker was given other documents, or in another order, although no
        stage that both have ahead of it differs: the two pipelines name their stages differently.
        """
        shared = [stage for stage in self.stages if stage.before is not None and stage.after is not None]
        first = next((stage.stage for stage in shared if not stage.same), None)
        given = _order(self.before.before) == _order(self.after.before)
        return first if given or first not in (None, "rerank") else "candidates"

    def score_change(self, doc_id: str) -> float | None:
        """How much a document's final score rose; None where it is not comparable or not in both."""
        if self.incomparable:
            return None
        old, new = _hit(self.before.final, doc_id), _hit(self.after.final, doc_id)
        if old is None or new is None or old.score is None or new.score is None:
            return None
        return new.score - old.score


def diff_traces(before: Trace, after: Trace, *, top_k: int | None = None) -> TraceDiff:
    """Compare two traces; ``top_k`` is the later one's K, else the earlier one's, else 10."""
    k = top_k or after.top_k or before.top_k or 10
    return TraceDiff(
        before=before,
        after=after,
        same_query=before.query.text == after.query.text and before.query.filters == after.query.filters,
        top_k=k,
        movement=compare(before.final or _EMPTY, after.final or _EMPTY, top_k=k),
        stages=tuple(_stages(before, after, k)),
        changes=setup_changes(before, after),
        incomparable=comparable_scores(before, after),
        flip=why_flipped(before, after),
        entered=tuple(doc_id for doc_id in after.kept if doc_id not in before.kept),
        left=tuple(doc_id for doc_id in before.kept if doc_id not in after.kept),
        coverage=coverage_of(after),
    )


def _stages(before: Trace, after: Trace, top_k: int) -> list[StageDiff]:
    names = list(dict.fromkeys(ranking.stage for ranking in (*before.rankings, *after.rankings)))
    if "rerank" in names:  # a stage that only the later trace has still stands ahead of its reranker
        names.sort(key=lambda name: name == "rerank")
    found = []
    for name in names:
        old, new = before.ranking(name), after.ranking(name)
        both = old is not None and new is not None and old.ran and new.ran
        moved = compare(old, new, top_k=top_k) if both and old is not None and new is not None else None
        found.append(StageDiff(name, old, new, moved))
    return found


def _ms(ranking: Ranking | None) -> float | None:
    return ranking.ms if ranking is not None and ranking.ran else None


def _order(ranking: Ranking | None) -> tuple[str, ...]:
    return () if ranking is None or not ranking.ran else tuple(ranking.by_id())


def _hit(ranking: Ranking | None, doc_id: str) -> Hit | None:
    return None if ranking is None else ranking.hit(doc_id)
