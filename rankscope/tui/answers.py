"""What was looked up about the document on the screen, beside what its trace holds. Pure, no textual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from rankscope.core.documents import Document
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Trace
from rankscope.insight.attribution import Attribution

if TYPE_CHECKING:
    from rankscope.engine.explaining import Retrieved
    from rankscope.engine.inspection import Inspection
    from rankscope.stages.rerank.reading import Reading

__all__ = ["KIND_OF_VIEW", "VIEWS", "Answers", "Kind", "Subject", "View", "Words"]

View = Literal["text", "biography", "terms", "words"]
VIEWS: tuple[View, ...] = ("text", "biography", "terms", "words")

Kind = Literal["reading", "life", "terms", "words"]
KIND_OF_VIEW: Mapping[View, Kind] = {
    "text": "reading",
    "biography": "life",
    "terms": "terms",
    "words": "words",
}
"""What has to be looked up for each view of the document."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a look-up is about: an answer to another question is dropped."""

    kind: Kind
    trace: Trace = field(compare=False, repr=False)
    doc_id: str
    other: str = ""
    """The document it is set beside; empty for none."""
    key: tuple[object, ...] = ()

    @classmethod
    def of(cls, kind: Kind, trace: Trace, doc_id: str, other: str = "") -> Subject:
        """A subject; floor and K count where the answer depends on them."""
        key: tuple[object, ...] = (trace.trace_id,)
        if kind == "life":
            key = (*key, trace.floor, trace.top_k, trace.kept)
        return cls(kind, trace, doc_id, other if kind == "words" else "", key)


@dataclass(frozen=True, slots=True)
class Words:
    """An attribution of one document, or of two side by side, as far as it is."""

    attributions: tuple[Attribution, ...]
    scale: ScoreScale
    model: str
    """Name of the cross-encoder that is explained: it need not be the one that made the trace."""

    @property
    def done(self) -> int:
        """Texts that were scored."""
        return sum(known.done for known in self.attributions)

    @property
    def total(self) -> int:
        """Texts to score."""
        return sum(known.total for known in self.attributions)


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers by kind, each with the subject it belongs to; what is under way; what could not be told."""

    answers: Mapping[Kind, tuple[Subject, Any]] = field(default_factory=dict)
    running: Mapping[Kind, Subject] = field(default_factory=dict)
    problems: Mapping[Kind, tuple[Subject, str]] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)
    """Documents that were looked for and are in no list of the trace."""

    def started(self, subject: Subject) -> Answers:
        """A look-up is under way; an older one of its kind no longer counts."""
        problems = {kind: told for kind, told in self.problems.items() if kind != subject.kind}
        return replace(self, running={**self.running, subject.kind: subject}, problems=problems)

    def answered(self, subject: Subject, answer: object, *, finished: bool = True) -> Answers:
        """An answer, or a part of it, came in; one that is no longer asked for is dropped."""
        if self.running.get(subject.kind) != subject:
            return self
        changed = replace(self, answers={**self.answers, subject.kind: (subject, answer)})
        return changed._ended(subject) if finished else changed

    def failed(self, subject: Subject, reason: str) -> Answers:
        """A look-up ended without an answer."""
        if self.running.get(subject.kind) != subject:
            return self
        return replace(self._ended(subject), problems={**self.problems, subject.kind: (subject, reason)})

    def stopped(self, kind: Kind) -> Answers:
        """A look-up was stopped; what it found so far stays."""
        running = self.running.get(kind)
        return self if running is None else self._ended(running)

    def left(self, kind: Kind) -> Answers:
        """A look-up was turned away from: a part of an answer is dropped, so that it is asked anew."""
        running = self.running.get(kind)
        if running is None:
            return self
        rest = {known: entry for known, entry in self.answers.items() if entry[0] != running}
        return replace(self._ended(running), answers=rest)

    def idle(self) -> Answers:
        """With nothing under way: what is still looked up is no longer waited for."""
        return replace(self, running={})

    def _ended(self, subject: Subject) -> Answers:
        return replace(self, running={k: v for k, v in self.running.items() if v != subject})

    def settled(self, subject: Subject) -> bool:
        """Whether this was asked already: answered, under way, or without an answer."""
        known = (self.answers.get(subject.kind), self.problems.get(subject.kind))
        return self.running.get(subject.kind) == subject or any(
            entry is not None and entry[0] == subject for entry in known
        )

    def problem(self, subject: Subject) -> str:
        """Why there is no answer; empty where there is one, or where none was asked for."""
        entry = self.problems.get(subject.kind)
        return entry[1] if entry is not None and entry[0] == subject else ""

    def life(self, trace: Trace, doc_id: str) -> Inspection | None:
        """The looked-up biography and rescue."""
        found: Inspection | None = self._answer(Subject.of("life", trace, doc_id))
        return found

    def retrieved(self, trace: Trace, doc_id: str) -> Retrieved | None:
        """Why the retrievers place it where they do."""
        found: Retrieved | None = self._answer(Subject.of("terms", trace, doc_id))
        return found

    def reading(self, trace: Trace, doc_id: str) -> Reading | None:
        """What the cross-encoder reads of it."""
        found: Reading | None = self._answer(Subject.of("reading", trace, doc_id))
        return found

    def words(self, trace: Trace, doc_id: str, other: str = "") -> Words | None:
        """Which words move its score, beside those of another document."""
        found: Words | None = self._answer(Subject.of("words", trace, doc_id, other))
        return found

    def _answer(self, subject: Subject) -> Any:
        entry = self.answers.get(subject.kind)
        return entry[1] if entry is not None and entry[0] == subject else None
