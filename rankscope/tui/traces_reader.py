"""Reads the list of traces beside the screen: each list has a number, and an older one is stopped.

No key waits for the database. What is read is posted; queries of a list that is no longer shown are
interrupted inside SQLite.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from rankscope.errors import Cancelled
from rankscope.tracing.links import TraceLinks
from rankscope.tracing.summaries import TraceFilter, TraceSummary
from rankscope.tui import traces_messages as messages
from rankscope.tui.threads import Threads, reason
from rankscope.tui.trace_pages import PAGE, PageRequest

__all__ = ["ListedTraces", "TracesReader"]

LOOK_S = 0.5
"""Time between two looks for new traces."""
LATEST = 5_000
"""Traces that are made ready for filters while a list is opened: more would be felt."""
MOST_MARKED = 10_000
"""Most traces that are marked by one key."""


class ListedTraces(Protocol):
    """What the screen needs of a trace store; :class:`rankscope.tracing.store.TraceStore` offers it."""

    def summaries(
        self,
        limit: int = ...,
        before: TraceSummary | None = ...,
        *,
        chosen: TraceFilter = ...,
        offset: int = ...,
        oldest_first: bool = ...,
        stop: Callable[[], bool] | None = ...,
    ) -> list[TraceSummary]:
        """A page of the list."""

    def count(
        self,
        chosen: TraceFilter = ...,
        *,
        ahead_of: TraceSummary | None = ...,
        stop: Callable[[], bool] | None = ...,
    ) -> int:
        """How many pass the filter."""

    def last_seq(self) -> int:
        """Number of the trace stored last."""

    def prepare_lists(self, stop: Callable[[], bool] = ..., *, most: int | None = ...) -> bool:
        """Bring up to date what makes filters fast."""

    def links(self, ids: Sequence[str]) -> TraceLinks:
        """How traces hang together with others."""

    def prune(self, *, ids: Sequence[str]) -> int:
        """Delete traces."""


@dataclass
class _List:
    """One list: what passes the filter of what was stored until it was opened."""

    number: int
    chosen: TraceFilter
    stop: threading.Event = field(default_factory=threading.Event)
    seen: int = -1
    """Number of the newest trace that the list holds or was told of; -1 before it is known."""


class TracesReader:
    """Queries of one screen. ``store`` is called on a thread: opening it takes a moment."""

    def __init__(self, store: Callable[[], ListedTraces], threads: Threads) -> None:
        self._store = store
        self._threads = threads
        self._list = _List(0, TraceFilter())
        self._looking: threading.Event | None = None

    def open(self, number: int, chosen: TraceFilter, around: TraceSummary | None = None) -> None:
        """Read another list: a first page, then how long it is. The one before is stopped.

        The first page is the one where ``around`` stands or would stand, else the newest.
        """
        self._list.stop.set()
        self._list = _List(number, chosen)
        self._start("open", self._open, self._list, around)

    def read(self, requests: Iterable[PageRequest]) -> None:
        """Read pages of the list that is open."""
        for request in requests:
            self._start("page", self._page, self._list, request)

    def count_store(self) -> None:
        """Count all traces, and make filters of large stores fast."""
        self._start("count", self._count_store)

    def mark_all(self) -> None:
        """Read the first rows of the list that is open, to be marked."""
        self._start("mark", self._mark, self._list)

    def find_links(self, ids: tuple[str, ...]) -> None:
        """Look how traces hang together with others."""
        self._start("links", self._links, ids)

    def delete(self, ids: tuple[str, ...]) -> None:
        """Delete traces; what is under way is finished, also when the screen is left."""
        self._threads.start(partial(self._delete, ids), "rankscope-traces-delete", needed=True)

    def look(self) -> None:
        """Look for new traces from now on, until :meth:`look_away`."""
        if self._looking is None:
            self._looking = threading.Event()
            self._start("look", self._look, self._looking)

    def look_away(self) -> None:
        """The screen is hidden: stop looking."""
        if self._looking is not None:
            self._looking.set()
            self._looking = None

    def stop(self) -> None:
        """Stop everything under way."""
        self._list.stop.set()
        self.look_away()

    def _start(self, name: str, work: Callable[..., None], *arguments: object) -> None:
        self._threads.start(partial(self._guarded, work, *arguments), f"rankscope-traces-{name}")

    def _guarded(self, work: Callable[..., None], *arguments: object) -> None:
        number = self._list.number
        try:
            work(*arguments)
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001  # a damaged database is said, and the screen stays usable
            self._threads.post(messages.ListRefused(number, reason(error)))

    def _stopped(self, opened: _List) -> Callable[[], bool]:
        closing = self._threads.closing
        return lambda: opened.stop.is_set() or closing.is_set()

    def _open(self, opened: _List, around: TraceSummary | None) -> None:
        store, stop = self._store(), self._stopped(opened)
        if not opened.chosen.everything:
            store.prepare_lists(stop, most=LATEST)
        opened.seen = store.last_seq()
        opened.chosen = replace(opened.chosen, stored_until=opened.seen)
        place = 0 if around is None else store.count(opened.chosen, ahead_of=around, stop=stop)
        page = place // PAGE
        rows = store.summaries(PAGE, chosen=opened.chosen, offset=page * PAGE, stop=stop)
        self._threads.post(messages.ListOpened(opened.number, page, rows, place))
        whole = page == 0 and len(rows) < PAGE
        total = len(rows) if whole else store.count(opened.chosen, stop=stop)
        self._threads.post(messages.ListCounted(opened.number, total))

    def _page(self, opened: _List, request: PageRequest) -> None:
        rows = self._store().summaries(
            request.limit,
            request.edge,
            chosen=opened.chosen,
            offset=request.offset,
            oldest_first=request.backwards,
            stop=self._stopped(opened),
        )
        rows = rows[::-1] if request.backwards else rows
        self._threads.post(messages.PageRead(opened.number, request.number, rows))

    def _count_store(self) -> None:
        store = self._store()
        self._threads.post(messages.StoreCounted(store.count()))
        store.prepare_lists(self._threads.closing.is_set)

    def _mark(self, opened: _List) -> None:
        rows = self._store().summaries(MOST_MARKED + 1, chosen=opened.chosen, stop=self._stopped(opened))
        self._threads.post(messages.RowsMarked(rows[:MOST_MARKED], more=len(rows) > MOST_MARKED))

    def _links(self, ids: tuple[str, ...]) -> None:
        self._threads.post(messages.LinksFound(ids, self._store().links(ids)))

    def _delete(self, ids: tuple[str, ...]) -> None:
        try:
            deleted = self._store().prune(ids=ids)
        except Exception as error:  # noqa: BLE001  # said on the screen
            self._threads.post(messages.TracesDeleted(ids, 0, reason(error)))
        else:
            self._threads.post(messages.TracesDeleted(ids, deleted))

    def _look(self, away: threading.Event) -> None:
        try:
            store = self._store()
            while not (away.is_set() or self._threads.closing.is_set()):
                self._look_once(store)
                away.wait(LOOK_S)
        finally:
            if self._looking is away:  # it failed: reading the list again looks again
                self._looking = None

    def _look_once(self, store: ListedTraces) -> None:
        opened, newest = self._list, store.last_seq()
        if not 0 <= opened.seen < newest:  # below 0 while the list is being opened
            return
        fresh = replace(opened.chosen, stored_after=opened.seen, stored_until=newest)
        rows = store.summaries(PAGE, chosen=fresh)
        passing = len(rows) if len(rows) < PAGE else store.count(fresh)
        stored = store.count(TraceFilter(stored_after=opened.seen, stored_until=newest))
        opened.seen = newest
        self._threads.post(messages.TracesArrived(opened.number, rows, passing, stored))
