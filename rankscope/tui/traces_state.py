"""What the Traces screen knows at one moment, beside the rows: one frozen value. Pure, no textual."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from rankscope.errors import UsageError
from rankscope.tracing.filter_language import parse_filter
from rankscope.tracing.summaries import TraceFilter, TraceSummary

__all__ = ["ListPhase", "ReplayStanding", "TracesState"]


class ListPhase(StrEnum):
    """How far the list is."""

    OPENING = "opening"
    READY = "ready"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ReplayStanding:
    """A replay under way."""

    total: int
    done: int = 0
    pairs: int = 0
    rate: float = 0.0
    """Pairs a second."""
    eta_s: float | None = None
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class TracesState:
    """Filter, counts, marks, and what is under way."""

    phase: ListPhase = ListPhase.OPENING
    problem: str = ""
    """Why the store cannot be read; one line."""
    text: str = ""
    """The filter as typed."""
    chosen: TraceFilter = field(default_factory=TraceFilter)
    """The filter in force: the last text that could be understood."""
    misread: str = ""
    """What of the text cannot be understood; one line."""
    total: int | None = None
    """Traces that pass; None until they are counted."""
    stored: int | None = None
    """Traces in the store."""
    marked: Mapping[str, TraceSummary] = field(default_factory=dict)
    """By id, in the order in which they were marked."""
    following: bool = True
    held: int = 0
    """New traces that pass and are not shown, because the list is held."""
    deleting: int = 0
    """Traces that are being deleted."""
    replay: ReplayStanding | None = None

    @property
    def empty_store(self) -> bool:
        """Whether nothing is stored at all."""
        return self.stored == 0

    @property
    def busy(self) -> bool:
        """Whether a replay or a deletion is under way."""
        return self.replay is not None or self.deleting > 0

    def typed(self, text: str, now: datetime) -> TracesState:
        """Another filter text; one that cannot be understood leaves the list as it is and says so."""
        try:
            chosen = parse_filter(text, now)
        except UsageError as error:
            return replace(self, text=text, misread=str(error))
        total = self.total if chosen == self.chosen else None
        return replace(self, text=text, chosen=chosen, misread="", total=total, held=0)

    def toggled(self, row: TraceSummary) -> TracesState:
        """One more marked, or one less."""
        if row.trace_id in self.marked:
            return self.without((row.trace_id,))
        return self.marking((row,))

    def marking(self, rows: Iterable[TraceSummary]) -> TracesState:
        """These are marked too."""
        return replace(self, marked={**self.marked, **{row.trace_id: row for row in rows}})

    def without(self, ids: Iterable[str]) -> TracesState:
        """These are not marked any more."""
        gone = set(ids)
        return replace(self, marked={key: row for key, row in self.marked.items() if key not in gone})

    def chosen_rows(self, cursor: TraceSummary | None) -> tuple[TraceSummary, ...]:
        """What a key works on: the marked traces, else the one under the cursor."""
        return tuple(self.marked.values()) or (() if cursor is None else (cursor,))

    def pair(self, cursor: TraceSummary | None) -> tuple[str, str] | None:
        """The two traces to compare, earlier first; None where it is not clear which two are meant.

        Two that are marked, the marked one and the cursor's, or a replay and its parent.
        """
        rows = dict(self.marked)
        if len(rows) < 2 and cursor is not None:
            rows[cursor.trace_id] = cursor
        if len(rows) == 2:
            first, second = sorted(rows.values(), key=lambda row: (row.created_at, row.seq))
            return first.trace_id, second.trace_id
        for row in rows.values():
            if len(rows) == 1 and row.parent_id is not None:
                return row.parent_id, row.trace_id
        return None
