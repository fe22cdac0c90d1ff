"""The judge screen: one query, its pooled candidates without ranks or scores, a grade a key.

A grade is on disk before the next candidate comes up, so that leaving in any way loses at most the key
that is being pressed. What goes on beside the keys is in ``judge_reading``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import BindingType

from rankscope.errors import RankScopeError
from rankscope.insight.pooling import Candidate
from rankscope.tracing.judgment_log import StoredJudgment
from rankscope.tui import judge_messages, keys
from rankscope.tui.judge_state import JudgePhase
from rankscope.tui.judge_views import agreement_text
from rankscope.tui.screens.judge_keys import JUDGE_KEYS, JUDGE_MORE, JUDGE_NOTES
from rankscope.tui.screens.judge_reading import JudgeReading
from rankscope.tui.screens.panel import Panel
from rankscope.tui.screens.prompt import Prompt
from rankscope.tui.threads import reason
from rankscope.tui.widgets.row_list import RowList

__all__ = ["JudgeScreen"]


class JudgeScreen(JudgeReading):
    """What the keys do: grade, take back, note, and go to other candidates and queries."""

    MODE: ClassVar[str] = "judge"
    KEYS = JUDGE_KEYS
    NOTES = JUDGE_NOTES
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(JUDGE_KEYS), *JUDGE_MORE]
    AUTO_FOCUS = ""

    # Judging

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys work now; the others are neither shown nor obeyed."""
        state = self.state
        ready = state.phase is JudgePhase.READY
        if action == "grade":  # also while candidates are read: the digits would go to another screen
            return ready
        if action in ("ask_note", "skip", "step", "scroll_passage"):
            return ready and state.candidate is not None
        if action == "accept":
            return ready and state.proposal(state.chosen) is not None and state.chosen not in state.graded
        if action in ("undo", "next_conflict", "next_unjudged", "agreement"):
            return ready
        if action == "show_query":
            return ready and 0 <= state.place + int(str(parameters[0])) < len(state.queries)
        if action == "propose":
            return ready and self.can_propose and state.pool is not None and state.proposing is None
        # A consent can be taken back also when no service is named any more: it may be again.
        return action != "stop_proposing" or state.proposing is not None

    def action_grade(self, grade: int, borderline: bool = False) -> None:
        """Store my grade of the chosen candidate; the next one comes up."""
        state, candidate = self.state, self.state.candidate
        if candidate is None or state.query is None:
            return
        before = state.graded.get(candidate.doc_id)
        note = state.notes.get((state.query.text, candidate.doc_id), "") if before is None else before.note
        self._store(candidate, grade, borderline, note, advance=True)

    def _store(self, candidate: Candidate, grade: int, borderline: bool, note: str, *, advance: bool) -> None:
        query = self.state.query
        assert query is not None
        document = candidate.document
        try:
            stored = self.judging.log.append(
                query.text,
                candidate.doc_id,
                grade,
                self.judging.judge,
                borderline=borderline,
                note=note,
                content_hash=None if document is None else document.content_hash,
                trace_id=candidate.trace_id,
            )
        except RankScopeError as error:
            self.state = self.state.failed(str(error))
            return
        self.writes += 1
        self.state = self.state.stored(stored, advance=advance)

    def action_accept(self) -> None:
        """Take the model's proposal as my grade."""
        proposed = self.state.proposal(self.state.chosen)
        if proposed is not None:
            self.action_grade(proposed.grade)

    def action_undo(self) -> None:
        """Take back my last grade, wherever it is."""
        try:
            undone = self.judging.log.undo(self.judging.judge)
            now: StoredJudgment | None = self.judging.standing(undone.query, undone.doc_id)
        except RankScopeError as error:
            self.state = self.state.failed(str(error))
            return
        self.writes += 1
        self.state = self.state.taken_back(undone, now)

    def action_ask_note(self) -> None:
        """Ask for a note; it is stored with the grade, at once where there is one."""
        candidate, query = self.state.candidate, self.state.query
        if candidate is None or query is None:
            return
        mine = self.state.graded.get(candidate.doc_id)
        now = self.state.notes.get((query.text, candidate.doc_id), "") if mine is None else mine.note

        def answered(text: str | None) -> None:
            if text is None:
                return
            if mine is None:
                self.state = self.state.noted(text)
            else:
                self._store(candidate, mine.grade, mine.borderline, text, advance=False)

        hint = "why this grade; empty for none"
        self.app.push_screen(Prompt("note", hint, now, str.strip), answered)

    def action_skip(self) -> None:
        """Leave the candidate for later."""
        self.state = self.state.stepped(1, ungraded=True)

    def action_step(self, by: int) -> None:
        """Another candidate."""
        self.state = self.state.stepped(by)

    @on(RowList.Clicked, "#candidates")
    def _candidate_clicked(self, message: RowList.Clicked) -> None:
        doc_ids = () if self.state.pool is None else self.state.pool.doc_ids
        if message.place < len(doc_ids):
            self.state = replace(self.state, chosen=doc_ids[message.place])

    # Queries

    def action_show_query(self, by: int) -> None:
        """The query before or after."""
        self.state = self.state.at(self.state.place + by)

    def action_next_unjudged(self) -> None:
        """To the next query with work left."""
        place = self.state.next_unjudged(self.state.place)
        if place is None:
            self.notify("Every candidate of every query is judged.", title="Nothing is left", markup=False)
        else:
            self.state = self.state.at(place)

    def action_next_conflict(self) -> None:
        """To the next document that another judge graded otherwise."""
        found = self.state.next_conflict(self.state.place)
        if found is None:
            self.notify("Nobody differs from your grades.", title="No disagreement", markup=False)
        else:
            self.state = self.state.at(*found)

    def action_agreement(self) -> None:
        """Measure agreement beside the screen, then show it."""
        self.threads.start(self._measure_agreement, "rankscope-agreement")

    def _measure_agreement(self) -> None:
        try:
            overview = self.judging.overview()
            found, unseen = overview.agreements(), overview.unseen()
        except Exception as error:  # noqa: BLE001  # said on the screen
            self.threads.post(judge_messages.JudgingRefused(reason(error)))
        else:
            self.threads.post(judge_messages.AgreementMeasured(found, unseen))

    @on(judge_messages.AgreementMeasured)
    def _agreement_measured(self, message: judge_messages.AgreementMeasured) -> None:
        if self.app.screen is self:
            text = partial(agreement_text, message.found, message.unseen)
            self.app.push_screen(Panel("Agreement of judges", text))

    def action_propose(self) -> None:
        """Let the model propose grades for this query, once it is agreed what goes where."""
        self.ask_to_propose()

    def action_take_consent_back(self) -> None:
        """Ask again before anything is sent."""
        self.take_consent_back()

    def action_stop_proposing(self) -> None:
        """Stop the model."""
        self.stop_proposing()
