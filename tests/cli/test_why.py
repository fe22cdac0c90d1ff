"""``rankscope why`` on the sample corpus with the real models: stage and margin are right, rescues work."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from rankscope.cli.root import cli
from rankscope.cli.why import lines_of, to_json
from rankscope.config import Settings
from rankscope.core.documents import Query
from rankscope.engine.inspection import Inspection, inspect_document
from rankscope.engine.workspace import Workspace
from rankscope.errors import InputError, RankScopeError
from rankscope.insight.biography import biography
from rankscope.insight.rescue import Change

QUERY = Query("ibuprofen dosage for children")
SMALL = (
    Settings()
    .override("retrieval", candidates=12, depth=20)
    .override("floor", top_k=3, value=0.4, source="manual")
)
"""Few candidates, so that each way to be lost occurs and a replay is quick."""


@pytest.fixture(scope="module")
def by_fate(sample_workspace: Workspace) -> dict[str, Inspection]:
    """One document for each way to end, the nearest miss of its kind."""
    pipeline = sample_workspace.pipeline(SMALL)
    trace = pipeline.run(QUERY)
    order: list[str] = [hit.doc_id for ranking in reversed(trace.rankings) for hit in ranking.hits]
    order += pipeline.documents.ids_of(range(len(pipeline.documents)))
    chosen: dict[str, str] = {}
    for doc_id in order:
        chosen.setdefault(biography(trace, doc_id).fate, doc_id)
    return {fate: inspect_document(pipeline, QUERY, doc_id, trace=trace) for fate, doc_id in chosen.items()}


def changed(setting: str, value: float, settings: Settings = SMALL) -> Settings:
    section, _, name = setting.partition(".")
    whole = name in ("candidates", "depth", "rrf_k", "top_k")
    return settings.override(section, **{name: int(value) if whole else value})


def one_step_less(change: Change) -> float:
    return round(change.to + (change.step if change.now > change.to else -change.step), 12)


def test_each_document_was_lost_where_it_says(by_fate: dict[str, Inspection]) -> None:
    assert {"kept", "below_floor", "fusion_cut", "not_retrieved"} <= set(by_fate)
    floor = by_fate["below_floor"].biography
    assert floor.final is not None
    assert floor.final.score is not None
    assert floor.score_short == pytest.approx(0.4 - floor.final.score)
    cut = by_fate["fusion_cut"]
    fused = cut.trace.ranking("fusion")
    assert fused is not None
    assert cut.biography.places_short is not None
    assert cut.biography.places_short >= 1
    assert cut.biography.doc_id not in fused.doc_ids
    missed = by_fate["not_retrieved"].biography
    assert missed.standing is not None
    dense = missed.standing.stage("dense")
    assert dense is not None
    assert dense.rank is not None
    assert dense.rank > SMALL.retrieval.depth
    assert missed.standing.rerank_score is not None


def test_the_fused_score_is_the_sum_of_its_shares(by_fate: dict[str, Inspection]) -> None:
    fused = by_fate["kept"].biography.record("fusion")
    assert fused is not None
    assert sum(share.share for share in fused.shares) == pytest.approx(fused.score, abs=1e-9)


def test_replaying_each_change_brings_the_document_in_and_one_step_less_does_not(
    by_fate: dict[str, Inspection], sample_workspace: Workspace
) -> None:
    replayed = 0
    for found in by_fate.values():
        for change in found.rescue.changes[:1] if found.rescue is not None else ():
            again = sample_workspace.pipeline(changed(change.setting, change.to)).run(QUERY)
            assert found.biography.doc_id in again.kept
            less = sample_workspace.pipeline(changed(change.setting, one_step_less(change))).run(QUERY)
            assert found.biography.doc_id not in less.kept
            replayed += 1
    assert replayed >= 1


def test_a_document_that_fusion_cut_is_brought_in(sample_workspace: Workspace) -> None:
    narrow = SMALL.override("retrieval", candidates=4).override("rerank", enabled=False)
    pipeline = sample_workspace.pipeline(narrow)
    trace = pipeline.run(QUERY)
    listed = dict.fromkeys(hit.doc_id for ranking in trace.rankings[:2] for hit in ranking.hits[:5])
    cut = (doc_id for doc_id in listed if biography(trace, doc_id).fate == "fusion_cut")
    found = (inspect_document(pipeline, QUERY, doc_id, trace=trace) for doc_id in cut)
    rescued = next(item for item in found if item.rescue is not None and item.rescue.changes)
    assert rescued.rescue is not None
    for change in rescued.rescue.changes[:2]:
        again = sample_workspace.pipeline(changed(change.setting, change.to, narrow)).run(QUERY)
        assert again.kept[change.rank - 1] == rescued.biography.doc_id
        less = sample_workspace.pipeline(changed(change.setting, one_step_less(change), narrow)).run(QUERY)
        assert rescued.biography.doc_id not in less.kept


def test_a_filter_is_named(sample_workspace: Workspace) -> None:
    query = Query(QUERY.text, {"tenant": "blue-heron"})
    found = inspect_document(sample_workspace.pipeline(SMALL), query, "ibu-adult-01")
    assert found.biography.fate == "filtered_out"
    assert any("asked for was blue-heron" in line for line in lines_of(found))


def test_lines_and_json_say_the_same(by_fate: dict[str, Inspection]) -> None:
    for fate, found in by_fate.items():
        data = json.loads(json.dumps(to_json(found)))
        assert data["fate"] == fate
        assert data["sentence"] in lines_of(found)
        assert [record["stage"] for record in data["stages"]] == ["bm25", "dense", "fusion", "rerank"]
        assert len(lines_of(found)) < 30


def test_on_the_command_line(sample_workspace: Workspace) -> None:
    arguments = ["why", QUERY.text, "ibu-adult-01", "--json", "-n", "12"]
    result = CliRunner().invoke(cli, ["--workspace", str(sample_workspace.folder), *arguments])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["doc_id"] == "ibu-adult-01"
    unknown = CliRunner().invoke(
        cli, ["-w", str(sample_workspace.folder), "why", "x", "no such thing at all"]
    )
    assert isinstance(unknown.exception, InputError)
    assert isinstance(unknown.exception, RankScopeError)
