"""What happened beside the floors screen, told in past tense."""

from __future__ import annotations

from textual.message import Message

from rankscope.engine.floor_material import FloorReading
from rankscope.insight.floors.suggestion import Suggestion
from rankscope.tracing.floor_log import StoredFloor
from rankscope.tui.floors_state import Looked

__all__ = ["FloorNotStored", "FloorSet", "FloorsRead", "FloorsRefused", "PassageRead", "SuggestionMade"]


class FloorsRead(Message):
    """Traces were read. ``asked`` counts readings; only the last one is shown."""

    def __init__(
        self, reading: FloorReading, looked: Looked | None, asked: int, *, counted: bool, whole: bool
    ) -> None:
        super().__init__()
        self.reading = reading
        self.looked = looked
        self.asked = asked
        self.counted = counted
        """Whether the scores are sorted, so that what a floor does is counted at once."""
        self.whole = whole
        """Whether documents were read too."""


class FloorsRefused(Message):
    """Reading failed; ``reason`` is one line."""

    def __init__(self, reason: str, asked: int) -> None:
        super().__init__()
        self.reason = reason
        self.asked = asked


class SuggestionMade(Message):
    """One method answered; ``last`` for the last of them."""

    def __init__(self, suggestion: Suggestion | None, asked: int, *, last: bool) -> None:
        super().__init__()
        self.suggestion = suggestion
        self.asked = asked
        self.last = last


class FloorSet(Message):
    """A floor was stored, or an earlier one brought back."""

    def __init__(self, stored: StoredFloor, *, undone: bool) -> None:
        super().__init__()
        self.stored = stored
        self.undone = undone


class FloorNotStored(Message):
    """Nothing was stored; ``reason`` is one line."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class PassageRead(Message):
    """The text of a document of the list was read from its trace."""

    def __init__(self, trace_id: str, doc_id: str, title: str, text: str) -> None:
        super().__init__()
        self.trace_id = trace_id
        self.doc_id = doc_id
        self.title = title
        self.text = text
