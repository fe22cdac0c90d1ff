"""What saved traces are run through again: today's reranker, floor and K, and for a full replay the rest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rankscope.config import Settings
from rankscope.core.documents import Document, Query
from rankscope.core.protocols import DocumentSource, Reranker, ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, ModelInfo, PipelineInfo, Trace
from rankscope.engine.factory import not_judged, scoring_settings
from rankscope.engine.pipeline import Pipeline, finish
from rankscope.errors import UsageError, WorkspaceError
from rankscope.insight.coverage import Mode
from rankscope.insight.floors.passport import ATTRIBUTE, Passport

if TYPE_CHECKING:
    from rankscope.engine.replay_draft import Draft
    from rankscope.engine.workspace import Workspace

__all__ = ["Today", "today_of"]

ScoredList = tuple[int, ScoredPair]
"""Place of a list among those given, and the score of one of its candidates."""


@dataclass(frozen=True)
class Today:
    """The reranker and what decides after it; with ``pipeline``, the stages ahead of it as well."""

    settings: Settings
    reranker: Reranker | None
    """None only in a full replay of a pipeline that does not rerank."""
    documents: DocumentSource | None = None
    """Where texts that a trace lacks are looked up; None without a corpus."""
    passport: Passport | None = None
    """What the floor was fitted on."""
    pipeline: Pipeline | None = None
    """Given for a full replay: it finds the candidates anew."""
    relevant_to: Callable[[Query], frozenset[str] | None] = not_judged
    """The documents judged relevant to a query, for the findings."""

    @property
    def mode(self) -> Mode:
        """Which of the two replays this is for."""
        return "rerank-only" if self.pipeline is None else "full"

    @property
    def top_k(self) -> int:
        """K: most documents that are kept."""
        return self.settings.floor.top_k

    @property
    def floor(self) -> Floor | None:
        """The floor of the settings."""
        chosen = self.settings.floor
        if chosen.value is None:
            return None
        return Floor(chosen.value, ScoreScale(chosen.score_scale), source=chosen.source)

    @cached_property
    def _whole(self) -> PipelineInfo:
        """Identity of the whole pipeline; of the reranker alone where that is all there is."""
        if self.pipeline is not None:
            return self.pipeline.describe()
        assert self.reranker is not None
        models = {"cross_encoder": self.reranker.info}
        rerank = scoring_settings(asdict(self.settings.rerank))
        return PipelineInfo(fingerprint=_digest(rerank, models, ""), models=models)

    @property
    def fingerprint(self) -> str:
        """Equal fingerprints give equal scores. Loads the models' identity; raises ModelError."""
        return self._whole.fingerprint

    def score(
        self, lists: Sequence[tuple[str, Sequence[Document]]], cancelled: Callable[[], bool]
    ) -> Iterator[list[ScoredList]]:
        """Scores of several queries' candidates, in any order; ends early once ``cancelled()`` is true."""
        if self.reranker is None:
            return
        together = getattr(self.reranker, "score_lists", None)
        if together is not None:
            yield from together(lists, cancelled=cancelled)
            return
        for place, (query, candidates) in enumerate(lists):
            for chunk in self.reranker.score(query, candidates, cancelled=cancelled) if candidates else ():
                yield [(place, pair) for pair in chunk]

    def decided(
        self, draft: Draft, scores: Mapping[int, ScoredPair], share_ms: float, *, alone: bool
    ) -> Trace:
        """The finished trace: reranked, held to today's floor and K, with its findings.

        A trace that was scored together with others has no time of its own for the reranker: ``share_ms``,
        its part of the work by pairs, stands in the ranking's details.
        """
        from rankscope.insight.findings import examine

        if self.reranker is None or (self.pipeline is not None and draft.trace.before is None):
            trace = draft.untouched()
        else:
            timed = 0.0 if draft.skip else share_ms if alone else None
            details = {} if timed is not None else {"share_ms": share_ms}
            trace = draft.reranked(scores, self.reranker.score_scale, ms=timed, details=details)
        attributes = dict(trace.attributes)
        if self.passport is not None and self.floor is not None:
            attributes[ATTRIBUTE] = self.passport.as_json()
        trace = replace(
            trace,
            pipeline=self._described(draft.parent),
            floor=self.floor,
            top_k=self.top_k,
            attributes=attributes,
        )
        finished = finish(trace)
        relevant = self.relevant_to(trace.query)
        report = examine(finished, settings=self.settings, relevant=relevant)
        return replace(finished, findings=tuple(report.findings))

    def _described(self, parent: Trace) -> PipelineInfo:
        """The pipeline behind the new trace; the first stages of a rerank-only replay are the saved ones."""
        if self.pipeline is not None:
            return self._whole
        was = parent.pipeline
        models = {**was.models, **self._whole.models}
        mine = self.settings.as_mapping()
        settings = {**was.settings, "rerank": mine["rerank"], "floor": mine["floor"]}
        saved = {name: info for name, info in was.models.items() if name != "cross_encoder"}
        return PipelineInfo(
            fingerprint=_digest(self._whole.fingerprint, saved, was.fingerprint),
            corpus=was.corpus,
            settings=settings,
            models=models,
        )


def today_of(workspace: Workspace, mode: Mode, settings: Settings | None = None) -> Today:
    """Today as a workspace has it, with ``settings`` in place of its own where given.

    A rerank-only replay needs no index: where there is one that fits the settings, its texts fill gaps in
    the saved traces. It scores every saved candidate with the reranker itself: no gate skips it and no
    smaller reranker goes first, as both belong to the stages ahead. Scores that earlier runs kept are not
    reused: pairs are scored together. Raises UsageError when reranking is off, IndexMissing or
    IndexMismatch for a full replay without an index.
    """
    from rankscope.engine.factory import make_reranker
    from rankscope.engine.floors import passport_in_force

    chosen = settings if settings is not None else workspace.settings
    chosen = chosen.override("rerank", score_cache_mb=0)
    relevant_to = workspace.judgments.relevant_to
    if mode == "full":
        pipeline = workspace.pipeline(chosen)
        reranker, documents = pipeline.reranker, pipeline.documents
        return Today(chosen, reranker, documents, pipeline.passport, pipeline, relevant_to)
    if not chosen.rerank.enabled:
        raise UsageError("rerank.enabled is false: there is no reranker to replay with.")
    chosen = chosen.override("rerank", cascade="")
    passport = passport_in_force(workspace.traces_path, chosen.floor)
    try:
        parts = workspace.parts()
    except WorkspaceError:  # no index, or one of other settings: the traces' own texts have to do
        reranker = make_reranker(chosen.rerank, chosen.models)
        return Today(chosen, reranker, None, passport, None, relevant_to)
    return Today(chosen, parts.reranker(chosen.rerank), parts.documents, passport, None, relevant_to)


def _digest(rerank: object, models: Mapping[str, ModelInfo], before: str) -> str:
    known: list[Any] = [rerank, {name: repr(info) for name, info in models.items()}, before]
    return f"sha256:{hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()}"
