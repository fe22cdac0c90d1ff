"""The pipeline: BM25 and dense retrieval, fusion, reranking, floor.

:meth:`Pipeline.iter_run` is a generator of events and knows no screen. A caller that stops iterating, or
whose ``cancelled`` turns true, ends the run between two chunks of reranking.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from rankscope.core.cancellation import never
from rankscope.core.documents import Query
from rankscope.core.events import BatchScored, Event, StageFailed, StageFinished, StageStarted, TraceFinished
from rankscope.core.identifiers import new_trace_id
from rankscope.core.ordering import rank_by_score
from rankscope.core.protocols import DocumentSource, Fuser, Reranker, Retriever
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Finding, Floor, Hit, PipelineInfo, Ranking, Trace
from rankscope.errors import Cancelled, RankScopeError, ScaleError
from rankscope.insight.floors.passport import ATTRIBUTE, Passport, check, passport_in
from rankscope.stages.rerank.gate import Gate
from rankscope.stages.threshold.relevance_floor import apply_floor

__all__ = ["FIRST_RERANK", "Pipeline", "finish", "reranking_facts"]

FIRST_RERANK = "rerank-1"
"""Stage of a cascade's smaller reranker; ``rerank`` is always the one whose order stands."""


_STAGE_FAULTS = (RankScopeError, RuntimeError, OSError, MemoryError, sqlite3.Error)
"""What a stage may fail with (RuntimeError is torch's, out of memory included) without ending the run."""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def no_findings(trace: Trace) -> Sequence[Finding]:  # noqa: ARG001
    """The findings of a pipeline that does not look for any."""
    return ()


@dataclass(frozen=True)
class Pipeline:
    """Wired stages and their limits. Cheap to make: the models live in the stages."""

    retrievers: Sequence[Retriever]
    fuser: Fuser
    documents: DocumentSource
    reranker: Reranker | None
    describe: Callable[[], PipelineInfo]
    """Identity of models and settings; asked at the end, when lazy models know what they are."""
    depth: int
    """Documents that each retriever returns."""
    candidates: int
    """N: fused candidates that are reranked."""
    top_k: int
    """K: most documents that are kept."""
    floor: Floor | None
    passport: Passport | None = None
    """What the floor was fitted on; traces carry it, and it guards them."""
    examine: Callable[[Trace], Sequence[Finding]] = no_findings
    """Findings on a finished trace."""
    gate: Gate = field(default_factory=Gate)
    """When the reranker is not called."""
    cascade: Reranker | None = None
    """A smaller reranker that scores all candidates first."""
    cascade_keep: int = 20
    """M: how many of its best go on to ``reranker``."""

    @property
    def needless(self) -> int:
        """Most candidates that need no reranker: K, since none can move in or out.

        0 where the floor lies on the reranker's scale: it may drop some, and refuse, by those scores alone.
        """
        floor, reranker = self.floor, self.reranker
        if floor is not None and reranker is not None and floor.score_scale is reranker.score_scale:
            return 0
        return self.top_k

    def run(self, query: Query, *, cancelled: Callable[[], bool] = never) -> Trace:
        """Drain :meth:`iter_run`. Raises Cancelled when it was stopped before it finished."""
        trace: Trace | None = None
        for event in self.iter_run(query, cancelled=cancelled):
            if isinstance(event, TraceFinished):
                trace = event.trace
        if trace is None:
            raise Cancelled("the run was stopped before it finished.")
        return trace

    def iter_run(self, query: Query, *, cancelled: Callable[[], bool] = never) -> Iterator[Event]:
        """Run one query. The last event is TraceFinished, unless the run was cancelled."""
        trace = Trace(
            trace_id=new_trace_id(),
            created_at=datetime.now(UTC),
            origin="live",
            query=query,
            top_k=self.top_k,
            floor=self.floor,
            attributes={} if self.passport is None else {ATTRIBUTE: self.passport.as_json()},
        )
        for retriever in self.retrievers:
            yield StageStarted(trace, retriever.stage)
            if cancelled():
                return
            try:
                ranking = retriever.retrieve(query, self.depth)
            except _STAGE_FAULTS as error:
                reason = _one_line(error)
                failed = _failed(retriever.stage, retriever.score_scale, reason, self.depth)
                trace = trace.with_ranking(failed)
                yield StageFailed(trace, retriever.stage, reason)
                continue
            trace = trace.with_ranking(ranking)
            yield StageFinished(trace, retriever.stage)
        if cancelled():
            return
        if not any(ranking.ran for ranking in trace.rankings):
            finished = replace(trace, pipeline=self.describe())
            yield TraceFinished(replace(finished, findings=tuple(self.examine(finished))))
            return
        yield StageStarted(trace, "fusion")
        fused = self.fuser.fuse([ranking for ranking in trace.rankings if ranking.ran], self.candidates)
        texts = self.documents.fetch(fused.doc_ids)
        trace = replace(trace.with_ranking(fused), documents=texts)
        yield StageFinished(trace, "fusion")
        for event in self._iter_rerank(trace, fused, cancelled):
            trace = event.trace
            yield event
        if cancelled():
            return
        finished = finish(replace(trace, pipeline=self.describe()))
        yield TraceFinished(replace(finished, findings=tuple(self.examine(finished))))

    def _iter_rerank(self, trace: Trace, fused: Ranking, cancelled: Callable[[], bool]) -> Iterator[Event]:
        """The reranker's events; behind a cascade, those of the smaller one first."""
        if self.reranker is None:
            return
        if reason := self.gate.reason(trace, fused, self.needless):
            skipped = Ranking(
                stage="rerank",
                score_scale=self.reranker.score_scale,
                hits=(),
                ms=0.0,
                depth=self.candidates,
                status=f"skipped:{reason}",
            )
            yield StageFinished(trace.with_ranking(skipped), "rerank")
            return
        for event in self.iter_cascade(trace, fused, cancelled):
            trace = event.trace
            yield event
        given = self.narrowed(trace, fused)
        if given is not None and not cancelled():
            yield from self._iter_stage("rerank", self.reranker, trace, given, cancelled)

    def iter_cascade(self, trace: Trace, fused: Ranking, cancelled: Callable[[], bool]) -> Iterator[Event]:
        """The smaller reranker's events, where there is one and more candidates than it is to keep."""
        if self.cascade is not None and len(fused.hits) > self.cascade_keep:
            yield from self._iter_stage(FIRST_RERANK, self.cascade, trace, fused, cancelled)

    def narrowed(self, trace: Trace, fused: Ranking) -> Ranking | None:
        """What the reranker is given: the fused list, or the best M of the smaller reranker's.

        Where that one failed, the first M of the fused list; None where it was stopped.
        """
        first = trace.ranking(FIRST_RERANK)
        if self.cascade is None or len(fused.hits) <= self.cascade_keep:
            return fused
        if first is None or first.status == "partial":
            return None
        ordered = first if first.ran else fused
        return replace(ordered, hits=ordered.hits[: self.cascade_keep])

    def _iter_stage(
        self, stage: str, reranker: Reranker, trace: Trace, given: Ranking, cancelled: Callable[[], bool]
    ) -> Iterator[Event]:
        """One reranker's events: its list as it grows, then whole; or why there is none."""
        yield StageStarted(trace, stage)
        total = len(given.hits)
        try:
            for ranking in _iter_scored(stage, reranker, trace, given, cancelled):
                trace = trace.with_ranking(ranking)
                if ranking.status == "partial":
                    yield BatchScored(trace, done=len(ranking.hits), total=total)
        except Cancelled:
            return
        except _STAGE_FAULTS as error:
            reason = _one_line(error)
            depth = self.candidates if self.cascade is None else total
            failed = _failed(stage, reranker.score_scale, reason, depth)
            yield StageFailed(trace.with_ranking(failed), stage, reason)
            return
        yield StageFinished(trace, stage)


def _iter_scored(
    stage: str, reranker: Reranker, trace: Trace, given: Ranking, cancelled: Callable[[], bool]
) -> Iterator[Ranking]:
    """Partial rankings as chunks are scored, then the complete one (unless cancelled)."""
    candidates = [trace.documents[hit.doc_id] for hit in given.hits]
    scores: dict[str, float] = {}
    details: dict[str, dict[str, float]] = {}
    started = time.perf_counter()
    for chunk in reranker.score(trace.query.text, candidates, cancelled=cancelled):
        for pair in chunk:
            doc_id = candidates[pair.index].doc_id
            scores[doc_id] = pair.score
            details[doc_id] = dict(pair.details)
        complete = len(scores) == len(candidates)
        yield Ranking(
            stage=stage,
            score_scale=reranker.score_scale,
            hits=rank_by_score(scores.items(), details=details),
            ms=(time.perf_counter() - started) * 1000,
            depth=len(candidates),
            status="ok" if complete else "partial",
            details=reranking_facts(details),
        )


def reranking_facts(details: dict[str, dict[str, float]]) -> dict[str, float | str]:
    """Totals over the scored pairs: passages cached, scores reused, tokens not seen."""
    totals: dict[str, float | str] = {"scored": float(len(details))}
    for name in ("cached", "reused", "tokens_cut"):
        values = [known[name] for known in details.values() if name in known]
        if values:
            totals[name] = float(sum(values))
    return totals


def _failed(stage: str, scale: ScoreScale, reason: str, depth: int) -> Ranking:
    told = _PATH.sub(r"\1", reason)
    return Ranking(stage=stage, score_scale=scale, hits=(), depth=depth, status=f"failed:{told}")


_PATH = re.compile(r"(?<![\w:/\\])(?:~|[A-Za-z]:)?(?:[/\\][^\s/\\:'\"]+)+[/\\]([^\s/\\:'\"]+)")
"""A path of this machine; a trace that leaves it keeps the last part alone."""


_NOTES = ("floor_not_applied", "floor_warning")
"""Attributes in which :func:`finish` says what it did with the floor."""


def finish(trace: Trace) -> Trace:
    """Apply the trace's floor and K to the order that stands and set what is kept and decided.

    The floor is left out, with a note in the attributes, when it is on another scale than the scores
    that stand, for instance when the reranker was skipped, or when the passport that the trace carries
    for it shows that they are. ``floor_warning`` notes that another model made the scores.
    """
    final = trace.final
    top_k = trace.top_k if trace.top_k is not None else 10
    if final is None:
        return replace(trace, kept=(), decision=None)
    attributes = {name: value for name, value in trace.attributes.items() if name not in _NOTES}
    passport = passport_in(trace)
    guarded = None if passport is None else check(passport, trace)
    floor = trace.floor
    if guarded is not None and guarded.verdict != "ok":
        refused = guarded.verdict == "refuse"
        attributes["floor_not_applied" if refused else "floor_warning"] = guarded.line
        floor = None if refused else floor
    try:
        outcome = apply_floor(final, floor, top_k)
    except ScaleError as error:
        outcome = apply_floor(final, None, top_k)
        attributes["floor_not_applied"] = error.message
    trace = replace(trace, attributes=attributes)
    kept: tuple[Hit, ...] = outcome.kept
    return replace(trace, kept=tuple(hit.doc_id for hit in kept), decision=outcome.decision)
