"""An evaluation in figures, overall or for a stratum: means with intervals, lift, refusal rates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rankscope.core.trace import Decision
from rankscope.insight.metrics import RERANK, Evaluation, is_share
from rankscope.insight.significance import (
    Interval,
    bootstrap_means,
    paired_permutation_test,
    wilson,
)

__all__ = ["Lift", "Summary", "differences", "lift_stages", "refused_share", "summarize"]

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Lift:
    """What one stage gained over the one before it, on one measure, over the same queries."""

    interval: Interval
    """Mean of the paired differences, with its bootstrap interval."""
    p_value: float
    """Of a paired permutation test that there is no difference."""
    won: int
    lost: int
    tied: int


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of all judged queries, or of one stratum."""

    stratum: str | None
    """None for all queries."""
    answerable: int
    no_answer: int
    means: Mapping[str, Mapping[str, Interval]]
    """``means[stage][measure]`` over the answerable queries; empty when there are none.

    ``judged_first`` is over those of which it says something, and absent where there are none.
    """
    lifts: Mapping[str, Lift]
    """By measure; empty when the traces have no reranker."""
    refused_no_answer: Interval | None
    """Share of the no-answer queries that were refused, which is right; None where none was decided on."""
    refused_answerable: Interval | None
    """Share of the answerable queries that were refused, which is wrong; None where none was decided on."""


def lift_stages(evaluation: Evaluation) -> tuple[str, str] | None:
    """The stages that the lift compares: the last one before the reranker, and the reranker."""
    if RERANK not in evaluation.stages or len(evaluation.stages) < 2:
        return None
    return evaluation.stages[-2], RERANK


def differences(evaluation: Evaluation, measure: str, *, stratum: str | None = None) -> list[float]:
    """Reranked minus fused on a measure, one an answerable query that has it; empty without a reranker."""
    compared = lift_stages(evaluation)
    if compared is None:
        return []
    before, after = (evaluation.column(stage, measure, stratum=stratum) for stage in compared)
    return [new - old for old, new in zip(before, after, strict=True)]


def summarize(evaluation: Evaluation, *, stratum: str | None = None, seed: int = 0) -> Summary:
    """Means, lifts and refusal rates with 95 percent intervals: BCa bootstrap, Wilson of shares."""
    outcomes = [item for item in evaluation.queries if stratum is None or item.stratum == stratum]
    answerable = [item for item in outcomes if item.answerable]
    no_answer = [item for item in outcomes if not item.answerable]
    means: dict[str, dict[str, Interval]] = {}
    lifts: dict[str, Lift] = {}
    if answerable:
        means = _means(evaluation, stratum, seed)
        lifts = _lifts(evaluation, stratum, seed)
    return Summary(
        stratum=stratum,
        answerable=len(answerable),
        no_answer=len(no_answer),
        means=means,
        lifts=lifts,
        refused_no_answer=refused_share(item.decision for item in no_answer),
        refused_answerable=refused_share(item.decision for item in answerable),
    )


def refused_share(decisions: Iterable[Decision | None]) -> Interval | None:
    """Share refused of the queries that anything decided on; None where nothing did, as in runs of lists."""
    decided = [decision for decision in decisions if decision is not None]
    return wilson(decided.count("refuse"), len(decided))


def _means(evaluation: Evaluation, stratum: str | None, seed: int) -> dict[str, dict[str, Interval]]:
    rows = {
        (stage, measure): evaluation.column(stage, measure, stratum=stratum)
        for stage in evaluation.stages
        for measure in evaluation.measures
    }
    intervals = _intervals({key: row for key, row in rows.items() if not is_share(key[1])}, seed)
    table: dict[str, dict[str, Interval]] = {stage: {} for stage in evaluation.stages}
    for (stage, measure), row in rows.items():
        known = wilson(round(sum(row)), len(row)) if is_share(measure) else intervals[stage, measure]
        if known is not None:
            table[stage][measure] = known
    return table


def _intervals(rows: Mapping[Key, Sequence[float]], seed: int) -> dict[Key, Interval]:
    """Bootstrap intervals by key; of no values there is none. Rows of one length share their resamples."""
    found: dict[Key, Interval] = {}
    for count in {len(row) for row in rows.values()} - {0}:
        keys = [key for key, row in rows.items() if len(row) == count]
        found.update(zip(keys, bootstrap_means([rows[key] for key in keys], seed=seed), strict=True))
    return found


def _lifts(evaluation: Evaluation, stratum: str | None, seed: int) -> dict[str, Lift]:
    if lift_stages(evaluation) is None:
        return {}
    # Recall is the same before and after by construction, and so is not a gain to test.
    measures = [name for name in evaluation.measures if not name.startswith(("recall@", "judged@"))]
    rows = {name: differences(evaluation, name, stratum=stratum) for name in measures}
    intervals = _intervals(rows, seed)
    return {
        name: Lift(
            interval=intervals[name],
            p_value=paired_permutation_test([0.0] * len(row), row, seed=seed),
            won=sum(value > 0 for value in row),
            lost=sum(value < 0 for value in row),
            tied=sum(value == 0 for value in row),
        )
        for name, row in rows.items()
        if row
    }
