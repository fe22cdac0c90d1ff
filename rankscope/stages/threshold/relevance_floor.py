"""The relevance floor: keep the best K documents that score at least the floor, else refuse."""

from __future__ import annotations

from dataclasses import dataclass

from rankscope.core.trace import Decision, Floor, Hit, Ranking
from rankscope.errors import ScaleError

__all__ = ["FloorOutcome", "apply_floor"]


@dataclass(frozen=True, slots=True)
class FloorOutcome:
    """What a floor does to a ranking: every hit is in exactly one of the three lists."""

    kept: tuple[Hit, ...]
    below_floor: tuple[Hit, ...]
    """Hits that score below the floor."""
    beyond_top_k: tuple[Hit, ...]
    """Hits that clear the floor but stand after rank K."""

    @property
    def decision(self) -> Decision:
        """Refuse when nothing is kept: no evidence is better than the least bad."""
        return "answer" if self.kept else "refuse"


def apply_floor(ranking: Ranking, floor: Floor | None, top_k: int) -> FloorOutcome:
    """Split a ranking at the floor and at K. A score equal to the floor is kept.

    A hit without a score (an import that had none) cannot be shown to clear a floor and counts as below it.
    Raises ScaleError when floor and scores are on different scales.
    """
    if floor is not None and ranking.hits and floor.score_scale != ranking.score_scale:
        raise ScaleError(
            f"the floor {floor.value:g} is on the {floor.score_scale} scale, "
            f"the {ranking.stage} scores are on the {ranking.score_scale} scale.",
            remedy="Set a floor on the scale of these scores, or none.",
        )
    clears = [floor is None or (hit.score is not None and hit.score >= floor.value) for hit in ranking.hits]
    cleared = [hit for hit, clear in zip(ranking.hits, clears, strict=True) if clear]
    below = tuple(hit for hit, clear in zip(ranking.hits, clears, strict=True) if not clear)
    return FloorOutcome(kept=tuple(cleared[:top_k]), below_floor=below, beyond_top_k=tuple(cleared[top_k:]))
