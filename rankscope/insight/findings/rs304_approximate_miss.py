"""RS304: approximate search missed what exact search finds."""

from __future__ import annotations

from rankscope.core.trace import Finding, Ranking
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named

__all__ = ["RULE"]


def check(evidence: Evidence) -> Outcome:
    """Compare with the exact list if it is given, else with the exact ranks that the hits carry."""
    dense = next((ranking for ranking in evidence.lists if ranking.stage == "dense"), None)
    if dense is None or not dense.hits:
        return NotApplicable("no dense list is recorded")
    if evidence.exact is not None:
        missed = _missed(dense, evidence.exact, evidence.settings.tie_tolerance)
        return _finding(dense, len(missed), missed)
    count = _missed_by_rank(dense)
    if count is None:
        reason = evidence.not_looked_up or "exact ranks are not recorded beside the approximate ones"
        return NotApplicable(reason)
    return _finding(dense, count, ())


def _missed(dense: Ranking, exact: Ranking, tolerance: float) -> tuple[str, ...]:
    """What belongs in the list and is not there; one that ties with the last that is may stand in or out."""
    held = set(dense.doc_ids)
    last = dense.hits[-1].score
    return tuple(
        hit.doc_id
        for hit in exact.hits[: len(dense.hits)]
        if hit.doc_id not in held and (last is None or hit.score is None or hit.score > last + tolerance)
    )


def _missed_by_rank(dense: Ranking) -> int | None:
    """Exact ranks 1 to n that no hit of a list of n has; also ``exact_missed`` where a stage recorded it."""
    recorded = dense.details.get("exact_missed")
    if isinstance(recorded, int | float):
        return int(recorded)
    exact = [hit.details["exact_rank"] for hit in dense.hits if "exact_rank" in hit.details]
    if len(exact) < len(dense.hits):
        return None
    return len(dense.hits) - sum(rank <= len(dense.hits) for rank in exact)


def _finding(dense: Ranking, count: int, missed: tuple[str, ...]) -> Outcome:
    if count <= 0:
        return ()
    which = f": {named(missed)}" if missed else ""
    recall = 1 - count / len(dense.hits)
    text = (
        f"approximate search missed {count} of the {len(dense.hits)} nearest documents (recall "
        f"{recall:.0%}){which}"
    )
    return (Finding("RS304", "warning", text, missed),)


RULE = Rule(
    code="RS304",
    name="approximate-miss",
    severity="warning",
    summary="approximate search missed what exact search finds",
    explanation=(
        "An approximate index visits only a part of the vectors. What it misses looks like a weakness of "
        "the embedding, but is one of the index's search effort, or of a filter that leaves few neighbours."
    ),
    remedy=(
        "Raise the search effort (efSearch of HNSW, nprobe of IVF), or search exactly while the corpus is "
        "small."
    ),
    needs="the exact list, or exact ranks beside the approximate ones",
    check=check,
)
