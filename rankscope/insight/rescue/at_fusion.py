"""Changes that decide who is among the candidates: depth of the lists, RRF's k, a list's weight."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rankscope.core.trace import Ranking
from rankscope.insight.rescue.change import Change
from rankscope.insight.rescue.paper_run import Setup, cut
from rankscope.insight.rescue.situation import LARGEST_DEPTH, Situation, on_grid

__all__ = ["depth_change", "rrf_k_change", "weight_change"]

NEAR_DEPTHS = 1_000
"""So many depths beyond the present one are tried one by one."""
LARGEST_RRF_K = 1_000
LARGEST_WEIGHT = 100.0
WEIGHT_STEP = 0.01
"""Weights are tried in steps of this size."""


def depth_change(case: Situation) -> Change | None:
    """The smallest depth of the lists at which it is kept.

    Far down only its own ranks are tried: between them a deeper list adds to the others' scores alone.
    """
    if not case.barred() or not case.ranks:
        return None
    deepest = min(max(len(ranking.hits) for ranking in case.probe.lists), LARGEST_DEPTH)
    near = range(case.setup.depth + 1, min(deepest, case.setup.depth + NEAR_DEPTHS) + 1)
    far = (rank for rank in case.ranks.values() if near.stop <= rank <= deepest)
    for depth in (*near, *sorted(far)):
        if depth < min(case.ranks.values()):
            continue
        changed = replace(case.setup, depth=depth)
        rank = case.fused_rank_under(changed)
        if rank is not None and rank <= case.bar:
            change = case.change("retrieval.depth", case.setup.depth, depth, 1, changed)
            if change is not None:
                return change
    return None


def rrf_k_change(case: Situation) -> Change | None:
    """The whole k nearest to the present one."""
    if not case.barred() or case.fused_rank is None:
        return None
    now = case.setup.rrf_k
    lists = cut(case.probe.lists, case.setup.depth)
    for k in sorted(range(LARGEST_RRF_K + 1), key=lambda value: (abs(value - now), value)):
        rank = case.fused_rank_in(lists, k, case.setup.weights)
        if k != now and rank is not None and rank <= case.bar:
            change = case.change("retrieval.rrf_k", now, k, 1, replace(case.setup, rrf_k=k))
            if change is not None:
                return change
    return None


def weight_change(case: Situation, stage: str) -> Change | None:
    """The weight of one list nearest to the present one, in steps of a hundredth."""
    now = case.setup.weights.get(stage, 1.0)
    if not case.barred() or case.fused_rank is None or now <= 0:
        return None
    lists = cut(case.probe.lists, case.setup.depth)
    for start in _weights_to_try(case, lists, stage, now):
        units = start
        weights = _weights(case, stage, units)
        rank = case.fused_rank_in(lists, case.setup.rrf_k, weights)
        if rank is None or rank > case.bar or case.keeps(_weighted(case, weights)) is None:
            continue
        nearer = -1 if units * WEIGHT_STEP > now else 1
        # Rivals that change places with each other can let it in a step or two earlier.
        while case.keeps(_weighted(case, _weights(case, stage, units + nearer))) is not None:
            units += nearer
        weights = _weights(case, stage, units)
        name = f"retrieval.{stage}_weight"
        return case.change(name, now, weights[stage], WEIGHT_STEP, _weighted(case, weights))
    return None


def _weights(case: Situation, stage: str, units: int) -> dict[str, float]:
    return {**case.setup.weights, stage: on_grid(units, WEIGHT_STEP)}


def _weighted(case: Situation, weights: Mapping[str, float]) -> Setup:
    return replace(case.setup, weights=weights)


def _weights_to_try(case: Situation, lists: Sequence[Ranking], stage: str, now: float) -> Iterator[int]:
    """Grid points next to the weights at which the document draws level with a rival, nearest first.

    Both scores are linear in the weight, so between two such weights its fused rank stands still.
    """
    inside: dict[str, float] = {}
    outside: dict[str, float] = {}
    for ranking in lists:
        table = inside if ranking.stage == stage else outside
        weight = 1.0 if ranking.stage == stage else case.setup.weights.get(ranking.stage, 1.0)
        for hit in ranking.hits:
            table[hit.doc_id] = table.get(hit.doc_id, 0.0) + weight / (case.setup.rrf_k + hit.rank)
    own_slope, own_rest = inside.get(case.doc_id, 0.0), outside.get(case.doc_id, 0.0)
    points: set[int] = set()
    for rival in {*inside, *outside} - {case.doc_id}:
        slope = own_slope - inside.get(rival, 0.0)
        if slope == 0:
            continue
        level = (outside.get(rival, 0.0) - own_rest) / slope / WEIGHT_STEP
        if 0 < level * WEIGHT_STEP <= LARGEST_WEIGHT:
            points.update((math.floor(level), math.floor(level) + 1, math.ceil(level) - 1))
    present = now / WEIGHT_STEP
    usable = (units for units in points if units > 0 and abs(units - present) > 1e-6)
    return iter(sorted(usable, key=lambda units: (abs(units - present), units)))
