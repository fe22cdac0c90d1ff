"""A pipeline with a gate, a cascade, and kept scores; what a sweep predicts is what a gated run does."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest

from rankscope.core.documents import Document, Query
from rankscope.core.events import BatchScored, StageFailed, StageStarted
from rankscope.core.ordering import rank_by_score
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, PipelineInfo, Ranking
from rankscope.corpus.judgments_io import JudgedQuery
from rankscope.engine.evaluation import EvaluationRun, QuerySet
from rankscope.engine.inspection import inspect_document
from rankscope.engine.pipeline import Pipeline
from rankscope.errors import ModelError
from rankscope.insight.gate_sweep import Criteria, sweep_gates
from rankscope.insight.judgments import Judgments
from rankscope.insight.metrics import evaluate
from rankscope.insight.narrative import fate_sentence
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from rankscope.stages.rerank.cache import ReusingReranker, ScoreCache
from rankscope.stages.rerank.gate import Gate
from tests.engine.counting_reranker import CountingReranker

WORDS = ("leave", "refund", "webhook", "invoice", "password", "export")
SIZE = 40


def _number(*parts: object) -> int:
    """A number that looks random and is always the same."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:4], "big")


class Corpus:
    """Documents of a few words each."""

    def __len__(self) -> int:
        return SIZE

    def fetch(self, doc_ids: Sequence[str]) -> dict[str, Document]:
        return {doc_id: Document(doc_id, text=_text(doc_id)) for doc_id in doc_ids}

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        return [f"d{row:02}" for row in rows]

    def rows_of(self, doc_ids: Sequence[str]) -> dict[str, int]:
        return {doc_id: int(doc_id[1:]) for doc_id in doc_ids}

    def rows_matching(self, filters: object) -> None:
        return None


def _text(doc_id: str) -> str:
    return " ".join(word for word in WORDS if _number(doc_id, word) % 3 == 0) or "nothing"


class Shuffled:
    """Scores that depend on query and document; the seed makes two retrievers differ."""

    def __init__(self, stage: str, scale: ScoreScale, seed: int) -> None:
        self.stage, self.score_scale, self.seed = stage, scale, seed

    def retrieve(self, query: Query, depth: int) -> Ranking:
        scores = [
            (f"d{row:02}", 1000.0 / (1 + _number(self.seed, query.text, row) % 997)) for row in range(SIZE)
        ]
        return Ranking(self.stage, self.score_scale, rank_by_score(scores, depth=depth), ms=1.0, depth=depth)


def pipeline(**changes: object) -> Pipeline:
    made = Pipeline(
        retrievers=[Shuffled("bm25", ScoreScale.BM25, 1), Shuffled("dense", ScoreScale.COSINE, 2)],
        fuser=ReciprocalRankFusion(),
        documents=Corpus(),
        reranker=CountingReranker(),
        describe=lambda: PipelineInfo(fingerprint="f"),
        depth=30,
        candidates=20,
        top_k=5,
        floor=Floor(0.3, ScoreScale.PROBABILITY),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def query_set() -> QuerySet:
    queries = tuple(
        JudgedQuery(Query(f"{WORDS[n % 6]} {WORDS[(n // 6 + 1 + n) % 6]} {n}", query_id=f"q{n}"))
        for n in range(60)
    )
    grades = {
        item.query_id: {
            f"d{row:02}": sum(word in _text(f"d{row:02}") for word in item.query.text.split())
            for row in range(SIZE)
            if _number(item.query_id, row) % 2
        }
        for item in queries
    }
    return QuerySet("made", queries, Judgments(grades), 60, 0, 0)


def run(pipeline: Pipeline, query_set: QuerySet, folder: Path) -> EvaluationRun:
    made = EvaluationRun(pipeline, query_set, folder)
    for _ in made.iter_progress():
        pass
    return made


@pytest.mark.parametrize("signal", ["fusion", "bm25", "dense"])
def test_what_a_sweep_predicts_is_what_a_gated_run_does(
    query_set: QuerySet, tmp_path: Path, signal: str
) -> None:
    without = run(pipeline(), query_set, tmp_path).traces
    sweep = sweep_gates(
        without, query_set.judgments, signals=[signal], criteria=Criteria(0.1, 1.0), resamples=99
    )
    plain = evaluate(without, query_set.judgments, ["nDCG@10"]).column("rerank", "nDCG@10")
    assert sweep.calls == len(without) == 60
    for point in sweep.points[::6]:
        reranker = CountingReranker()
        gated = run(pipeline(reranker=reranker, gate=Gate(point.gap, signal)), query_set, tmp_path).traces
        skipped = [trace for trace in gated if trace.after is None]
        assert (len(skipped), len(skipped) / 60) == (point.skipped, point.saved)
        assert len({query for query, _ in reranker.asked}) == 60 - point.skipped
        values = evaluate(gated, query_set.judgments, ["nDCG@10"]).column("rerank", "nDCG@10")
        assert fmean(values) - fmean(plain) == pytest.approx(point.change.value, abs=1e-9)
        assert all(trace.ranking("rerank").status.startswith("skipped:rank 1 of") for trace in skipped)  # type: ignore[union-attr]
        lost = sum(trace.decision == "refuse" for trace in without) - sum(
            trace.decision == "refuse" for trace in gated
        )
        assert lost == point.refusals_lost


def test_a_gated_trace_keeps_the_fused_order_and_says_so() -> None:
    reranker = CountingReranker()
    trace = pipeline(reranker=reranker, gate=Gate(1e-9)).run(Query("leave refund"))
    assert reranker.asked == []
    assert trace.final is trace.before
    assert trace.decision == "answer"
    assert trace.kept == trace.before.doc_ids[:5]  # type: ignore[union-attr]
    # The floor is on the reranker's scale, which nothing was scored on.
    assert "floor_not_applied" in trace.attributes


def test_an_evaluation_takes_nothing_over_from_one_with_another_gate(
    query_set: QuerySet, tmp_path: Path
) -> None:
    run(pipeline(), query_set, tmp_path)
    gated = run(pipeline(gate=Gate(few=20)), query_set, tmp_path)
    assert gated.taken_over == 0
    assert all(trace.after is None for trace in gated.traces)


def test_no_judged_query_is_a_follow_up(tmp_path: Path) -> None:
    twins = tuple(JudgedQuery(Query(text, query_id=text)) for text in ("leave refund", "refund leave"))
    made = QuerySet("twins", twins, Judgments({item.query_id: {"d00": 1} for item in twins}), 2, 0, 0)

    class Alike(Shuffled):
        def retrieve(self, query: Query, depth: int) -> Ranking:
            return super().retrieve(Query("the same"), depth)

    gated = pipeline(retrievers=[Alike("bm25", ScoreScale.BM25, 1)], gate=Gate(follow_up=True))
    assert all(trace.after is not None for trace in run(gated, made, tmp_path).traces)
    assert [gated.run(item.query).after is None for item in twins] == [False, True]


def test_a_cascade_has_both_rankings() -> None:
    small, large = CountingReranker("small", factor=0.5), CountingReranker("large")
    events = list(pipeline(reranker=large, cascade=small, cascade_keep=8).iter_run(Query("leave refund")))
    trace = events[-1].trace
    assert [ranking.stage for ranking in trace.rankings] == ["bm25", "dense", "fusion", "rerank-1", "rerank"]
    first, last = trace.ranking("rerank-1"), trace.ranking("rerank")
    assert first is not None
    assert last is not None
    assert (len(first.hits), first.depth, len(last.hits), last.depth) == (20, 20, 8, 8)
    assert set(last.doc_ids) == set(first.doc_ids[:8])
    assert {doc_id for _, doc_id in large.asked} == set(first.doc_ids[:8])
    assert first.hits[0].score == 0.5 * large.expected("leave refund", _text(first.hits[0].doc_id))
    assert (trace.before, trace.after) == (first, last)
    started = [event.stage for event in events if isinstance(event, StageStarted)]
    assert started[-2:] == ["rerank-1", "rerank"]
    totals = {event.total for event in events if isinstance(event, BatchScored)}
    assert totals == {20, 8}


def test_a_cascade_changes_no_recall(query_set: QuerySet, tmp_path: Path) -> None:
    traces = run(pipeline(cascade=CountingReranker("small"), cascade_keep=8), query_set, tmp_path).traces
    found = evaluate(traces, query_set.judgments, ["recall@20", "recall@5"])
    assert found.problems == ()
    assert found.column("rerank-1", "recall@20") == found.column("rerank", "recall@20")


def test_without_more_candidates_than_it_keeps_a_cascade_is_left_out() -> None:
    small = CountingReranker("small")
    trace = pipeline(cascade=small, cascade_keep=20).run(Query("leave"))
    assert small.asked == []
    assert [ranking.stage for ranking in trace.rankings][-2:] == ["fusion", "rerank"]


def test_where_the_smaller_reranker_fails_the_fused_order_chooses() -> None:
    class Broken(CountingReranker):
        def score(self, query: object, candidates: object, *, cancelled: object = None):  # type: ignore[no-untyped-def, override]
            raise ModelError("no weights")

    events = list(pipeline(cascade=Broken(), cascade_keep=8).iter_run(Query("leave")))
    trace = events[-1].trace
    assert [event.stage for event in events if isinstance(event, StageFailed)] == ["rerank-1"]
    assert set(trace.after.doc_ids) == set(trace.ranking("fusion").doc_ids[:8])  # type: ignore[union-attr]


@pytest.mark.parametrize("stop_after", [10, 23, 30])
def test_a_cascade_can_be_cancelled_in_either_part(stop_after: int) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > stop_after

    made = pipeline(cascade=CountingReranker("small"), cascade_keep=8)
    events = list(made.iter_run(Query("leave"), cancelled=cancelled))
    assert not any(type(event).__name__ == "TraceFinished" for event in events)


def test_an_evaluation_reuses_scores_and_its_traces_say_so(query_set: QuerySet, tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path / "scores.db", 16)
    first, second = CountingReranker(), CountingReranker()
    plain = run(pipeline(reranker=ReusingReranker(first, cache, "")), query_set, tmp_path / "a").traces
    # Deeper, and in another log: pairs that were scored are not scored again.
    deeper = pipeline(reranker=ReusingReranker(second, cache, ""), candidates=25)
    again = run(deeper, query_set, tmp_path / "b").traces
    assert len(first.asked) == 60 * 20
    assert len(second.asked) == 60 * 25 - sum(
        _common(a.before, b.before) for a, b in zip(plain, again, strict=True)
    )
    assert len(second.asked) < 60 * 8
    for trace in again:
        assert trace.after is not None
        assert trace.after.details["reused"] == 25 - sum(q == trace.query.text for q, _ in second.asked)
    cache.close()


def _common(one: Ranking | None, other: Ranking | None) -> int:
    assert one is not None
    assert other is not None
    texts = {_text(doc_id) for doc_id in one.doc_ids}
    return sum(_text(doc_id) in texts for doc_id in other.doc_ids)


def test_what_a_cascade_leaves_behind_was_lost_ahead_of_the_reranker() -> None:
    made = pipeline(cascade=CountingReranker("small"), cascade_keep=8)
    trace = made.run(Query("leave refund"))
    doc_id = trace.ranking("rerank-1").doc_ids[10]  # type: ignore[union-attr]
    life = inspect_document(made, trace.query, doc_id, trace=trace).biography
    assert (life.fate, life.lost_at, life.places_short) == ("not_reranked", "rerank-1", 3)
    assert fate_sentence(life) == (
        "Lost ahead of the reranker: 3 places behind those of rerank-1 that it was given."
    )
    cut = next(doc for doc in trace.rankings[0].doc_ids if doc not in trace.ranking("fusion").doc_ids)  # type: ignore[union-attr]
    lost = inspect_document(made, trace.query, cut, trace=trace).biography
    assert (lost.fate, lost.lost_at) == ("fusion_cut", "fusion")


def test_where_the_gate_spoke_the_reranker_is_not_asked_why() -> None:
    reranker = CountingReranker()
    made = pipeline(reranker=reranker, gate=Gate(few=20))
    trace = made.run(Query("leave refund"))
    doc_id = trace.ranking("fusion").doc_ids[7]  # type: ignore[union-attr]
    found = inspect_document(made, trace.query, doc_id, trace=trace)
    assert reranker.asked == []
    assert found.biography.fate == "beyond_top_k"
