"""What a trace cannot know by itself: the exact dense list, and where lost documents stand in the corpus.

Asked of the workspace's index, and only about traces that this index made: the same corpus, and the same
weights in the same number type. The bi-encoder is loaded once.
"""

from __future__ import annotations

from rankscope.core.ordering import rank_by_score
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Ranking, Trace
from rankscope.engine.inspection import look_up
from rankscope.engine.workspace import Workspace
from rankscope.insight.fused_order import input_lists
from rankscope.insight.rescue import LARGEST_DEPTH
from rankscope.insight.standing import CorpusStanding, LookedUp

__all__ = ["IndexLookup"]


class IndexLookup:
    """Asks the index of a workspace about traces. Raises IndexMissing or IndexMismatch when made."""

    def __init__(self, workspace: Workspace) -> None:
        self._parts = workspace.parts()
        settings = workspace.settings.override("rerank", enabled=False)
        settings = settings.override("retrieval", bm25_weight=1.0, dense_weight=1.0)
        self._pipeline = workspace.pipeline(settings)
        self._parts.check_encoder()

    def ask(self, trace: Trace, relevant: frozenset[str] | None) -> LookedUp:
        """The exact list beside the trace's dense list, and the standing of what it should have found."""
        refused = self._refusal(trace)
        if refused:
            return LookedUp(refused=refused)
        retrieved = {hit.doc_id for ranking in input_lists(trace) for hit in ranking.hits}
        return LookedUp(self._exact(trace), self._standings(trace, (relevant or frozenset()) - retrieved))

    def _refusal(self, trace: Trace) -> str:
        if not trace.pipeline.corpus.endswith(self._parts.manifest.fingerprint):
            return "the trace was not made on the corpus of this workspace's index"
        then, now = trace.pipeline.models.get("bi_encoder"), self._parts.encoder.info
        if then is not None and (then.revision, then.dtype) != (now.revision, now.dtype):
            return "another bi-encoder, or another number type of it, made the trace's dense list"
        return ""

    def _exact(self, trace: Trace) -> Ranking | None:
        dense = trace.ranking("dense")
        if dense is None or not dense.hits:
            return None
        documents = self._parts.documents
        vector = self._parts.encoder.encode_query(trace.query.text)
        allowed = documents.rows_matching(trace.query.filters)
        rows, cosines = self._parts.vectors.search(vector, len(dense.hits), allowed, exact=True)
        doc_ids = documents.ids_of([int(row) for row in rows])
        hits = rank_by_score(zip(doc_ids, map(float, cosines), strict=True))
        return Ranking("dense", ScoreScale.COSINE, hits)

    def _standings(self, trace: Trace, missed: frozenset[str]) -> dict[str, CorpusStanding]:
        if not missed:
            return {}
        depth = min(len(self._parts.documents), LARGEST_DEPTH)
        ran = {ranking.stage for ranking in input_lists(trace)}
        lists = [
            retriever.retrieve(trace.query, depth)
            for retriever in self._pipeline.retrievers
            if retriever.stage in ran
        ]
        return {doc_id: look_up(self._pipeline, trace, doc_id, lists) for doc_id in sorted(missed)}
