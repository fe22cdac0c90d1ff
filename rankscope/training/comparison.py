"""Held-out figures before and after, and the rule by which a new model may replace the present one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankscope.core.ordering import rank_by_score
from rankscope.insight.judgments import Judgments
from rankscope.insight.metrics import measure_run
from rankscope.insight.significance import Interval, bootstrap_mean, paired_bootstrap
from rankscope.training.examples import Example

__all__ = ["Comparison", "MeasureChange", "compare"]

MEASURES = ("nDCG@10", "MRR@10")


@dataclass(frozen=True, slots=True)
class MeasureChange:
    """One measure over the held-out queries; intervals are 95 percent bootstrap intervals."""

    name: str
    before: Interval
    after: Interval
    lift: Interval
    """Of the paired differences: the same queries before and after."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What training was worth; the first measure decides."""

    changes: tuple[MeasureChange, ...]

    @property
    def better(self) -> bool:
        """Whether the whole interval of the lift lies above zero: more than luck with these queries."""
        low = self.changes[0].lift.low
        return low is not None and low > 0

    def lines(self) -> list[str]:
        """The figures as text."""
        rows = [f"{'held-out':<10}{'before':>8}{'after':>8}{'lift':>9}   95 percent interval"]
        for change in self.changes:
            low, high = change.lift.low, change.lift.high
            interval = "unknown" if low is None or high is None else f"{low:+.4f} to {high:+.4f}"
            rows.append(
                f"{change.name:<10}{change.before.value:>8.4f}{change.after.value:>8.4f}"
                f"{change.lift.value:>+9.4f}   {interval}"
            )
        return rows


def compare(
    examples: Sequence[Example],
    before: Sequence[NDArray[np.float64]],
    after: Sequence[NDArray[np.float64]],
    seed: int = 0,
) -> Comparison:
    """Compare two models' scores of the same passages, one array an example."""
    judgments = Judgments(
        {
            example.query_id: {passage.doc_id: passage.grade for passage in example.passages}
            for example in examples
        }
    )
    tables = [measure_run(_run(examples, scores), judgments, MEASURES) for scores in (before, after)]
    changes = []
    for name in MEASURES:
        old, new = ([table[name][example.query_id] for example in examples] for table in tables)
        changes.append(
            MeasureChange(
                name,
                bootstrap_mean(old, seed=seed),
                bootstrap_mean(new, seed=seed),
                paired_bootstrap(old, new, seed=seed),
            )
        )
    return Comparison(tuple(changes))


def _run(examples: Sequence[Example], scores: Sequence[NDArray[np.float64]]) -> dict[str, list[str]]:
    run = {}
    for example, row in zip(examples, scores, strict=True):
        pairs = ((item.doc_id, float(value)) for item, value in zip(example.passages, row, strict=True))
        run[example.query_id] = [hit.doc_id for hit in rank_by_score(pairs)]
    return run
