"""Replay: saved traces through today's reranker, or their queries through today's whole pipeline.

Traces are worked on in waves, whose pairs are scored together across traces, and each wave is committed
before the next. What a trace becomes under one :class:`Today` has one id, made from the saved trace's id, the
job's key and the texts that the corpus adds to it: a run that was stopped or killed goes on where it was when
it is run again, two runs at once store nothing twice, and a change of model, settings, corpus, N, K or floor
makes new traces.

    today = today_of(workspace, "rerank-only")  # rankscope.engine.replay_today
    replay = Replay(workspace.traces, replayable_ids(workspace.traces), today)
    for event in replay.iter_events(cancelled):
        ...  # ReplayProgress, Replayed, NotReplayed
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from rankscope import __version__
from rankscope.core.cancellation import never
from rankscope.core.events import TraceFinished
from rankscope.core.protocols import ScoredPair
from rankscope.core.trace import Ranking, Trace, of_experiment
from rankscope.engine.pipeline import Pipeline, no_findings
from rankscope.engine.replay_draft import Draft, corpus_key, draft_of_found, draft_of_saved
from rankscope.engine.replay_today import Today
from rankscope.errors import Cancelled, ModelError, TraceError
from rankscope.insight.coverage import Coverage, coverage_of

if TYPE_CHECKING:
    from rankscope.tracing.store import TraceStore
    from rankscope.tracing.summaries import TraceFilter

__all__ = [
    "NotReplayed",
    "Replay",
    "ReplayEvent",
    "ReplayProgress",
    "ReplayStore",
    "Replayed",
    "replayable_ids",
]

_FIRST_WAVE = 512
_LARGEST_WAVE = 4096
"""Pairs that are scored together. More cost nothing in speed; a stop loses at most one wave."""
_TELLING = 64
"""Pairs before the time left is guessed: the first ones wait for the model to warm up."""
_MOST_TRACES = 256
"""Traces of one wave, however short their lists."""


class ReplayStore(Protocol):
    """What a replay needs of a trace store."""

    def get(self, trace_id: str) -> Trace:
        """The trace with this id."""

    def append(self, trace: Trace) -> Future[None]:
        """Store a trace; the future is done when it is committed."""

    def flush(self) -> None:
        """Raise the first failure since the last time."""

    def known_ids(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that are stored already."""


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """Where the replay stands; comes often, between batches too."""

    done: int
    """Traces that are settled: replayed, stored before, or not replayable."""
    total: int
    pairs: int
    """Pairs that this run has scored."""
    rate: float
    """Pairs a second of this run."""
    eta_s: float | None
    """Seconds left; None while unknown."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A saved trace and what it became; the new trace is committed to the store."""

    parent: Trace
    trace: Trace
    known: bool
    """Whether an earlier run of the same job had stored it."""
    coverage: Coverage
    """How far the saved trace could be run again; ``coverage.line`` says it in words."""


@dataclass(frozen=True, slots=True)
class NotReplayed:
    """A saved trace of which nothing could be run again, and why, in one line."""

    parent_id: str
    reason: str


ReplayEvent = ReplayProgress | Replayed | NotReplayed


def replayable_ids(store: TraceStore, chosen: TraceFilter | None = None) -> list[str]:
    """Ids of the traces that pass the filter and are no replays themselves, oldest first.

    Those of experiments only where the filter names an origin.
    """
    from rankscope.tracing.summaries import TraceFilter

    named = chosen is not None and chosen.origin is not None

    found: list[str] = []
    last = None
    while page := store.summaries(1000, last, chosen=chosen or TraceFilter(), oldest_first=True):
        found += [
            row.trace_id
            for row in page
            if row.origin != "replay" and (named or not of_experiment(row.origin))
        ]
        last = page[-1]
    return found


class Replay:
    """Runs saved traces again and stores what they become.

    ``candidates`` is N of a rerank-only replay: only so many of the saved candidates (all when None). A
    full replay takes N from the settings. ``name`` tells repeated replays of an unchanged set-up apart:
    another name makes new traces, the same goes on.
    """

    def __init__(
        self,
        store: ReplayStore,
        trace_ids: Sequence[str],
        today: Today,
        *,
        candidates: int | None = None,
        name: str = "",
    ) -> None:
        self.store = store
        self.trace_ids = tuple(dict.fromkeys(trace_ids))
        self.today = today
        self.candidates = candidates
        self.name = name
        self.replayed = 0
        """New traces so far."""
        self.known = 0
        """Traces so far that an earlier run had stored."""
        self.not_replayed = 0
        self.incomplete = 0
        """New and known traces so far that could not be run again as a whole."""
        self.pairs = 0

    @property
    def job(self) -> str:
        """Key of all that the outcome depends on, the saved trace aside. Loads the models' identity."""
        today = self.today
        parts = [
            __version__,
            today.mode,
            self.candidates if today.mode == "rerank-only" else None,
            self.name,
            today.fingerprint,
            repr(today.floor),
            today.top_k,
            None if today.pipeline is None else repr(today.pipeline.gate),
            None if today.passport is None else today.passport.as_json(),
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]

    def iter_events(self, cancelled: Callable[[], bool] = never) -> Iterator[ReplayEvent]:
        """Run what is missing; what is stored already is read back, so that every trace gets its event.

        Raises Cancelled when stopped (what was committed by then is kept, and running again goes on
        there), ModelError when the reranker cannot be loaded, InputError for an unknown trace id.
        """
        try:
            yield self._progress(time.monotonic(), 0.0)
            job = self.job
            started = time.monotonic()
            for wave in self._waves(job, cancelled):
                yield from wave.passed
                if wave.drafts:
                    yield from self._score(wave.drafts, started, cancelled)
                yield self._progress(started, 0.0)
        except KeyboardInterrupt:
            raise _stopped() from None

    @property
    def _settled(self) -> int:
        return self.replayed + self.known + self.not_replayed

    def _progress(self, started: float, part: float) -> ReplayProgress:
        """``part`` is how many traces' worth of the wave is scored, fractions included."""
        elapsed = time.monotonic() - started
        worked = self.replayed + part
        left = len(self.trace_ids) - self._settled - part
        eta = elapsed / worked * left if worked > 0 and (self.pairs >= _TELLING or left == 0) else None
        rate = self.pairs / elapsed if elapsed > 0 else 0.0
        return ReplayProgress(self._settled, len(self.trace_ids), self.pairs, rate, eta)

    def _waves(self, job: str, cancelled: Callable[[], bool]) -> Iterator[_Wave]:
        size = _FIRST_WAVE
        wave = _Wave([], [])
        for start in range(0, len(self.trace_ids), _MOST_TRACES):
            ids = {_replay_id(job, parent): parent for parent in self.trace_ids[start : start + _MOST_TRACES]}
            known = self.store.known_ids(ids)
            for trace_id, parent_id in ids.items():
                if cancelled():
                    raise _stopped()
                self._enter(wave, trace_id, parent_id, trace_id in known, job, cancelled)
                if wave.pairs >= size or len(wave.passed) + len(wave.drafts) >= _MOST_TRACES:
                    yield wave
                    wave = _Wave([], [])
                    size = min(2 * size, _LARGEST_WAVE)
        yield wave

    def _enter(
        self,
        wave: _Wave,
        trace_id: str,
        parent_id: str,
        known: bool,
        job: str,
        cancelled: Callable[[], bool],
    ) -> None:
        parent = self.store.get(parent_id)
        added = "" if self.today.pipeline else corpus_key(parent, self.today.documents, self.candidates)
        if added:
            trace_id = _replay_id(job, parent_id, added)
            known = bool(self.store.known_ids([trace_id]))
        if known:
            wave.passed.append(self._known(parent, self.store.get(trace_id)))
            return
        draft = self._draft(parent, trace_id, job, cancelled)
        if isinstance(draft, NotReplayed):
            self.not_replayed += 1
            wave.passed.append(draft)
        else:
            wave.drafts.append(draft)

    def _draft(
        self, parent: Trace, trace_id: str, job: str, cancelled: Callable[[], bool]
    ) -> Draft | NotReplayed:
        today = self.today
        if not parent.query.text.strip():
            return NotReplayed(parent.trace_id, "the trace holds no query text")
        if today.pipeline is None:
            draft = draft_of_saved(
                parent,
                trace_id,
                job,
                documents=today.documents,
                candidates=self.candidates,
                top_k=today.top_k,
            )
            if draft is None:
                return NotReplayed(parent.trace_id, "the trace holds no candidates")
            if not draft.candidates and not draft.skip:
                return NotReplayed(parent.trace_id, "none of the candidates has a text")
            return draft
        found, given, skip = _first_stages(today.pipeline, parent, cancelled)
        return draft_of_found(
            parent, found, trace_id, job, documents=today.pipeline.documents, given=given, skip=skip
        )

    def _known(self, parent: Trace, trace: Trace) -> Replayed:
        self.known += 1
        return self._counted(parent, trace, known=True)

    def _counted(self, parent: Trace, trace: Trace, *, known: bool) -> Replayed:
        coverage = coverage_of(trace)
        assert coverage is not None  # the id is made from the job: it is a replay
        self.incomplete += not coverage.complete
        return Replayed(parent, trace, known, coverage)

    def _score(
        self, drafts: Sequence[Draft], started: float, cancelled: Callable[[], bool]
    ) -> Iterator[ReplayEvent]:
        """Score a wave's pairs together, decide its traces and commit them."""
        scores: list[dict[int, ScoredPair]] = [{} for _ in drafts]
        total = sum(len(draft.candidates) for draft in drafts)
        began = time.perf_counter()
        done = 0
        try:
            lists = [(draft.parent.query.text, draft.candidates) for draft in drafts]
            for chunk in self.today.score(lists, cancelled):
                for place, pair in chunk:
                    scores[place][pair.index] = pair
                done += len(chunk)
                self.pairs += len(chunk)
                yield self._progress(started, len(drafts) * done / total)
        except (RuntimeError, MemoryError) as error:  # RuntimeError is torch's, out of memory included
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            raise ModelError(
                f"the reranker failed: {reason}.", remedy="Running again goes on here."
            ) from error
        if cancelled() or done < total:
            raise _stopped()
        took = (time.perf_counter() - began) * 1000
        traces = [
            self.today.decided(draft, pairs, took * len(pairs) / max(1, total), alone=len(drafts) == 1)
            for draft, pairs in zip(drafts, scores, strict=True)
        ]
        yield from self._commit(drafts, traces)

    def _commit(self, drafts: Sequence[Draft], traces: Sequence[Trace]) -> Iterator[Replayed]:
        """Store the traces of a wave, then tell of each."""
        futures = [self.store.append(trace) for trace in traces]
        for draft, trace, future in zip(drafts, traces, futures, strict=True):
            try:
                future.result()
            except TraceError:
                # Another run of the same job was faster: its trace is this one.
                if not self.store.known_ids([trace.trace_id]):
                    raise
                with suppress(TraceError):
                    self.store.flush()
                yield self._known(draft.parent, self.store.get(trace.trace_id))
                continue
            self.replayed += 1
            yield self._counted(draft.parent, trace, known=False)


@dataclass(slots=True)
class _Wave:
    """Traces that are worked on together, and what needs no work."""

    drafts: list[Draft]
    passed: list[Replayed | NotReplayed]

    @property
    def pairs(self) -> int:
        return sum(len(draft.candidates) for draft in self.drafts)


def _stopped() -> Cancelled:
    return Cancelled("the replay was stopped;", remedy="run the same command again to go on.")


def _replay_id(job: str, parent_id: str, added: str = "") -> str:
    """The id of what a trace becomes under a job, with the texts that the corpus ``added``."""
    from rankscope.tracing.formats.identity import import_id

    return import_id("replay", "\0".join(filter(None, (job, parent_id, added))), None)


def _first_stages(
    pipeline: Pipeline, parent: Trace, cancelled: Callable[[], bool]
) -> tuple[Trace, Ranking | None, str]:
    """What today's stages find ahead of the reranker, undecided; what it is given; why it is skipped."""
    first = replace(pipeline, reranker=None, floor=None, examine=no_findings)
    found: Trace | None = None
    for event in first.iter_run(parent.query, cancelled=cancelled):
        if isinstance(event, TraceFinished):
            found = event.trace
    if found is None:
        raise _stopped()
    fused = found.before
    if fused is None:
        return found, None, f"0 candidates are no more than K={pipeline.top_k}"
    if pipeline.reranker is None:
        return found, None, ""
    gate = replace(pipeline.gate, follow_up=False)  # saved traces do not follow one another
    if skip := gate.reason(found, fused, pipeline.needless):
        return found, fused, skip
    for later in pipeline.iter_cascade(found, fused, cancelled):
        found = later.trace
    if cancelled():
        raise _stopped()
    return found, pipeline.narrowed(found, fused), ""
