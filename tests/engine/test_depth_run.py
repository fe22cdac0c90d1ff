"""Latency by depth in one pass: the scores are those of the plain reranker, the times those of the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest

from rankscope.config import Settings
from rankscope.core.documents import Document, Query
from rankscope.core.ordering import rank_by_score
from rankscope.core.protocols import ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, ModelInfo, PipelineInfo, Ranking, Trace
from rankscope.engine.depth_run import PrefixTimer, at_depth, depth_settings, timed_pipeline
from rankscope.engine.pipeline import Pipeline
from rankscope.stages.fusion.rrf import ReciprocalRankFusion

_NOW = datetime(2026, 1, 31, tzinfo=UTC)
CORPUS = [f"d{number:02}" for number in range(30)]


class Falling:
    """Returns the corpus in order."""

    stage, score_scale = "bm25", ScoreScale.BM25

    def retrieve(self, query: Query, depth: int) -> Ranking:
        scores = [(doc_id, 50.0 - place) for place, doc_id in enumerate(CORPUS)]
        return Ranking("bm25", ScoreScale.BM25, rank_by_score(scores, depth=depth), ms=1.0, depth=depth)


class Texts:
    """Documents whose text is their id."""

    def __len__(self) -> int:
        return len(CORPUS)

    def fetch(self, doc_ids: Sequence[str]) -> dict[str, Document]:
        return {doc_id: Document(doc_id, doc_id) for doc_id in doc_ids}

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        return [CORPUS[row] for row in rows]

    def rows_of(self, doc_ids: Sequence[str]) -> dict[str, int]:
        return {doc_id: CORPUS.index(doc_id) for doc_id in doc_ids}

    def rows_matching(self, filters: object) -> None:
        return None


class Modulo:
    """Scores by the number, mixed up; in chunks of four."""

    info = ModelInfo("modulo")
    score_scale = ScoreScale.PROBABILITY

    def score(
        self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[list[ScoredPair]]:
        for start in range(0, len(candidates), 4):
            if cancelled():
                return
            part = candidates[start : start + 4]
            yield [ScoredPair(start + i, int(d.text[1:]) * 7 % 30 / 30) for i, d in enumerate(part)]


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(
        retrievers=[Falling()],
        fuser=ReciprocalRankFusion(),
        documents=Texts(),
        reranker=Modulo(),
        describe=lambda: PipelineInfo(fingerprint="f"),
        depth=30,
        candidates=25,
        top_k=5,
        floor=Floor(0.1, ScoreScale.PROBABILITY),
    )


def order(trace: Trace) -> tuple[str, ...]:
    assert trace.final is not None
    return trace.final.doc_ids


def test_scores_are_those_of_the_reranker_and_each_prefix_has_its_time(pipeline: Pipeline) -> None:
    timed, complete = timed_pipeline(pipeline, (5, 10, 50))
    trace = complete(timed.run(Query("q")))
    assert order(trace) == order(pipeline.run(Query("q")))
    assert trace.after is not None
    marks = {name: value for name, value in trace.after.details.items() if name.startswith("ms@")}
    assert list(marks) == ["ms@5", "ms@10", "ms@25"]
    assert sorted(marks.values(), key=float) == list(marks.values())


def test_the_clock_stands_while_the_caller_works() -> None:
    ticks = count()
    timer = PrefixTimer(Modulo(), [4], clock=lambda: float(next(ticks)))
    for _ in timer.score("q", [Document(doc_id, doc_id) for doc_id in CORPUS[:8]]):
        for _ in range(100):
            next(ticks)
    trace = timer.attach(
        Trace("t", _NOW, "live", Query("q"), rankings=(Ranking("rerank", ScoreScale.PROBABILITY, ()),))
    )
    assert trace.after is not None
    # Two looks at the clock around each chunk and around the end of each prefix.
    assert trace.after.details == {"ms@4": 2000.0, "ms@8": 4000.0}


def test_a_stopped_reranker_leaves_no_time_of_a_prefix_it_did_not_finish() -> None:
    timer = PrefixTimer(Modulo(), [4])
    seen: list[ScoredPair] = []
    for chunk in timer.score("q", [Document(d, d) for d in CORPUS], cancelled=lambda: len(seen) >= 8):
        seen.extend(chunk)
    assert [pair.index for pair in seen] == list(range(8))


@pytest.mark.parametrize("depth", [5, 10])
def test_a_trace_cut_at_a_depth_is_what_a_run_of_that_depth_gives(pipeline: Pipeline, depth: int) -> None:
    timed, complete = timed_pipeline(pipeline, (5, 10))
    deep = complete(timed.run(Query("q")))
    cut = at_depth(deep, depth)
    plain = replace(pipeline, candidates=depth, top_k=4).run(Query("q"))
    assert order(cut) == order(plain)
    assert cut.before is not None
    assert plain.before is not None
    assert cut.before.doc_ids == plain.before.doc_ids
    assert cut.after is not None
    assert deep.after is not None
    assert cut.after.ms == deep.after.details[f"ms@{depth}"]
    assert (cut.decision, cut.kept[:4]) == (plain.decision, plain.kept)
    assert at_depth(deep, 25) is deep


def test_a_deeper_run_retrieves_as_deep() -> None:
    retrieval = depth_settings(Settings(), 200).retrieval
    assert (retrieval.candidates, retrieval.depth) == (200, 200)
    assert depth_settings(Settings(), 20) == Settings()


def test_without_a_reranker_nothing_is_timed(pipeline: Pipeline) -> None:
    plain = replace(pipeline, reranker=None)
    timed, complete = timed_pipeline(plain, (5,))
    assert timed is plain
    assert complete(plain.run(Query("q"))).after is None
