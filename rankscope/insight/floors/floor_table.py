"""Sorted columns that answer "what does this floor do?" by binary search, at any floor, at once.

Counting rules are those of ``apply_floor``: a score equal to the floor is kept, the first K that clear it
are kept, and a trace that keeps nothing is a refusal. In a list that falls along its ranks that means: among
the first K and at or above the floor. An import may hold a list that does not fall; those few are counted
hit by hit, so that the answer is exact for them too.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rankscope.insight.floors.observations import Observations

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FloorTable", "kept_mask"]


class FloorTable:
    """One group of observations at one K, prepared: making it sorts once, each count is a search.

    ``top_k`` None leaves every trace its own K. Every method takes one floor or an array of them and
    returns as many counts (float64 for sums, int64 for counts).
    """

    def __init__(self, observations: Observations, top_k: int | None = None) -> None:
        self.observations = observations
        self.top_k = top_k
        self.top_ks = observations.top_ks if top_k is None else np.full(observations.trace_count, top_k)

    @cached_property
    def relevant_count(self) -> int:
        """Judged-relevant documents in the lists, those without a score included."""
        return int(np.count_nonzero(self.observations.relevant))

    @cached_property
    def _falling(self) -> NDArray:
        """Mask of the traces whose scores fall (or stay) along their ranks."""
        observations = self.observations
        scores = observations.scores
        rises = np.zeros(len(scores), dtype=bool)
        rises[1:] = scores[1:] > scores[:-1]
        rises[observations.offsets[:-1][observations.lengths > 0]] = False
        falling = np.ones(observations.trace_count, dtype=bool)
        falling[observations.hit_trace[rises]] = False
        return falling

    @cached_property
    def _risen(self) -> Observations | None:
        """The observations of the other traces."""
        return None if self._falling.all() else self.observations.take(~self._falling)

    @cached_property
    def _within(self) -> NDArray:
        """Mask of the hits that a low enough floor keeps: first K of a falling list."""
        observations = self.observations
        in_falling = np.repeat(self._falling, observations.lengths)
        first = observations.positions <= np.repeat(self.top_ks, observations.lengths)
        mask: NDArray = in_falling & first & observations.scored
        return mask

    @cached_property
    def _kept(self) -> NDArray:
        return np.sort(self.observations.scores[self._within])

    @cached_property
    def _clearing(self) -> NDArray:
        return np.sort(self.observations.scores[self.observations.scored])

    @cached_property
    def _kept_relevant(self) -> NDArray:
        return np.sort(self.observations.scores[self._within & self.observations.relevant])

    @cached_property
    def _clearing_relevant(self) -> NDArray:
        return np.sort(self.observations.scores[self.observations.scored & self.observations.relevant])

    @cached_property
    def _kept_unjudged(self) -> NDArray:
        return np.sort(self.observations.scores[self._within & ~self.observations.judged])

    @cached_property
    def _sizes(self) -> tuple[NDArray, NDArray]:
        """Scores of the hits whose text is known, ascending, and the characters from each one upward."""
        known = self._within & np.isfinite(self.observations.sizes)
        order = np.argsort(self.observations.scores[known], kind="stable")
        sizes = self.observations.sizes[known][order]
        return self.observations.scores[known][order], np.concatenate((np.cumsum(sizes[::-1])[::-1], [0.0]))

    @cached_property
    def _tops(self) -> tuple[NDArray, NDArray]:
        """Best score of each trace, ascending, and the numbers of the traces in that order."""
        tops = self._best
        # Traces that no floor answers go before those that only lack scores.
        order = np.lexsort((~self._never, tops))
        return tops[order], order

    @cached_property
    def _never(self) -> NDArray:
        """Mask of the traces that keep nothing even without a floor."""
        mask: NDArray = (self.observations.lengths == 0) | (self.top_ks <= 0)
        return mask

    @cached_property
    def _best(self) -> NDArray:
        return np.where(self._never, -np.inf, self.observations.top_scores)

    @cached_property
    def _tops_by_answer(self) -> dict[int, NDArray]:
        tops, answerable = self._best, self.observations.answerable
        return {kind: np.sort(tops[answerable == kind]) for kind in (0, 1)}

    def kept(self, floor: NDArray | float) -> NDArray:
        """Documents that are kept."""
        found: NDArray = _from(self._kept, floor) + self._by_hand("hits", floor)
        return found

    def clearing(self, floor: NDArray | float) -> NDArray:
        """Documents at or above the floor, whatever K."""
        return _from(self._clearing, floor)

    def kept_relevant(self, floor: NDArray | float) -> NDArray:
        """Judged-relevant documents that are kept."""
        found: NDArray = _from(self._kept_relevant, floor) + self._by_hand("relevant", floor)
        return found

    def clearing_relevant(self, floor: NDArray | float) -> NDArray:
        """Judged-relevant documents at or above the floor, whatever K."""
        return _from(self._clearing_relevant, floor)

    def kept_unjudged(self, floor: NDArray | float) -> NDArray:
        """Documents that are kept and that nobody judged."""
        found: NDArray = _from(self._kept_unjudged, floor) + self._by_hand("unjudged", floor)
        return found

    def kept_characters(self, floor: NDArray | float) -> NDArray:
        """Characters of the kept documents whose text the traces hold."""
        scores, sums = self._sizes
        found: NDArray = sums[np.searchsorted(scores, floor, side="left")] + self._by_hand(
            "characters", floor
        )
        return found

    def answered(self, floor: NDArray | float) -> NDArray:
        """Traces that keep at least one document."""
        return _from(self._tops[0], floor)

    def answered_of(self, answerable: int, floor: NDArray | float) -> NDArray:
        """The same among the traces judged answerable (1) or judged to have no answer (0)."""
        return _from(self._tops_by_answer[answerable], floor)

    def count_of(self, answerable: int) -> int:
        """How many traces were judged answerable (1) or judged to have no answer (0)."""
        return len(self._tops_by_answer[answerable])

    def changed(self, floor: float | None, other: float | None) -> tuple[NDArray, NDArray]:
        """Numbers of the traces that ``other`` answers and ``floor`` refuses, and the reverse.

        The one closest to the higher floor comes first. None means no floor.
        """
        _, order = self._tops
        mine, others = self._refused_place(floor), self._refused_place(other)
        return order[others:mine][::-1], order[mine:others][::-1]

    def _refused_place(self, floor: float | None) -> int:
        if floor is not None:
            return int(np.searchsorted(self._tops[0], floor, side="left"))
        return int(np.count_nonzero(self._never))

    def _by_hand(self, what: str, floor: NDArray | float) -> NDArray:
        """Counts over the lists that do not fall, hit by hit, for each floor."""
        floors = np.asarray(floor, dtype=float)
        if self._risen is None:
            return np.zeros(floors.shape, dtype=np.int64)
        counts = [self._count_risen(what, float(value)) for value in floors.ravel()]
        return np.array(counts).reshape(floors.shape)

    def _count_risen(self, what: str, floor: float) -> float:
        risen = self._risen
        assert risen is not None
        kept = kept_mask(risen, floor, self.top_ks[~self._falling])
        if what == "characters":
            return float(np.nansum(risen.sizes[kept]))
        among = {"hits": True, "relevant": risen.relevant, "unjudged": ~risen.judged}[what]
        return int(np.count_nonzero(kept & among))


def kept_mask(observations: Observations, floor: float | None, top_ks: NDArray) -> NDArray:
    """Which hits the floor keeps, by the definition: the first K, in rank order, that clear it."""
    count = len(observations.scores)
    clears = np.ones(count, dtype=bool) if floor is None else observations.scores >= floor
    so_far = np.concatenate(([0], np.cumsum(clears)))
    earlier = np.repeat(so_far[observations.offsets[:-1]], observations.lengths)
    place = so_far[1:] - earlier
    mask: NDArray = clears & (place <= np.repeat(top_ks, observations.lengths))
    return mask


def _from(ascending: NDArray, floor: NDArray | float) -> NDArray:
    """How many of the sorted values are at or above each floor."""
    found: NDArray = len(ascending) - np.searchsorted(ascending, floor, side="left")
    return found
