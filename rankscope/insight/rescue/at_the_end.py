"""Changes behind the scores: the floor, K, and how many candidates are scored at all."""

from __future__ import annotations

import math
from dataclasses import replace

from rankscope.insight.rescue.change import Change
from rankscope.insight.rescue.paper_run import cut
from rankscope.insight.rescue.situation import LARGEST_DEPTH, Situation, on_grid
from rankscope.stages.fusion.rrf import ReciprocalRankFusion

__all__ = ["candidates_change", "floor_change", "top_k_change"]


def floor_change(case: Situation) -> Change | None:
    """Lower the floor to just below the document's score, on a grid of four figures."""
    if case.floor is None or not case.is_candidate or case.clears or case.score is None:
        return None
    step = 10.0 ** (math.floor(math.log10(abs(case.score))) - 3) if case.score else 1e-4
    units = math.floor(case.score / step + 1e-6)
    value = on_grid(units, step)
    if value > case.score:  # the dust that was forgiven was not dust
        value = on_grid(units - 1, step)
    changed = replace(case.setup, floor=replace(case.floor, value=value))
    return case.change("floor.value", case.floor.value, value, step, changed)


def top_k_change(case: Situation) -> Change | None:
    """Raise K to the document's place among those that reach the floor."""
    if case.doc_id not in case.now.cleared:
        return None
    place = case.now.cleared.index(case.doc_id) + 1
    if place <= case.setup.top_k or place > LARGEST_DEPTH:
        return None
    return case.change("floor.top_k", case.setup.top_k, place, 1, replace(case.setup, top_k=place))


def candidates_change(case: Situation) -> Change | None:
    """Raise N to the document's fused rank, or lower it to leave out rivals that outrank it later."""
    now = case.setup.candidates
    to = case.fused_rank if not case.is_candidate else _fewer_candidates(case)
    if to is None or to == now or to > LARGEST_DEPTH or (not case.is_candidate and case.hopeless()):
        return None
    return case.change("retrieval.candidates", now, to, 1, replace(case.setup, candidates=to))


def _fewer_candidates(case: Situation) -> int | None:
    """The largest N that leaves fewer than K better documents among the candidates."""
    if not case.now.reranked or case.doc_id not in case.now.cleared or case.fused_rank is None:
        return None
    fuser = ReciprocalRankFusion(case.setup.rrf_k, case.setup.weights)
    order = fuser.fuse(cut(case.probe.lists, case.setup.depth), case.setup.candidates).by_id()
    ahead = case.now.cleared[: case.now.cleared.index(case.doc_id)]
    places = sorted(order[doc_id].rank for doc_id in ahead)
    if len(places) < case.setup.top_k:
        return None
    to = places[case.setup.top_k - 1] - 1
    return to if to >= case.fused_rank else None
