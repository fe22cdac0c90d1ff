"""Settings to a pipeline: the gate, the cascade and the kept scores do what ``rankscope.toml`` says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rankscope.config import Settings
from rankscope.core.documents import Query
from rankscope.core.trace import Trace
from rankscope.engine import factory
from rankscope.engine.indexing import IndexBuild
from rankscope.engine.replay import Replay, Replayed
from rankscope.engine.replay_today import today_of
from rankscope.engine.workspace import Workspace
from tests.engine.hashed_encoder import HashedEncoder
from tests.stages.rerank.test_cross_encoder import make_stock

QUERY = Query("how many days of leave are carried over")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace of forty passages, its vectors made of hashes; BM25 alone retrieves."""
    made = tmp_path_factory.mktemp("workspace")
    rows = [
        {"_id": f"d{n:02}", "text": f"Up to {n} days of leave are carried over in case {n % 7}."}
        for n in range(40)
    ]
    source = made / "corpus.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    toml = '[retrieval]\ncandidates = 14\ndepth = 20\ndense_weight = 0\n[models]\nprecision = "fp32"\n'
    (made / "rankscope.toml").write_text(toml)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(factory, "make_encoder", lambda settings: HashedEncoder())
        IndexBuild(Workspace(made), source).run()
        yield made


@pytest.fixture(scope="module")
def workspace(folder: Path) -> Iterator[Workspace]:
    made = Workspace(folder)
    yield made
    made.close()


def run(workspace: Workspace, settings: Settings) -> Trace:
    return workspace.pipeline(settings).run(QUERY)


def test_the_gate_is_obeyed_and_no_part_of_the_fingerprint(workspace: Workspace) -> None:
    plain = run(workspace, workspace.settings)
    gated = run(workspace, workspace.settings.override("gate", few=14))
    assert plain.after is not None
    assert gated.rankings[-1].status == "skipped:14 candidates are no more than the gate's 14"
    assert gated.pipeline.fingerprint == plain.pipeline.fingerprint
    assert gated.pipeline.settings["gate"]["few"] == 14


def test_follow_ups_are_told_across_pipelines_of_one_workspace(workspace: Workspace) -> None:
    settings = workspace.settings.override("gate", follow_up=True)
    first = workspace.pipeline(settings).run(QUERY)
    # The same words in another order: the same candidates for BM25.
    second = workspace.pipeline(settings).run(Query(" ".join(reversed(QUERY.text.split()))))
    third = workspace.pipeline(settings).run(Query("case 3"))
    assert first.after is not None
    assert second.rankings[-1].status == "skipped:the same candidates as the query before"
    assert third.after is not None


def test_a_cascade_of_two_models_names_both(workspace: Workspace, tmp_path: Path) -> None:
    small = make_stock(tmp_path)
    plain = run(workspace, workspace.settings)
    settings = workspace.settings.override("rerank", cascade=str(small), cascade_keep=10)
    trace = run(workspace, settings)
    first, last = trace.ranking("rerank-1"), trace.ranking("rerank")
    assert first is not None
    assert last is not None
    assert (len(first.hits), len(last.hits)) == (14, 10)
    assert set(last.doc_ids) == set(first.doc_ids[:10])
    scores = {hit.doc_id: hit.score for hit in plain.after.hits}  # type: ignore[union-attr]
    assert {hit.doc_id: hit.score for hit in last.hits} == pytest.approx(
        {doc_id: scores[doc_id] for doc_id in last.doc_ids}, abs=1e-5
    )
    assert trace.pipeline.models["cascade"].name != trace.pipeline.models["cross_encoder"].name
    assert trace.pipeline.fingerprint != plain.pipeline.fingerprint
    # A full replay goes the same way.
    workspace.traces.append(plain)
    workspace.traces.flush()
    replayed = replay(workspace, settings, plain)
    assert [ranking.doc_ids for ranking in replayed.rankings] == [
        ranking.doc_ids for ranking in trace.rankings
    ]
    assert [ranking.stage for ranking in replayed.rankings] == ["bm25", "fusion", "rerank-1", "rerank"]


def test_a_full_replay_obeys_the_gate(workspace: Workspace) -> None:
    plain = run(workspace, workspace.settings)
    workspace.traces.append(plain)
    workspace.traces.flush()
    replayed = replay(workspace, workspace.settings.override("gate", few=14), plain)
    assert replayed.rankings[-1].status == "skipped:14 candidates are no more than the gate's 14"
    assert replay(workspace, workspace.settings, plain).after is not None


def replay(workspace: Workspace, settings: Settings, saved: Trace) -> Trace:
    made = Replay(workspace.traces, [saved.trace_id], today_of(workspace, "full", settings))
    (found,) = [event.trace for event in made.iter_events() if isinstance(event, Replayed)]
    return found


def test_kept_scores_are_found_when_the_workspace_is_opened_again(folder: Path) -> None:
    shown = []
    for reused in (0.0, 14.0):
        workspace = Workspace(folder)
        settings = workspace.settings.override("rerank", score_cache_mb=16)
        trace = run(workspace, settings)
        assert trace.after is not None
        assert trace.after.details["reused"] == reused
        shown.append(
            (trace.after.doc_ids, [hit.score for hit in trace.after.hits], trace.pipeline.fingerprint)
        )
        workspace.close()
    assert shown[0] == shown[1]
    workspace = Workspace(folder)
    narrower = run(workspace, workspace.settings.override("rerank", score_cache_mb=16, max_length=64))
    without = run(workspace, workspace.settings)
    assert narrower.after is not None
    assert narrower.after.details["reused"] == 0.0
    assert without.after is not None
    assert "reused" not in without.after.details
    assert shown[0][2] == without.pipeline.fingerprint  # keeping scores changes no score
    assert len(workspace.parts().rerankers) == 2  # the model is loaded once, kept scores or not
    workspace.close()
