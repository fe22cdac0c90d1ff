"""What the comparison screen knows at one moment: one frozen value. Pure, no textual."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from rankscope.core.counting import counted
from rankscope.core.trace import Trace
from rankscope.engine.deciding import Compared
from rankscope.insight.ab import AbQuery
from rankscope.tui.sentences import Sentence

__all__ = ["AbState", "Shown", "ab_sentence"]


class Shown(StrEnum):
    """Which queries are listed."""

    ALL = "all"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class AbState:
    """Two pipelines on the same queries, and the query that is chosen."""

    a: str
    """Fingerprint of the pipeline that is compared against."""
    b: str
    compared: Compared | None = None
    problem: str = ""
    shown: Shown = Shown.ALL
    place: int = 0
    """Among the queries that are listed."""

    @property
    def queries(self) -> tuple[AbQuery, ...]:
        """The queries that are listed, the largest difference first."""
        found = () if self.compared is None else self.compared.comparison.queries
        if self.shown is Shown.WON:
            return tuple(query for query in found if query.difference > 0)
        if self.shown is Shown.LOST:
            return tuple(query for query in found if query.difference < 0)
        return found

    @property
    def query(self) -> AbQuery | None:
        """The chosen query."""
        return self.queries[self.place] if self.place < len(self.queries) else None

    def trace(self, side: str) -> Trace | None:
        """The chosen query's trace on side ``a`` or ``b``."""
        if self.query is None or self.compared is None:
            return None
        return self.compared.trace(self.query.trace_a if side == "a" else self.query.trace_b)

    def finished(self, compared: Compared) -> AbState:
        """The comparison was made."""
        return replace(self, compared=compared, problem="", place=0)

    def failed(self, problem: str) -> AbState:
        """The comparison cannot be made."""
        return replace(self, problem=problem)

    def stepped(self, by: int) -> AbState:
        """To another query."""
        return replace(self, place=min(max(self.place + by, 0), max(len(self.queries) - 1, 0)))

    def turned(self) -> AbState:
        """To the next list: all, won, lost."""
        order = list(Shown)
        return replace(self, shown=order[(order.index(self.shown) + 1) % len(order)], place=0)


def ab_sentence(state: AbState) -> Sentence:
    """Where things stand, and what to do next."""
    if state.problem:
        return Sentence("bad", state.problem)
    if state.compared is None:
        return Sentence("busy", "Comparing the two pipelines on the queries that both have.")
    found = state.compared.comparison
    compared = counted(len(found.queries), "query", "queries")
    text = f"B wins {found.won:,}, loses {found.lost:,} and ties {found.tied:,} of {compared}"
    text += f" by {found.measure}."
    if found.only_a or found.only_b:
        text += f" Not compared: {found.only_a:,} only in A, {found.only_b:,} only in B."
    return Sentence("good", text)
