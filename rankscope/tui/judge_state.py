"""What the judge screen knows at one moment: one frozen value; a change is a new one. Pure, no textual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rankscope.engine.judging import Overview
from rankscope.insight.pooling import Candidate, Pool, Progress, progress
from rankscope.tracing.judgment_log import JudgmentKind, StoredJudgment
from rankscope.tracing.stored_queries import StoredQuery

__all__ = ["GRADE_WORDS", "JudgePhase", "JudgeState", "Said"]

GRADE_WORDS = ("not relevant", "partly relevant", "relevant", "perfect")
"""What the grades 0 to 3 mean, here and in the rubric."""

Known = Mapping[str, Mapping[str, StoredJudgment]]
"""Judgments by query and document."""


_NOTHING = Progress(0, 0)


class JudgePhase(StrEnum):
    """How far the screen is."""

    LOADING = "loading"
    AWAITING = "awaiting"
    """Until the index is built anew."""
    EMPTY = "empty"
    """No stored query."""
    READY = "ready"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Said:
    """The last thing that was done, for the sentence at the foot."""

    judgment: StoredJudgment | None = None
    before: StoredJudgment | None = None
    """The same judge's earlier grade."""
    undone: bool = False
    problem: str = ""
    """Why nothing was stored."""


@dataclass(frozen=True, slots=True)
class JudgeState:
    """Queries, the candidates of one of them, and everybody's judgments."""

    judge: str
    phase: JudgePhase = JudgePhase.LOADING
    problem: str = ""
    queries: tuple[StoredQuery, ...] = ()
    total: int = 0
    """Queries that are stored, more than ``queries`` where there are very many."""
    place: int = 0
    pool: Pool | None = None
    """None while the candidates of the query are read."""
    chosen: str = ""
    mine: Known = field(default_factory=dict)
    others: Mapping[str, Mapping[str, tuple[StoredJudgment, ...]]] = field(default_factory=dict)
    """Grades of other judges, by query and document."""
    proposals: Known = field(default_factory=dict)
    """What a model proposed last, by query and document."""
    overall: Progress = _NOTHING
    notes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Notes for candidates that have no grade yet: they are stored with it."""
    said: Said = Said()
    proposing: Progress | None = None
    """How far the model is; None while it is not asked."""

    @property
    def query(self) -> StoredQuery | None:
        """The query on the screen."""
        return self.queries[self.place] if self.place < len(self.queries) else None

    @property
    def candidate(self) -> Candidate | None:
        """The candidate that the next grade is for."""
        found = () if self.pool is None else self.pool.candidates
        return next((item for item in found if item.doc_id == self.chosen), None)

    @property
    def graded(self) -> Mapping[str, StoredJudgment]:
        """My grades of this query."""
        return self.mine.get(self.query.text, {}) if self.query is not None else {}

    @property
    def here(self) -> Progress:
        """My progress on this query."""
        doc_ids = () if self.pool is None else self.pool.doc_ids
        return Progress(sum(doc_id in self.graded for doc_id in doc_ids), len(doc_ids))

    def differing(self, doc_id: str) -> tuple[StoredJudgment, ...]:
        """Other judges' grades that are not mine; none as long as I have not graded: that would bias me."""
        mine = self.graded.get(doc_id)
        if mine is None or self.query is None:
            return ()
        others = self.others.get(self.query.text, {}).get(doc_id, ())
        return tuple(item for item in others if item.grade != mine.grade)

    def proposal(self, doc_id: str) -> StoredJudgment | None:
        """What a model proposed for a candidate of this query."""
        return None if self.query is None else self.proposals.get(self.query.text, {}).get(doc_id)

    # What happens

    def loaded(self, overview: Overview) -> JudgeState:
        """Queries and judgments were read; the same query stays, else the first with work left comes up."""
        if not overview.queries:
            return replace(self, phase=JudgePhase.EMPTY, queries=(), pool=None, chosen="")
        mine: dict[str, dict[str, StoredJudgment]] = {}
        others: dict[str, dict[str, tuple[StoredJudgment, ...]]] = {}
        proposals: dict[str, dict[str, StoredJudgment]] = {}
        for item in overview.judgments:
            if item.kind is JudgmentKind.PROPOSAL:
                proposals.setdefault(item.query, {})[item.doc_id] = item
            elif item.judge == self.judge:
                mine.setdefault(item.query, {})[item.doc_id] = item
            else:
                known = others.setdefault(item.query, {})
                known[item.doc_id] = (*known.get(item.doc_id, ()), item)
        pooled = {query.text: query.doc_ids for query in overview.queries}
        state = replace(
            self,
            phase=JudgePhase.READY,
            problem=overview.note,
            queries=overview.queries,
            total=overview.total,
            mine=mine,
            others=others,
            proposals=proposals,
            overall=progress(pooled, mine),
        )
        was = None if self.query is None else self.query.text
        place = next((n for n, query in enumerate(overview.queries) if query.text == was), None)
        if place is None:
            return replace(state, place=state.next_unjudged(-1) or 0, pool=None, chosen="", said=Said())
        listed = set(overview.queries[place].doc_ids)
        same = self.pool is not None and set(self.pool.doc_ids) == listed
        return replace(state, place=place, pool=self.pool if same else None)

    def awaiting_index(self) -> JudgeState:
        """The index is of another version and is being built anew."""
        return replace(self, phase=JudgePhase.AWAITING, problem="")

    def refused(self, problem: str) -> JudgeState:
        """The store cannot be read."""
        return replace(self, phase=JudgePhase.REFUSED, problem=problem)

    def at(self, place: int, chosen: str = "") -> JudgeState:
        """To another query; its candidates are still to be read."""
        if not 0 <= place < len(self.queries) or (place == self.place and self.pool is not None):
            return replace(self, chosen=chosen or self.chosen)
        return replace(self, place=place, pool=None, chosen=chosen, said=Said())

    def pooled(self, pool: Pool) -> JudgeState:
        """The candidates of the query were read; the first without a grade comes up."""
        if self.query is None or pool.query != self.query.text:
            return self
        state = replace(self, pool=pool)
        if self.chosen in pool.doc_ids:
            return state
        return replace(state, chosen=state._ungraded_after(-1) or next(iter(pool.doc_ids), ""))

    def stored(self, judgment: StoredJudgment, *, advance: bool = True) -> JudgeState:
        """A grade of mine is on disk; the next candidate without one comes up."""
        before = self.mine.get(judgment.query, {}).get(judgment.doc_id)
        query = self.query
        counts = before is None and query is not None and judgment.doc_id in query.doc_ids
        notes = {key: text for key, text in self.notes.items() if key != (judgment.query, judgment.doc_id)}
        state = replace(
            self._with_mine(judgment.query, judgment.doc_id, judgment),
            overall=Progress(self.overall.done + counts, self.overall.total),
            said=Said(judgment, before),
            notes=notes,
        )
        place = -1 if state.pool is None else state.pool.doc_ids.index(judgment.doc_id)
        return replace(state, chosen=state._ungraded_after(place) or judgment.doc_id) if advance else state

    def taken_back(self, undone: StoredJudgment, now: StoredJudgment | None) -> JudgeState:
        """A grade of mine was undone and ``now`` holds instead; its candidate comes up."""
        had = undone.doc_id in self.mine.get(undone.query, {})
        state = self._with_mine(undone.query, undone.doc_id, now)
        places = {query.text: place for place, query in enumerate(self.queries)}
        place = places.get(undone.query)
        if place is not None:
            counted = had and now is None and undone.doc_id in self.queries[place].doc_ids
            state = replace(state, overall=Progress(self.overall.done - counted, self.overall.total))
            state = state.at(place, undone.doc_id)
        return replace(state, said=Said(undone, now, undone=True))

    def proposed(self, judgment: StoredJudgment) -> JudgeState:
        """A model proposed a grade."""
        known = {**self.proposals.get(judgment.query, {}), judgment.doc_id: judgment}
        return replace(self, proposals={**self.proposals, judgment.query: known})

    def proposing_to(self, done: int, total: int) -> JudgeState:
        """The model is under way."""
        return replace(self, proposing=Progress(done, total))

    def proposing_ended(self) -> JudgeState:
        """The model is done, was stopped, or failed."""
        return replace(self, proposing=None)

    def noted(self, text: str) -> JudgeState:
        """A note for the chosen candidate, which has no grade yet."""
        if self.query is None:
            return self
        return replace(self, notes={**self.notes, (self.query.text, self.chosen): text})

    def failed(self, problem: str) -> JudgeState:
        """Nothing was stored."""
        return replace(self, said=Said(problem=problem))

    def stepped(self, by: int, *, ungraded: bool = False) -> JudgeState:
        """To another candidate; with ``ungraded`` to the next without a grade, around the end."""
        doc_ids = () if self.pool is None else self.pool.doc_ids
        if not doc_ids:
            return self
        here = doc_ids.index(self.chosen) if self.chosen in doc_ids else -1
        if ungraded:
            return replace(self, chosen=self._ungraded_after(here) or self.chosen)
        return replace(self, chosen=doc_ids[min(max(here + by, 0), len(doc_ids) - 1)])

    def next_unjudged(self, after: int) -> int | None:
        """Place of the next query, after this place and around the end, with candidates that I left."""
        count = len(self.queries)
        for step in range(1, count + 1):
            place = (after + step) % count
            query = self.queries[place]
            if set(query.doc_ids) - set(self.mine.get(query.text, {})):
                return place
        return None

    def next_conflict(self, after: int) -> tuple[int, str] | None:
        """Query and document, after this place and around the end, where another judge differs from me."""
        count = len(self.queries)
        for step in range(1, count + 1):
            place = (after + step) % count
            there = replace(self, place=place)
            found = next((doc_id for doc_id in there.graded if there.differing(doc_id)), None)
            if found is not None:
                return place, found
        return None

    def _ungraded_after(self, place: int) -> str | None:
        doc_ids = () if self.pool is None else self.pool.doc_ids
        around = (*doc_ids[place + 1 :], *doc_ids[: place + 1])
        return next((doc_id for doc_id in around if doc_id not in self.graded), None)

    def _with_mine(self, query: str, doc_id: str, judgment: StoredJudgment | None) -> JudgeState:
        known = {key: item for key, item in self.mine.get(query, {}).items() if key != doc_id}
        if judgment is not None:
            known[doc_id] = judgment
        return replace(self, mine={**self.mine, query: known})
