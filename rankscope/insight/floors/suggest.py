"""Every method asked in turn: what each suggests for these observations, or why it suggests nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rankscope.errors import UsageError
from rankscope.insight.floors.best_f1 import best_f1
from rankscope.insight.floors.borderline import borderline
from rankscope.insight.floors.conformal import conformal
from rankscope.insight.floors.mixture import mixture
from rankscope.insight.floors.null_floor import null_floor
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.otsu import otsu
from rankscope.insight.floors.proportion_bounds import Bound
from rankscope.insight.floors.suggestion import Suggestion
from rankscope.insight.floors.target_answer_rate import target_answer_rate
from rankscope.insight.floors.target_precision import target_precision

__all__ = ["METHODS", "Targets", "suggest"]


@dataclass(frozen=True, slots=True)
class Targets:
    """What is asked of the methods that take a target, each a share between 0 and 1."""

    precision: float = 0.9
    answer_rate: float = 0.9
    loss: float = 0.1
    """Accepted probability of losing the relevant evidence of a query."""
    false_answers: float = 0.1
    """Accepted probability of answering a query that has no answer."""
    bound: Bound = "wilson"


_RUN: dict[str, Callable[[Observations, Targets], Suggestion]] = {
    "otsu": lambda table, _: otsu(table),
    "mixture": lambda table, _: mixture(table),
    "best-f1": lambda table, _: best_f1(table),
    "target-precision": lambda table, targets: target_precision(
        table, targets.precision, bound=targets.bound
    ),
    "target-answer-rate": lambda table, targets: target_answer_rate(
        table, targets.answer_rate, bound=targets.bound
    ),
    "conformal": lambda table, targets: conformal(table, targets.loss),
    "null": lambda table, targets: null_floor(table, targets.false_answers),
    "borderline": lambda table, _: borderline(table),
}
METHODS = tuple(_RUN)
"""Names of the methods: the two without labels first."""


def suggest(
    observations: Observations, methods: Sequence[str] = METHODS, targets: Targets | None = None
) -> list[Suggestion]:
    """One suggestion a method, in the order given. Raises UsageError for an unknown name."""
    unknown = [name for name in methods if name not in _RUN]
    if unknown:
        raise UsageError(f"unknown method {unknown[0]!r}.", remedy=f"Known: {', '.join(METHODS)}.")
    return [_RUN[name](observations, targets or Targets()) for name in methods]
