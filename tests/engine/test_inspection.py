"""Why a document is here or not: each way to be lost, and a replay of every change that the rescue names."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rankscope.cli.why_output import lines_of
from rankscope.core.documents import Document, Query
from rankscope.core.ordering import rank_by_score
from rankscope.core.protocols import ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, ModelInfo, PipelineInfo, Ranking
from rankscope.engine.explaining import iter_attribution
from rankscope.engine.inspection import Inspection, find_document, inspect_document
from rankscope.engine.pipeline import Pipeline
from rankscope.errors import Cancelled, InputError, ModelError
from rankscope.insight.narrative import cause, change_sentence, fate_sentence
from rankscope.insight.rescue import Change
from rankscope.stages.fusion.rrf import ReciprocalRankFusion
from rankscope.stages.rerank.gate import Gate


class Shelf:
    """Documents d00, d01 ...; every fourth belongs to the tenant ``blue``, the others to ``acme``."""

    def __init__(self, count: int) -> None:
        self.ids = [f"d{number:02}" for number in range(count)]

    def __len__(self) -> int:
        return len(self.ids)

    def _document(self, doc_id: str) -> Document:
        number = int(doc_id[1:])
        word = "pump" if number % 2 else "valve"
        return Document(doc_id, f"The {word} number {number}.", metadata={"tenant": self.tenant(doc_id)})

    def tenant(self, doc_id: str) -> str:
        return "blue" if int(doc_id[1:]) % 4 == 0 else "acme"

    def fetch(self, doc_ids: Sequence[str]) -> dict[str, Document]:
        return {doc_id: self._document(doc_id) for doc_id in doc_ids if doc_id in self.ids}

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        return [self.ids[row] for row in rows]

    def rows_matching(self, filters: Mapping[str, str]) -> NDArray[np.int64] | None:
        if not filters:
            return None
        wanted = [row for row, doc_id in enumerate(self.ids) if self.tenant(doc_id) == filters["tenant"]]
        return np.array(wanted, dtype=np.int64)

    def find(self, fragment: str, limit: int) -> list[str]:
        return [doc_id for doc_id in self.ids if fragment in self._document(doc_id).text][:limit]


@dataclass
class TableRetriever:
    """Ranks by a table of scores and obeys the filter."""

    stage: str
    scores: Mapping[str, float]
    documents: Shelf
    score_scale: ScoreScale = ScoreScale.COSINE

    def retrieve(self, query: Query, depth: int) -> Ranking:
        allowed = self.documents.rows_matching(query.filters)
        passing = self.documents.ids if allowed is None else self.documents.ids_of(allowed.tolist())
        pairs = [(doc_id, self.scores[doc_id]) for doc_id in passing if doc_id in self.scores]
        return Ranking(self.stage, self.score_scale, rank_by_score(pairs, depth=depth), ms=1.0, depth=depth)


@dataclass
class TableReranker:
    """Scores by a table, three at a time; counts what it was asked."""

    scores: Mapping[str, float]
    info: ModelInfo = field(default_factory=lambda: ModelInfo("table"))
    score_scale: ScoreScale = ScoreScale.PROBABILITY
    asked: list[str] = field(default_factory=list)
    broken: bool = False

    def score(
        self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[list[ScoredPair]]:
        if self.broken:
            raise ModelError("out of memory")
        for start in range(0, len(candidates), 3):
            if cancelled():
                return
            part = range(start, min(start + 3, len(candidates)))
            self.asked += [candidates[index].doc_id for index in part]
            yield [
                ScoredPair(index, self.scores[candidates[index].doc_id], {"tokens_cut": 2.0})
                for index in part
            ]


def pipeline_of(seed: int, *, count: int = 40, rerank: bool = True) -> Pipeline:
    rng = random.Random(seed)
    shelf = Shelf(count)
    lexical = {doc_id: rng.random() for doc_id in rng.sample(shelf.ids, count // 2)}
    semantic = {doc_id: rng.random() for doc_id in shelf.ids}
    return Pipeline(
        retrievers=[
            TableRetriever("bm25", lexical, shelf, ScoreScale.BM25),
            TableRetriever("dense", semantic, shelf),
        ],
        fuser=ReciprocalRankFusion(),
        documents=shelf,
        reranker=TableReranker({doc_id: rng.random() for doc_id in shelf.ids}) if rerank else None,
        describe=PipelineInfo,
        depth=12,
        candidates=9,
        top_k=3,
        floor=Floor(0.5, ScoreScale.PROBABILITY),
    )


def changed(pipeline: Pipeline, setting: str, value: float) -> Pipeline:
    """The pipeline with one setting as a change names it."""
    name = setting.partition(".")[2]
    if setting == "floor.value":
        return replace(pipeline, floor=Floor(value, ScoreScale.PROBABILITY))
    if name in ("depth", "candidates", "top_k"):
        return replace(pipeline, **{name: int(value)})
    assert isinstance(pipeline.fuser, ReciprocalRankFusion)
    if name == "rrf_k":
        return replace(pipeline, fuser=ReciprocalRankFusion(int(value), pipeline.fuser.weights))
    weights = {**pipeline.fuser.weights, name.removesuffix("_weight"): value}
    return replace(pipeline, fuser=ReciprocalRankFusion(pipeline.fuser.k, weights))


def one_step_less(change: Change) -> float:
    return round(change.to + (change.step if change.now > change.to else -change.step), 12)


@pytest.mark.parametrize("rerank", [True, False])
def test_the_pipeline_itself_confirms_every_change(rerank: bool) -> None:
    tried: set[str] = set()
    for seed in range(12):
        pipeline = pipeline_of(seed, rerank=rerank)
        query = Query("pump")
        trace = pipeline.run(query)
        for doc_id in random.Random(seed).sample(pipeline.documents.ids_of(range(40)), 12):
            found = inspect_document(pipeline, query, doc_id, trace=trace)
            assert found.rescue is not None
            assert found.rescue.kept == (doc_id in trace.kept)
            for change in found.rescue.changes:
                tried.add(change.setting)
                again = changed(pipeline, change.setting, change.to).run(query)
                assert again.kept[change.rank - 1] == doc_id
                assert set(change.displaced) == set(trace.kept) - set(again.kept)
                less = changed(pipeline, change.setting, one_step_less(change)).run(query)
                assert doc_id not in less.kept
    expected = {"floor.top_k", "retrieval.depth", "retrieval.bm25_weight", "retrieval.dense_weight"}
    assert tried >= expected | ({"floor.value", "retrieval.candidates"} if rerank else {"retrieval.rrf_k"})


def inspected(doc_id: str, query: Query | None = None, seed: int = 3) -> Inspection:
    return inspect_document(pipeline_of(seed), query or Query("pump"), doc_id)


def by_fate(seed: int = 3) -> dict[str, Inspection]:
    pipeline = pipeline_of(seed)
    trace = pipeline.run(Query("pump"))
    found = (
        inspect_document(pipeline, trace.query, doc_id, trace=trace)
        for doc_id in pipeline.documents.ids_of(range(40))
    )
    return {item.biography.fate: item for item in found}


def test_every_way_to_be_lost_has_its_sentence_and_its_cause() -> None:
    lives: dict[str, Inspection] = {}
    for seed in range(6):
        lives.update(by_fate(seed))
    lives["filtered_out"] = inspected("d04", Query("pump", {"tenant": "acme"}))
    lives["not_in_corpus"] = inspected("d99")
    starts = {
        "kept": "Kept: rank",
        "below_floor": "Lost at the floor: rank",
        "beyond_top_k": "Lost at K: rank",
        "fusion_cut": "Lost at the fusion cut:",
        "not_retrieved": "Never retrieved: no list holds it; it came nearest in",
        "filtered_out": "Filtered out: tenant is blue, asked for was acme.",
        "not_in_corpus": "Not in the corpus.",
    }
    assert set(lives) == set(starts)
    for fate, found in lives.items():
        assert fate_sentence(found.biography).startswith(starts[fate])
        said = cause(found.biography, found.rescue)
        rescued = found.rescue is not None and bool(found.rescue.changes)
        assert bool(said) == (fate != "kept" and not rescued)


def test_a_filtered_document_is_not_rescued() -> None:
    found = inspected("d04", Query("pump", {"tenant": "acme"}))
    assert found.rescue is None
    assert "No setting overrides a filter" in cause(found.biography, found.rescue)


def test_the_whole_corpus_is_looked_up() -> None:
    standing = inspected("d05").biography.standing
    assert standing is not None
    dense = standing.stage("dense")
    assert dense is not None
    pipeline = pipeline_of(3)
    full = pipeline.retrievers[1].retrieve(Query("pump"), 40)
    assert (dense.rank, dense.of) == (full.by_id()["d05"].rank, 40)
    assert standing.shared_terms == ("pump",)
    assert isinstance(pipeline.reranker, TableReranker)
    assert standing.rerank_score == pipeline.reranker.scores["d05"]
    assert standing.tokens_cut == 2


def test_no_document_is_scored_twice() -> None:
    pipeline = pipeline_of(3)
    assert isinstance(pipeline.reranker, TableReranker)
    inspect_document(pipeline, Query("pump"), "d05")
    assert len(pipeline.reranker.asked) == len(set(pipeline.reranker.asked))


def test_a_failed_reranker_is_not_asked_again() -> None:
    pipeline = pipeline_of(3)
    assert isinstance(pipeline.reranker, TableReranker)
    pipeline.reranker.broken = True
    found = inspect_document(pipeline, Query("pump"), "d05")
    assert found.biography.standing is not None
    assert found.biography.standing.rerank_score is None
    assert found.rescue is not None


def test_it_can_be_stopped() -> None:
    pipeline = pipeline_of(3)
    trace = pipeline.run(Query("pump"))
    with pytest.raises(Cancelled):
        inspect_document(pipeline, Query("pump"), "d05", trace=trace, cancelled=lambda: True)


def test_a_document_is_found_by_id_or_by_its_own_words() -> None:
    shelf = Shelf(40)
    assert find_document(shelf, "d07") == "d07"
    assert find_document(shelf, "number 17.") == "d17"
    with pytest.raises(InputError, match=r"d01, d03, d05, d07, d09, \.\.\."):
        find_document(shelf, "The pump")
    for nothing in ("nowhere", " "):
        with pytest.raises(InputError, match="no document"):
            find_document(shelf, nothing)


def test_a_change_reads_as_a_sentence() -> None:
    change = Change("retrieval.candidates", 50, 62, 1, 3, ("a", "b", "c", "d"), ("x",))
    assert change_sentence(change) == (
        "retrieval.candidates 50 -> 62: rank 3, displaces a, b, c and 1 more, lets 1 more in"
    )
    alone = Change("floor.value", 0.4, 0.31, 0.001, 2, (), ())
    assert change_sentence(alone) == "floor.value 0.4 -> 0.31: rank 2, displaces none"


def test_nothing_is_tried_on_paper_that_the_paper_does_not_cover() -> None:
    pipeline = pipeline_of(3)
    assert pipeline.reranker is not None
    for other in (
        replace(pipeline, gate=Gate(few=4)),
        replace(pipeline, cascade=pipeline.reranker, cascade_keep=5),
    ):
        trace = other.run(Query("pump"))
        lost = next(doc_id for doc_id in other.documents.ids_of(range(40)) if doc_id not in trace.kept)
        found = inspect_document(other, trace.query, lost, trace=trace)
        assert found.rescue is None
        assert "are not tried" in found.untried
        assert "are not tried" in "\n".join(lines_of(found))
    assert inspect_document(pipeline, Query("pump"), "d05").untried == ""


def test_an_explanation_takes_chunks_in_any_order_and_keeps_none_on_disk() -> None:
    class Backwards(TableReranker):
        def score(
            self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = lambda: False
        ) -> Iterator[list[ScoredPair]]:
            for index in reversed(range(len(candidates))):
                yield [ScoredPair(index, 0.5 if "pump" in candidates[index].text else 0.25)]

    @dataclass
    class Kept:
        inner: TableReranker

        def score(self, *_: object, **__: object) -> Iterator[list[ScoredPair]]:
            raise AssertionError("texts with parts left out are not kept")

    pipeline = replace(pipeline_of(3), reranker=Kept(Backwards({})))
    document = Document("x", "One pump. No valve.")
    (known,) = list(iter_attribution(pipeline, "pump valve", [document]))[-1]
    effects = {part.text: part.effect for part in known.words}
    assert effects["pump"] == pytest.approx(0.0 - np.log(0.25 / 0.75))
    assert effects["valve"] == 0.0
