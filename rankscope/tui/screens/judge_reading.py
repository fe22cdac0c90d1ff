"""What the judge screen does beside the keys: reads queries, judgments and candidates, and asks the model."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, cast

from textual import on
from textual.reactive import var

from rankscope.core.sanitize import one_line
from rankscope.engine.consent import Consent, Consents
from rankscope.engine.judging import JudgingWorkspace, JudgmentDesk
from rankscope.engine.proposing import is_configured, model_judge, propose
from rankscope.errors import RankScopeError
from rankscope.insight.pooling import Pool
from rankscope.tracing.judgment_log import StoredJudgment
from rankscope.tracing.stored_queries import StoredQuery
from rankscope.tui import judge_messages
from rankscope.tui.judge_sentences import sending_question, taken_back
from rankscope.tui.judge_state import JudgePhase, JudgeState
from rankscope.tui.runner import ProbeWorkspace
from rankscope.tui.screens.confirm import Confirm
from rankscope.tui.screens.judge_layout import JudgeLayout
from rankscope.tui.threads import reason

if TYPE_CHECKING:
    from rankscope.adapters.openai_judge import OpenAiJudge
    from rankscope.tui.screens.probe import ProbeScreen

__all__ = ["JudgeReading"]

_KEPT_POOLS = 8
"""Candidates of this many queries are kept in memory; the next query's are read ahead."""


class JudgeReading(JudgeLayout):
    """Owns one frozen :class:`~rankscope.tui.judge_state.JudgeState`; handlers make a new one."""

    state: var[JudgeState] = var(JudgeState(""))

    def __init__(self, workspace: ProbeWorkspace) -> None:
        super().__init__(workspace)
        # The probe's protocol names less than a workspace offers.
        self.judging = JudgmentDesk.of(cast(JudgingWorkspace, workspace))
        self.set_reactive(JudgeReading.state, JudgeState(self.judging.judge))
        self._pools: dict[str, Pool] = {}
        self.writes = 0
        """Grades stored and taken back here: what was read before the last one is out of date."""
        self._stop_proposing = threading.Event()
        self._agreed: set[Consent] = set()
        """Agreed to here; those of earlier sessions stand in a file."""

    @property
    def drawn_state(self) -> JudgeState:
        """The state on the screen."""
        return self.state

    def stop(self) -> None:
        """Stop the model too."""
        self._stop_proposing.set()
        super().stop()

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
        self.threads.start(partial(self._read, self.writes, self.desk.probe), "rankscope-judgments")

    def _read(self, writes: int, probe: ProbeScreen) -> None:
        try:
            if not self.wait_for_index(probe, lambda: self.threads.post(judge_messages.IndexAwaited())):
                return
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
        if message.writes != self.writes:
            self.action_read_again()
            return
        self.state = self.state.loaded(message.overview)

    @on(judge_messages.IndexAwaited)
    def _index_awaited(self) -> None:
        self.state = self.state.awaiting_index()

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

    @property
    def can_propose(self) -> bool:
        """Whether a model is named in the settings."""
        return is_configured(self.workspace.settings.judge)

    def ask_to_propose(self) -> None:
        """Before the first request to a service say what it gets and ask; a yes is remembered."""
        settings = self.workspace.settings.judge
        try:
            judge = model_judge(settings, self.judging.path.parent, self._stop_proposing)
        except RankScopeError as error:
            self.post_message(judge_messages.ProposingEnded(reason(error)))
            return
        consent = self._consent(judge)
        if consent in self._agreed or Consents().holds(consent):
            self.start_proposing()
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._agree(consent)
                self.start_proposing()

        question = sending_question(judge.host, consent.key_env)
        self.app.push_screen(Confirm(question, "sends them, and is remembered"), answered)

    def _consent(self, judge: OpenAiJudge) -> Consent:
        settings = self.workspace.settings.judge
        key_env = settings.key_env if judge.sends_key else ""
        return Consent.of(self.judging.path.parent, settings.endpoint, key_env)

    def _agree(self, consent: Consent) -> None:
        self._agreed.add(consent)
        try:
            Consents().give(consent)
        except OSError as error:
            words = one_line(f"It holds until you leave: {error.strerror or error}.")
            self.notify(words, title="Not remembered", severity="warning", markup=False)

    def take_consent_back(self) -> None:
        """Stop the model; before the next request a person is asked again."""
        self.stop_proposing()
        endpoint = self.workspace.settings.judge.endpoint
        taken = {item.endpoint for item in self._agreed}
        self._agreed.clear()
        try:
            # By what is in the settings alone: a key, model or rubric that is missing now may be back later.
            taken |= {item.endpoint for item in Consents().take_back(self.judging.path.parent, endpoint)}
        except OSError as error:
            words = one_line(f"What you agreed to still holds: {error.strerror or error}.", 400)
            self.notify(words, title="Not taken back", severity="error", markup=False)
            return
        title, words = taken_back(taken, endpoint)
        self.notify(words, title=title, markup=False)

    def start_proposing(self) -> None:
        """Let the model propose grades for the query on the screen, one candidate after the other."""
        pool = self.state.pool
        if pool is None or self.state.proposing is not None:
            return
        self._stop_proposing = threading.Event()
        self.state = self.state.proposing_to(0, len(pool.candidates))
        known = frozenset(self.state.proposals.get(pool.query, {}))
        self.threads.start(partial(self._propose, pool, known, self._stop_proposing), "rankscope-propose")

    def stop_proposing(self) -> None:
        """Stop it after the candidate that it is at."""
        self._stop_proposing.set()

    def _propose(self, pool: Pool, known: frozenset[str], stopped: threading.Event) -> None:
        def report(judgment: StoredJudgment, done: int, total: int) -> None:
            self.threads.post(judge_messages.ProposalMade(judgment, done, total))

        try:
            judge = model_judge(self.workspace.settings.judge, self.judging.path.parent, stopped)
            propose(judge, pool, self.judging.log, known=known, stopped=stopped, report=report)
        except Exception as error:  # noqa: BLE001  # said; judging goes on without the model
            self.threads.post(judge_messages.ProposingEnded(reason(error)))
        else:
            self.threads.post(judge_messages.ProposingEnded())

    @on(judge_messages.ProposalMade)
    def _proposal_made(self, message: judge_messages.ProposalMade) -> None:
        self.state = self.state.proposed(message.judgment).proposing_to(message.done, message.total)

    @on(judge_messages.ProposingEnded)
    def _proposing_ended(self, message: judge_messages.ProposingEnded) -> None:
        self.state = self.state.proposing_ended()
        if message.reason:
            self.notify(
                one_line(message.reason, 400),
                title="No proposals",
                severity="error",
                markup=False,
                timeout=10,
            )
