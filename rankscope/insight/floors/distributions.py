"""Distributions of scores: what is counted, on which axis, in which bins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from rankscope.core.scales import ScoreScale
from rankscope.errors import ScaleError, UsageError
from rankscope.insight.floors.observations import UNJUDGED, Observations

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AXES", "KINDS", "Axis", "Histogram", "Kind", "histogram", "on_axis", "values_of"]

Kind = Literal["all", "top", "at-k", "gap"]
Axis = Literal["native", "logit", "probability"]
KINDS: tuple[Kind, ...] = ("all", "top", "at-k", "gap")
"""Every score; the best of each query; the one at rank K; the fall from rank 1 to rank 10."""
AXES: tuple[Axis, ...] = ("native", "logit", "probability")
GAP_RANK = 10
"""The gap is taken between rank 1 and this rank."""
_JUDGMENTS = ("relevant", "borderline", "not relevant", "unjudged")
_EDGE = 1e-12
"""Probabilities are kept this far from 0 and 1, where the logit would be infinite."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in equal bins, all of them and by judgment. ``len(edges) == len(counts) + 1``."""

    kind: Kind
    axis: Axis
    score_scale: ScoreScale
    """Scale of the scores that were counted; ``axis`` says how they are laid out."""
    edges: NDArray
    counts: NDArray
    by_judgment: Mapping[str, NDArray]
    """Counts of ``relevant``, ``borderline``, ``not relevant`` and ``unjudged``, where there are
    judgments."""
    left_out: int
    """Traces or hits without the value that is counted: no score, or fewer hits than the rank asked for."""


def values_of(observations: Observations, kind: Kind, *, rank: int | None = None) -> tuple[NDArray, NDArray]:
    """The values of a distribution and, for each, the number of its hit (of the first hit for a gap).

    ``rank`` is the rank of ``at-k``; without one it is each trace's own K. Ranks are places in the list.
    """
    scores = observations.scores
    lengths, starts = observations.lengths, observations.offsets[:-1]
    if kind == "all":
        scored = observations.scored
        if scored.all():
            return scores, np.arange(len(scores))
        hits = np.flatnonzero(scored)
        return scores[hits], hits
    if kind == "top":
        hits = starts[lengths > 0]
        best = observations.top_scores[lengths > 0]
        return best[np.isfinite(best)], hits[np.isfinite(best)]
    if kind == "at-k":
        wanted = observations.top_ks if rank is None else np.full(len(lengths), rank)
        hits = (starts + wanted - 1)[lengths >= wanted]
        return scores[hits][np.isfinite(scores[hits])], hits[np.isfinite(scores[hits])]
    if kind == "gap":
        first = starts[lengths >= GAP_RANK]
        low = scores[first + GAP_RANK - 1]
        known = np.isfinite(scores[first]) & np.isfinite(low)
        return (scores[first][known] - low[known]), first[known]
    raise UsageError(f"unknown distribution {kind!r}.", remedy=f"Known: {', '.join(KINDS)}.")


def on_axis(values: NDArray, score_scale: ScoreScale, axis: Axis) -> NDArray:
    """Scores as an axis shows them. Only logits and probabilities can be turned into one another."""
    if axis in ("native", score_scale.value):
        return values
    if axis == "logit" and score_scale is ScoreScale.PROBABILITY:
        clamped = np.clip(values, _EDGE, 1 - _EDGE)
        result: NDArray = np.log(clamped / (1 - clamped))
        return result
    if axis == "probability" and score_scale is ScoreScale.LOGIT:
        from scipy.special import expit

        squashed: NDArray = expit(values)
        return squashed
    raise ScaleError(f"scores on the {score_scale} scale cannot be shown on a {axis} axis.")


def histogram(
    observations: Observations,
    kind: Kind = "all",
    *,
    axis: Axis = "native",
    bins: int = 60,
    rank: int | None = None,
) -> Histogram:
    """Count a distribution in ``bins`` equal bins on an axis; a gap is always on the native one."""
    if bins < 1:
        raise UsageError(f"bins is {bins}, expected 1 or more.")
    shown: Axis = "native" if kind == "gap" else axis
    values, hits = values_of(observations, kind, rank=rank)
    places = on_axis(values, observations.score_scale, shown)
    low, high = _range(places, observations.score_scale, shown)
    edges = np.linspace(low, high, bins + 1)
    bin_of = np.clip(((places - low) * (bins / (high - low))).astype(np.int64), 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    total = len(observations.scores) if kind == "all" else observations.trace_count
    return Histogram(
        kind=kind,
        axis=shown,
        score_scale=observations.score_scale,
        edges=edges,
        counts=counts,
        by_judgment={} if kind == "gap" else _by_judgment(observations, hits, bin_of, bins),
        left_out=total - len(values),
    )


def _range(places: NDArray, score_scale: ScoreScale, axis: Axis) -> tuple[float, float]:
    """Ends of the axis: 0 and 1 for probabilities, else the data's; never of no width."""
    if axis == "probability" or (axis == "native" and score_scale is ScoreScale.PROBABILITY):
        low = min(0.0, float(places.min(initial=0.0)))
        return low, max(1.0, float(places.max(initial=1.0)))
    if len(places) == 0:
        return 0.0, 1.0
    low, high = float(places.min()), float(places.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _by_judgment(observations: Observations, hits: NDArray, bin_of: NDArray, bins: int) -> dict[str, NDArray]:
    if not observations.judged.any():
        return {}
    whole = len(hits) == len(observations.scores)
    grades = observations.grades if whole else observations.grades[hits]
    judgment = np.full(len(grades), 2, dtype=np.int64)
    if observations.borderline_grade is not None:
        judgment[grades == observations.borderline_grade] = 1
    judgment[grades >= observations.relevant_from] = 0
    judgment[grades == UNJUDGED] = 3
    table = np.bincount(judgment * bins + bin_of, minlength=4 * bins).reshape(4, bins)
    return dict(zip(_JUDGMENTS, table, strict=True))
