"""The smallest single change of a setting that brings a document into the result, and whom it displaces.

Each change that is found was tried on paper; the step before it does not keep the document.
"""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.insight.rescue.at_fusion import depth_change, rrf_k_change, weight_change
from rankscope.insight.rescue.at_the_end import candidates_change, floor_change, top_k_change
from rankscope.insight.rescue.change import Rescue
from rankscope.insight.rescue.paper_run import Probe, Setup
from rankscope.insight.rescue.situation import Situation

__all__ = ["rescue"]


def rescue(probe: Probe, setup: Setup, doc_id: str) -> Rescue:
    """Try N, the depth of the lists, RRF's k, each list's weight, the floor and K, one at a time.

    Changes that would make the pipeline skip reranking do not count. k, weights and depth are tried for a
    document that is not among the candidates: they decide who is.
    """
    case = Situation(probe, setup, doc_id)
    if doc_id in case.now.kept:
        return Rescue(doc_id, kept=True)
    found = [
        change
        for change in (
            floor_change(case),
            top_k_change(case),
            candidates_change(case),
            depth_change(case),
            rrf_k_change(case),
            *(weight_change(case, ranking.stage) for ranking in probe.lists),
        )
        if change is not None
    ]
    found.sort(key=lambda change: (change.size, change.setting))
    return Rescue(doc_id, False, tuple(found), () if found else obstacles(case))


def obstacles(case: Situation) -> tuple[str, ...]:
    """Everything that one change alone does not overcome."""
    found: list[str] = []
    if not case.ranks:
        found.append("no list holds it at any depth")
    elif case.fused_rank is None:
        best = min(case.ranks, key=lambda stage: case.ranks[stage])
        found.append(f"it is at {case.ranks[best]} in {best}, the lists end at {case.setup.depth}")
    elif case.fused_rank > case.bar:
        found.append(f"it is at {case.fused_rank} after fusion, {case.bar} go on")
    if not case.clears and case.floor is not None and case.score is not None:
        found.append(f"it scores {case.score:.4g}, below the floor {case.floor.value:g}")
    ahead = _ahead(case)
    if ahead >= case.setup.top_k:
        found.append(
            f"{counted(ahead, 'candidate stands', 'candidates stand')} above it, K is {case.setup.top_k}"
        )
    return tuple(found)


def _ahead(case: Situation) -> int:
    """Candidates that stand above it in the order that stands, or would; of equal scores, by id."""
    own = case.score
    if own is None:
        return 0
    return sum(
        hit.score is not None and (hit.score > own or (hit.score == own and hit.doc_id < case.doc_id))
        for hit in case.now.final.hits
    )
