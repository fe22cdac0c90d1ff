"""The document pane: the chosen document's way through the stages, and one of its tabs below."""

from __future__ import annotations

from textual.content import Content

from rankscope.core.documents import Document
from rankscope.core.trace import Trace
from rankscope.tui import cells
from rankscope.tui.answers import KIND_OF_VIEW, VIEWS, Subject
from rankscope.tui.state import Phase, ProbeState
from rankscope.tui.widgets.biography_view import biography_view
from rankscope.tui.widgets.document_views import journey, text_view
from rankscope.tui.widgets.terms_view import terms_view
from rankscope.tui.widgets.text_view import TextView
from rankscope.tui.widgets.words_view import comparison_view, words_view

__all__ = ["DocumentPane"]


class DocumentPane(TextView):
    """Shows the document that the state has chosen, under the tab that the state names."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._shown: tuple[object, ...] | None = None
        self._state: ProbeState | None = None

    def show(self, state: ProbeState) -> None:
        """Show the chosen document of this state; nothing is drawn when nothing changed."""
        self._state = state
        self._draw()

    def on_resize(self) -> None:
        """Fold anew; tables are laid out by width."""
        self._draw()

    def _draw(self) -> None:
        state = self._state
        if state is None or state.trace is None or self.inner_width < 1:
            return
        now = (state.trace, state.answers, state.chosen, state.other, state.view, self.inner_width)
        shown, self._shown = self._shown, now
        if shown is not None and shown[0] is now[0] and shown[1] is now[1] and shown[2:] == now[2:]:
            return
        from_top = shown is None or shown[2:] != now[2:]
        if not state.chosen:
            self.show_lines(Content(""), Content(""), from_top=True)
            return
        way = Content("")
        if state.view == "text":  # the others say it themselves, and need the room
            way = journey(state.trace, state.chosen, k=state.rrf_k, total=state.total, width=self.inner_width)
        self.show_lines(way, body_of(state, state.trace, self.inner_width - 1), from_top=from_top)

    def title(self, state: ProbeState) -> Content:
        """The chosen document's id and the tabs, for the rule above."""
        if state.trace is None or not state.chosen:
            return Content("")
        parts: list[Content | tuple[str, str] | str] = [(f" {cells.shorten(state.chosen, 28)} ", "bold")]
        for name in VIEWS:
            parts.append((f" {name} ", "bold reverse $primary" if name == state.view else "$muted"))
        return Content.assemble(*parts, " ")


def body_of(state: ProbeState, trace: Trace, width: int) -> Content:
    """What stands under the chosen tab."""
    doc_id, answers = state.chosen, state.answers
    if state.view == "biography":
        life = answers.life(trace, doc_id)
        note, running = _note(state, trace), state.busy and not state.read_only
        return biography_view(trace, doc_id, life, width, k=state.rrf_k, note=note, running=running)
    document = document_of(state, trace, doc_id)
    if state.view == "terms":
        found = answers.retrieved(trace, doc_id)
        return terms_view(trace, doc_id, document, found, width, _note(state, trace))
    if state.view == "words":
        return _words(state, trace, document, width)
    return text_view(trace, doc_id, document, answers.reading(trace, doc_id), _note(state, trace))


def document_of(state: ProbeState, trace: Trace, doc_id: str) -> Document | None:
    """The text as the trace holds it, else as the corpus does where it was looked for."""
    return trace.documents.get(doc_id) or state.answers.documents.get(doc_id)


def _words(state: ProbeState, trace: Trace, document: Document | None, width: int) -> Content:
    if document is None:
        words = "? The trace holds no text for this document, so no word can be left out of it."
        return Content.styled(words, "$muted")
    width = min(width, 140)
    other = state.other if state.other != state.chosen else ""
    found = state.answers.words(trace, state.chosen, other)
    note = _note(state, trace)
    if state.other and not other:
        words = "This document is marked. Choose another one to set beside it; a unmarks it."
        return Content.styled(words, "$muted")
    if found is None:
        return Content.styled(note or "Nothing is known yet.", "$muted")
    if other:
        return comparison_view(found, (state.chosen, other), width, note)
    return words_view(found, width, note)


def _note(state: ProbeState, trace: Trace) -> str:
    """Why there is no answer for the tab, or that it is being looked up; empty where neither is so."""
    kind, answers = KIND_OF_VIEW[state.view], state.answers
    other = state.other if state.other != state.chosen else ""
    subject = Subject.of(kind, trace, state.chosen, other)
    if not trace.query.text.strip() and kind != "life":
        return "? The trace has no text of the query."
    if problem := answers.problem(subject):
        return f"? {problem}"
    words = answers.words(trace, state.chosen, other) if kind == "words" else None
    if words is not None:
        if words.done < words.total and answers.running.get(kind) != subject:
            return f"stopped after {words.done} of {words.total}"
        return _recorded_score(state, trace) if words.done == words.total else ""
    if kind == "reading" or (answers.settled(subject) and answers.running.get(kind) != subject):
        return ""
    if state.busy:
        return "After the run."
    return "After the models are loaded." if state.phase is not Phase.READY else _UNDER_WAY[kind]


def _recorded_score(state: ProbeState, trace: Trace) -> str:
    """What a stored trace has, beside what the model here gives: another model may have made it."""
    hit = trace.after.hit(state.chosen) if state.read_only and trace.after is not None else None
    if hit is None or hit.score is None or trace.after is None:
        return ""
    return f"by the model here; the trace has {cells.score_text(hit.score, trace.after.score_scale)}"


_UNDER_WAY = {
    "life": "Looking it up in the whole corpus, and trying to bring it in ...",
    "terms": "Looking it up in the index ...",
    "words": "Leaving out sentences and words ...",
}
