"""Explanations on the sample corpus with the real index and models."""

from __future__ import annotations

import random

import pytest

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.engine.explaining import (
    attribution_scale,
    explain_retrieval,
    iter_attribution,
    read_as_model,
)
from rankscope.engine.pipeline import Pipeline
from rankscope.engine.workspace import Workspace
from rankscope.errors import Cancelled, ModelError
from rankscope.insight.attribution import Attribution, without
from rankscope.insight.preference import prefer

QUERY = Query("ibuprofen dosage for children")


@pytest.fixture(scope="module")
def pipeline(sample_workspace: Workspace) -> Pipeline:
    return sample_workspace.pipeline()


@pytest.fixture(scope="module")
def pair(pipeline: Pipeline) -> tuple[Attribution, ...]:
    documents = pipeline.documents.fetch(["ibu-child-02", "ibu-adult-01"])
    return tuple(iter_attribution(pipeline, QUERY.text, list(documents.values())))[-1]


def test_retrieval_is_explained_as_it_was_scored(pipeline: Pipeline) -> None:
    bm25, dense = (retriever.retrieve(QUERY, 440) for retriever in pipeline.retrievers)
    for doc_id in ("ibu-child-01", bm25.doc_ids[-1], dense.doc_ids[-1]):
        found = explain_retrieval(pipeline, QUERY, doc_id)
        assert found is not None
        assert found.bm25 is not None
        assert found.dense is not None
        hit = bm25.hit(doc_id)
        assert found.bm25.score == pytest.approx(0.0 if hit is None else hit.score, abs=1e-9)
        assert sum(term.share for term in found.bm25.terms) == pytest.approx(found.bm25.score, abs=1e-9)
        assert found.dense.rank == dense.by_id()[doc_id].rank
        assert found.dense.cosine == pytest.approx(dense.by_id()[doc_id].score, abs=1e-5)
        assert len(found.dense.sentences) == len(found.sentences)
    assert explain_retrieval(pipeline, QUERY, "nowhere") is None


def test_the_nearest_sentence_is_the_one_about_the_question(pipeline: Pipeline) -> None:
    found = explain_retrieval(pipeline, QUERY, "ibu-adult-01")
    assert found is not None
    assert found.dense is not None
    assert found.dense.nearest is not None
    start, end = found.sentences[found.dense.nearest]
    assert found.document.text[start:end].startswith("Younger children are given")


def test_the_word_about_the_population_carries_the_difference(pair: tuple[Attribution, ...]) -> None:
    found = prefer(*pair)
    first = found.query_words[0]
    assert first.word == "children"
    assert first.gap > 0  # asking for children speaks for the sheet for parents
    words = {word.word: word for word in found.words}
    assert words["children"].first is None  # the sheet says "your daughter or son"
    assert words["adult"].second is not None


def test_what_was_left_out_was_really_left_out(pipeline: Pipeline, pair: tuple[Attribution, ...]) -> None:
    known = pair[1]
    strongest = known.strongest(1)[0]
    assert pipeline.reranker is not None
    assert attribution_scale(pipeline.reranker) is ScoreScale.LOGIT
    rest = Document("x", without(known.text, [strongest]))
    ((scored,),) = pipeline.reranker.score(QUERY.text, [rest])
    assert known.base is not None
    assert strongest.effect == pytest.approx(known.base - scored.details["logit"], abs=0.05)


def test_the_strongest_words_cost_more_than_random_ones(
    pipeline: Pipeline, pair: tuple[Attribution, ...]
) -> None:
    assert pipeline.reranker is not None
    rng = random.Random(3)
    for known in pair:
        assert known.base is not None
        tried = [known.strongest(3), *(rng.sample(known.words, 3) for _ in range(8))]
        documents = [Document(str(place), without(known.text, parts)) for place, parts in enumerate(tried)]
        scores = [
            p.details["logit"] for chunk in pipeline.reranker.score(QUERY.text, documents) for p in chunk
        ]
        top, *chance = (known.base - score for score in scores)
        assert top >= 2 * sum(chance) / len(chance)


def test_only_what_the_model_saw_is_explained(sample_workspace: Workspace, pipeline: Pipeline) -> None:
    narrow = sample_workspace.pipeline(
        sample_workspace.settings.override("rerank", max_length=64, max_windows=3)
    )
    document = pipeline.documents.fetch(["ibu-adult-01"])["ibu-adult-01"]
    reading = read_as_model(narrow, QUERY.text, document)
    assert reading is not None
    assert len(reading.windows) == 3
    known = next(iter_attribution(narrow, QUERY.text, [document]))[0]
    assert document.searchable[known.start : known.start + len(known.text)] == known.text
    assert (known.start, known.start + len(known.text)) in [reading.span_of(n) for n in (1, 2, 3)]


def test_it_can_be_stopped_and_needs_a_reranker(sample_workspace: Workspace, pipeline: Pipeline) -> None:
    documents = list(pipeline.documents.fetch(["ibu-child-01"]).values())
    steps = iter_attribution(pipeline, QUERY.text, documents, cancelled=lambda: True)
    with pytest.raises(Cancelled):
        list(steps)
    without_reranker = sample_workspace.pipeline(sample_workspace.settings.override("rerank", enabled=False))
    with pytest.raises(ModelError, match="no reranker"):
        next(iter_attribution(without_reranker, QUERY.text, documents))
