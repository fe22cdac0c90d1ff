"""Spans that wait for the rest of their request, by trace id: in bounded memory, whatever is sent."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rankscope.core.trace import Trace
from rankscope.tracing.formats.importer import Imported, ImportOptions, Rejected
from rankscope.tracing.formats.span_file import SpanCollector
from rankscope.tracing.formats.spans import Span

__all__ = ["Counts", "Joined", "Limits", "WaitingSpans"]


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
    """Most memory of all that waits, as estimated from the attributes."""
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
    """The traces that its spans have added to the store."""
    told: set[str] = field(default_factory=set)

    def due(self, now: float, limits: Limits) -> bool:
        """Whether its traces are to be made now."""
        if not self.fresh:
            return False
        wait = limits.settle_s if self.root and not self.missing else limits.quiet_s
        return self.crowded or now - self.last >= wait


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

    @property
    def full(self) -> bool:
        """Whether more waits than twice what is allowed: the sender must come again later."""
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
        excess = self._bytes - self.limits.bytes_held
        if excess <= 0:
            return
        for key in [key for key, item in self._held.items() if not item.fresh]:
            excess -= self._held[key].size
            self._let_go(key)
            if excess <= 0:
                return
        for item in self._held.values():
            if excess <= 0:
                return
            item.crowded = True
            excess -= item.size

    def ready(self, now: float, fallback: datetime) -> Iterator[Joined]:
        """The traces of every trace id that is complete or quiet at ``now``."""
        for key in [key for key, item in self._held.items() if item.due(now, self.limits)]:
            yield from self._join(key, fallback)
        for key in [
            key
            for key, item in self._held.items()
            if not item.fresh and now - item.last >= self.limits.keep_s
        ]:
            self._let_go(key)

    def drain(self, fallback: datetime) -> Iterator[Joined]:
        """The traces of everything that waits, complete or not: nothing more will come."""
        for key in [key for key, item in self._held.items() if item.fresh]:
            yield from self._join(key, fallback)

    def _join(self, key: str, fallback: datetime) -> Iterator[Joined]:
        item = self._held[key]
        item.fresh = False
        if item.retrieval:
            outcomes, faults = self._outcomes(key, item, fallback)
            reasons = dict.fromkeys(
                [*faults, *(outcome.reason for outcome in outcomes if isinstance(outcome, Rejected))]
            )
            useless = tuple(reason for reason in reasons if reason not in item.told)
            item.told.update(useless)
            traces = tuple(outcome.trace for outcome in outcomes if not isinstance(outcome, Rejected))
            outdated = frozenset(item.stored - {trace.trace_id for trace in traces})
            item.stored -= outdated
            yield Joined(key, traces, useless, outdated)
        if item.crowded:
            self.counts.stored_early += item.retrieval
            self._let_go(key)

    def _outcomes(
        self, key: str, item: _Waiting, fallback: datetime
    ) -> tuple[list[Imported | Rejected], list[str]]:
        """What the spans make, and what went wrong: no request takes the others of its turn along."""
        try:
            return list(item.collector.peek(key, fallback)), []
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is counted and told
            self.counts.failed_traces += 1
            return [], [f"the spans of trace {key} cannot be joined: {type(fault).__name__}: {fault}"]

    def note_stored(self, key: str, trace_ids: Iterable[str]) -> None:
        """These traces of a trace id were new to the store: they may be replaced when late spans come."""
        if key in self._held:
            self._held[key].stored.update(trace_ids)

    def _let_go(self, key: str) -> None:
        self._bytes -= self._held.pop(key).size


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
