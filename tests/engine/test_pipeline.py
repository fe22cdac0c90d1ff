"""The generator of events: order, cancellation, failure, skipping, floors of another scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from rankscope.core.documents import Document, Query
from rankscope.core.events import BatchScored, StageFailed, TraceFinished
from rankscope.core.ordering import rank_by_score
from rankscope.core.protocols import ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Finding, Floor, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.engine.pipeline import Pipeline
from rankscope.errors import Cancelled, ModelError
from rankscope.stages.fusion.rrf import ReciprocalRankFusion


@dataclass
class ListedRetriever:
    """Returns the ids it was given, in order."""

    stage: str
    ids: Sequence[str]
    score_scale: ScoreScale = ScoreScale.BM25
    failure: str = ""

    def retrieve(self, query: Query, depth: int) -> Ranking:
        if self.failure:
            raise ModelError(self.failure)
        scores = [(doc_id, float(-place)) for place, doc_id in enumerate(self.ids)]
        return Ranking(self.stage, self.score_scale, rank_by_score(scores, depth=depth), ms=1.0, depth=depth)


@dataclass
class LengthReranker:
    """Scores a document by the digits of its text, two at a time."""

    info: ModelInfo = field(default_factory=lambda: ModelInfo("digits"))
    score_scale: ScoreScale = ScoreScale.PROBABILITY
    fail_after: int | None = None
    failure: Exception = field(default_factory=lambda: RuntimeError("out of\nmemory"))

    def score(
        self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[list[ScoredPair]]:
        for start in range(0, len(candidates), 2):
            if cancelled():
                return
            if self.fail_after is not None and start >= self.fail_after:
                raise self.failure
            part = range(start, min(start + 2, len(candidates)))
            yield [
                ScoredPair(index, float(candidates[index].text) / 100, {"tokens_cut": 1.0}) for index in part
            ]


class Corpus:
    """Documents whose text is the number in their id."""

    def __len__(self) -> int:
        return 100

    def fetch(self, doc_ids: Sequence[str]) -> dict[str, Document]:
        return {doc_id: Document(doc_id, text=doc_id.lstrip("d")) for doc_id in doc_ids}

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        return [f"d{row}" for row in rows]

    def rows_matching(self, filters: object) -> None:
        return None


def pipeline(
    *,
    bm25: ListedRetriever | None = None,
    reranker: LengthReranker | None = None,
    rerank: bool = True,
    top_k: int = 2,
    floor: Floor | None = None,
) -> Pipeline:
    return Pipeline(
        retrievers=[
            bm25 or ListedRetriever("bm25", ["d10", "d20", "d30"]),
            ListedRetriever("dense", ["d20", "d90", "d40"], ScoreScale.COSINE),
        ],
        fuser=ReciprocalRankFusion(),
        documents=Corpus(),
        reranker=(reranker or LengthReranker()) if rerank else None,
        describe=lambda: PipelineInfo(fingerprint="f"),
        depth=10,
        candidates=50,
        top_k=top_k,
        floor=floor,
    )


def test_events_come_in_the_order_of_the_stages() -> None:
    events = list(pipeline().iter_run(Query("q")))
    names = [f"{type(event).__name__}:{getattr(event, 'stage', '')}" for event in events]
    assert names == [
        "StageStarted:bm25",
        "StageFinished:bm25",
        "StageStarted:dense",
        "StageFinished:dense",
        "StageStarted:fusion",
        "StageFinished:fusion",
        "StageStarted:rerank",
        "BatchScored:",
        "BatchScored:",
        "StageFinished:rerank",
        "TraceFinished:",
    ]
    assert [(e.done, e.total) for e in events if isinstance(e, BatchScored)] == [(2, 5), (4, 5)]


def test_the_finished_trace_is_complete() -> None:
    trace = pipeline(floor=Floor(0.35, ScoreScale.PROBABILITY)).run(Query("q"))
    assert trace.after is not None
    assert trace.after.doc_ids == ("d90", "d40", "d30", "d20", "d10")
    assert trace.after.details == {"scored": 5.0, "tokens_cut": 5.0}
    assert (trace.kept, trace.decision) == (("d90", "d40"), "answer")
    assert trace.pipeline.fingerprint == "f"
    assert set(trace.documents) == {"d10", "d20", "d30", "d40", "d90"}


def test_findings_are_those_of_the_finished_trace() -> None:
    def examine(trace: Trace) -> list[Finding]:
        return [Finding("RS501", "info", f"{trace.decision}, {len(trace.kept)} kept")]

    trace = replace(pipeline(), examine=examine).run(Query("q"))
    assert [finding.message for finding in trace.findings] == ["answer, 2 kept"]


def test_a_floor_above_every_score_refuses() -> None:
    trace = pipeline(floor=Floor(0.95, ScoreScale.PROBABILITY)).run(Query("q"))
    assert (trace.kept, trace.decision) == ((), "refuse")


def test_cancelling_stops_between_chunks() -> None:
    scored: list[int] = []
    events = []
    for event in pipeline().iter_run(Query("q"), cancelled=lambda: len(scored) >= 1):
        events.append(event)
        if isinstance(event, BatchScored):
            scored.append(event.done)
    assert scored == [2]
    assert not any(isinstance(event, TraceFinished) for event in events)


def test_a_cancelled_run_raises() -> None:
    with pytest.raises(Cancelled):
        pipeline().run(Query("q"), cancelled=lambda: True)


@pytest.mark.parametrize(
    "failure", [RuntimeError("out of\nmemory"), ModelError("out of memory"), OSError("out of memory")]
)
def test_when_the_reranker_fails_the_fused_order_stands(failure: Exception) -> None:
    reranker = LengthReranker(fail_after=2, failure=failure)
    events = list(pipeline(reranker=reranker).iter_run(Query("q")))
    assert any(isinstance(event, StageFailed) for event in events)
    trace = events[-1].trace
    reranked = trace.ranking("rerank")
    assert reranked is not None
    assert reranked.status == "failed:out of memory"
    assert trace.final == trace.ranking("fusion")
    assert trace.kept == ("d20", "d10")


def test_one_failed_retriever_leaves_the_other() -> None:
    trace = pipeline(bm25=ListedRetriever("bm25", [], failure="no index")).run(Query("q"))
    first = trace.ranking("bm25")
    assert first is not None
    assert first.status == "failed:no index"
    fused = trace.ranking("fusion")
    assert fused is not None
    assert set(fused.doc_ids) == {"d20", "d90", "d40"}


def test_when_every_retriever_fails_nothing_is_decided() -> None:
    broken = replace(pipeline(), retrievers=[ListedRetriever("bm25", [], failure="no index")])
    trace = broken.run(Query("q"))
    assert (trace.decision, trace.kept) == (None, ())
    assert [ranking.stage for ranking in trace.rankings] == ["bm25"]


def test_reranking_is_skipped_when_nothing_could_move_in_or_out() -> None:
    trace = pipeline(top_k=5).run(Query("q"))
    reranked = trace.ranking("rerank")
    assert reranked is not None
    assert reranked.status == "skipped:5 candidates are no more than K=5"
    assert trace.final == trace.ranking("fusion")


def test_few_candidates_are_reranked_where_the_floor_needs_their_scores() -> None:
    trace = pipeline(top_k=5, floor=Floor(1.0, ScoreScale.PROBABILITY)).run(Query("q"))
    reranked = trace.ranking("rerank")
    assert reranked is not None
    assert reranked.status == "ok"
    assert len(trace.kept) < len(reranked.hits) == 5


def test_a_floor_of_another_scale_is_left_out_and_said() -> None:
    trace = pipeline(rerank=False, floor=Floor(0.4, ScoreScale.PROBABILITY)).run(Query("q"))
    assert trace.decision == "answer"
    assert "rrf" in trace.attributes["floor_not_applied"]
