"""Comparing an evaluation with an earlier one of the same queries: the gate of a CI job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rankscope.errors import InputError
from rankscope.insight.significance import Interval, paired_bootstrap

__all__ = ["Change", "change_since"]


@dataclass(frozen=True, slots=True)
class Change:
    """How one measure moved on the queries that both evaluations have."""

    before: float
    after: float
    interval: Interval
    """Mean of the paired differences, after minus before, with its bootstrap interval."""
    only_before: int
    """Queries that the earlier evaluation alone has; they are not compared."""
    only_after: int

    def exceeds(self, max_drop: float) -> bool:
        """Whether the mean fell by more than ``max_drop``; rounding of stored values is forgiven."""
        return -self.interval.value > max_drop + 1e-6


def change_since(before: Mapping[str, float], after: Mapping[str, float], *, seed: int = 0) -> Change:
    """Compare values by query id. Raises InputError when the two have no query in common."""
    common = [query_id for query_id in after if query_id in before]
    if not common:
        raise InputError(
            "the baseline and this evaluation have no answerable query in common.",
            remedy="Make a new baseline with `rankscope eval --json`.",
        )
    old, new = [before[query_id] for query_id in common], [after[query_id] for query_id in common]
    return Change(
        before=sum(old) / len(old),
        after=sum(new) / len(new),
        interval=paired_bootstrap(old, new, seed=seed),
        only_before=len(before) - len(common),
        only_after=len(after) - len(common),
    )
