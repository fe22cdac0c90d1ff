"""Plain sentences for a biography and a rescue: the same words in the screen and on the command line.

Ids stand in them as they are; sanitize before display.
"""

from __future__ import annotations

from rankscope.core.counting import counted
from rankscope.insight.biography import Biography
from rankscope.insight.rescue import Change, Rescue
from rankscope.insight.standing import CorpusStanding

__all__ = ["cause", "change_sentence", "fate_sentence"]


def fate_sentence(life: Biography) -> str:
    """How it ended for the document, with the margin."""
    final = life.final
    rank = f"rank {final.rank}" if final is not None else "no rank"
    floor = f"{life.floor.value:g}" if life.floor is not None else ""
    if life.fate == "kept":
        margin = f", {life.margin:.4g} above the floor {floor}" if life.margin is not None else ""
        return f"Kept: {rank} of at most {life.top_k}{margin}."
    if life.fate == "below_floor":
        short = f"{life.score_short:.4g} short of" if life.score_short is not None else "without a score for"
        return f"Lost at the floor: {rank}, {short} {floor}."
    if life.fate == "beyond_top_k":
        return f"Lost at K: {rank}, {_places(life.places_short)} behind K={life.top_k}."
    if life.fate == "not_reranked":
        if life.places_short is not None:
            cut = f"{_places(life.places_short)} behind those of {life.lost_at} that it was given"
            return f"Lost ahead of the reranker: {cut}."
        return "Lost in reranking: it went in and did not come back."
    if life.fate == "fusion_cut":
        fused = life.record(life.lost_at or "")
        listed = fused.listed if fused is not None else 0
        return f"Lost at the fusion cut: {_places(life.places_short)} behind the {listed} that go on."
    if life.fate == "filtered_out":
        return f"Filtered out: {_filters(life.standing)}."
    if life.fate == "not_in_corpus":
        return "Not in the corpus."
    if life.fate == "undecided":
        return f"Listed at {rank}; the trace does not record what was kept."
    near = ""
    if life.places_short is not None and life.lost_at is not None:
        near = f"; it came nearest in {life.lost_at}, {_places(life.places_short)} behind"
    return f"Never retrieved: no list holds it{near}."


def _places(count: int | None) -> str:
    if count is None:
        return "an unknown number of places"
    return counted(count, "place")


def _filters(standing: CorpusStanding | None) -> str:
    if standing is None:
        return "it does not pass the filters"
    parts = (
        f"{key} is {'not set' if has is None else has}, asked for was {wanted}"
        for key, (wanted, has) in standing.failed_filters.items()
    )
    return "; ".join(parts)


def change_sentence(change: Change) -> str:
    """One change, the rank that it gives, and whom it displaces."""
    more = f" and {len(change.displaced) - 3} more" if len(change.displaced) > 3 else ""
    whom = f"displaces {', '.join(change.displaced[:3])}{more}" if change.displaced else "displaces none"
    also = f", lets {len(change.entered)} more in" if change.entered else ""
    return f"{change.setting} {change.now:g} -> {change.to:g}: rank {change.rank}, {whom}{also}"


def cause(life: Biography, found: Rescue | None) -> str:
    """Why no single change brings the document in; empty where one does, or where it is kept."""
    standing = life.standing
    if life.fate == "kept" or (found is not None and found.changes):
        return ""
    if life.fate == "not_in_corpus":
        return "The corpus does not hold it."
    if life.fate == "filtered_out":
        return f"Filtered out: {_filters(standing)}. No setting overrides a filter."
    parts = list(found.obstacles) if found is not None else []
    if standing is not None:
        parts += _reasons(standing)
    return f"No single change brings it in: {'; '.join(parts) or 'the trace does not say why'}."


def _reasons(standing: CorpusStanding) -> list[str]:
    """What about the document and the query explains its place."""
    reasons: list[str] = []
    if standing.shared_terms == ():
        reasons.append("it shares no term with the query")
    dense = standing.stage("dense")
    if dense is not None and dense.rank is not None and dense.score is not None and dense.rank * 2 > dense.of:
        low = f"its cosine {dense.score:.2f} is in the lower half ({dense.rank} of {dense.of})"
        reasons = [f"{reasons[0]} and {low}"] if reasons else [low]
    if standing.tokens_cut:
        reasons.append(f"the cross-encoder did not see its last {counted(standing.tokens_cut, 'token')}")
    return reasons
