"""What a verdict is made of: the sentence, and every figure that it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from rankscope.insight.significance import Interval

__all__ = [
    "MEASURE",
    "Criteria",
    "DepthCurve",
    "DepthPoint",
    "Diagnosis",
    "Evidence",
    "GatePoint",
    "MeasureRow",
    "RecallPoint",
    "RuleOfThumb",
    "StageLatency",
    "StratumRow",
    "Verdict",
    "VerdictKind",
    "said_once",
]

VerdictKind = Literal["rerank", "fix_retrieval", "gate", "leave", "label"]
"""``fix_retrieval``: retrieve better first; ``leave``: leave it as it is; ``label``: too few judgments."""
MEASURE = "nDCG@10"
"""The measure that a reranker is judged by."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """The limits that the verdict is drawn at."""

    worth: float = 0.02
    """Gain in nDCG@10 from which a reranker earns its latency."""
    found_in: int = 50
    """N of the rule of thumb: a relevant document should be in the top N ..."""
    found_share: float = 0.90
    """... for more than this share of the queries; below it, retrieval comes first."""
    top_in: int = 5
    """K of the rule of thumb: and in the top K ..."""
    top_share: float = 0.60
    """... for less than this share, or there is little left to reorder."""
    slack: float = 0.05
    """Shares this close to their limit count as at it, so that a verdict needs a finite number of labels."""
    fewest: int = 20
    """Judged queries below which nothing is said."""
    gate_saves: float = 0.30
    """Share of the calls that a gate must save to be worth its complication."""
    gate_costs: float = 0.01
    """Most nDCG@10 that it may cost."""


@dataclass(frozen=True, slots=True)
class RuleOfThumb:
    """A reranker can help where the passage is among the candidates but not at the top already."""

    found: Interval
    """Share of the answerable queries with a relevant document in the top N ahead of the reranker."""
    found_in: int
    """That N, or the length of the lists where they are shorter."""
    top: Interval
    """Share with a relevant document in the top K ahead of the reranker."""
    top_in: int
    met: bool


@dataclass(frozen=True, slots=True)
class RecallPoint:
    """How much of what is relevant stands in the first ``n`` documents ahead of the reranker."""

    n: int
    recall: Interval
    found: Interval
    """Share of the queries with at least one relevant document there."""


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """One measure ahead of the reranker, after it, and in the best order of the same candidates."""

    name: str
    before: Interval
    after: Interval | None
    """None where no reranker ran."""
    lift: Interval | None
    """Mean of the paired differences."""
    p_value: float | None
    """Of a paired permutation test that there is no difference."""
    best: Interval
    """What reordering the candidates could reach at most."""


@dataclass(frozen=True, slots=True)
class StratumRow:
    """One kind of query, on nDCG@10."""

    name: str
    queries: int
    before: Interval
    after: Interval | None
    lift: Interval | None
    found: Interval


@dataclass(frozen=True, slots=True)
class StageLatency:
    """Times of one stage in milliseconds, over the traces that timed it."""

    stage: str
    traces: int
    median_ms: float
    p95_ms: float
    budget_ms: float | None
    """None for a stage that has no budget; ``total`` is a stage here."""


@dataclass(frozen=True, slots=True)
class DepthPoint:
    """What reranking the first ``n`` candidates gives and takes."""

    n: int
    value: Interval
    """nDCG@10 in the order that results."""
    gain: Interval
    """Over the order ahead of the reranker."""
    lost: Interval
    """Against the deepest point of the curve, as a paired difference: below 0 is worse."""
    ms: float | None
    """Median milliseconds of the reranker; None where no time is known."""
    measured: bool
    """Whether ``ms`` was timed at this depth; otherwise it is the deeper time's share."""
    monthly_cost: float | None = None
    """At the price that was given."""


@dataclass(frozen=True, slots=True)
class DepthCurve:
    """Latency against gain by the number of candidates that are reranked."""

    points: tuple[DepthPoint, ...]
    """Ascending in ``n``."""
    enough: int | None
    """The smallest depth whose interval excludes a loss worth speaking of; None where there is no gain."""
    queries: int


@dataclass(frozen=True, slots=True)
class GatePoint:
    """Skipping the reranker where the first-stage gap is at least ``gap``."""

    gap: float
    """Score at rank 1 minus score at rank 10, ahead of the reranker."""
    saved: float
    """Share of the reranker's calls."""
    change: Interval
    """nDCG@10 with the gate minus nDCG@10 without it."""
    signal: str = "fusion"
    """Stage whose scores the gap is taken from."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Something that a reranker may hide, or that it is fine."""

    code: str
    """``broken-sentences``, ``window-exceeded``, ``dense-below-bm25``, ``bm25-below-dense``,
    ``fusion-no-gain``, ``filters-missing``."""
    state: Literal["found", "fine", "unknown"]
    measure: str
    """The figure as a sentence; for ``unknown`` what is missing."""
    remedy: str
    """Empty unless found."""
    interval: Interval | None = None
    trace_ids: tuple[str, ...] = ()
    """Some traces that show it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All figures behind a verdict."""

    queries: int
    """Answerable queries: a relevant document is known."""
    no_answer: int
    """Judged queries without a relevant document."""
    rule: RuleOfThumb | None
    recall: tuple[RecallPoint, ...]
    measures: tuple[MeasureRow, ...]
    strata: tuple[StratumRow, ...]
    latency: tuple[StageLatency, ...]
    depth: DepthCurve | None
    gates: tuple[GatePoint, ...]
    judged: Mapping[str, Interval]
    """Share of each stage's top K that is judged."""
    refused_no_answer: Interval | None
    refused_answerable: Interval | None
    diagnoses: tuple[Diagnosis, ...]
    notes: tuple[str, ...]
    """What must be known to read the figures."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Should this system rerank? The sentence first, then why."""

    kind: VerdictKind
    sentence: str
    reasons: tuple[str, ...]
    evidence: Evidence
    more_queries: int | None = None
    """Judged queries that are still missing; set for ``label``."""
    gate: GatePoint | None = None
    """The gate to set; set for ``gate``."""
    depth: int | None = None
    """Candidates that are enough; set where reranking pays and the traces say so."""
    criteria: Criteria = field(default_factory=Criteria)


def said_once(diagnoses: Iterable[Diagnosis]) -> list[tuple[str, Diagnosis]]:
    """Codes and diagnosis of each line to show: several that rest on one figure share a line.

    Where one of them is found, that one is named alone, as the figure denies the others.
    """
    lines: dict[str, list[Diagnosis]] = {}
    for item in diagnoses:
        lines.setdefault(item.measure, []).append(item)
    told = []
    for alike in lines.values():
        shown = [item for item in alike if item.state == "found"] or alike
        told.append((", ".join(item.code for item in shown), shown[0]))
    return told
