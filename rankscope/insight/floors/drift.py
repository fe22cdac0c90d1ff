"""Drift: whether the scores since a floor was set still look like those it was set on.

Two measures: Kolmogorov and Smirnov's largest distance between the two distributions, and the population
stability index, the usual measure for scores in production (below 0.1 stable, above 0.25 look again). What
is compared is the best score of each query: those are independent of one another, and they decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rankscope.core.counting import counted
from rankscope.insight.floors.observations import Observations

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Drift", "DriftVerdict", "drift", "psi", "remember_scores", "remembered_scores"]

DriftVerdict = Literal["stable", "some change", "look again", "too few"]
FEWEST = 50
"""Fewest queries on either side."""
_BINS = 10
_REMEMBERED = 1000
_SURE = 0.01


@dataclass(frozen=True, slots=True)
class Drift:
    """Two samples of best scores compared."""

    verdict: DriftVerdict
    ks: float | None
    """Largest distance of the two distribution functions, 0 to 1."""
    p_value: float | None
    """Of that distance, were both samples of one distribution."""
    psi: float | None
    before: int
    """Queries that the floor was set on."""
    since: int
    """Queries since then."""

    @property
    def line(self) -> str:
        """The verdict as a sentence."""
        sizes = f"{counted(self.since, 'query', 'queries')} since, {self.before:,} before"
        if self.verdict == "too few":
            return f"too few queries to tell ({sizes}; {FEWEST} on each side are the least)"
        figures = f"KS {self.ks:.3f}, p {self.p_value:.2g}, PSI {self.psi:.3f}; {sizes}"
        words = {
            "stable": "the scores look as they did",
            "some change": "the scores changed somewhat: keep an eye on them",
            "look again": "the scores changed: look at the floor again",
        }
        return f"{words[self.verdict]} ({figures})"

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"line": self.line}


def drift(before: NDArray, since: NDArray, *, counted_before: int | None = None) -> Drift:
    """Compare two samples. ``counted_before`` is how many queries ``before`` stands for, if thinned.

    Looks at size and chance: with many queries every difference is significant, so a small one is not
    reported; with few, PSI is large by chance alone, so its expected value under no change is allowed for.
    """
    count = len(before) if counted_before is None else counted_before
    if min(count, len(since)) < FEWEST:
        return Drift("too few", None, None, None, count, len(since))
    from scipy import stats

    result = stats.ks_2samp(before, since)
    index = psi(before, since)
    by_chance = (_BINS - 1) * (1 / len(before) + 1 / len(since))
    ks, p_value = float(result.statistic), float(result.pvalue)
    verdict: DriftVerdict = "stable"
    if p_value < _SURE:
        if index > 0.25 + by_chance or ks > 0.2:
            verdict = "look again"
        elif index > 0.1 + by_chance or ks > 0.1:
            verdict = "some change"
    return Drift(verdict, ks, p_value, index, count, len(since))


def psi(before: NDArray, since: NDArray, bins: int = _BINS) -> float:
    """Population stability index over bins of equal counts of ``before``; half a count is added to each."""
    edges = np.unique(np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1]))
    shares = []
    for sample in (before, since):
        counts = np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def remember_scores(observations: Observations) -> dict[str, Any]:
    """What a stored floor keeps of the scores it was set on: at most 1,000 of them, evenly by rank.

    So drift can still be told when the traces themselves have been deleted.
    """
    tops = np.sort(observations.top_scores[np.isfinite(observations.top_scores)])
    places = np.unique(np.linspace(0, len(tops) - 1, min(len(tops), _REMEMBERED)).round().astype(np.int64))
    kept = [float(f"{value:.7g}") for value in tops[places].tolist()] if len(tops) else []
    return {"queries": len(tops), "top_scores": kept}


def remembered_scores(evidence: dict[str, Any]) -> tuple[NDArray, int]:
    """What :func:`remember_scores` kept, and of how many queries; nothing where there is none."""
    found = evidence.get("top_scores")
    values = [float(value) for value in found] if isinstance(found, list) else []
    count = evidence.get("queries")
    return np.array(values), count if isinstance(count, int) else len(values)
