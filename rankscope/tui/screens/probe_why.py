"""What the probe screen looks up about the chosen document, tab by tab, once the user rests on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from textual import on
from textual.timer import Timer

from rankscope.core.documents import Document
from rankscope.core.trace import Trace
from rankscope.insight.find_in_trace import find_in_trace
from rankscope.insight.movement import absence
from rankscope.tui import messages
from rankscope.tui.answers import KIND_OF_VIEW, Subject
from rankscope.tui.lookups import LookUps, Question
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.screens.find_document import FindDocument
from rankscope.tui.screens.movement import MovementScreen
from rankscope.tui.screens.probe_runs import ProbeRuns
from rankscope.tui.state import Phase, ProbeState
from rankscope.tui.widgets.document_pane import document_of

__all__ = ["ProbeWhy", "question_of"]

_NOTHING = Document("", "")
REST_S = 0.12
"""How long the choice must rest before something is looked up for it."""


class ProbeWhy(ProbeRuns):
    """Asks for what the tab in front needs, and stops asking when the choice moves on."""

    def __init__(self, workspace: ProbeWorkspace) -> None:
        super().__init__(workspace)
        self.look_ups = LookUps(workspace, self.threads)
        self._rest: Timer | None = None

    def watch_state(self, old: ProbeState, new: ProbeState) -> None:
        """Draw what changed, and look up what the new choice needs."""
        super().watch_state(old, new)
        if old.read_only != new.read_only:
            self.look_ups.cancel_all()
        if self.is_mounted and _asked_for(old) != _asked_for(new):
            self._ask_soon()

    def stop(self) -> None:
        """Stop the look-ups too."""
        self.look_ups.cancel_all()
        super().stop()

    def _ask_soon(self) -> None:
        if self._rest is not None:
            self._rest.stop()
        self._stop_others()
        if question_of(self.state) is not None:
            self._rest = self.set_timer(REST_S, self._look_up)

    def _stop_others(self) -> None:
        """Stop what is under way for another choice, and everything while a run needs the models."""
        question = question_of(self.state)
        answers = self.state.answers
        for kind, subject in self.state.answers.running.items():
            if question is None or question.subject != subject:
                self.look_ups.cancel(kind)
                answers = answers.left(kind)
        if answers is not self.state.answers:
            self.state = replace(self.state, answers=answers)

    def _look_up(self) -> None:
        state = self.state
        question = question_of(state)
        if question is None or state.answers.settled(question.subject):
            return
        self.state = replace(state, answers=state.answers.started(question.subject))
        self.look_ups.start(question)

    @on(messages.LookUpAnswered)
    def _answered(self, message: messages.LookUpAnswered) -> None:
        answers = self.state.answers.answered(message.subject, message.answer, finished=message.finished)
        self.state = replace(self.state, answers=answers)

    @on(messages.LookUpFailed)
    def _failed(self, message: messages.LookUpFailed) -> None:
        self.state = replace(self.state, answers=self.state.answers.failed(message.subject, message.reason))

    def action_stop_words(self) -> None:
        """Stop leaving words out; what is known stays."""
        self.look_ups.cancel("words")
        self.state = replace(self.state, answers=self.state.answers.stopped("words"))

    def action_next_view(self) -> None:
        """The next tab of the document."""
        self.state = self.state.next_view()

    def action_mark_other(self) -> None:
        """Mark the chosen document to be set beside the next one; again, or on a marked one: unmark."""
        state = self.state
        other = "" if state.other == state.chosen else state.chosen
        self.state = replace(state, other=other, view="words" if other else state.view)

    def action_show_movement(self) -> None:
        """The slope chart of the trace."""
        if self.state.trace is not None:
            self.app.push_screen(MovementScreen(self.state.trace, self.state.chosen))

    def action_find_document(self) -> None:
        """Ask for a document, and show its biography."""
        trace = self.state.trace
        if trace is None:
            return

        def chosen(document: Document | None) -> None:
            if document is None:
                return
            answers = self.state.answers
            known = {**answers.documents}
            if document.text:  # an imported trace may have the id alone
                known[document.doc_id] = document
            state = self.state.choosing(document.doc_id, sought=True)
            self.state = replace(state, view="biography", answers=replace(answers, documents=known))

        self.app.push_screen(FindDocument(partial(self._matches, trace), partial(_place, trace)), chosen)

    def _matches(self, trace: Trace, text: str) -> Sequence[Document]:
        """Documents of the trace, then of the corpus; called beside the screen."""
        found = {document.doc_id: document for document in find_in_trace(trace, text)}
        if self.state.phase is Phase.READY:
            corpus = self.look_ups.matches(text, self.state.settings)
            # The corpus has the text where the trace has the id alone.
            found.update({item.doc_id: item for item in corpus if not found.get(item.doc_id, _NOTHING).text})
        exact = [document for doc_id, document in found.items() if doc_id == text]
        return [*exact, *(document for document in found.values() if document.doc_id != text)]


def _place(trace: Trace, doc_id: str) -> str:
    """Where a document stands in the order that stands, in a few words."""
    final = trace.final
    hit = final.hit(doc_id) if final is not None else None
    if final is None:
        return ""
    if hit is None:
        return absence(final)
    return f"{final.stage} #{hit.rank}{', kept' if doc_id in trace.kept else ''}"


def question_of(state: ProbeState) -> Question | None:
    """What the tab in front needs to know; None while it cannot be looked up."""
    trace = state.trace
    if trace is None or not state.chosen or state.busy or state.phase is not Phase.READY:
        return None
    other = state.other if state.other != state.chosen else ""
    subject = Subject.of(KIND_OF_VIEW[state.view], trace, state.chosen, other)
    names = (state.chosen, other) if subject.other else (state.chosen,)
    documents = tuple(document for name in names if (document := document_of(state, trace, name)) is not None)
    if not trace.query.text.strip() and subject.kind != "life":
        return None  # the tab says that there is no query
    if subject.kind in ("reading", "words") and len(documents) < len(names):
        return None  # the tab says that there is no text
    if subject.kind == "words" and state.other == state.chosen:
        return None
    return Question(subject, state.settings, state.read_only, documents)


def _asked_for(state: ProbeState) -> tuple[object, ...]:
    """What decides what is looked up."""
    trace = state.trace
    made = None if trace is None else (trace.trace_id, trace.floor, trace.top_k, trace.decision)
    return (made, state.chosen, state.other, state.view, state.busy, state.phase)
