"""The judge screen: one query, its pooled candidates without ranks or scores, a grade a key.

A grade is on disk before the next candidate comes up, so that leaving in any way loses at most the key
that is being pressed. Reading goes on beside the screen.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.reactive import var

from rankscope.engine.judging import JudgingWorkspace, JudgmentDesk
from rankscope.errors import RankScopeError
from rankscope.insight.pooling import Candidate, Pool
from rankscope.tracing.judgment_log import StoredJudgment
from rankscope.tracing.stored_queries import StoredQuery
from rankscope.tui import judge_messages, keys
from rankscope.tui.judge_state import JudgePhase, JudgeState
from rankscope.tui.judge_views import agreement_text
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.screens.judge_keys import JUDGE_KEYS, JUDGE_NOTES
from rankscope.tui.screens.judge_layout import JudgeLayout
from rankscope.tui.screens.panel import Panel
from rankscope.tui.screens.prompt import Prompt
from rankscope.tui.threads import reason
from rankscope.tui.widgets.row_list import RowList

__all__ = ["JudgeScreen"]

_KEPT_POOLS = 8
"""Candidates of this many queries are kept in memory; the next query's are read ahead."""


class JudgeScreen(JudgeLayout):
    """Owns one frozen :class:`~rankscope.tui.judge_state.JudgeState`; handlers make a new one."""

    MODE: ClassVar[str] = "judge"
    KEYS = JUDGE_KEYS
    NOTES = JUDGE_NOTES
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(JUDGE_KEYS)]
    AUTO_FOCUS = ""

    state: var[JudgeState] = var(JudgeState(""))

    def __init__(self, workspace: ProbeWorkspace) -> None:
        super().__init__(workspace)
        # The probe's protocol names less than a workspace offers.
        self.judging = JudgmentDesk.of(cast(JudgingWorkspace, workspace))
        self.set_reactive(JudgeScreen.state, JudgeState(self.judging.judge))
        self._pools: dict[str, Pool] = {}
        self._writes = 0
        """Grades stored and taken back here: what was read before the last one is out of date."""

    @property
    def drawn_state(self) -> JudgeState:
        """The state on the screen."""
        return self.state

    # Reading

    def on_mount(self) -> None:
        """Draw the empty screen; everything is read beside it."""
        self.draw(self.state)

    def on_screen_resume(self) -> None:
        """New traces may be there, and other judges' grades."""
        self.action_read_again()

    def watch_state(self, old: JudgeState, new: JudgeState) -> None:
        """Draw what changed, and read the candidates of a query that came up."""
        if not self.is_mounted:
            return
        self.draw(new, old)
        if new.phase is JudgePhase.READY and new.pool is None and new.query is not None:
            known = self._pools.get(new.query.text)
            if known is not None and set(known.doc_ids) == set(new.query.doc_ids):
                self.state = new.pooled(known)
            elif old.query is not new.query or old.phase is not new.phase:
                self.threads.start(partial(self._read_pool, new.query, True), "rankscope-pool")

    def action_read_again(self) -> None:
        """Read traces and judgments beside the screen."""
        self.threads.start(partial(self._read, self._writes), "rankscope-judgments")

    def _read(self, writes: int) -> None:
        try:
            overview = self.judging.overview()
        except Exception as error:  # noqa: BLE001  # a damaged database is said, and the screen stays usable
            self.threads.post(judge_messages.JudgingRefused(reason(error)))
        else:
            self.threads.post(judge_messages.OverviewRead(overview, writes))

    def _read_pool(self, query: StoredQuery, wanted: bool) -> None:
        try:
            pool = self.judging.pool(query)
        except Exception as error:  # noqa: BLE001  # said; other queries can still be judged
            if wanted:
                self.threads.post(judge_messages.JudgingRefused(reason(error)))
        else:
            self.threads.post(judge_messages.PoolRead(pool))

    @on(judge_messages.OverviewRead)
    def _overview_read(self, message: judge_messages.OverviewRead) -> None:
        if message.writes != self._writes:
            self.action_read_again()
            return
        self.state = self.state.loaded(message.overview)

    @on(judge_messages.PoolRead)
    def _pool_read(self, message: judge_messages.PoolRead) -> None:
        self._pools.pop(message.pool.query, None)
        self._pools[message.pool.query] = message.pool
        while len(self._pools) > _KEPT_POOLS:
            del self._pools[next(iter(self._pools))]
        waited = self.state.pool is None
        if waited:
            self.state = self.state.pooled(message.pool)
        if waited and self.state.pool is not None:
            self._read_ahead()

    def _read_ahead(self) -> None:
        place = self.state.next_unjudged(self.state.place)
        query = None if place is None else self.state.queries[place]
        if query is not None and query.text not in self._pools:
            self.threads.start(partial(self._read_pool, query, False), "rankscope-pool")

    @on(judge_messages.JudgingRefused)
    def _refused(self, message: judge_messages.JudgingRefused) -> None:
        self.state = self.state.refused(message.reason)

    # Judging

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Which keys work now; the others are neither shown nor obeyed."""
        state = self.state
        ready = state.phase is JudgePhase.READY
        if action in ("grade", "ask_note", "skip", "step", "scroll_passage"):
            return ready and state.candidate is not None
        if action == "accept":
            return ready and state.proposal(state.chosen) is not None and state.chosen not in state.graded
        if action in ("undo", "next_conflict", "next_unjudged", "agreement"):
            return ready
        if action == "show_query":
            return ready and 0 <= state.place + int(str(parameters[0])) < len(state.queries)
        return action not in ("propose", "stop_proposing")

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
        self._writes += 1
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
        self._writes += 1
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
            found = self.judging.overview().agreements()
        except Exception as error:  # noqa: BLE001  # said on the screen
            self.threads.post(judge_messages.JudgingRefused(reason(error)))
        else:
            self.threads.post(judge_messages.AgreementMeasured(found))

    @on(judge_messages.AgreementMeasured)
    def _agreement_measured(self, message: judge_messages.AgreementMeasured) -> None:
        if self.app.screen is self:
            self.app.push_screen(Panel("Agreement of judges", agreement_text(message.found)))
