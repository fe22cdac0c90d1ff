"""What is wrong with the passages themselves: broken sentences, and ends that no model reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rankscope.config import FindingsSettings
from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.core.trace import Hit, Trace
from rankscope.insight.findings.rs203_broken_sentence import breaks_of, is_prose
from rankscope.insight.significance import wilson
from rankscope.insight.verdict.model import Diagnosis

__all__ = ["diagnose_passages"]

_SHOWN = 5


def diagnose_passages(
    traces: Sequence[Trace], documents: Mapping[str, Document], settings: FindingsSettings
) -> tuple[Diagnosis, Diagnosis]:
    """Broken sentences and exceeded windows. ``documents`` adds the texts that the traces do not carry."""
    return _broken_sentences(traces, documents, settings), _window_exceeded(traces, settings)


def _broken_sentences(
    traces: Sequence[Trace], documents: Mapping[str, Document], settings: FindingsSettings
) -> Diagnosis:
    """Each passage of some top K counts once."""
    code = "broken-sentences"
    broken: dict[str, bool] = {}
    shown: list[str] = []
    for trace in traces:
        final = trace.final
        fresh = False
        for hit in final.hits[: trace.top_k or 10] if final is not None else ():
            document = trace.documents.get(hit.doc_id) or documents.get(hit.doc_id)
            if document is None or hit.doc_id in broken or not is_prose(document):
                continue
            broken[hit.doc_id] = bool(breaks_of(document.text))
            fresh = fresh or broken[hit.doc_id]
        if fresh and len(shown) < _SHOWN:
            shown.append(trace.trace_id)
    share = wilson(sum(broken.values()), len(broken))
    if share is None:
        return Diagnosis(code, "unknown", "no prose is among the texts of the top documents", "")
    of = f"of {counted(len(broken), 'passage')} in the top K"
    measure = counted(sum(broken.values()), f"{of} starts or ends", f"{of} start or end") + (
        f" inside a sentence ({share.value:.0%} [{share.low or 0.0:.0%}, {share.high or 0.0:.0%}])"
    )
    if share.value < settings.broken_share:
        return Diagnosis(code, "fine", measure, "", share)
    remedy = (
        "Cut at the ends of sentences (RankScope's own chunker does), or let passages overlap by a sentence: "
        "a reranker cannot give back the words that were cut off."
    )
    return Diagnosis(code, "found", measure, remedy, share, tuple(shown))


def _window_exceeded(traces: Sequence[Trace], settings: FindingsSettings) -> Diagnosis:
    """Passages with an end that the cross-encoder, or the bi-encoder, does not read.

    The bi-encoder's cuts follow from the token counts that the cross-encoder recorded.
    """
    code = "window-exceeded"
    unread: dict[str, bool] = {}
    unembedded: dict[str, bool] = {}
    shown: list[str] = []
    limit = None
    for trace in traces:
        encoder = trace.pipeline.models.get("bi_encoder")
        limit = limit or (encoder.max_length if encoder is not None else None)
        fresh = False
        for hit in trace.after.hits if trace.after is not None else ():
            if "tokens_cut" in hit.details and hit.doc_id not in unread:
                unread[hit.doc_id] = hit.details["tokens_cut"] > 0
                fresh = fresh or unread[hit.doc_id]
            if encoder is not None and encoder.max_length is not None and "tokens" in hit.details:
                unembedded.setdefault(hit.doc_id, _too_long(hit, encoder.max_length))
                fresh = fresh or unembedded[hit.doc_id]
        if fresh and len(shown) < _SHOWN:
            shown.append(trace.trace_id)
    if not unread:
        return Diagnosis(code, "unknown", "these traces do not record how long passages are", "")
    share = wilson(sum(unread.values()), len(unread))
    assert share is not None
    parts = [
        f"the cross-encoder does not read the end of {sum(unread.values()):,} "
        f"of {counted(len(unread), 'passage')}"
    ]
    worst = share
    embedded = wilson(sum(unembedded.values()), len(unembedded))
    if embedded is not None:
        of = f"of {len(unembedded):,}"
        longer = counted(sum(unembedded.values()), f"{of} does", f"{of} do")
        parts.append(f"the bi-encoder's {limit} tokens end before {longer}")
        worst = max(share, embedded, key=lambda known: known.value)
    measure = f"{'; '.join(parts)} ({worst.value:.0%} [{worst.low or 0.0:.0%}, {worst.high or 0.0:.0%}])"
    if worst.value < settings.cut_share:
        return Diagnosis(code, "fine", measure, "", worst)
    remedy = (
        "Cut documents into smaller passages, or turn on overlapping windows (rerank.windows); what the "
        "bi-encoder does not read, only BM25 can find."
    )
    return Diagnosis(code, "found", measure, remedy, worst, tuple(shown))


def _too_long(hit: Hit, limit: int) -> bool:
    """Whether a passage of this many tokens and the two markers around it exceeds the limit."""
    return hit.details["tokens"] + 2 > limit
