"""What happened on the Traces screen and beside it: past tense, one class a fact.

Messages about a list carry its number. The screen drops those of a list that is no longer shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.message import Message

from rankscope.tracing.links import TraceLinks
from rankscope.tracing.summaries import TraceSummary

if TYPE_CHECKING:
    from rankscope.insight.diff import TraceDiff

__all__ = [
    "CursorMoved",
    "FilterEdited",
    "LinksFound",
    "ListCounted",
    "ListOpened",
    "ListRefused",
    "PageRead",
    "PairCompared",
    "RowChosen",
    "RowsMarked",
    "RowsWanted",
    "StoreCounted",
    "TracesArrived",
    "TracesDeleted",
]


class RowsWanted(Message):
    """Rows came into view that may not have been read."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__()
        self.first, self.last = first, last

    def can_replace(self, message: Message) -> bool:
        """Only what is in view last is worth reading."""
        return isinstance(message, RowsWanted)


class CursorMoved(Message):
    """The cursor stands on another place."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self.place = place

    def can_replace(self, message: Message) -> bool:
        """Only where it stands last matters."""
        return isinstance(message, CursorMoved)


class RowChosen(Message):
    """Enter was pressed on a trace."""

    def __init__(self, row: TraceSummary) -> None:
        super().__init__()
        self.row = row


class FilterEdited(Message):
    """The text of the filter has stood still for the debounce."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class ListOpened(Message):
    """A list was opened: a first page of it, and the place of the trace that was asked for."""

    def __init__(self, number: int, page: int, rows: Sequence[TraceSummary], place: int) -> None:
        super().__init__()
        self.number, self.page, self.rows, self.place = number, page, rows, place


class PageRead(Message):
    """A page of a list was read."""

    def __init__(self, number: int, page: int, rows: Sequence[TraceSummary]) -> None:
        super().__init__()
        self.number, self.page, self.rows = number, page, rows


class ListCounted(Message):
    """All traces of a list were counted."""

    def __init__(self, number: int, total: int) -> None:
        super().__init__()
        self.number, self.total = number, total


class ListRefused(Message):
    """A list cannot be read; ``reason`` is one line."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__()
        self.number, self.reason = number, reason


class StoreCounted(Message):
    """All traces of the store were counted."""

    def __init__(self, stored: int) -> None:
        super().__init__()
        self.stored = stored


class TracesArrived(Message):
    """So many traces were ``stored`` since the last look, and so many of them pass the list's filter.

    ``rows`` holds those that pass, newest first, at most a page of them.
    """

    def __init__(self, number: int, rows: Sequence[TraceSummary], passing: int, stored: int) -> None:
        super().__init__()
        self.number, self.rows, self.passing, self.stored = number, rows, passing, stored


class RowsMarked(Message):
    """Traces to be marked were read; ``more`` of them pass than are marked by one key."""

    def __init__(self, rows: Sequence[TraceSummary], *, more: bool) -> None:
        super().__init__()
        self.rows, self.more = rows, more


class LinksFound(Message):
    """How the traces that are to be deleted hang together with others."""

    def __init__(self, ids: tuple[str, ...], links: TraceLinks) -> None:
        super().__init__()
        self.ids, self.links = ids, links


class PairCompared(Message):
    """Two traces were read and compared."""

    def __init__(self, diff: TraceDiff) -> None:
        super().__init__()
        self.diff = diff


class TracesDeleted(Message):
    """A deletion ended; ``reason`` says why where it failed."""

    def __init__(self, ids: tuple[str, ...], deleted: int, reason: str = "") -> None:
        super().__init__()
        self.ids, self.deleted, self.reason = ids, deleted, reason
