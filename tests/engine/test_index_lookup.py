"""What the index adds to a check: the exact dense list, and where lost documents stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from rankscope.core.documents import Query
from rankscope.core.trace import ModelInfo, Trace
from rankscope.engine import factory
from rankscope.engine.checking import plan_for
from rankscope.engine.indexing import IndexBuild
from rankscope.engine.workspace import Workspace
from rankscope.stages.dense import faiss_index
from rankscope.tracing.judgment_log import JudgmentLog
from tests.engine.hashed_encoder import HashedEncoder

COUNT = 1500


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A graph index that is searched with as little effort as it can be."""
    folder = tmp_path_factory.mktemp("lookup")
    lines = [{"_id": f"d{n:04}", "text": f"valve {n} of pump {n % 40}"} for n in range(COUNT)]
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    encoder = HashedEncoder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(factory, "make_encoder", lambda settings: encoder)
        patch.setattr(faiss_index, "FLAT_LIMIT", 100)
        patch.setattr(faiss_index, "_SEARCH_BREADTH", 1)
        opened = Workspace(folder / "w")
        IndexBuild(opened, folder / "c.jsonl").run()
        yield opened
        opened.close()


def run(workspace: Workspace, text: str, depth: int = 10) -> Trace:
    settings = workspace.settings.override("rerank", enabled=False).override("retrieval", depth=depth)
    return workspace.pipeline(settings).run(Query(text))


def test_what_a_real_graph_search_missed_is_found(workspace: Workspace) -> None:
    parts = workspace.parts()
    assert parts.vectors.approximate
    plan = plan_for(workspace, exact=True)
    missed: list[str] = []
    for number in range(40):
        trace = run(workspace, f"question {number}")
        dense = trace.ranking("dense")
        assert dense is not None
        vector = parts.encoder.encode_query(trace.query.text)
        rows, _ = parts.vectors.search(vector, 10, exact=True)
        truly = set(parts.documents.ids_of([int(row) for row in rows])) - set(dense.doc_ids)
        report = plan.check(trace)
        found = {item.doc_ids for item in report.findings if item.code == "RS304"}
        assert {doc_id for ids in found for doc_id in ids} == truly
        assert found or "RS304" in report.passed
        missed += [doc_id for ids in found for doc_id in ids]
    assert missed  # with so little effort a search of 40 misses something


def test_a_trace_of_another_corpus_or_encoder_is_not_compared(workspace: Workspace) -> None:
    trace = run(workspace, "pump 7")
    plan = plan_for(workspace, exact=True)
    elsewhere = replace(trace, pipeline=replace(trace.pipeline, corpus="other sha256:0"))
    assert "not made on the corpus" in plan.check(elsewhere).not_applicable["RS304"]
    model = ModelInfo("all-MiniLM-L6-v2", "0" * 64, "float32", 256)
    other = replace(trace, pipeline=replace(trace.pipeline, models={"bi_encoder": model}))
    assert "another bi-encoder" in plan.check(other).not_applicable["RS304"]
    assert "not recorded" in plan_for(workspace).check(trace).not_applicable["RS304"]


def test_a_lost_document_is_placed_in_the_whole_corpus(workspace: Workspace) -> None:
    trace = run(workspace, "pump 7", depth=3)
    listed = {hit.doc_id for ranking in trace.rankings for hit in ranking.hits}
    lost = next(f"d{n:04}" for n in range(7, COUNT, 40) if f"d{n:04}" not in listed)
    JudgmentLog(workspace.traces_path).append("pump 7", lost, 3, "ann")
    (finding,) = [
        item for item in plan_for(workspace, exact=True).check(trace).findings if item.code == "RS301"
    ]
    assert "came nearest in bm25, at" in finding.message
    assert "(list of 3)" in finding.message
    # A run from now on knows the judgment by itself.
    assert "RS301" in {item.code for item in run(workspace, "pump 7", depth=3).findings}
    assert "RS301" not in {item.code for item in run(workspace, "pump 8", depth=3).findings}
