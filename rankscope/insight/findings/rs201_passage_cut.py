"""RS201: the cross-encoder did not see the end of a passage."""

from __future__ import annotations

from dataclasses import dataclass

from rankscope.core.counting import counted
from rankscope.core.trace import Finding, Hit, Ranking, Severity
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named

__all__ = ["RULE"]

SPECIAL_TOKENS = 3
"""Markers around query and passage in the model's input."""


@dataclass(frozen=True, slots=True)
class _Cut:
    doc_id: str
    tokens: float
    share: float | None


def check(evidence: Evidence) -> Outcome:
    """Take the recorded token counts; without them, say only what the lengths prove."""
    ranking = evidence.trace.after
    if ranking is None or not ranking.hits:
        return NotApplicable("no document was scored by a cross-encoder")
    if any("tokens_cut" in hit.details for hit in ranking.hits):
        cuts = [_recorded(hit) for hit in ranking.hits if hit.details.get("tokens_cut", 0) > 0]
        return _finding(evidence, cuts, at_least=False)
    return _proved_by_length(evidence, ranking)


def _recorded(hit: Hit) -> _Cut:
    cut, tokens = hit.details["tokens_cut"], hit.details.get("tokens", 0.0)
    return _Cut(hit.doc_id, cut, min(cut / tokens, 1.0) if tokens > 0 else None)


def _proved_by_length(evidence: Evidence, ranking: Ranking) -> Outcome:
    """A token is at least a character and at most a word, so lengths bound their number."""
    model = evidence.trace.pipeline.models.get("cross_encoder")
    limit = model.max_length if model is not None else None
    if limit is None:
        return NotApplicable("neither tokens cut nor the model's maximum length is recorded")
    query = evidence.trace.query.text
    room = limit - SPECIAL_TOKENS - len(query.split())
    cuts: list[_Cut] = []
    unsure = False
    for hit in ranking.hits:
        document = evidence.trace.documents.get(hit.doc_id)
        words = len(document.text.split()) if document is not None else 0
        if document is None or not document.text:
            unsure = True
        elif words > max(room, 0):
            cuts.append(_Cut(hit.doc_id, words - max(room, 0), (words - max(room, 0)) / words))
        elif len(document.searchable.encode()) + len(query.encode()) + SPECIAL_TOKENS > limit:
            unsure = True
    if unsure and not cuts:
        return NotApplicable("tokens cut are not recorded and lengths do not settle it")
    return _finding(evidence, cuts, at_least=True)


def _finding(evidence: Evidence, cuts: list[_Cut], *, at_least: bool) -> Outcome:
    if not cuts:
        return ()
    worst = max(cuts, key=lambda cut: (cut.share or 0.0, cut.tokens))
    least = evidence.settings.cut_share
    # Without the number of tokens seen the share is not known; a cut is then taken as serious.
    severity: Severity = "warning" if worst.share is None or worst.share >= least else "info"
    bound = "at least " if at_least else ""
    share = "" if worst.share is None else f", {bound}{worst.share:.0%} of it"
    ids = tuple(cut.doc_id for cut in cuts)
    text = (
        f"the cross-encoder did not see the end of {counted(len(ids), 'passage')}: {named(ids)}; "
        f"most of {named([worst.doc_id])}: {bound}{counted(int(worst.tokens), 'token')}{share}"
    )
    return (Finding("RS201", severity, text, ids),)


RULE = Rule(
    code="RS201",
    name="passage-cut",
    severity="warning",
    summary="the cross-encoder did not see the end of a passage (tokens cut, share lost)",
    explanation=(
        "A cross-encoder reads query and passage together up to its maximum length and drops the rest "
        "without a word. An answer that stands in the dropped part cannot raise the score."
    ),
    remedy=(
        "Cut documents into smaller passages, score a long passage in overlapping windows (rerank.windows), "
        "or use a model that reads more at once."
    ),
    needs="tokens cut per document, or the model's maximum length and the texts",
    check=check,
)
