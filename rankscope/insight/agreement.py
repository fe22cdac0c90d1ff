"""Agreement between judges: Cohen's kappa over what both judged, through scikit-learn.

Cohen, J. (1960), A coefficient of agreement for nominal scales; with quadratic weights (Cohen 1968) a
difference of two grades counts four times as much as one of one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

__all__ = ["Agreement", "agreement", "agreements"]

Grades = Mapping[str, Mapping[str, int]]
"""One judge's grades by query and document."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two judges on the documents that both judged."""

    one: str
    other: str
    pairs: int
    """Documents of queries that both judged."""
    queries: int
    equal: int
    """Of the pairs, those with the same grade."""
    kappa: float | None
    """1 for full agreement, 0 for what chance gives; None where chance alone agrees fully."""
    weighted_kappa: float | None
    """The same with quadratic weights."""
    counts: Mapping[tuple[int, int], int]
    """How often the judges gave these two grades."""

    @property
    def share(self) -> float | None:
        """Share of equal grades; None without pairs."""
        return self.equal / self.pairs if self.pairs else None


def agreement(one: str, mine: Grades, other: str, theirs: Grades) -> Agreement:
    """Agreement of two judges."""
    pairs: list[tuple[int, int]] = []
    queries = 0
    for query, known in mine.items():
        both = [doc_id for doc_id in known if doc_id in theirs.get(query, {})]
        queries += bool(both)
        pairs += [(known[doc_id], theirs[query][doc_id]) for doc_id in both]
    counts: dict[tuple[int, int], int] = {}
    for pair in sorted(pairs):
        counts[pair] = counts.get(pair, 0) + 1
    return Agreement(
        one=one,
        other=other,
        pairs=len(pairs),
        queries=queries,
        equal=sum(first == second for first, second in pairs),
        kappa=_kappa(pairs, None),
        weighted_kappa=_kappa(pairs, "quadratic"),
        counts=counts,
    )


def agreements(judges: Mapping[str, Grades]) -> tuple[Agreement, ...]:
    """Every two judges that have a pair in common, those with most pairs first."""
    found = (agreement(one, judges[one], other, judges[other]) for one, other in combinations(judges, 2))
    return tuple(sorted((item for item in found if item.pairs), key=lambda item: -item.pairs))


def _kappa(pairs: list[tuple[int, int]], weights: str | None) -> float | None:
    """None where it is 0 / 0: both judges gave one and the same grade throughout."""
    grades = {grade for pair in pairs for grade in pair}
    if len(grades) < 2:
        return None
    from sklearn.metrics import cohen_kappa_score

    # Weights are of the distance between grades, not of their places among those that occur.
    labels = list(range(min(grades), max(grades) + 1))
    first, second = zip(*pairs, strict=True)
    value = float(cohen_kappa_score(first, second, labels=labels, weights=weights))
    return value if math.isfinite(value) else None
