"""Uncertainty of measured means, differences and rates.

All functions are pure: the same numbers and the same seed give the same answer. What cannot be known (an
interval from one observation) is None, never a guess.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Interval",
    "bootstrap_mean",
    "bootstrap_means",
    "mean_of_means",
    "paired_bootstrap",
    "paired_permutation_test",
    "paired_t_test",
    "wilson",
]

BootstrapMethod = Literal["BCa", "percentile"]
_BATCH = 500
"""Resamples that are drawn at once; bounds the memory of a large query set."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its confidence interval; ``low`` and ``high`` are None where n is below 2."""

    value: float
    low: float | None
    high: float | None
    n: int
    """Observations behind it."""


def bootstrap_mean(
    values: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = 9999,
    method: BootstrapMethod = "BCa",
    seed: int = 0,
) -> Interval:
    """Mean of ``values`` with its bootstrap interval. Raises ValueError for no values."""
    return bootstrap_means([values], confidence=confidence, resamples=resamples, method=method, seed=seed)[0]


def paired_bootstrap(
    before: Sequence[float],
    after: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = 9999,
    method: BootstrapMethod = "BCa",
    seed: int = 0,
) -> Interval:
    """Mean of ``after - before`` over the same queries, queries resampled as pairs."""
    return bootstrap_mean(
        _differences(before, after), confidence=confidence, resamples=resamples, method=method, seed=seed
    )


def bootstrap_means(
    rows: Sequence[Sequence[float]],
    *,
    confidence: float = 0.95,
    resamples: int = 9999,
    method: BootstrapMethod = "BCa",
    seed: int = 0,
) -> list[Interval]:
    """:func:`bootstrap_mean` of several rows over the same observations, from the same resamples."""
    import numpy as np

    table = np.asarray(rows, dtype=float)
    if table.ndim != 2 or table.shape[1] == 0:
        raise ValueError("expected rows of at least one value, all of one length")
    means = table.mean(axis=1)
    count = table.shape[1]
    # Equal values have no spread to resample, and BCa would divide by it.
    spread = np.ptp(table, axis=1) > 0
    lows, highs = means.copy(), means.copy()
    if count > 1 and spread.any():
        low, high = _bootstrap((table[spread],), _mean, confidence, resamples, method, seed)
        lows[spread], highs[spread] = low, high
    if count == 1:
        return [Interval(float(mean), None, None, 1) for mean in means]
    return [
        Interval(float(mean), float(low), float(high), count)
        for mean, low, high in zip(means, lows, highs, strict=True)
    ]


def mean_of_means(
    groups: Sequence[Sequence[float]],
    *,
    confidence: float = 0.95,
    resamples: int = 9999,
    method: BootstrapMethod = "BCa",
    seed: int = 0,
) -> Interval:
    """Unweighted mean of the groups' means; each group is resampled within itself.

    For the mean lift over several collections: the collections are given, the queries are a sample.
    """
    import numpy as np

    if not groups or any(len(group) == 0 for group in groups):
        raise ValueError("expected at least one group, none of them empty")
    samples = tuple(np.asarray(group, dtype=float) for group in groups)
    value = fmean(float(sample.mean()) for sample in samples)
    count = sum(len(sample) for sample in samples)
    if any(len(sample) < 2 for sample in samples):
        return Interval(value, None, None, count)
    if not any(np.ptp(sample) > 0 for sample in samples):
        return Interval(value, value, value, count)
    low, high = _bootstrap(samples, _mean_of_means, confidence, resamples, method, seed)
    return Interval(value, float(low), float(high), count)


def paired_permutation_test(
    before: Sequence[float], after: Sequence[float], *, resamples: int = 9999, seed: int = 0
) -> float:
    """Two-sided p-value that the mean difference is 0: signs of the differences flipped at random.

    Exact where all sign patterns are no more than ``resamples``. Fisher's randomization test.
    """
    import numpy as np
    from scipy import stats

    differences = np.asarray(_differences(before, after), dtype=float)
    # A query that did not change adds nothing under either sign.
    differences = differences[differences != 0]
    # With a single change both signs are equally far from zero.
    if len(differences) < 2:
        return 1.0
    result = stats.permutation_test(
        (differences,),
        _mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=_BATCH,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def paired_t_test(before: Sequence[float], after: Sequence[float]) -> float:
    """Two-sided p-value of Student's paired t-test; 1.0 where no query changed.

    Raises ValueError below two pairs. Where every query changed by the same amount, 0.0.
    """
    from scipy import stats

    differences = _differences(before, after)
    if len(differences) < 2:
        raise ValueError("a t-test needs at least two pairs")
    if max(differences) == min(differences):
        return 1.0 if differences[0] == 0 else 0.0
    return float(stats.ttest_rel(after, before).pvalue)


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> Interval | None:
    """A rate with its Wilson score interval (Wilson 1927); None for no trials."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} trials")
    if n == 0:
        return None
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At the two ends the bound equals the rate exactly; rounding must not move it outside 0 to 1.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(rate, low, high, n)


def _differences(before: Sequence[float], after: Sequence[float]) -> list[float]:
    if len(before) != len(after):
        raise ValueError(f"{len(before)} values before and {len(after)} after are no pairs")
    return [new - old for old, new in zip(before, after, strict=True)]


def _mean(sample: NDArray, axis: int = -1) -> NDArray:
    result: NDArray = sample.mean(axis=axis)
    return result


def _mean_of_means(*samples: NDArray, axis: int = -1) -> NDArray:
    total: NDArray = sum(sample.mean(axis=axis) for sample in samples) / len(samples)
    return total


def _bootstrap(
    samples: tuple[NDArray, ...],
    statistic: Any,
    confidence: float,
    resamples: int,
    method: BootstrapMethod,
    seed: int,
) -> tuple[NDArray, NDArray]:
    """Lower and upper bounds. Where BCa has no answer (nearly constant data), the percentile bounds."""
    import numpy as np
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            samples,
            statistic,
            n_resamples=resamples,
            batch=_BATCH,
            vectorized=True,
            axis=-1,
            confidence_level=confidence,
            method=method,
            rng=np.random.default_rng(seed),
        )
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    plain = np.quantile(result.bootstrap_distribution, tails, axis=-1)
    low = np.where(np.isnan(result.confidence_interval.low), plain[0], result.confidence_interval.low)
    high = np.where(np.isnan(result.confidence_interval.high), plain[1], result.confidence_interval.high)
    return low, high
