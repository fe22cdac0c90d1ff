"""``rankscope why`` on the sample corpus with the real models: stage and margin are right, rescues work."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from click.testing import CliRunner

from rankscope.cli.root import cli
from rankscope.cli.why_output import (
    lines_of,
    retrieval_json,
    retrieval_lines,
    to_json,
    words_json,
    words_lines,
)
from rankscope.config import Settings
from rankscope.core.documents import Query
from rankscope.engine.explaining import explain_retrieval
from rankscope.engine.inspection import Inspection, inspect_document
from rankscope.engine.workspace import Workspace
from rankscope.errors import InputError
from rankscope.insight.attribution import Passage, attribute
from rankscope.insight.biography import biography
from rankscope.insight.rescue import Change

QUERY = Query("ibuprofen dosage for children")
RERANKED = Settings().override("retrieval", candidates=8, depth=20).override("floor", top_k=5, value=None)
FUSED = (
    Settings()
    .override("rerank", enabled=False)
    .override("retrieval", candidates=8, depth=6)
    .override("floor", top_k=8, value=None)
)
"""Few candidates, so that each way to be lost occurs and a replay is quick."""


@dataclass(frozen=True)
class Case:
    """One document, the settings it was looked at under, and what was found."""

    settings: Settings
    found: Inspection


@pytest.fixture(scope="module")
def cases(sample_workspace: Workspace) -> dict[str, Case]:
    """One document for each way to end. Floor and K are set between the scores that the model gives."""
    order = sample_workspace.pipeline(RERANKED).run(QUERY).final
    assert order is not None
    scores = [hit.score or 0.0 for hit in order.hits]
    floor = round((scores[2] + scores[3]) / 2, 6)
    with_floor = RERANKED.override("floor", value=floor, source="manual")
    chosen = {
        "kept": (with_floor, order.doc_ids[0]),
        "below_floor": (with_floor, order.doc_ids[3]),
        "beyond_top_k": (RERANKED.override("floor", top_k=2), order.doc_ids[2]),
    }
    cases = {
        fate: Case(settings, inspect_document(sample_workspace.pipeline(settings), QUERY, doc_id))
        for fate, (settings, doc_id) in chosen.items()
    }
    cases |= {case.found.biography.fate: case for case in lost_before_the_reranker(sample_workspace)}
    tenant = Query(QUERY.text, {"tenant": "blue-heron"})
    filtered = inspect_document(sample_workspace.pipeline(FUSED), tenant, "ibu-adult-01")
    return {**cases, "filtered_out": Case(FUSED, filtered)}


def lost_before_the_reranker(workspace: Workspace) -> Iterator[Case]:
    """The nearest miss of each kind that some change brings in."""
    pipeline = workspace.pipeline(FUSED)
    trace = pipeline.run(QUERY)
    deep = [retriever.retrieve(QUERY, 20) for retriever in pipeline.retrievers]
    near = dict.fromkeys(hit.doc_id for ranking in deep for hit in ranking.hits)
    for fate in ("fusion_cut", "not_retrieved"):
        lost = (doc_id for doc_id in near if biography(trace, doc_id).fate == fate)
        looked_at = (inspect_document(pipeline, QUERY, doc_id, trace=trace) for doc_id in lost)
        yield Case(FUSED, next(item for item in looked_at if item.rescue and item.rescue.changes))


def changed(setting: str, value: float, settings: Settings) -> Settings:
    section, _, name = setting.partition(".")
    whole = name in ("candidates", "depth", "rrf_k", "top_k")
    return settings.override(section, **{name: int(value) if whole else value})


def one_step_less(change: Change) -> float:
    return round(change.to + (change.step if change.now > change.to else -change.step), 12)


def test_each_document_was_lost_where_it_says_and_by_how_much(cases: dict[str, Case]) -> None:
    lives = {fate: case.found.biography for fate, case in cases.items()}
    assert {fate: life.fate for fate, life in lives.items()} == {fate: fate for fate in cases}
    assert set(cases) == {
        "kept", "below_floor", "beyond_top_k", "fusion_cut", "not_retrieved", "filtered_out",
    }  # fmt: skip
    for fate in ("kept", "below_floor"):
        life = lives[fate]
        assert life.floor is not None
        assert life.final is not None
        margin = (life.final.score or 0.0) - life.floor.value
        assert (life.margin if fate == "kept" else -(life.score_short or 0.0)) == pytest.approx(margin)
    assert lives["beyond_top_k"].places_short == 1
    cut = cases["fusion_cut"].found
    fused = cut.trace.ranking("fusion")
    assert fused is not None
    assert cut.biography.doc_id not in fused.doc_ids
    assert (cut.biography.places_short or 0) >= 1
    missed = lives["not_retrieved"]
    assert missed.standing is not None
    nearest = missed.standing.stage(missed.lost_at or "")
    assert nearest is not None
    assert nearest.rank == FUSED.retrieval.depth + (missed.places_short or 0)
    assert lives["below_floor"].standing is not None


def test_the_fused_score_is_the_sum_of_its_shares(cases: dict[str, Case]) -> None:
    fused = cases["kept"].found.biography.record("fusion")
    assert fused is not None
    assert sum(share.share for share in fused.shares) == pytest.approx(fused.score, abs=1e-9)


@pytest.mark.parametrize("fate", ["below_floor", "beyond_top_k", "fusion_cut", "not_retrieved"])
def test_replaying_the_change_brings_the_document_in_and_one_step_less_does_not(
    fate: str, cases: dict[str, Case], sample_workspace: Workspace
) -> None:
    case = cases[fate]
    assert case.found.rescue is not None
    doc_id = case.found.biography.doc_id
    for change in case.found.rescue.changes[:2]:
        again = sample_workspace.pipeline(changed(change.setting, change.to, case.settings)).run(QUERY)
        assert again.kept[change.rank - 1] == doc_id
        assert set(change.displaced) == set(case.found.trace.kept) - set(again.kept)
        less = changed(change.setting, one_step_less(change), case.settings)
        assert doc_id not in sample_workspace.pipeline(less).run(QUERY).kept
    assert case.found.rescue.changes


def test_a_filter_is_named_and_not_overridden(cases: dict[str, Case]) -> None:
    found = cases["filtered_out"].found
    assert found.rescue is None
    assert any("asked for was blue-heron" in line for line in lines_of(found))


def test_lines_and_json_say_the_same(cases: dict[str, Case]) -> None:
    for fate, case in cases.items():
        data = json.loads(json.dumps(to_json(case.found)))
        assert data["fate"] == fate
        assert data["sentence"] in lines_of(case.found)
        stages = ["bm25", "dense", "fusion", *(["rerank"] if case.settings.rerank.enabled else [])]
        assert [record["stage"] for record in data["stages"]] == stages
        assert len(lines_of(case.found)) < 30


def test_terms_and_cosine_are_printed(sample_workspace: Workspace) -> None:
    found = explain_retrieval(sample_workspace.pipeline(FUSED), QUERY, "ibu-adult-01")
    assert found is not None
    text = "\n".join(retrieval_lines(found))
    assert "exact rank" in text
    assert "nearest sentence" in text
    data = json.loads(json.dumps(retrieval_json(found)))
    shares = [term["share"] for term in data["bm25"]["terms"]]
    assert sum(shares) == pytest.approx(data["bm25"]["score"], abs=1e-9)
    assert len(data["dense"]["sentences"]) == len(found.sentences)


def test_words_are_printed_for_one_document_and_for_two() -> None:
    def score(query: str, texts: Sequence[str]) -> Iterator[Sequence[float]]:
        yield [2.0 * ("child" in text) - 1.0 * ("\x1b[2J" in text) for text in texts]

    passages = [Passage("A child. Second."), Passage("An adult. \x1b[2J third.")]
    states = list(attribute(score, "child dose", passages))[-1]
    alone = "\n".join(words_lines(["a"], states[:1], "logit"))
    assert "of the text     +2.000  child" in alone
    assert "sentence        +2.000  A child." in alone
    both = words_lines(["a", "b"], states, "logit")
    assert "a over b: +3.000. What speaks for the first; negative, for the second:" in both
    assert "\x1b" not in "".join(both)
    data = json.loads(json.dumps(words_json(["a", "b"], states, "logit")))
    assert data["difference"] == 3.0
    assert data["words"][0] == {"word": "child", "first": 2.0, "second": None, "gap": 2.0}
    assert "difference" not in words_json(["a"], states[:1], "logit")


def test_on_the_command_line(sample_workspace: Workspace) -> None:
    arguments = ["why", QUERY.text, "ibu-adult-01", "--json", "-n", "12", "--no-rerank"]
    result = CliRunner().invoke(cli, ["--workspace", str(sample_workspace.folder), *arguments])
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert (data["doc_id"], data["words"]) == ("ibu-adult-01", None)
    assert data["retrieval"]["dense"]["rank"] >= 1
    unknown = CliRunner().invoke(
        cli, ["-w", str(sample_workspace.folder), "why", "x", "no such thing at all"]
    )
    assert isinstance(unknown.exception, InputError)
