"""What a floor would do to stored traces: the same decisions that the pipeline then makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rankscope.core.scales import ScoreScale
from rankscope.insight.floors.floor_table import FloorTable, kept_mask
from rankscope.insight.floors.observations import Observations
from rankscope.insight.significance import Interval, wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Consequences", "Curve", "consequences", "curve", "kept_ids", "whatif"]


@dataclass(frozen=True, slots=True, eq=False)
class Consequences:
    """What one floor does to one group of traces. Intervals are Wilson's at 95 percent.

    Precision and recall are over judged documents: kept and relevant among kept and judged, and among all
    relevant ones in the lists. They are None where nothing is judged.
    """

    floor: float | None
    score_scale: ScoreScale
    baseline: float | None
    """The floor that ``new_refusals`` and ``new_answers`` compare with; None: no floor."""
    top_k: int | None
    """K; None where every trace keeps its own."""
    traces: int
    kept: int
    below_floor: int
    """Documents that score below the floor, or have no score."""
    beyond_top_k: int
    """Documents that clear the floor but stand after rank K."""
    answered: int
    refused: int
    kept_per_answer: float | None
    """Mean number of kept documents over the answered traces."""
    characters_per_answer: float | None
    """Mean length of the kept text in characters; None where the traces hold no text."""
    relevant: int
    """Judged-relevant documents in the lists."""
    relevant_kept: int
    relevant_below_floor: int
    junk_kept: int
    """Kept documents that were judged not relevant."""
    unjudged_kept: int
    precision: Interval | None
    recall: Interval | None
    answer_rate: Interval | None
    answerable_answered: Interval | None
    """Share answered of the traces whose query is judged to have an answer."""
    unanswerable_answered: Interval | None
    """Share answered of the traces whose query is judged to have none: false answers."""
    new_refusals: NDArray
    """Numbers of the traces that the baseline answers and this floor refuses, the nearest miss first."""
    new_answers: NDArray
    """Numbers of the traces that the baseline refuses and this floor answers."""

    @property
    def relevant_beyond_top_k(self) -> int:
        """Relevant documents that clear the floor but stand after rank K."""
        return self.relevant - self.relevant_kept - self.relevant_below_floor

    @property
    def dropped(self) -> int:
        """Documents that are not kept."""
        return self.below_floor + self.beyond_top_k

    def as_json(self, observations: Observations, *, listed: int | None = None) -> dict[str, Any]:
        """Plain data, the changed queries by trace id and text, at most ``listed`` of each."""
        rates = ("precision", "recall", "answer_rate", "answerable_answered", "unanswerable_answered")
        changes = {"new_refusals": self.new_refusals, "new_answers": self.new_answers}
        plain = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in rates and name not in changes
        }
        plain["score_scale"] = self.score_scale.value
        plain["dropped"] = self.dropped
        for name in rates:
            plain[name] = interval_json(getattr(self, name))
        for name, numbers in changes.items():
            plain[f"{name}_count"] = len(numbers)
            plain[name] = [
                {"trace": observations.trace_ids[number], "query": observations.texts[number]}
                for number in numbers[:listed].tolist()
            ]
        return plain


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Precision, recall and answer rate against the floor; NaN where a share is of nothing."""

    floors: NDArray
    kept: NDArray
    precision: NDArray
    recall: NDArray
    answer_rate: NDArray


def whatif(
    observations: Observations,
    floor: float | None,
    top_k: int | None = None,
    *,
    baseline: float | None = None,
) -> Consequences:
    """What ``floor`` does to these traces. For many floors make one FloorTable and use its counts.

    ``baseline`` is the floor in force, None where there is none.
    """
    return consequences(FloorTable(observations, top_k), floor, baseline=baseline)


def consequences(table: FloorTable, floor: float | None, *, baseline: float | None = None) -> Consequences:
    """The same from a prepared table: a few binary searches, so that a screen can follow a key."""
    observations = table.observations
    traces, hits = observations.trace_count, len(observations.scores)
    if floor is None:
        kept, clearing, answered, known = _without_floor(table)
    else:
        kept, clearing = int(table.kept(floor)), int(table.clearing(floor))
        answered = int(table.answered(floor))
        known = _Judged(
            relevant_kept=int(table.kept_relevant(floor)),
            relevant_clearing=int(table.clearing_relevant(floor)),
            unjudged_kept=int(table.kept_unjudged(floor)),
            characters=float(table.kept_characters(floor)),
        )
    relevant = table.relevant_count
    judged_kept = kept - known.unjudged_kept
    lost, gained = table.changed(floor, baseline)
    at = -np.inf if floor is None else floor
    return Consequences(
        floor=floor,
        score_scale=observations.score_scale,
        baseline=baseline,
        top_k=table.top_k,
        traces=traces,
        kept=kept,
        below_floor=hits - clearing,
        beyond_top_k=clearing - kept,
        answered=answered,
        refused=traces - answered,
        kept_per_answer=kept / answered if answered else None,
        characters_per_answer=known.characters / answered if answered and known.characters else None,
        relevant=relevant,
        relevant_kept=known.relevant_kept,
        relevant_below_floor=relevant - known.relevant_clearing,
        junk_kept=judged_kept - known.relevant_kept,
        unjudged_kept=known.unjudged_kept,
        precision=wilson(known.relevant_kept, judged_kept),
        recall=wilson(known.relevant_kept, relevant),
        answer_rate=wilson(answered, traces),
        answerable_answered=wilson(int(table.answered_of(1, at)), table.count_of(1)),
        unanswerable_answered=wilson(int(table.answered_of(0, at)), table.count_of(0)),
        new_refusals=lost,
        new_answers=gained,
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    relevant_kept: int
    relevant_clearing: int
    unjudged_kept: int
    characters: float


def _without_floor(table: FloorTable) -> tuple[int, int, int, _Judged]:
    """Counts when only K cuts: documents without a score are kept too, so no score decides."""
    observations = table.observations
    kept = kept_mask(observations, None, table.top_ks)
    known = _Judged(
        relevant_kept=int(np.count_nonzero(kept & observations.relevant)),
        relevant_clearing=int(np.count_nonzero(observations.relevant)),
        unjudged_kept=int(np.count_nonzero(kept & ~observations.judged)),
        characters=float(np.nansum(observations.sizes[kept])),
    )
    refused = int(np.count_nonzero((observations.lengths == 0) | (table.top_ks <= 0)))
    return int(kept.sum()), len(observations.scores), observations.trace_count - refused, known


def kept_ids(observations: Observations, floor: float | None, top_k: int | None = None) -> list[list[str]]:
    """The ids of the documents that each trace keeps, in rank order; empty is a refusal."""
    count = observations.trace_count
    ks = observations.top_ks if top_k is None else np.full(count, top_k)
    kept = np.flatnonzero(kept_mask(observations, floor, ks))
    lists: list[list[str]] = [[] for _ in range(count)]
    traces = observations.hit_trace[kept]
    for trace, hit in zip(traces.tolist(), kept.tolist(), strict=True):
        lists[trace].append(observations.doc_ids[hit])
    return lists


def curve(table: FloorTable, *, points: int = 200, floors: NDArray | None = None) -> Curve:
    """Counts at these floors, by default at ``points`` that lie at equal shares of the distinct scores."""
    if floors is None:
        scores = np.unique(table.observations.scores[table.observations.scored])
        places = np.unique(np.linspace(0, len(scores) - 1, min(points, len(scores))).astype(np.int64))
        floors = scores[places] if len(scores) else scores
    kept, relevant_kept = table.kept(floors), table.kept_relevant(floors)
    judged_kept = kept - table.kept_unjudged(floors)
    return Curve(
        floors=floors,
        kept=kept,
        precision=_share(relevant_kept, judged_kept),
        recall=_share(relevant_kept, np.full(len(floors), table.relevant_count)),
        answer_rate=_share(table.answered(floors), np.full(len(floors), table.observations.trace_count)),
    )


def interval_json(interval: Interval | None) -> dict[str, float | int | None] | None:
    """An interval as plain data."""
    if interval is None:
        return None
    return {"value": interval.value, "low": interval.low, "high": interval.high, "n": interval.n}


def _share(part: NDArray, whole: NDArray) -> NDArray:
    share: NDArray = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return share
