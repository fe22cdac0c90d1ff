"""Why is this document here, or not: looks a document up in the whole corpus and tries to bring it in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rankscope.core.cancellation import never
from rankscope.core.documents import Document, Query
from rankscope.core.protocols import DocumentSource
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Ranking, Trace
from rankscope.engine.pipeline import Pipeline
from rankscope.errors import Cancelled, InputError
from rankscope.insight.biography import Biography, biography
from rankscope.insight.rescue import LARGEST_DEPTH, Probe, Rescue, Setup, rescue
from rankscope.insight.standing import CorpusStanding, StageStanding
from rankscope.stages.rerank.gate import Gate

__all__ = ["Inspection", "find_document", "inspect_document", "look_up", "matching_documents"]


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known about one document and one query."""

    trace: Trace
    document: Document | None
    """None for an id that is not in the corpus."""
    biography: Biography
    rescue: Rescue | None
    """None where nothing can be tried: the document is not in the corpus, or a filter leaves it out."""
    untried: str = ""
    """Why no change was tried although one might help; empty otherwise."""


class _Scores:
    """Rerank scores on demand; each document is scored once."""

    def __init__(self, pipeline: Pipeline, trace: Trace, cancelled: Callable[[], bool]) -> None:
        self.pipeline = pipeline
        self.query = trace.query.text
        self.cancelled = cancelled
        after = trace.after
        hits = after.hits if after is not None and after.status == "ok" else ()
        self.known = {hit.doc_id: hit.score for hit in hits if hit.score is not None}
        self.tokens_cut = {hit.doc_id: int(hit.details.get("tokens_cut", 0)) for hit in hits}

    def __call__(self, doc_ids: Sequence[str]) -> Mapping[str, float]:
        missing = [doc_id for doc_id in doc_ids if doc_id not in self.known]
        if missing and self.pipeline.reranker is not None:
            texts = self.pipeline.documents.fetch(missing)
            candidates = [texts[doc_id] for doc_id in missing]
            chunks = self.pipeline.reranker.score(self.query, candidates, cancelled=self.cancelled)
            for pair in (pair for chunk in chunks for pair in chunk):
                doc_id = missing[pair.index]
                self.known[doc_id] = pair.score
                self.tokens_cut[doc_id] = int(pair.details.get("tokens_cut", 0))
            if any(doc_id not in self.known for doc_id in missing):
                raise Cancelled("the look-up was stopped.")
        return {doc_id: self.known[doc_id] for doc_id in doc_ids}


def find_document(documents: DocumentSource, wanted: str) -> str:
    """The id of a document by its id or by a fragment of its text that only one document holds.

    Raises InputError for a fragment of several documents, and for one of none.
    """
    if wanted in documents.fetch([wanted]):
        return wanted
    find = getattr(documents, "find", None)
    found: list[str] = find(wanted, 6) if find is not None and wanted.strip() else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(
            f"no document has the id or the text {wanted!r:.80}.", remedy="Give another fragment."
        )
    names = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
    raise InputError(f"several documents hold {wanted!r:.80}: {names}.", remedy="Give one of these ids.")


def matching_documents(documents: DocumentSource, wanted: str, limit: int = 20) -> tuple[Document, ...]:
    """The document with this id, then those that hold the fragment, by reading the corpus."""
    find = getattr(documents, "find", None)
    found: list[str] = find(wanted, limit) if find is not None and wanted.strip() else []
    return tuple(documents.fetch(list(dict.fromkeys([wanted, *found]))[:limit]).values())


def inspect_document(
    pipeline: Pipeline,
    query: Query,
    doc_id: str,
    *,
    cancelled: Callable[[], bool] = never,
    trace: Trace | None = None,
) -> Inspection:
    """Run the query (or take its trace, made by this pipeline), follow the document, and try to bring it in.

    Lists are taken as deep as the corpus, at most 10,000. Raises Cancelled once ``cancelled()`` is true.
    """
    if trace is None:
        trace = pipeline.run(query, cancelled=cancelled)
    lists = _full_lists(pipeline, trace, cancelled)
    # A reranker that failed on the query itself is not asked again: the fused order stands.
    scores = _Scores(pipeline, trace, cancelled) if _reranks(pipeline, trace) else None
    standing = look_up(pipeline, trace, doc_id, lists, scores)
    document = pipeline.documents.fetch([doc_id]).get(doc_id)
    found: Rescue | None = None
    untried = _untried(pipeline)
    if standing.in_corpus and not standing.failed_filters and not untried:
        scale = pipeline.reranker.score_scale if pipeline.reranker is not None else ScoreScale.UNKNOWN
        found = rescue(Probe(lists, scores, scale), _setup(pipeline, trace), doc_id)
    return Inspection(trace, document, biography(trace, doc_id, standing), found, untried)


def _untried(pipeline: Pipeline) -> str:
    """What the run on paper does not cover: there another setting can change what is reranked at all."""
    if pipeline.cascade is not None:
        return "Changes of one setting are not tried behind a cascade of two rerankers."
    if pipeline.gate != Gate():
        return "Changes of one setting are not tried where a gate may skip the reranker."
    return ""


def _reranks(pipeline: Pipeline, trace: Trace) -> bool:
    """Whether the reranker has a say: not where it failed, nor where the gate spoke against it."""
    reranked, before = trace.ranking("rerank"), trace.before
    if pipeline.reranker is None or reranked is None:
        return pipeline.reranker is not None
    top_k = trace.top_k if trace.top_k is not None else pipeline.top_k
    # With no more than K candidates a change may bring more of them in, and then it is called.
    gated = reranked.status.startswith("skipped") and before is not None and len(before.hits) > top_k
    return not gated and not reranked.status.startswith("failed")


def _setup(pipeline: Pipeline, trace: Trace) -> Setup:
    """The pipeline's settings, with the floor and K that the trace was finished under."""
    final, floor = trace.final, trace.floor
    if floor is not None and final is not None and floor.score_scale == final.score_scale:
        # On the same scale, only its passport speaks against a floor; then no setting brings it into force.
        floor = None if "floor_not_applied" in trace.attributes else floor
    return Setup(
        depth=pipeline.depth,
        candidates=pipeline.candidates,
        rrf_k=getattr(pipeline.fuser, "k", 60),
        top_k=trace.top_k if trace.top_k is not None else pipeline.top_k,
        floor=floor,
        weights=getattr(pipeline.fuser, "weights", {}),
    )


def _full_lists(pipeline: Pipeline, trace: Trace, cancelled: Callable[[], bool]) -> tuple[Ranking, ...]:
    """The lists of the retrievers that ran in the trace, without their cut."""
    depth = max(pipeline.depth, min(len(pipeline.documents), LARGEST_DEPTH))
    lists = []
    for retriever in pipeline.retrievers:
        if cancelled():
            raise Cancelled("the look-up was stopped.")
        ran = trace.ranking(retriever.stage)
        if ran is not None and ran.ran:
            lists.append(retriever.retrieve(trace.query, depth))
    return tuple(lists)


def look_up(
    pipeline: Pipeline,
    trace: Trace,
    doc_id: str,
    lists: Sequence[Ranking],
    scores: Callable[[Sequence[str]], Mapping[str, float]] | None = None,
) -> CorpusStanding:
    """Where a document stands in the whole corpus; ``lists`` are the retrievers' lists without a cut."""
    document = pipeline.documents.fetch([doc_id]).get(doc_id)
    if document is None:
        return CorpusStanding(doc_id, in_corpus=False)
    failed = _failed_filters(pipeline.documents, trace.query.filters, document)
    rerank_score = scores([doc_id])[doc_id] if scores is not None else None
    return CorpusStanding(
        doc_id,
        failed_filters=failed,
        stages=tuple(_stage_standing(ranking, doc_id) for ranking in lists),
        rerank_score=rerank_score,
        rerank_scale=pipeline.reranker.score_scale
        if rerank_score is not None and pipeline.reranker
        else None,
        tokens_cut=scores.tokens_cut.get(doc_id, 0) if isinstance(scores, _Scores) else 0,
        shared_terms=_shared_terms(trace.query.text, document),
    )


def _stage_standing(ranking: Ranking, doc_id: str) -> StageStanding:
    hit = ranking.hit(doc_id)
    return StageStanding(
        stage=ranking.stage,
        score_scale=ranking.score_scale,
        rank=hit.rank if hit is not None else None,
        score=hit.score if hit is not None else None,
        of=len(ranking.hits),
    )


def _failed_filters(
    documents: DocumentSource, filters: Mapping[str, str], document: Document
) -> dict[str, tuple[str, str | None]]:
    """The filters that the document's metadata does not meet, by the source's own comparison."""
    failed: dict[str, tuple[str, str | None]] = {}
    for key, value in filters.items():
        rows = documents.rows_matching({key: value})
        if rows is not None and document.doc_id not in documents.ids_of(rows.tolist()):
            has = document.metadata.get(key)
            failed[key] = (value, None if has is None else str(has))
    return failed


def _shared_terms(query: str, document: Document) -> tuple[str, ...]:
    """The query's terms that the document holds, in the order of the query."""
    from rankscope.stages.bm25.tokenizer import tokenize

    held = frozenset(tokenize(document.searchable))
    return tuple(dict.fromkeys(term for term in tokenize(query) if term in held))
