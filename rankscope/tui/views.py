"""A trace as the two columns of the screen: rows, moves, the floor line. Pure, no textual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rankscope.core.counting import counted
from rankscope.core.trace import Floor, Hit, Ranking, Trace
from rankscope.errors import ScaleError
from rankscope.stages.threshold.relevance_floor import apply_floor

__all__ = ["Column", "Divider", "Line", "Row", "Side", "columns_of", "standing_column", "where_absent"]

Side = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Row:
    """One document in one column."""

    hit: Hit
    moved: int | None
    """Places gained against the order before (negative: lost); None when it was not there.

    In the order before itself there are none.
    """
    dropped: bool
    """Whether the floor or K drops it; False in a column that is not final."""


@dataclass(frozen=True, slots=True)
class Divider:
    """A line between rows: the floor, or the end of the top K."""

    kind: Literal["floor", "top_k"]
    value: float
    count: int
    """Documents that this line drops."""
    floor: Floor | None = None


Line = Row | Divider


@dataclass(frozen=True, slots=True)
class Column:
    """One ranked list, ready to be drawn."""

    side: Side
    ranking: Ranking
    lines: tuple[Line, ...]
    lists: tuple[str, ...]
    """Stages whose rank is shown beside each document: what the list was fused from."""
    list_depths: tuple[int | None, ...]
    """How deep each of them looked; None where unknown, or where it returned all that it matched."""

    @property
    def best(self) -> float:
        """Highest score; the full length of a bar on scales without an upper bound."""
        return max((hit.score for hit in self.ranking.hits if hit.score is not None), default=0.0)

    def line_of(self, doc_id: str) -> int | None:
        """Where a document stands among the lines, None when it is not in this column."""
        for place, line in enumerate(self.lines):
            if isinstance(line, Row) and line.hit.doc_id == doc_id:
                return place
        return None

    def rows(self) -> tuple[Row, ...]:
        """The documents, without the lines between them."""
        return tuple(line for line in self.lines if isinstance(line, Row))


def columns_of(trace: Trace, *, reranking: bool = False) -> tuple[Column | None, Column | None]:
    """The before and after columns; None for one that is empty or not there (yet).

    While ``reranking`` is still to come the fused order is not the final one, so it has no floor or K lines.
    """
    before, after = trace.before, trace.after
    final = after is None and not reranking
    left = right = None
    if before is not None and before.hits:
        left = _column("before", trace, before, None, final=final)
    if after is not None and after.hits:
        right = _column("after", trace, after, before, final=True)
    return left, right


def standing_column(trace: Trace, other: Ranking | None, *, side: Side) -> Column:
    """The order that stands in a trace, with the floor and K lines; moves are against ``other``."""
    ranking = trace.final
    assert ranking is not None
    other_ranks = {} if other is None else {doc_id: hit.rank for doc_id, hit in other.by_id().items()}
    return Column(side, ranking, _lines(trace, ranking, other_ranks, final=True), (), ())


def _column(side: Side, trace: Trace, ranking: Ranking, other: Ranking | None, *, final: bool) -> Column:
    other_ranks = {} if other is None else {doc_id: hit.rank for doc_id, hit in other.by_id().items()}
    lists = _fused_lists(trace, ranking) if side == "before" else ()
    return Column(
        side=side,
        ranking=ranking,
        lines=_lines(trace, ranking, other_ranks, final=final),
        lists=lists,
        list_depths=tuple(_depth(trace.ranking(name)) for name in lists),
    )


def _fused_lists(trace: Trace, ranking: Ranking) -> tuple[str, ...]:
    """The earlier stages whose ranks the fused hits carry, in the order in which they ran."""
    named = {key.removeprefix("rank:") for hit in ranking.hits for key in hit.details if key[:5] == "rank:"}
    return tuple(other.stage for other in trace.rankings if other.stage in named)


def _depth(ranking: Ranking | None) -> int | None:
    """The depth at which a list was cut; None when it was not cut."""
    return (
        None
        if ranking is None or ranking.depth is None or len(ranking.hits) < ranking.depth
        else ranking.depth
    )


def _lines(trace: Trace, ranking: Ranking, other_ranks: dict[str, int], *, final: bool) -> tuple[Line, ...]:
    """Rows in rank order, with the floor and K lines where the order is (or would be) the final one."""

    def row(hit: Hit, *, dropped: bool = False) -> Row:
        theirs = other_ranks.get(hit.doc_id)
        return Row(hit, None if theirs is None else theirs - hit.rank, dropped)

    if not final:
        return tuple(row(hit) for hit in ranking.hits)
    floor, top_k = trace.floor, trace.top_k if trace.top_k is not None else len(ranking.hits)
    try:
        outcome = apply_floor(ranking, floor, top_k)
    except ScaleError:
        floor = None
        outcome = apply_floor(ranking, None, top_k)
    beyond = {hit.rank for hit in outcome.beyond_top_k}
    below = {hit.rank for hit in outcome.below_floor}
    first_beyond, first_below = min(beyond, default=0), min(below, default=0)
    lines: list[Line] = []
    for hit in ranking.hits:  # rank order, also where an import's scores do not fall with the rank
        if hit.rank == first_beyond:
            lines.append(Divider("top_k", top_k, len(beyond)))
        if floor is not None and hit.rank == first_below:
            lines.append(Divider("floor", floor.value, len(below), floor))
        lines.append(row(hit, dropped=hit.rank in beyond or hit.rank in below))
    if floor is not None and not below:
        lines.append(Divider("floor", floor.value, 0, floor))
    return tuple(lines)


def where_absent(trace: Trace, stage: str, *, total: int = 0) -> str:
    """Why a document has no rank at a stage, in words: absent is not zero.

    ``total`` is how many candidates a reranker under way still has to score.
    """
    ranking = trace.ranking(stage)
    if ranking is None:
        return "not run"
    if ranking.status == "partial":
        scored = counted(len(ranking.hits), f"of {total} is", f"of {total} are")
        return f"not scored ({scored})" if total else "not scored"
    if not ranking.ran:
        return ranking.status.partition(":")[0]
    if ranking.depth is not None and len(ranking.hits) >= ranking.depth:
        return f"not in top {ranking.depth}"
    return "not returned" if ranking.depth is None or stage == "rerank" else "no match"
