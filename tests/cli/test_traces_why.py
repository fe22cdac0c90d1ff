"""``rankscope traces why``: a stored trace as recorded, what it lacks, and the rescue where it can be."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rankscope.cli.root import cli
from rankscope.config import Settings
from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.engine.workspace import Workspace
from rankscope.errors import InputError
from rankscope.tracing.store import TraceStore

FUSED = Settings().override("rerank", enabled=False).override("retrieval", candidates=8, depth=6)


def ranking(stage: str, *ids: str, scored: bool = True) -> Ranking:
    hits = (Hit(doc_id, rank, 1 / rank if scored else None) for rank, doc_id in enumerate(ids, start=1))
    return Ranking(stage, ScoreScale.UNKNOWN, tuple(hits))


def stored(tmp_path: Path, trace: Trace) -> Path:
    path = tmp_path / "traces.db"
    with TraceStore(path) as store:
        store.append(trace).result()
    return path


def imported(*rankings: Ranking, documents: dict[str, Document] | None = None) -> Trace:
    return Trace(
        "0190aaaa", datetime(2026, 1, 31, tzinfo=UTC), "import:trec", Query("pump"), rankings,
        documents=documents or {},
    )  # fmt: skip


def asked(db: Path, document: str, *more: str) -> Result:
    return CliRunner().invoke(cli, ["traces", "why", "0190aaaa", document, "--db", str(db), *more])


def test_what_a_bare_import_can_say_and_what_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    db = stored(tmp_path, imported(ranking("bm25", "a", "b", scored=False)))
    result = asked(db, "b")
    assert result.exit_code == 0
    assert "Listed at rank 2; the trace does not record what was kept." in result.output
    assert "no score for it in bm25" in result.output
    assert "no reranked list" in result.output
    assert "by another pipeline" in result.output
    assert "No single change" not in result.output
    data = json.loads(asked(db, "b", "--json").stdout)
    assert (data["fate"], data["rescue"], data["cause"], len(data["not_known"])) == ("undecided", None, "", 4)


def test_found_by_its_text_among_the_documents_of_the_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    texts = {"a": Document("a", "One pump."), "b": Document("b", "Another pump.")}
    db = stored(tmp_path, imported(ranking("fusion", "a", "b"), ranking("rerank", "b", "a"), documents=texts))
    assert "document  b" in asked(db, "another").output
    assert isinstance(asked(db, "pump").exception, InputError)
    assert "several documents" in str(asked(db, "pump").exception)
    assert "no list of the trace holds" in str(asked(db, "zebra").exception)


def test_the_pipeline_that_made_it_tries_to_bring_the_document_in(
    tmp_path: Path, sample_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def workspace(*_: object) -> Workspace:
        return Workspace(sample_workspace.folder, sample=True, settings=FUSED)

    monkeypatch.setattr("rankscope.engine.workspace.find_workspace", workspace)
    made = sample_workspace.pipeline(FUSED).run(Query("ibuprofen dosage for children"))
    db = stored(tmp_path, replace(made, trace_id="0190aaaa"))
    result = asked(db, "ibu-preg-01")
    assert result.exit_code == 0
    assert "Never retrieved" in result.output
    assert "retrieval.depth 6 -> " in result.output
    assert "another pipeline" not in result.output
