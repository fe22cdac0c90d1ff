"""Choosing two sides of a comparison and pairing them: traces of the store, of a file, of one replay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rankscope.core.counting import counted
from rankscope.core.trace import EXPERIMENT, Trace
from rankscope.errors import InputError, UsageError
from rankscope.insight.diff.pairing import Pairing, TraceKey, key_of, pair_up, trace_key

if TYPE_CHECKING:
    from rankscope.tracing.store import TraceStore
    from rankscope.tracing.trace_keys import StoredKey

__all__ = ["PARENTS", "Comparison", "Side", "compare_sides", "parents_of", "select_side"]

PARENTS = "parents"
"""As the first side: the traces that the replays of the second side were made from."""


@dataclass(frozen=True)
class Side:
    """The traces of one side: small keys, and a way to read one."""

    name: str
    """What was asked for."""
    keys: tuple[TraceKey, ...]
    load: Callable[[str], Trace]
    single: bool = False
    """Whether one trace was named, rather than a group that may happen to hold one."""


@dataclass(frozen=True)
class Comparison:
    """Two sides and their pairs."""

    before: Side
    after: Side
    pairing: Pairing

    def pairs(self) -> Iterator[tuple[Trace, Trace]]:
        """The pairs, read one at a time."""
        for before, after in self.pairing.pairs:
            yield self.before.load(before), self.after.load(after)


def select_side(store: TraceStore | None, text: str, *, now: datetime) -> Side:
    """What ``text`` names: a file of traces; ``job:KEY``, the traces of one replay; a trace id or its start;
    else a filter as in the list of traces, such as ``origin:import`` or ``parent:ID``. Traces of comparisons
    pass a filter only where it names their origin.

    ``store`` is None where there is no trace database. Raises InputError when nothing is named.
    """
    if Path(text).is_file() or "/" in text or Path(text).suffix in (".jsonl", ".json", ".parquet", ".gz"):
        return _from_file(Path(text))
    if store is None:
        raise InputError(f"{text!r:.80} is no file, and there are no stored traces yet.")
    if text.startswith("job:") and text != "job:":
        return _of_job(store, text)
    try:
        trace_id = store.resolve(text)
    except InputError as error:
        if "several traces" in error.message:
            raise
        return _of_filter(store, text, now)
    return Side(text, (key_of(store.get(trace_id)),), store.get, single=True)


def parents_of(store: TraceStore, replays: Side) -> Side:
    """The traces that these replays were made from; those that are no longer stored are left out."""
    ids = list(dict.fromkeys(key.parent_id for key in replays.keys if key.parent_id is not None))
    known = store.known_ids(ids)
    if not known:
        raise UsageError(f"{replays.name!r:.80} holds no replay of a stored trace.")
    keys = tuple(key_of(store.get(trace_id)) for trace_id in ids if trace_id in known)
    return Side(PARENTS, keys, store.get, single=replays.single)


def compare_sides(before: Side, after: Side) -> Comparison:
    """Pair two sides. Two single traces are a pair whatever they are. Raises InputError without a pair."""
    if before.single and after.single:
        pair = (before.keys[0].trace_id, after.keys[0].trace_id)
        return Comparison(before, after, Pairing((pair,), 0, 0, 0))
    pairing = pair_up(before.keys, after.keys)
    if not pairing.pairs:
        raise InputError(
            f"of {counted(len(before.keys), 'trace')} before and {len(after.keys):,} after no two belong "
            "together.",
            remedy="Replays pair with the traces they were made from, others by query id or text.",
        )
    return Comparison(before, after, pairing)


def _of_filter(store: TraceStore, text: str, now: datetime) -> Side:
    from rankscope.tracing.filter_language import parse_filter
    from rankscope.tracing.trace_keys import read_keys

    chosen = parse_filter(text, now)
    apart: set[str] = set()
    if chosen.origin is None:  # traces that were made to measure something stand for no query that was asked
        apart = {row.trace_id for row in read_keys(store.path, replace(chosen, origin=EXPERIMENT))}
    keys = tuple(_key(row) for row in read_keys(store.path, chosen) if row.trace_id not in apart)
    if not keys:
        raise InputError(
            f"{text!r:.80} names no trace: no file, no id, and no stored trace passes it as a filter.",
            remedy="For example an id, origin:replay, parent:ID, job:KEY, or a file of traces.",
        )
    return Side(text, keys, store.get)


def _of_job(store: TraceStore, text: str) -> Side:
    from rankscope.tracing.summaries import TraceFilter
    from rankscope.tracing.trace_keys import read_keys

    prefix = text.removeprefix("job:")
    rows = [row for row in read_keys(store.path, TraceFilter(origin="replay")) if row.job]
    jobs = sorted({row.job for row in rows if row.job and row.job.startswith(prefix)})
    if len(jobs) != 1:
        known = ", ".join(job[:12] for job in sorted({row.job or "" for row in rows})[:5]) or "none"
        what = "several replays start" if jobs else "no replay starts"
        raise InputError(f"{what} with {prefix!r:.40}.", remedy=f"There are: {known}.")
    return Side(text, tuple(_key(row) for row in rows if row.job == jobs[0]), store.get)


def _key(row: StoredKey) -> TraceKey:
    filters = json.loads(row.filters) if row.filters else {}
    return trace_key(row.trace_id, row.parent_id, row.created_at, row.query, row.query_id, filters)


def _from_file(path: Path) -> Side:
    """The traces of a file, held in memory."""
    from rankscope.tracing.formats.importer import Imported, ImportOptions
    from rankscope.tracing.formats.registry import sniff

    try:
        importer = sniff(path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}.", path=path) from error
    if importer is None:
        raise InputError("is in no format that is known.", path=path)
    found: dict[str, Trace] = {}
    for item in importer.read(path, ImportOptions()):
        if isinstance(item, Imported):
            found[item.trace.trace_id] = item.trace
    if not found:
        raise InputError("holds no trace.", path=path)

    def load(trace_id: str) -> Trace:
        return found[trace_id]

    return Side(str(path), tuple(key_of(trace) for trace in found.values()), load)
