"""Explanations that need the index or a model: BM25 terms, cosine, what was read, which words count.

Each looks one document up beside one query, on demand; nothing here runs as part of a query.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from rankscope.core.cancellation import never
from rankscope.core.documents import Document, Query
from rankscope.core.protocols import Reranker, ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.engine.pipeline import Pipeline
from rankscope.errors import Cancelled, ModelError
from rankscope.insight.attribution import Attribution, Passage, Score, attribute

if TYPE_CHECKING:
    from rankscope.stages.bm25.explain import Bm25Explanation
    from rankscope.stages.dense.explain import DenseExplanation
    from rankscope.stages.rerank.reading import Reading

__all__ = ["Retrieved", "attribution_scale", "explain_retrieval", "iter_attribution", "read_as_model"]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Why the retrievers place one document where they do."""

    document: Document
    bm25: Bm25Explanation | None
    """None where the pipeline has no BM25 stage."""
    dense: DenseExplanation | None
    """None where the pipeline has no dense stage."""
    sentences: tuple[tuple[int, int], ...]
    """Ranges of ``document.text``, the sentences whose cosines ``dense`` holds."""


def explain_retrieval(pipeline: Pipeline, query: Query, doc_id: str) -> Retrieved | None:
    """Shares of BM25's terms, the exact rank by cosine and the nearest sentence; None for an unknown id."""
    from rankscope.corpus.sentences import sentence_spans

    document = pipeline.documents.fetch([doc_id]).get(doc_id)
    if document is None:
        return None
    spans = tuple(span for span in sentence_spans(document.text) if document.text[slice(*span)].strip())
    sentences = [document.text[start:end].strip() for start, end in spans]
    bm25, dense = _stage(pipeline, "bm25"), _stage(pipeline, "dense")
    return Retrieved(
        document=document,
        bm25=None if bm25 is None else bm25.explain(query, doc_id),
        dense=None if dense is None else dense.explain(query, doc_id, sentences, pipeline.depth),
        sentences=spans,
    )


def _stage(pipeline: Pipeline, name: str) -> Any | None:
    """The retriever of this name, if it explains itself; one that guards another is looked through."""
    for retriever in pipeline.retrievers:
        inner = getattr(retriever, "retriever", retriever)
        if retriever.stage == name and hasattr(inner, "explain"):
            return inner
    return None


def read_as_model(pipeline: Pipeline, query: str, document: Document) -> Reading | None:
    """What the cross-encoder reads of a passage; None where it cannot tell (a service, or no reranker)."""
    reading = getattr(pipeline.reranker, "reading", None)
    found: Reading | None = None if reading is None else reading(query, document)
    return found


def attribution_scale(reranker: Reranker) -> ScoreScale:
    """The scale of an attribution's effects: logits instead of probabilities, which flatten at their ends."""
    scale = reranker.score_scale
    return ScoreScale.LOGIT if scale is ScoreScale.PROBABILITY else scale


def iter_attribution(
    pipeline: Pipeline,
    query: str,
    documents: Sequence[Document],
    *,
    cancelled: Callable[[], bool] = never,
) -> Iterator[tuple[Attribution, ...]]:
    """Which sentences and words move the cross-encoder's scores, as it becomes known; documents in one batch.

    Of a passage in several windows the window that won is explained. Raises Cancelled once ``cancelled()``
    is true, ModelError without a reranker.
    """
    reranker = pipeline.reranker
    if reranker is None:
        raise ModelError("there is no reranker whose scores could be explained.", remedy="Turn it on.")
    # Past the scores that are kept on disk: texts with parts left out are nobody's passages.
    reranker = getattr(reranker, "inner", reranker)
    score = _score_with(reranker, cancelled)
    passages = [_seen(pipeline, reranker, query, document) for document in documents]
    yield from attribute(score, query, passages)


def _score_with(reranker: Reranker, cancelled: Callable[[], bool]) -> Score:
    """Texts scored by the reranker, on a scale without ends where it has one."""

    def score(query: str, texts: Sequence[str]) -> Iterator[Sequence[float]]:
        known: dict[int, float] = {}
        told = 0
        passages = [Document(str(place), text) for place, text in enumerate(texts)]
        for chunk in reranker.score(query, passages, cancelled=cancelled):
            known.update((pair.index, _open_ended(pair, reranker.score_scale)) for pair in chunk)
            ready = list(takewhile(known.__contains__, range(told, len(texts))))
            told += len(ready)
            yield [known[place] for place in ready]
        if told < len(texts):
            raise Cancelled("the explanation was stopped.")

    return score


def _open_ended(pair: ScoredPair, scale: ScoreScale) -> float:
    if scale is not ScoreScale.PROBABILITY:
        return pair.score
    if "logit" in pair.details:
        return pair.details["logit"]
    inside = min(max(pair.score, 1e-9), 1 - 1e-9)
    return math.log(inside / (1 - inside))


def _seen(pipeline: Pipeline, reranker: Reranker, query: str, document: Document) -> Passage:
    """The part of a passage that gave it its score: the window that won, the whole where there is one."""
    text = document.searchable
    heading = len(document.title) + 1 if document.title else 0
    reading = read_as_model(pipeline, query, document)
    if reading is None or (len(reading.windows) == 1 and not reading.tokens_cut):
        return Passage(text, heading)
    window = 1
    if len(reading.windows) > 1:
        (pair,) = next(iter(reranker.score(query, [document])))
        window = int(pair.details.get("window", 1))
    start, end = reading.span_of(window)
    return Passage(text[start:end], heading if start == 0 and end > heading else 0, start)
