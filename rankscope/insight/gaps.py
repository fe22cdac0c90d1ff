"""What a trace does not hold, so that nothing can be said about it: imports keep what their source had."""

from __future__ import annotations

from rankscope.core.trace import Ranking, Trace

__all__ = ["gaps"]


def gaps(trace: Trace, doc_id: str) -> list[str]:
    """One plain sentence for each thing that would be needed to say more about a document."""
    found = []
    if not trace.query.text.strip():
        found.append("The trace has no text of the query: no word of it can be weighed.")
    scoreless = [ranking.stage for ranking in trace.rankings if _without_score(ranking, doc_id)]
    if scoreless:
        found.append(f"The trace has no score for it in {', '.join(scoreless)}: margins there are not known.")
    if trace.ranking("rerank") is None:
        found.append("The trace has no reranked list: nothing was moved.")
    elif trace.before is None:
        found.append("The trace has no list ahead of the reranker: where it came from is not known.")
    if trace.decision is None and trace.top_k is None:
        found.append("The trace does not record a floor, K or what was kept.")
    return found


def _without_score(ranking: Ranking, doc_id: str) -> bool:
    hit = ranking.hit(doc_id)
    return hit is not None and hit.score is None
