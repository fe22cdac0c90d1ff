"""What moved between two ranked lists: places, overlap, rank-biased overlap, Kendall's tau.

A document that a list does not hold has no rank there; it is "not in top N", never rank 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rankscope.core.trace import Ranking

__all__ = [
    "Move",
    "Movement",
    "absence",
    "compare",
    "kendall_tau",
    "moves_between",
    "overlap_at",
    "rank_biased_overlap",
]

Kind = Literal["up", "down", "same", "new", "gone"]


@dataclass(frozen=True, slots=True)
class Move:
    """One document's rank in the earlier and in the later list; None where the list does not hold it."""

    doc_id: str
    before: int | None
    after: int | None

    @property
    def kind(self) -> Kind:
        """``new`` and ``gone`` are documents that only the later or only the earlier list holds."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        return "same" if self.places == 0 else "up" if self.places > 0 else "down"

    @property
    def places(self) -> int:
        """Places climbed (negative: fallen); 0 where one of the two ranks does not exist."""
        return self.before - self.after if self.before is not None and self.after is not None else 0


@dataclass(frozen=True, slots=True)
class Movement:
    """How a later list differs from an earlier one."""

    moves: tuple[Move, ...]
    """Documents of the later list in its order, then those that are gone in the earlier list's order."""
    top_k: int
    overlap: float
    """Share of the top K that both lists have, 0 to 1."""
    rbo: float
    """Rank-biased overlap of the whole lists, 0 to 1."""
    tau: float | None
    """Kendall's tau-b over the documents of both lists; None for fewer than two."""
    top_changed: bool
    """Whether another document stands first."""

    @property
    def entered(self) -> tuple[str, ...]:
        """Documents that came into the top K, best first."""
        return tuple(
            move.doc_id
            for move in self.moves
            if _within(move.after, self.top_k) and not _within(move.before, self.top_k)
        )

    @property
    def left(self) -> tuple[str, ...]:
        """Documents that were in the top K and are no longer."""
        return tuple(
            move.doc_id
            for move in self.moves
            if _within(move.before, self.top_k) and not _within(move.after, self.top_k)
        )

    @property
    def largest_rise(self) -> Move | None:
        """The document that climbed most places; None when none climbed."""
        best = max(self.moves, key=lambda move: move.places, default=None)
        return best if best is not None and best.places > 0 else None

    @property
    def largest_fall(self) -> Move | None:
        """The document that fell most places; None when none fell."""
        worst = min(self.moves, key=lambda move: move.places, default=None)
        return worst if worst is not None and worst.places < 0 else None


def _within(rank: int | None, top_k: int) -> bool:
    return rank is not None and rank <= top_k


def compare(before: Ranking, after: Ranking, *, top_k: int = 10, p: float = 0.9) -> Movement:
    """Everything that is said about the way from one list to another. ``p`` is RBO's persistence."""
    moves = moves_between(before, after)
    common = [(move.before, move.after) for move in moves if move.kind not in ("new", "gone")]
    earlier, later = list(before.by_id()), list(after.by_id())
    return Movement(
        moves=moves,
        top_k=top_k,
        overlap=overlap_at(earlier, later, top_k),
        rbo=rank_biased_overlap(earlier, later, p=p),
        tau=kendall_tau([old or 0 for old, _ in common], [new or 0 for _, new in common]),
        top_changed=earlier[:1] != later[:1],
    )


def moves_between(before: Ranking, after: Ranking) -> tuple[Move, ...]:
    """The move of every document that either list holds."""
    earlier, later = before.by_id(), after.by_id()
    moves = [
        Move(doc_id, earlier[doc_id].rank if doc_id in earlier else None, hit.rank)
        for doc_id, hit in later.items()
    ]
    moves += [Move(doc_id, hit.rank, None) for doc_id, hit in earlier.items() if doc_id not in later]
    return tuple(moves)


def absence(ranking: Ranking) -> str:
    """What to say of a document that this list does not hold."""
    if ranking.depth is not None and len(ranking.hits) < ranking.depth:
        return f"not among the {len(ranking.hits)} found"
    return f"not in top {len(ranking.hits)}" if ranking.hits else "list is empty"


def overlap_at(first: Sequence[str], second: Sequence[str], k: int) -> float:
    """Share of the top ``k`` that both lists have. Two lists shorter than ``k`` are compared whole."""
    top, other = set(first[:k]), set(second[:k])
    size = max(len(top), len(other))
    return len(top & other) / size if size else 1.0


def rank_biased_overlap(first: Sequence[str], second: Sequence[str], *, p: float = 0.9) -> float:
    """Extrapolated rank-biased overlap of two lists without repeats, 0 to 1.

    RBO_EXT for lists of uneven length: Webber, Moffat and Zobel, "A similarity measure for indefinite
    rankings", TOIS 28(4), 2010, equation 32. ``p`` is the chance that a reader goes on to the next rank:
    0.9 puts 86 percent of the weight on the first ten. Two empty lists are alike.
    """
    short, long = sorted((first, second), key=len)
    s, length = len(short), len(long)
    if s == 0:
        return 1.0 if length == 0 else 0.0
    seen_short: set[str] = set()
    seen_long: set[str] = set()
    overlap = overlap_at_s = 0
    total = 0.0
    for depth in range(1, length + 1):
        item = long[depth - 1]
        seen_long.add(item)
        overlap += item in seen_short
        if depth <= s:
            other = short[depth - 1]
            seen_short.add(other)
            overlap += other in seen_long
            overlap_at_s = overlap
        agreement = overlap / depth
        if depth > s:
            agreement += overlap_at_s * (depth - s) / (s * depth)
        total += agreement * p**depth
    tail = ((overlap - overlap_at_s) / length + overlap_at_s / s) * p**length
    return (1 - p) / p * total + tail


def kendall_tau(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Kendall's tau-b of paired values, corrected for ties, in O(n log n).

    Knight, "A computer method for calculating Kendall's tau with ungrouped data", JASA 61, 1966: sort by
    x, then count the exchanges of a merge sort by y. None where it is not defined: fewer than two pairs,
    or all values of one side equal.
    """
    n = len(x)
    pairs = sorted(zip(x, y, strict=True))
    total = n * (n - 1) // 2
    tied_x = _tied_pairs([a for a, _ in pairs])
    tied_y = _tied_pairs(sorted(y))
    if total in (tied_x, tied_y):
        return None
    tied_both = _tied_pairs(pairs)
    discordant = _exchanges([b for _, b in pairs])[1]
    concordant_less_discordant = total - tied_x - tied_y + tied_both - 2 * discordant
    tau: float = concordant_less_discordant / ((total - tied_x) ** 0.5 * (total - tied_y) ** 0.5)
    return max(-1.0, min(1.0, tau))


def _tied_pairs(ordered: Sequence[object]) -> int:
    """How many pairs of a sorted sequence are equal."""
    count, run = 0, 1
    for before, after in pairwise(ordered):
        run = run + 1 if before == after else 1
        count += run - 1
    return count


def _exchanges(values: list[float]) -> tuple[list[float], int]:
    """The values sorted, and how many pairs stood the wrong way round."""
    if len(values) < 2:
        return values, 0
    middle = len(values) // 2
    left, first = _exchanges(values[:middle])
    right, second = _exchanges(values[middle:])
    merged: list[float] = []
    count = first + second
    i = j = 0
    while i < len(left) and j < len(right):
        if right[j] < left[i]:
            count += len(left) - i
            merged.append(right[j])
            j += 1
        else:
            merged.append(left[i])
            i += 1
    return merged + left[i:] + right[j:], count
