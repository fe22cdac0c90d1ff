"""A saved trace on its way to its replay: what is known ahead of the reranker, then with the new scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.core.ordering import rank_by_score
from rankscope.core.protocols import DocumentSource, ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Ranking, Trace
from rankscope.engine.pipeline import reranking_facts
from rankscope.insight.coverage import ATTRIBUTE, Coverage

__all__ = ["Draft", "corpus_key", "draft_of_found", "draft_of_saved", "saved_candidates"]

RERANK = "rerank"


@dataclass(frozen=True, slots=True)
class Draft:
    """A replay ahead of its reranking."""

    parent: Trace
    trace: Trace
    """The new trace up to the list that is reranked."""
    candidates: tuple[Document, ...]
    """What is scored, in the order of that list."""
    coverage: Coverage
    skip: str = ""
    """Why nothing is reranked, as the pipeline says it; empty where it is."""

    def reranked(
        self,
        scores: Mapping[int, ScoredPair],
        scale: ScoreScale,
        *,
        ms: float | None = None,
        details: Mapping[str, float | str] | None = None,
    ) -> Trace:
        """The trace with the reranker's list; ``scores`` by place in ``candidates``. Not yet decided."""
        values = {self.candidates[place].doc_id: pair.score for place, pair in scores.items()}
        facts = {self.candidates[place].doc_id: dict(pair.details) for place, pair in scores.items()}
        status = "ok" if scores else "failed:none of the candidates has a text"
        ranking = Ranking(
            stage=RERANK,
            score_scale=scale,
            hits=rank_by_score(values.items(), details=facts),
            ms=ms,
            depth=self.coverage.candidates,
            status=f"skipped:{self.skip}" if self.skip else status,
            details={**reranking_facts(facts), **self._missing(), **(details or {})},
        )
        return self._noted(len(scores)).with_ranking(ranking)

    def untouched(self) -> Trace:
        """The trace as it is where no reranker is wired."""
        return self._noted(0)

    def _missing(self) -> dict[str, float | str]:
        count = len(self.coverage.without_text)
        return {"without_text": float(count)} if count else {}

    def _noted(self, scored: int) -> Trace:
        note = replace(self.coverage, scored=scored).as_json()
        return replace(self.trace, attributes={**self.trace.attributes, ATTRIBUTE: note})


def saved_candidates(trace: Trace) -> Ranking | None:
    """The list that the reranker was given; where that is not saved, the one that it gave."""
    before = trace.before
    if before is not None and before.hits:
        return before
    reranked = trace.ranking(RERANK)
    return reranked if reranked is not None and reranked.hits else None


def corpus_key(parent: Trace, documents: DocumentSource | None, candidates: int | None) -> str:
    """Key of the texts that a rerank-only replay would take from the corpus; empty where it takes none.

    Part of the new trace's id: once the corpus holds texts that were missing, or holds others, the trace is
    replayed again, and otherwise it is not.
    """
    given = saved_candidates(parent)
    if documents is None or given is None:
        return ""
    ids = list(replace(given, hits=given.hits[:candidates]).by_id())
    texts, fetched = _texts(parent, ids, documents)
    if not fetched:
        return ""
    taken = [(doc_id, texts[doc_id].content_hash) for doc_id in ids if texts.get(doc_id) is not None]
    return hashlib.sha256(json.dumps(taken).encode()).hexdigest()[:24]


def draft_of_saved(
    parent: Trace,
    trace_id: str,
    job: str,
    *,
    documents: DocumentSource | None = None,
    candidates: int | None = None,
    top_k: int,
) -> Draft | None:
    """The saved candidates of a trace, the first ``candidates`` of them, for the reranker alone.

    Texts that the trace lacks are taken from ``documents`` where those have them. As in a live run, a list
    that is no longer than ``top_k`` is not reranked, unless it was in the saved trace. None for a trace
    that holds no candidate at all.
    """
    given = saved_candidates(parent)
    if given is None:
        return None
    earlier, left_out = _around_reranker(parent)
    if candidates is not None and len(given.hits) > candidates:
        given = replace(given, hits=given.hits[:candidates], depth=candidates)
        earlier = [given if ranking.stage == given.stage else ranking for ranking in earlier]
    ids = list(given.by_id())
    texts, fetched = _texts(parent, ids, documents)
    found = [texts[doc_id] for doc_id in ids if doc_id in texts]
    coverage = Coverage(
        mode="rerank-only",
        job=job,
        saved=len(ids),
        candidates=len(ids),
        scored=0,
        without_text=tuple(doc_id for doc_id in ids if doc_id not in texts),
        from_corpus=fetched,
        repeated=len(given.hits) - len(ids),
        left_out=tuple(ranking.stage for ranking in left_out),
    )
    trace = Trace(
        trace_id=trace_id,
        created_at=datetime.now(UTC),
        origin="replay",
        query=parent.query,
        rankings=tuple(earlier),
        top_k=top_k,
        documents={**parent.documents, **texts},
        parent_id=parent.trace_id,
    )
    skip = ""
    if parent.after is None and len(ids) <= top_k and parent.ranking(RERANK) is not None:
        skip = f"{counted(len(ids), 'candidate is', 'candidates are')} no more than K={top_k}"
    return Draft(parent, trace, () if skip else tuple(found), coverage, skip)


def draft_of_found(
    parent: Trace,
    found: Trace,
    trace_id: str,
    job: str,
    *,
    documents: DocumentSource,
    given: Ranking | None,
    skip: str,
) -> Draft:
    """What today's first stages found for the query of a trace: ``given`` goes to the reranker.

    With ``skip`` it is not called, for that reason.
    """
    saved = saved_candidates(parent)
    ids = [] if saved is None else list(saved.by_id())
    known = documents.fetch(ids)
    hits = () if given is None else given.hits
    trace = replace(found, trace_id=trace_id, origin="replay", query=parent.query, parent_id=parent.trace_id)
    coverage = Coverage(
        mode="full",
        job=job,
        saved=len(ids),
        candidates=len(hits),
        scored=0,
        unknown=tuple(doc_id for doc_id in ids if doc_id not in known),
        left_out=tuple(ranking.stage for ranking in _around_reranker(parent)[1]),
    )
    texts = () if skip else tuple(found.documents[hit.doc_id] for hit in hits)
    return Draft(parent, trace, texts, coverage, skip)


def _around_reranker(trace: Trace) -> tuple[list[Ranking], list[Ranking]]:
    """Rankings ahead of the reranker and behind it; all are ahead where there is none."""
    stages = [ranking.stage for ranking in trace.rankings]
    place = stages.index(RERANK) if RERANK in stages else len(stages)
    return list(trace.rankings[:place]), list(trace.rankings[place + 1 :])


def _texts(
    parent: Trace, ids: Sequence[str], documents: DocumentSource | None
) -> tuple[dict[str, Document], int]:
    """Documents with a text by id, and how many of them the corpus gave."""
    texts = {
        doc_id: parent.documents[doc_id]
        for doc_id in ids
        if doc_id in parent.documents and parent.documents[doc_id].searchable.strip()
    }
    missing = [doc_id for doc_id in ids if doc_id not in texts]
    if documents is None or not missing:
        return texts, 0
    fetched = documents.fetch(missing)
    return {**texts, **fetched}, len(fetched)
