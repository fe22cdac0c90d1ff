"""Whether a probability means what it says: reliability, and the expected calibration error.

Of the passages to which a reranker gives about 0.7, about 70 percent should be relevant. Expected
calibration error: Naeini, Cooper and Hauskrecht, AAAI 2015.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Trace
from rankscope.insight.judgments import Judgments

__all__ = [
    "Reliability",
    "ReliabilityBin",
    "calibration_error",
    "judged_reliability",
    "reliability",
    "reliability_lines",
]

_BAR = 20


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pairs whose probability lies in ``[low, high)``: what was said, and what was so."""

    low: float
    high: float
    count: int
    said: float
    was: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """The reranker's probabilities of judged pairs of query and passage, beside their judgments."""

    pairs: int
    """Reranked passages of judged queries that are judged themselves; the others say nothing."""
    relevant: int
    """Pairs whose grade is the lowest relevant one or more."""
    reranked: int
    """Reranked passages of the same queries, judged or not."""
    said: float
    """Mean probability of the pairs; their share that is relevant is ``relevant / pairs``."""
    error: float
    """Expected calibration error, 0 to 1."""
    table: tuple[ReliabilityBin, ...]


def judged_reliability(traces: Iterable[Trace], judgments: Judgments) -> Reliability | str:
    """Every judged pair that the reranker scored; a sentence that says why where there is none to show."""
    said: list[float] = []
    was: list[bool] = []
    reranked = 0
    other_scales: set[str] = set()
    for trace in traces:
        query_id, after = trace.query.query_id or "", trace.after
        if after is None or not judgments.is_judged(query_id):
            continue
        if after.score_scale is not ScoreScale.PROBABILITY:
            other_scales.add(after.score_scale.value)
            continue
        grades = judgments.grades[query_id]
        reranked += len(after.by_id())
        for doc_id, hit in after.by_id().items():
            if doc_id in grades and hit.score is not None:
                said.append(hit.score)
                was.append(grades[doc_id] >= judgments.relevant_from)
    if other_scales:
        return f"the reranker's scores are on the scale {', '.join(sorted(other_scales))}, not probabilities"
    if not said:
        return "no judged passage was reranked"
    if all(was) or not any(was):
        alike = "relevant" if was[0] else "not relevant"
        pairs = f"all {len(was):,} judged pairs are" if len(was) > 1 else "the only judged pair is"
        return f"{pairs} {alike}, so nothing tells how often a probability is right"
    return Reliability(
        pairs=len(said),
        relevant=sum(was),
        reranked=reranked,
        said=float(np.mean(said)),
        error=calibration_error(said, was),
        table=tuple(reliability(said, was)),
    )


def reliability(probabilities: ArrayLike, relevant: ArrayLike, bins: int = 10) -> list[ReliabilityBin]:
    """Pairs in equally wide bins, the empty ones left out; 1.0 belongs to the last."""
    said = np.asarray(probabilities, dtype=float)
    was = np.asarray(relevant, dtype=float)
    place = np.clip((said * bins).astype(int), 0, bins - 1)
    return [
        ReliabilityBin(
            number / bins,
            (number + 1) / bins,
            int((place == number).sum()),
            float(said[place == number].mean()),
            float(was[place == number].mean()),
        )
        for number in range(bins)
        if (place == number).any()
    ]


def calibration_error(probabilities: ArrayLike, relevant: ArrayLike, bins: int = 10) -> float:
    """Mean distance between what was said and what was so, bins weighted by their pairs; 0 to 1."""
    table = reliability(probabilities, relevant, bins)
    total = sum(row.count for row in table)
    return sum(row.count * abs(row.said - row.was) for row in table) / total


def reliability_lines(table: Sequence[ReliabilityBin]) -> list[str]:
    """The table as text: a bar is the share that was relevant, ``|`` marks what was said."""
    lines = ["    score   pairs   said    was"]
    for row in table:
        bar = list(("█" * round(row.was * _BAR)).ljust(_BAR, "·"))
        bar[min(int(row.said * _BAR), _BAR - 1)] = "|"
        lines.append(
            f"{row.low:.1f} - {row.high:.1f} {row.count:7,}   {row.said:.2f}   {row.was:.2f}  {''.join(bar)}"
        )
    return lines
