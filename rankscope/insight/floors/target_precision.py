"""The lowest floor whose precision, at its lower confidence bound, still reaches a target."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rankscope.errors import UsageError
from rankscope.insight.floors.best_f1 import between, counts_from_above, few_warning, lacking
from rankscope.insight.floors.crossfit import held_out
from rankscope.insight.floors.observations import Observations
from rankscope.insight.floors.proportion_bounds import Bound, lower_bound
from rankscope.insight.floors.sampling import RESAMPLES, fit_interval, judged_pairs
from rankscope.insight.floors.suggestion import Suggestion, refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fit", "target_precision"]

METHOD = "target-precision"


def target_precision(
    observations: Observations,
    target: float = 0.9,
    *,
    bound: Bound = "wilson",
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Suggestion:
    """Keep as much as can be kept with a one-sided bound of precision at or above ``target``.

    The bound holds for one floor; picking the lowest of many makes it a little too hopeful, which is what
    ``held_out`` shows.
    """
    if not 0 < target < 1:
        raise UsageError(f"the target precision is {target}, expected a share between 0 and 1.")
    pairs = judged_pairs(observations)
    parameters: dict[str, float | str] = {"target": target, "bound": bound, "confidence": confidence}
    why = lacking(pairs)
    count = len(pairs.scores)
    chosen = partial(fit, target=target, bound=bound, confidence=confidence)
    value = None if why else chosen(pairs.scores, pairs.relevant, np.ones(count))
    if value is None:
        return refusal(
            METHOD,
            observations,
            why or f"no floor has a precision whose lower bound reaches {target:g}.",
            found=count,
            queries=pairs.queries,
            parameters=parameters,
        )
    low, high = fit_interval(pairs, chosen, resamples)
    return Suggestion(
        method=METHOD,
        value=value,
        scale=observations.score_scale,
        low=low,
        high=high,
        observations=count,
        queries=pairs.queries,
        warning=few_warning(pairs),
        held_out=held_out(pairs, chosen, resamples=resamples),
        parameters=parameters,
    )


def fit(
    scores: NDArray,
    relevant: NDArray,
    weights: NDArray,
    *,
    target: float,
    bound: Bound = "wilson",
    confidence: float = 0.95,
) -> float | None:
    """The lowest floor that qualifies, half-way to the next score below; None where none does."""
    floors, kept, hits = counts_from_above(scores, relevant, weights)
    good = np.flatnonzero(lower_bound(hits, kept, bound, confidence) >= target)
    return between(floors, int(good[-1])) if len(good) else None
