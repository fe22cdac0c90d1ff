"""A list that is too long to hold, as pages around what is looked at. Pure, no textual, no database.

Rows are known by their place, from 0. Pages beside one that is there are asked for by its edge (keyset
paging, as fast at the end of a million as at its start); others by their distance from the nearer end.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from rankscope.tracing.summaries import TraceSummary

__all__ = ["PAGE", "PageRequest", "TracePages"]

PAGE = 200
_MOST_PAGES = 60
"""Pages that are kept: far more than a screen shows, far less than a million rows."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page to read. In the order of the list, or from the other end where ``backwards``."""

    number: int
    limit: int = PAGE
    edge: TraceSummary | None = None
    """The row beside the page: the last one ahead of it, or ``backwards`` the first one after it."""
    offset: int = 0
    """Rows between the end that is counted from and the page; 0 with an edge."""
    backwards: bool = False


class TracePages:
    """Rows by place. New rows are put in front without a change to the pages behind them."""

    def __init__(self) -> None:
        self.total: int | None = None
        """How many rows there are; None until they are counted."""
        self._front: list[TraceSummary] = []
        self._pages: OrderedDict[int, tuple[TraceSummary, ...]] = OrderedDict()
        self._asked: set[int] = set()
        self._end: int | None = None
        """Rows behind the front, where a page was not full; known before everything is counted."""

    @property
    def length(self) -> int:
        """Rows that can be scrolled to: all once they are counted, else those read and a page more."""
        if self.total is not None:
            return self.total
        if self._end is not None:
            return len(self._front) + self._end
        read = (max(self._pages, default=-1) + 1) * PAGE
        return len(self._front) + (read + PAGE if self._pages else 0)

    @property
    def newest(self) -> TraceSummary | None:
        """The first row, None where it is not there."""
        return self.row(0)

    def row(self, place: int) -> TraceSummary | None:
        """The row at a place, None where it is not there (yet)."""
        if place < 0:
            return None
        if place < len(self._front):
            return self._front[place]
        number, at = divmod(place - len(self._front), PAGE)
        page = self._pages.get(number)
        return page[at] if page is not None and at < len(page) else None

    def wanted(self, first: int, last: int) -> list[PageRequest]:
        """Requests for what is missing from the places ``first`` to ``last`` and the page on either side.

        A page is asked for once. The one in the middle comes first; what can wait for its edge is left to
        the next call.
        """
        begin, end = first - len(self._front) - PAGE // 2, last - len(self._front) + PAGE // 2
        begin = max(begin, 0)
        if self._end is not None:
            end = min(end, self._end - 1)
        numbers = [number for number in range(begin // PAGE, end // PAGE + 1) if end >= begin]
        middle = (first + last) / 2 - len(self._front)
        numbers.sort(key=lambda number: abs((number + 0.5) * PAGE - middle))
        found: list[PageRequest] = []
        for number in numbers:
            if number in self._pages:
                self._pages.move_to_end(number)
            elif number not in self._asked:
                request = self._request(number)
                if request.edge is None and found:
                    continue  # its neighbour comes first, and then it has an edge
                self._asked.add(number)
                found.append(request)
        return found

    def take(self, number: int, rows: Sequence[TraceSummary]) -> None:
        """A page was read."""
        self._asked.discard(number)
        self._pages[number] = tuple(rows)
        if len(rows) < PAGE and (self._end is None or number == self._end // PAGE):
            self._end = number * PAGE + len(rows)
        while len(self._pages) > _MOST_PAGES:
            self._pages.popitem(last=False)

    def count(self, total: int) -> None:
        """All rows were counted, those in front included."""
        self.total = max(total, len(self._front))
        self._end = self.total - len(self._front)

    def put_in_front(self, rows: Sequence[TraceSummary]) -> None:
        """Rows that are newer than the first one, newest first; all places move on by as many."""
        self._front[:0] = rows
        if self.total is not None:
            self.total += len(rows)

    def _request(self, number: int) -> PageRequest:
        before, after = self._pages.get(number - 1), self._pages.get(number + 1)
        if before is not None and len(before) == PAGE:
            return PageRequest(number, edge=before[-1])
        if after:
            return PageRequest(number, edge=after[0], backwards=True)
        offset = number * PAGE  # of a list that new rows do not join
        if self._end is not None and self._end - number * PAGE < offset:
            limit = min(PAGE, self._end - number * PAGE)
            return PageRequest(number, limit, offset=self._end - number * PAGE - limit, backwards=True)
        return PageRequest(number, offset=offset)
