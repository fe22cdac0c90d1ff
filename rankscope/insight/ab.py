"""Two pipelines on the same queries: paired differences, queries won and lost, and who was judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rankscope.core.trace import PipelineInfo
from rankscope.insight.significance import Interval

__all__ = ["AbQuery", "AbRow", "Comparison", "Side"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two pipelines."""

    name: str
    pipeline: PipelineInfo
    stage: str
    """The stage whose order stood in the end."""
    judged: Interval
    """Share of the top K that is judged, over the answerable queries."""
    unjudged_new: int
    """Documents in this side's top K that are unjudged and not in the other's."""
    median_ms: float | None
    """Of a whole query."""
    refused_no_answer: Interval | None
    refused_answerable: Interval | None


@dataclass(frozen=True, slots=True)
class AbRow:
    """One measure on both sides."""

    name: str
    a: Interval
    b: Interval
    difference: Interval
    """b minus a, paired by query."""
    p_value: float
    """Paired permutation test."""
    t_p_value: float | None
    """Paired t-test; None below two queries."""


@dataclass(frozen=True, slots=True)
class AbQuery:
    """One query on both sides, by the comparison's measure."""

    query_id: str
    text: str
    stratum: str
    a: float
    b: float
    trace_a: str
    trace_b: str

    @property
    def difference(self) -> float:
        """b minus a."""
        return self.b - self.a


@dataclass(frozen=True, slots=True)
class Comparison:
    """Pipeline b against pipeline a."""

    measure: str
    a: Side
    b: Side
    rows: tuple[AbRow, ...]
    queries: tuple[AbQuery, ...]
    """The answerable queries that both sides have: largest difference first."""
    won: int
    """Queries that b does better."""
    lost: int
    tied: int
    only_a: int
    """Judged queries that only one side has; they are not compared."""
    only_b: int
    changed_settings: Mapping[str, tuple[Any, Any]]
    """``section.key`` to the two values, where they differ."""
    statements: tuple[str, ...]
    """What a reader must be told: one-sided judgments, no difference shown, and the like."""
