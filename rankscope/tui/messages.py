"""What happened, told to the screens: past tense, one class a fact.

Messages about a run carry its id. A screen drops those of a run that is no longer its newest one, so a late
answer to an old query is never painted over a new one.
"""

from __future__ import annotations

from textual.message import Message

from rankscope.core.events import Event
from rankscope.core.trace import Trace
from rankscope.engine.progress import IndexProgress
from rankscope.tui.answers import Subject
from rankscope.tui.views import Side

__all__ = [
    "DocumentChosen",
    "ExampleChosen",
    "IndexAdvanced",
    "LookUpAnswered",
    "LookUpFailed",
    "QueryEdited",
    "QuerySubmitted",
    "RunAdvanced",
    "RunCrashed",
    "RunStopped",
    "TraceLoaded",
    "TraceNotLoaded",
    "TraceNotStored",
    "WorkspaceOpened",
    "WorkspaceReady",
    "WorkspaceRefused",
]


class RunAdvanced(Message):
    """The pipeline reported an event of a run."""

    def __init__(self, run_id: int, event: Event) -> None:
        super().__init__()
        self.run_id = run_id
        self.event = event

    def can_replace(self, message: Message) -> bool:
        """A newer report of the same run replaces one that still waits: each holds the trace so far."""
        return isinstance(message, RunAdvanced) and message.run_id == self.run_id


class RunStopped(Message):
    """A run ended without finishing, because it was asked to."""

    def __init__(self, run_id: int) -> None:
        super().__init__()
        self.run_id = run_id


class RunCrashed(Message):
    """A run ended on an error; ``reason`` is one line."""

    def __init__(self, run_id: int, reason: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.reason = reason


class TraceNotStored(Message):
    """A finished trace could not be written to the store."""

    def __init__(self, trace: Trace, reason: str) -> None:
        super().__init__()
        self.trace = trace
        self.reason = reason


class TraceLoaded(Message):
    """A trace was read from the store."""

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.trace = trace


class TraceNotLoaded(Message):
    """A trace could not be read; ``reason`` is one line."""

    def __init__(self, trace_id: str, reason: str) -> None:
        super().__init__()
        self.trace_id = trace_id
        self.reason = reason


class IndexAdvanced(Message):
    """An index that is being built got further."""

    def __init__(self, progress: IndexProgress) -> None:
        super().__init__()
        self.progress = progress

    def can_replace(self, message: Message) -> bool:
        """Only the latest progress is worth painting."""
        return isinstance(message, IndexAdvanced)


class WorkspaceOpened(Message):
    """The index is there; the models are still loading."""

    def __init__(self, documents: int, example_queries: tuple[str, ...]) -> None:
        super().__init__()
        self.documents = documents
        self.example_queries = example_queries


class WorkspaceReady(Message):
    """Index and models are ready for queries."""


class WorkspaceRefused(Message):
    """The workspace cannot be used; ``reason`` is one line with its remedy."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class QueryEdited(Message):
    """The text of the query bar has stood still for the debounce."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class QuerySubmitted(Message):
    """Enter was pressed in the query bar."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class DocumentChosen(Message):
    """A document was chosen in one of the two columns."""

    def __init__(self, doc_id: str, side: Side) -> None:
        super().__init__()
        self.doc_id = doc_id
        self.side = side


class LookUpAnswered(Message):
    """Something was looked up about a document, in whole or in part."""

    def __init__(self, subject: Subject, answer: object, *, finished: bool) -> None:
        super().__init__()
        self.subject = subject
        self.answer = answer
        self.finished = finished

    def can_replace(self, message: Message) -> bool:
        """A newer answer to the same question replaces one that still waits: it holds all so far."""
        return isinstance(message, LookUpAnswered) and message.subject == self.subject


class LookUpFailed(Message):
    """A look-up has no answer; ``reason`` is one line."""

    def __init__(self, subject: Subject, reason: str) -> None:
        super().__init__()
        self.subject = subject
        self.reason = reason


class ExampleChosen(Message):
    """One of the example queries was chosen."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
