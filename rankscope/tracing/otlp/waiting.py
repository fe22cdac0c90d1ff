"""Spans that wait for the rest of their request, by trace id: in bounded memory, whatever is sent."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rankscope.core.trace import Trace
from rankscope.tracing.formats.importer import Imported, ImportOptions, Rejected
from rankscope.tracing.formats.span_file import SpanCollector
from rankscope.tracing.formats.spans import Span

__all__ = ["Counts", "Due", "Joined", "Limits", "WaitingSpans"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much is held."""

    settle_s: float = 0.5
    """Wait after the root has come and no parent is missing: a post that left earlier may arrive later."""
    quiet_s: float = 10.0
    """Wait after a trace's last span where its root never comes."""
    keep_s: float = 600.0
    """How long the spans of a stored trace are held for those that come late."""
    bytes_held: int = 256 * 1024 * 1024
    """Most memory of all that waits or is being joined and stored, as estimated from the attributes."""
    spans_per_trace: int = 5_000
    """A trace with more is stored as it stands and begun anew."""


@dataclass
class Counts:
    """What became of every span and trace; shown when listening ends."""

    posts: int = 0
    refused_posts: int = 0
    spans: int = 0
    retrieval_spans: int = 0
    repeated_spans: int = 0
    broken_spans: int = 0
    traces: int = 0
    completed_traces: int = 0
    """Traces that were stored before and replaced by a fuller one when late spans came."""
    known_traces: int = 0
    useless_traces: int = 0
    failed_traces: int = 0
    stored_early: int = 0
    """Traces that were stored before their rest could come, for want of room."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What the spans of one trace id give at this moment."""

    key: str
    traces: tuple[Trace, ...]
    useless: tuple[str, ...]
    """Why the spans of a request make no trace, one line each."""
    outdated: frozenset[str]
    """Stored traces that the same spans gave when they were fewer, and that these traces replace."""
    _stored: set[str] = field(default_factory=set, repr=False, compare=False)

    def note_stored(self, trace_ids: Iterable[str]) -> None:
        """These traces were new to the store: they may be replaced when late spans come."""
        self._stored.update(trace_ids)


@dataclass
class _Waiting:
    """The spans of one trace id."""

    collector: SpanCollector
    first: float
    last: float
    size: int = 0
    spans: int = 0
    retrieval: bool = False
    root: bool = False
    missing: set[str] = field(default_factory=set)
    """Parents that have not come yet."""
    seen: set[str] = field(default_factory=set)
    fresh: bool = True
    """Whether spans came since its traces were made last."""
    crowded: bool = False
    stored: set[str] = field(default_factory=set)
    """The traces that its spans have added to the store. This and what was told belong to who joins."""
    told: set[str] = field(default_factory=set)
    joining: int = 0
    """How often it was taken and not released yet: letting it go would free nothing."""

    def due(self, now: float, limits: Limits) -> bool:
        """Whether its traces are to be made now."""
        if not self.fresh:
            return False
        wait = limits.settle_s if self.root and not self.missing else limits.quiet_s
        return self.crowded or now - self.last >= wait

    def outlived(self, now: float, limits: Limits) -> bool:
        """Whether it was stored so long ago that nothing more is expected."""
        return not self.fresh and not self.joining and now - self.last >= limits.keep_s


@dataclass(frozen=True, slots=True)
class Due:
    """The spans of one trace id as they were when their traces became due: joining touches nothing else.

    One thread at a time joins, and those of a trace id in the order in which they became due; others may add
    spans meanwhile. It counts as held until :meth:`WaitingSpans.release`.
    """

    key: str
    _item: _Waiting
    _counts: Counts
    _outcomes: Iterator[Imported | Rejected]

    def join(self) -> Joined:
        """Make the traces. A fault in it is counted and told like a request without use."""
        item = self._item
        outcomes, faults = self._made()
        reasons = dict.fromkeys(
            [*faults, *(outcome.reason for outcome in outcomes if isinstance(outcome, Rejected))]
        )
        useless = tuple(reason for reason in reasons if reason not in item.told)
        item.told.update(useless)
        traces = tuple(outcome.trace for outcome in outcomes if not isinstance(outcome, Rejected))
        outdated = frozenset(item.stored - {trace.trace_id for trace in traces})
        item.stored -= outdated
        return Joined(self.key, traces, useless, outdated, item.stored)

    def _made(self) -> tuple[list[Imported | Rejected], list[str]]:
        """What the spans make, and what went wrong: no request takes the others of its turn along."""
        try:
            return list(self._outcomes), []
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is counted and told
            self._counts.failed_traces += 1
            return [], [f"the spans of trace {self.key} cannot be joined: {type(fault).__name__}: {fault}"]


class WaitingSpans:
    """Holds spans by trace id and says which are ready. Not thread-safe; times are the caller's, in s."""

    def __init__(
        self, limits: Limits | None = None, counts: Counts | None = None, options: ImportOptions | None = None
    ) -> None:
        self.limits = limits or Limits()
        self.counts = counts or Counts()
        self._options = options or ImportOptions()
        self._held: OrderedDict[str, _Waiting] = OrderedDict()
        self._bytes = 0
        self._leaving = 0
        """Of these, what goes as soon as it is stored."""

    @property
    def full(self) -> bool:
        """Whether more is held than twice what is allowed: the sender must come again later."""
        return self._bytes > 2 * self.limits.bytes_held

    @property
    def pending(self) -> int:
        """Trace ids whose retrieval spans are not stored yet."""
        return sum(1 for item in self._held.values() if item.fresh and item.retrieval)

    def add(self, spans: Iterable[Span], now: float, source: Mapping[str, Any] | None = None) -> None:
        """Take spans in. A span that came before is counted and left out."""
        for span in spans:
            item = self._held.get(span.trace_id)
            if item is None:
                collector = SpanCollector(self._options, dict(source or {}))
                item = self._held[span.trace_id] = _Waiting(collector, now, now)
            self.counts.spans += 1
            if span.span_id in item.seen:
                self.counts.repeated_spans += 1
                continue
            self._take_in(item, span)
            item.last = now
            self._held.move_to_end(span.trace_id)
        self._make_room()

    def _take_in(self, item: _Waiting, span: Span) -> None:
        is_retrieval = not item.collector.add(span)
        self.counts.retrieval_spans += is_retrieval
        item.retrieval = item.retrieval or is_retrieval
        item.fresh = True
        item.seen.add(span.span_id)
        item.missing.discard(span.span_id)
        if span.parent_id is None:
            item.root = True
        elif span.parent_id not in item.seen:
            item.missing.add(span.parent_id)
        characters, documents = item.collector.kept_of(span)
        size = 400 + 2 * (len(span.span_id) + len(span.parent_id or "") + characters) + 500 * documents
        if is_retrieval:
            size += sum(250 + _size_of(value) for value in span.attributes.values())
        item.size += size
        self._bytes += size
        item.spans += 1
        item.crowded = item.crowded or item.spans >= self.limits.spans_per_trace

    def _make_room(self) -> None:
        """Let stored traces go first, the oldest first; then have the oldest that wait stored as they are."""
        excess = self._bytes - self._leaving - self.limits.bytes_held
        if excess <= 0:
            return
        for key in self._keys(lambda item: not item.fresh):
            excess -= self._held[key].size
            if not self._held[key].joining:  # else once it is released
                self._let_go(key)
            if excess <= 0:
                return
        for item in self._held.values():
            if excess <= 0:
                return
            if item.fresh:
                item.crowded = True
                excess -= item.size

    def ready(self, now: float, fallback: datetime) -> list[Due]:
        """Every trace id that is complete or quiet at ``now``, each to be released once it is stored.

        Only copies references: joining is slow.
        """
        due = [self._take(key, fallback) for key in self._keys(lambda item: item.due(now, self.limits))]
        for key in self._keys(lambda item: item.outlived(now, self.limits)):
            self._let_go(key)
        return [taken for taken in due if taken is not None]

    def drain(self, fallback: datetime) -> list[Due]:
        """Everything that waits, complete or not, each to be released: nothing more will come."""
        due = [self._take(key, fallback) for key in self._keys(lambda item: item.fresh)]
        return [taken for taken in due if taken is not None]

    def _keys(self, chosen: Callable[[_Waiting], bool]) -> list[str]:
        return [key for key, item in self._held.items() if chosen(item)]

    def _take(self, key: str, fallback: datetime) -> Due | None:
        """The spans so far, None where no trace can come of them."""
        item = self._held[key]
        item.fresh = False
        due = None
        if item.retrieval:
            due = Due(key, item, self.counts, item.collector.peek(key, fallback))
            item.joining += 1
        if item.crowded:
            self.counts.stored_early += item.retrieval
            self._let_go(key)
        return due

    def release(self, due: Due) -> None:
        """Its traces are stored, or could not be: it may go, and what was kept for it alone is free."""
        item = due._item
        item.joining -= 1
        if item.joining:
            return
        if self._held.get(due.key) is not item:
            self._bytes -= item.size
            self._leaving -= item.size
        self._make_room()

    def _let_go(self, key: str) -> None:
        item = self._held.pop(key)
        if item.joining:
            self._leaving += item.size
        else:
            self._bytes -= item.size


def _size_of(value: object) -> int:
    """Roughly the bytes that a value takes, all that it holds included; not recursive, for any depth."""
    total = 0
    left = [value]
    while left:
        item = left.pop()
        total += 60
        if isinstance(item, str | bytes):
            total += 2 * len(item)
        elif isinstance(item, Mapping):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            left += item
    return total
