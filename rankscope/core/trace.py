"""The Trace: what happened to one query, stage by stage.

Every producer (live run, import, replay) makes one of these and every consumer (screens, findings,
floors, metrics, store) reads one. All classes are frozen; a change is a new object.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.errors import TraceError

__all__ = [
    "COMPARISON_ORIGIN",
    "EXPERIMENT",
    "Decision",
    "Finding",
    "Floor",
    "Hit",
    "ModelInfo",
    "PipelineInfo",
    "Ranking",
    "Severity",
    "Trace",
    "of_experiment",
]

Decision = Literal["answer", "refuse"]
Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Hit:
    """One document in one ranked list.

    ``rank`` starts at 1. ``score`` is None only where an import had none. ``details`` holds named
    numbers about this hit alone: ``logit``, ``tokens``, ``tokens_cut``, ``windows``, ``window``
    (the one that won, from 1) from the reranker; ``share:LIST`` and ``rank:LIST`` from fusion.
    """

    doc_id: str
    rank: int
    score: float | None
    details: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise TraceError(f"rank of document {self.doc_id!r} is {self.rank}, ranks start at 1")
        if self.score is not None and not math.isfinite(self.score):
            raise TraceError(f"score of document {self.doc_id!r} is {self.score}, expected a finite number")


@dataclass(frozen=True, slots=True)
class Ranking:
    """The list that one stage put out, best first, with its score scale and its time.

    ``ms`` is monotonic-clock milliseconds, None where unknown. ``depth`` is how many hits were
    asked for. ``status`` is ``ok``, ``partial``, ``skipped:REASON`` or ``failed:REASON``.
    ``details`` holds named facts of the stage, such as ``model_ms`` or ``cached``. An import may repeat
    an id in one list; live stages never do.
    """

    stage: str
    score_scale: ScoreScale
    hits: tuple[Hit, ...]
    ms: float | None = None
    depth: int | None = None
    status: str = "ok"
    details: Mapping[str, float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for before, after in zip(self.hits, self.hits[1:], strict=False):
            if after.rank <= before.rank:
                raise TraceError(
                    f"stage {self.stage!r}: rank {after.rank} of document {after.doc_id!r} follows "
                    f"rank {before.rank}, ranks must rise"
                )

    @property
    def ran(self) -> bool:
        """Whether the stage produced an order of its own (complete or partial)."""
        return self.status in ("ok", "partial")

    @property
    def doc_ids(self) -> tuple[str, ...]:
        """Document ids, best first."""
        return tuple(hit.doc_id for hit in self.hits)

    def hit(self, doc_id: str) -> Hit | None:
        """The best hit of a document, or None when this stage did not return it."""
        return next((hit for hit in self.hits if hit.doc_id == doc_id), None)

    def by_id(self) -> dict[str, Hit]:
        """All hits by document id (the best one where an import repeats an id)."""
        table: dict[str, Hit] = {}
        for hit in self.hits:
            table.setdefault(hit.doc_id, hit)
        return table

    def repeated_ids(self) -> dict[str, int]:
        """Ids that stand more than once in this list, with how often."""
        counts = Counter(hit.doc_id for hit in self.hits)
        return {doc_id: count for doc_id, count in counts.items() if count > 1}


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which model made a score: enough to refuse a floor that was fitted on another."""

    name: str
    revision: str = ""
    dtype: str = ""
    max_length: int | None = None
    activation: str = ""


@dataclass(frozen=True, slots=True)
class PipelineInfo:
    """The configuration that made a trace; equal fingerprints mean comparable scores."""

    fingerprint: str = ""
    corpus: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, ModelInfo] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Floor:
    """A relevance floor: documents scoring below ``value`` on ``score_scale`` are dropped."""

    value: float
    score_scale: ScoreScale
    source: str = "default"
    """``default``, ``manual`` or ``fitted:METHOD``."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise TraceError(f"floor is {self.value}, expected a finite number")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something noteworthy about a trace, by the rule ``code`` that found it."""

    code: str
    severity: Severity
    message: str
    doc_ids: tuple[str, ...] = ()


EXPERIMENT = "eval"
"""What the origins of traces that were made to measure something begin with."""
COMPARISON_ORIGIN = f"{EXPERIMENT}:ab"
"""Origin of the traces that a comparison of two pipelines leaves."""


def of_experiment(origin: str) -> bool:
    """Whether a trace was made to measure something, and is no query that anyone asked.

    Such traces are looked at where they are named, and never count among those of a pipeline.
    """
    return origin.partition(":")[0] == EXPERIMENT


@dataclass(frozen=True, slots=True)
class Trace:
    """What happened to one query: the ranking of each stage, the floor, the decision, the texts."""

    trace_id: str
    created_at: datetime
    origin: str
    query: Query
    rankings: tuple[Ranking, ...] = ()
    pipeline: PipelineInfo = field(default_factory=PipelineInfo)
    floor: Floor | None = None
    top_k: int | None = None
    kept: tuple[str, ...] = ()
    decision: Decision | None = None
    findings: tuple[Finding, ...] = ()
    documents: Mapping[str, Document] = field(default_factory=dict)
    parent_id: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise TraceError(f"created_at of trace {self.trace_id!r} has no time zone")
        stages = [ranking.stage for ranking in self.rankings]
        if len(set(stages)) != len(stages):
            raise TraceError(f"trace {self.trace_id!r} names a stage twice: {', '.join(stages)}")

    def ranking(self, stage: str) -> Ranking | None:
        """The ranking of a stage, or None when that stage did not run."""
        return next((ranking for ranking in self.rankings if ranking.stage == stage), None)

    @property
    def before(self) -> Ranking | None:
        """The order that the reranker was given: the last ranking ahead of ``rerank``.

        In a trace without a reranker it is the last ranking of all.
        """
        earlier = None
        for ranking in self.rankings:
            if ranking.stage == "rerank":
                break
            earlier = ranking if ranking.ran else earlier
        return earlier

    @property
    def after(self) -> Ranking | None:
        """The reranked order, complete or partial; None when no reranker produced one."""
        ranking = self.ranking("rerank")
        return ranking if ranking is not None and ranking.ran else None

    @property
    def final(self) -> Ranking | None:
        """The order that stands: reranked when complete, else what stood before it."""
        after = self.after
        return after if after is not None and after.status == "ok" else self.before

    @property
    def total_ms(self) -> float | None:
        """Sum of the known stage times in milliseconds; None when no stage was timed."""
        times = [ranking.ms for ranking in self.rankings if ranking.ms is not None]
        return sum(times) if times else None

    def with_ranking(self, ranking: Ranking) -> Trace:
        """This trace with a stage's ranking added, or replaced where it stands."""
        if self.ranking(ranking.stage) is None:
            return replace(self, rankings=(*self.rankings, ranking))
        return replace(
            self, rankings=tuple(ranking if old.stage == ranking.stage else old for old in self.rankings)
        )
