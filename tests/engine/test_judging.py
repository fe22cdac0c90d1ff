from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rankscope.config import Settings
from rankscope.core.documents import Document, Query
from rankscope.core.trace import PipelineInfo
from rankscope.engine.judging import FILE_JUDGE, JudgmentDesk, judge_name
from rankscope.engine.manifest import Manifest
from rankscope.errors import IndexMissing
from rankscope.tracing.judgment_log import JudgmentKind
from rankscope.tracing.store import TraceStore
from tests.tracing.make import make_trace


@dataclass
class Folder:
    """What the desk asks of a workspace, over a real trace store."""

    traces_path: Path
    settings: Settings
    manifest: Manifest | None = None
    opened: int = 0
    texts: dict[str, Document] = field(default_factory=dict)

    def parts(self) -> Any:
        """The index, as far as it is asked for texts."""
        if not self.texts:
            raise IndexMissing("nothing is indexed.")
        fetch = lambda doc_ids: {key: self.texts[key] for key in doc_ids if key in self.texts}  # noqa: E731
        return SimpleNamespace(documents=SimpleNamespace(fetch=fetch))

    @property
    def traces(self) -> TraceStore:
        self.opened += 1
        return TraceStore(self.traces_path)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "traces.db", Settings().override("judge", name=" ann "))


def manifest(source: Path) -> Manifest:
    return Manifest("", str(source), "beir", 4, "f", "m", "r", "fp32", 384, "t", {}, 0, 0)


def fill(folder: Folder) -> None:
    with TraceStore(folder.traces_path) as store:
        store.append(make_trace(0, query=Query("one", query_id="q1"), candidates=12))
        store.append(make_trace(1, query=Query("one"), pipeline=PipelineInfo("sha256:2"), candidates=14))
        store.append(make_trace(2, query=Query("two")))


def test_an_empty_workspace_is_not_touched(folder: Folder) -> None:
    desk = JudgmentDesk.of(folder)
    overview = desk.overview()
    assert (overview.queries, overview.judgments, overview.note) == ((), (), "")
    assert (folder.opened, folder.traces_path.exists()) == (0, False)


def test_candidates_are_pooled_from_every_pipeline(folder: Folder) -> None:
    fill(folder)
    desk = JudgmentDesk.of(folder)
    assert desk.judge == "ann"
    one, two = desk.overview().queries
    pool = desk.pool(one)
    assert set(pool.doc_ids) == set(one.doc_ids)
    assert {f"doc-{number}" for number in range(1, 11)} <= set(pool.doc_ids)
    assert pool.pipelines == 2
    assert all(item.document is not None for item in pool.candidates)
    with folder.traces as store:
        store.prune(ids=["trace-000002"])
    assert desk.pool(two).candidates == ()


def test_everybodys_judgments_stand_under_the_text_of_the_query(folder: Folder, tmp_path: Path) -> None:
    fill(folder)
    (tmp_path / "qrels").mkdir()
    (tmp_path / "queries.jsonl").write_text('{"_id": "9", "text": "two"}\n{"_id": "8", "text": "else"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text("9\tdoc-1\t3\n8\tdoc-1\t3\n")
    folder.manifest = manifest(tmp_path)
    desk = JudgmentDesk.of(folder)
    desk.log.append("q1", "doc-1", 2, "ben")
    desk.log.append("one", "doc-1", 0, "ann")
    desk.log.append("one", "doc-1", 1, "model", kind=JudgmentKind.PROPOSAL)
    overview = desk.overview()
    assert [(item.query, item.judge, item.grade) for item in overview.judgments] == [
        ("two", FILE_JUDGE, 3),
        ("one", "ben", 2),
        ("one", "ann", 0),
        ("one", "model", 1),
    ]
    assert [(item.one, item.other, item.pairs) for item in overview.agreements()] == [
        ("ben", "ann", 1),
        ("ben", "model", 1),
        ("ann", "model", 1),
    ]
    mine = desk.standing("one", "doc-1")
    assert mine is not None
    assert mine.grade == 0
    desk.log.undo("ann")
    assert desk.standing("one", "doc-1") is None


def test_a_broken_file_beside_the_corpus_is_a_note(folder: Folder, tmp_path: Path) -> None:
    fill(folder)
    (tmp_path / "qrels").mkdir()
    (tmp_path / "queries.jsonl").write_text('{"_id": "9", "text": "two"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text("9\tdoc-1\tgood\n")
    folder.manifest = manifest(tmp_path)
    overview = JudgmentDesk.of(folder).overview()
    assert len(overview.queries) == 2
    assert "test.tsv:1: the grade is 'good'" in overview.note


def test_a_judge_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "cem")
    assert judge_name(Settings()) == "cem"
    assert judge_name(Settings().override("judge", name="ann")) == "ann"

    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert judge_name(Settings()) == "me"


def test_a_model_is_measured_on_what_it_could_not_sway(folder: Folder) -> None:
    fill(folder)
    desk = JudgmentDesk.of(folder)
    for doc_id, grade in (("doc-1", 3), ("doc-2", 0)):
        desk.log.append("one", doc_id, grade, "ann")
    for doc_id, grade in (("doc-1", 3), ("doc-2", 1), ("doc-3", 2), ("doc-4", 2)):
        desk.log.append("one", doc_id, grade, "m#1", kind=JudgmentKind.PROPOSAL)
    desk.log.append("one", "doc-3", 2, "ann")
    overview = desk.overview()
    (seen,) = overview.agreements()
    assert (seen.pairs, seen.equal) == (3, 2)
    unseen = overview.unseen()["m#1"]
    assert (unseen.pairs, unseen.equal, unseen.counts) == (2, 1, {(3, 3): 1, (0, 1): 1})
    desk.log.append("one", "doc-1", 2, "ann")
    assert desk.overview().unseen()["m#1"].pairs == 1


def test_texts_that_no_trace_recorded_come_from_the_index(folder: Folder, tmp_path: Path) -> None:
    with TraceStore(folder.traces_path) as store:
        store.append(make_trace(0, query=Query("one"), documents={}))
    (query,) = JudgmentDesk.of(folder).overview().queries

    def texts() -> dict[str, str]:
        found = JudgmentDesk.of(folder).pool(query).candidates
        return {item.doc_id: item.document.text for item in found if item.document is not None}

    assert texts() == {}
    folder.manifest = manifest(tmp_path)
    assert texts() == {}
    folder.texts = {"doc-2": Document("doc-2", "from the index")}
    assert texts() == {"doc-2": "from the index"}
