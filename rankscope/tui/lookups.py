"""Looks documents up beside the screen, one look-up of a kind at a time; nothing here touches a widget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rankscope.config import Settings
from rankscope.core.documents import Document
from rankscope.core.trace import Trace
from rankscope.errors import Cancelled, InputError
from rankscope.tui.answers import Kind, Subject, Words
from rankscope.tui.messages import LookUpAnswered, LookUpFailed
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.threads import Threads, reason

__all__ = ["LookUps", "Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """A subject, and what it takes to answer it."""

    subject: Subject
    settings: Settings
    recorded: bool
    """Whether the trace was recorded earlier or elsewhere: the pipeline here may be another one."""
    documents: tuple[Document, ...] = ()
    """The chosen document and the one it is set beside, as the screen has them."""


class LookUps:
    """Answers questions on threads; a newer question of a kind stops the one before."""

    def __init__(self, workspace: ProbeWorkspace, threads: Threads) -> None:
        self._workspace = workspace
        self._threads = threads
        self._flags: dict[Kind, threading.Event] = {}

    def start(self, question: Question) -> None:
        """Answer a question; posts the answer, or why there is none."""
        kind = question.subject.kind
        self.cancel(kind)
        flag = self._flags[kind] = threading.Event()
        self._threads.start(lambda: self._answer(question, flag), f"rankscope-{kind}")

    def cancel(self, kind: Kind) -> None:
        """Tell the look-up of this kind to stop; it does at its next step, and posts nothing more."""
        flag = self._flags.pop(kind, None)
        if flag is not None:
            flag.set()

    def cancel_all(self) -> None:
        """Tell every look-up to stop."""
        for kind in tuple(self._flags):
            self.cancel(kind)

    def _answer(self, question: Question, flag: threading.Event) -> None:
        def cancelled() -> bool:
            return flag.is_set() or self._threads.closing.is_set()

        subject = question.subject
        try:
            if subject.kind == "words":
                self._words(question, cancelled)
                return
            answer = self._look_up(question, cancelled)
        except Cancelled:
            return
        except Exception as error:  # noqa: BLE001  # whatever broke, the tab says so and the screen stays usable
            if not cancelled():
                self._threads.post(LookUpFailed(subject, reason(error)))
            return
        if not cancelled():
            self._threads.post(LookUpAnswered(subject, answer, finished=True))

    def _look_up(self, question: Question, cancelled: Callable[[], bool]) -> object:
        from rankscope.engine.explaining import explain_retrieval, read_as_model
        from rankscope.engine.inspection import inspect_document

        subject, pipeline = question.subject, self._workspace.pipeline(question.settings)
        trace = subject.trace
        if subject.kind == "reading":
            if question.recorded:
                _same_model(trace, pipeline.describe().models.get("cross_encoder"))
            return read_as_model(pipeline, trace.query.text, question.documents[0])
        here, made = pipeline.describe(), trace.pipeline
        if subject.kind == "terms":
            if question.recorded and not (made.corpus and made.corpus == here.corpus):
                over = "over another corpus" if made.corpus else "without the name of its corpus"
                raise InputError(f"This trace was recorded {over}: its index is not here.")
            found = explain_retrieval(pipeline, trace.query, subject.doc_id)
            if found is None:
                raise InputError("This document is not in the corpus, so no index holds it.")
            return found
        if question.recorded and not (made.fingerprint and made.fingerprint == here.fingerprint):
            by = "by another pipeline" if made.fingerprint else "without its pipeline"
            raise InputError(f"This trace was recorded {by}: what would bring it in cannot be tried.")
        return inspect_document(pipeline, trace.query, subject.doc_id, trace=trace, cancelled=cancelled)

    def _words(self, question: Question, cancelled: Callable[[], bool]) -> None:
        from rankscope.engine.explaining import attribution_scale, iter_attribution

        subject, pipeline = question.subject, self._workspace.pipeline(question.settings)
        steps = iter_attribution(pipeline, subject.trace.query.text, question.documents, cancelled=cancelled)
        for attributions in steps:
            if cancelled():
                return
            assert pipeline.reranker is not None  # iter_attribution refuses a pipeline without one
            words = Words(attributions, attribution_scale(pipeline.reranker), pipeline.reranker.info.name)
            self._threads.post(LookUpAnswered(subject, words, finished=words.done == words.total))

    def matches(self, text: str, settings: Settings, limit: int = 20) -> Sequence[Document]:
        """Documents of the corpus with this id, or that hold this fragment; blocks while it reads them."""
        from rankscope.engine.inspection import matching_documents

        return matching_documents(self._workspace.pipeline(settings).documents, text, limit)


def _same_model(trace: Trace, here: object) -> None:
    """Raise InputError where the trace was made by a cross-encoder whose tokenizer is not here."""
    made = trace.pipeline.models.get("cross_encoder")
    if made is None:
        raise InputError("The trace does not say which cross-encoder made it, so what it read is not known.")
    if made != here:
        other = (
            "another model" if getattr(here, "name", "") != made.name else "other weights or settings of it"
        )
        raise InputError(f"It was scored by {made.name}, here is {other}: what was read is not known.")
