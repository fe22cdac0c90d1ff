"""Which trace of one group belongs to which of another: by parent, else by query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rankscope.core.trace import Trace

__all__ = ["Pairing", "TraceKey", "key_of", "pair_up", "trace_key"]


_WAYS = (
    ("trace_id", "parent_id"),
    ("parent_id", "trace_id"),
    ("parent_id", "parent_id"),
    ("by_id", "by_id"),
    ("by_text", "by_text"),
)
"""What of the first group has to equal what of the second, the surest way first."""


@dataclass(frozen=True, slots=True)
class TraceKey:
    """What a trace is paired by: small, so that a million of them fit in memory."""

    trace_id: str
    parent_id: str | None
    created_at: datetime
    by_id: tuple[object, ...] | None
    """The query's id with its filters, where it has one."""
    by_text: tuple[object, ...]
    """Its text with its filters."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Ids of the pairs in the order of the first group, and what found no partner."""

    pairs: tuple[tuple[str, str], ...]
    alone_before: int
    """Traces of the first group without a partner."""
    alone_after: int
    older: int
    """Traces that were passed over because a newer one of the same query or parent stands in their group."""


def key_of(trace: Trace) -> TraceKey:
    """The key of a trace."""
    query = trace.query
    return trace_key(
        trace.trace_id, trace.parent_id, trace.created_at, query.text, query.query_id, query.filters
    )


def trace_key(
    trace_id: str,
    parent_id: str | None,
    created_at: datetime,
    text: str,
    query_id: str | None,
    filters: Mapping[str, str],
) -> TraceKey:
    """The key of a trace with these facts."""
    asked = tuple(sorted(filters.items()))
    by_id = None if query_id is None else (query_id, asked)
    return TraceKey(trace_id, parent_id, created_at, by_id, (text, asked))


def pair_up(before: Iterable[TraceKey], after: Iterable[TraceKey]) -> Pairing:
    """Pair two groups.

    A replay goes with the trace it was made from; two replays of one trace go together; what is left is
    paired by query. Of several that fit, the newest is taken and the others are counted. A trace of both
    groups counts in the first.
    """
    first = {key.trace_id: key for key in before}
    second = {key.trace_id: key for key in after if key.trace_id not in first}
    pairs: dict[str, str] = {}
    taken: set[str] = set()
    older: set[str] = set()

    def join(one: dict[object, list[TraceKey]], other: dict[object, list[TraceKey]]) -> None:
        for name, mine in one.items():
            theirs = other.get(name)
            if theirs is None:
                continue
            newest, partner = _newest(mine), _newest(theirs)
            pairs[newest.trace_id] = partner.trace_id
            taken.update((newest.trace_id, partner.trace_id))
            older.update(key.trace_id for key in (*mine, *theirs) if key not in (newest, partner))

    for mine, theirs in _WAYS:
        settled = taken | older
        left = [key for name, key in first.items() if name not in settled]
        right = [key for name, key in second.items() if name not in settled]
        join(_by(left, mine), _by(right, theirs))
    return Pairing(
        pairs=tuple((trace_id, pairs[trace_id]) for trace_id in first if trace_id in pairs),
        alone_before=sum(key not in taken and key not in older for key in first),
        alone_after=sum(key not in taken and key not in older for key in second),
        older=len(older),
    )


def _by(keys: Iterable[TraceKey], name: str) -> dict[object, list[TraceKey]]:
    found: dict[object, list[TraceKey]] = {}
    for key in keys:
        value = getattr(key, name)
        if value is not None:
            found.setdefault(value, []).append(key)
    return found


def _newest(keys: list[TraceKey]) -> TraceKey:
    return max(keys, key=lambda key: (key.created_at, key.trace_id))
