"""Index builds: atomic, resumable, incremental, and refused when they would mix things up."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rankscope.config import ChunkingSettings
from rankscope.core.documents import Query
from rankscope.corpus.loader import LoadOptions
from rankscope.engine import factory
from rankscope.engine.indexing import IndexBuild, IndexReport
from rankscope.engine.manifest import Manifest
from rankscope.engine.workspace import Workspace, find_workspace
from rankscope.errors import (
    Cancelled,
    CorpusError,
    IndexMismatch,
    IndexMissing,
    WorkspaceBusy,
    WorkspaceError,
)
from tests.engine.hashed_encoder import HashedEncoder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> HashedEncoder:
    made = HashedEncoder()
    monkeypatch.setattr(factory, "make_encoder", lambda settings: made)
    return made


def write_corpus(path: Path, texts: list[str]) -> Path:
    lines = [json.dumps({"_id": f"d{place:04}", "text": text}) for place, text in enumerate(texts)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def texts(count: int, version: str = "one") -> list[str]:
    return [f"passage number {place} about topic {place % 7} of version {version}" for place in range(count)]


def build(folder: Path, source: Path) -> IndexReport:
    return IndexBuild(Workspace(folder), source).run()


def test_an_index_answers_in_row_order_of_ids(tmp_path: Path, encoder: HashedEncoder) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(20))
    report = build(tmp_path / "w", source)
    assert (report.documents, report.embedded, report.unchanged) == (20, 20, False)
    workspace = Workspace(tmp_path / "w")
    parts = workspace.parts()
    assert (len(parts.documents), len(parts.bm25), len(parts.vectors)) == (20, 20, 20)
    trace = workspace.pipeline(workspace.settings.override("rerank", enabled=False)).run(Query("number 13"))
    bm25 = trace.ranking("bm25")
    assert bm25 is not None
    assert bm25.doc_ids[0] == "d0013"
    workspace.close()


def test_nothing_changed_does_nothing(tmp_path: Path, encoder: HashedEncoder) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(20))
    build(tmp_path / "w", source)
    before = Workspace(tmp_path / "w").generations.current()
    encoder.encoded.clear()
    assert build(tmp_path / "w", source).unchanged
    assert encoder.encoded == []
    assert Workspace(tmp_path / "w").generations.current() == before


def test_an_unchanged_index_learns_where_its_source_lies_and_how_it_was_read(
    tmp_path: Path, encoder: HashedEncoder
) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(3))
    build(tmp_path / "w", source)
    workspace = Workspace(tmp_path / "w")
    current, first = workspace.generations.current(), workspace.manifest
    assert current is not None
    assert first is not None
    replace(first, load_options=None).write(current)  # as an index of before
    moved = source.rename(tmp_path / "moved.jsonl")
    report = IndexBuild(workspace, moved, LoadOptions(format="jsonl", text_column="text")).run()
    assert (report.unchanged, workspace.generations.current()) == (True, current)
    kept = workspace.manifest
    assert kept is not None
    assert kept.load_options is not None
    assert (kept.source, kept.fingerprint) == (str(moved), first.fingerprint)
    assert LoadOptions.from_json(kept.load_options, ChunkingSettings()).text_column == "text"


def test_one_changed_document_is_embedded_alone(tmp_path: Path, encoder: HashedEncoder) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(20))
    build(tmp_path / "w", source)
    encoder.encoded.clear()
    changed = texts(20)
    changed[7] = "an entirely new text"
    report = build(tmp_path / "w", write_corpus(source, changed))
    assert report.embedded == 1
    assert encoder.encoded == ["an entirely new text"]
    assert Workspace(tmp_path / "w").document_count == 20


def test_cancelling_keeps_the_old_index_and_resumes(
    tmp_path: Path, encoder: HashedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rankscope.engine.indexing._EMBED_BATCH", 10)
    source = write_corpus(tmp_path / "c.jsonl", texts(20))
    build(tmp_path / "w", source)
    write_corpus(source, texts(100, "two"))
    stopping = IndexBuild(Workspace(tmp_path / "w"), source)
    with pytest.raises(Cancelled, match="resume"):
        for _ in stopping.iter_progress(lambda: len(encoder.encoded) >= 20 + 50):
            pass
    assert Workspace(tmp_path / "w").document_count == 20
    assert build(tmp_path / "w", source).embedded == 50
    assert Workspace(tmp_path / "w").document_count == 100


def test_progress_counts_up_to_the_total(tmp_path: Path, encoder: HashedEncoder) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(600))
    steps = list(IndexBuild(Workspace(tmp_path / "w"), source).iter_progress())
    assert next(step.stage for step in steps if step.done == 0) == "embedding"
    for stage in ("embedding", "bm25", "finishing"):
        last = [step for step in steps if step.stage == stage][-1]
        assert last.done == last.total


def test_two_builds_at_once_are_refused(tmp_path: Path, encoder: HashedEncoder) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(20))
    first: Iterator[object] = IndexBuild(Workspace(tmp_path / "w"), source).iter_progress()
    next(first)
    with pytest.raises(WorkspaceBusy, match="another process"):
        build(tmp_path / "w", source)
    for _ in first:
        pass
    assert Workspace(tmp_path / "w").document_count == 20


def test_a_bad_record_changes_nothing(tmp_path: Path, encoder: HashedEncoder) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(20))
    build(tmp_path / "w", source)
    lines = source.read_text(encoding="utf-8").splitlines()
    lines[6] = '{"_id": "x", "text": '
    source.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(CorpusError, match=r"c\.jsonl:7: "):
        build(tmp_path / "w", source)
    assert Workspace(tmp_path / "w").document_count == 20


def test_an_empty_source_is_refused(tmp_path: Path, encoder: HashedEncoder) -> None:
    (tmp_path / "docs").mkdir()
    with pytest.raises(CorpusError, match="no "):
        build(tmp_path / "w", tmp_path / "docs")


def test_an_index_of_another_model_is_not_used(tmp_path: Path, encoder: HashedEncoder) -> None:
    build(tmp_path / "w", write_corpus(tmp_path / "c.jsonl", texts(20)))
    (tmp_path / "w" / "rankscope.toml").write_text('[models]\nbi_encoder = "other"\n', encoding="utf-8")
    with pytest.raises(IndexMismatch, match="'other'"):
        Workspace(tmp_path / "w").parts()


def test_an_index_of_another_tokenizer_is_not_used(tmp_path: Path, encoder: HashedEncoder) -> None:
    build(tmp_path / "w", write_corpus(tmp_path / "c.jsonl", texts(20)))
    folder = Workspace(tmp_path / "w").generations.current()
    assert folder is not None
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"tokenizer": "', '"tokenizer": "older-'), encoding="utf-8")
    with pytest.raises(IndexMismatch, match="tokenizer"):
        Workspace(tmp_path / "w").parts()


@pytest.mark.parametrize("name", ["dense.faiss", "documents.db", "manifest.json"])
def test_a_damaged_index_is_built_anew(tmp_path: Path, encoder: HashedEncoder, name: str) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(20))
    build(tmp_path / "w", source)
    folder = Workspace(tmp_path / "w").generations.current()
    assert folder is not None
    (folder / name).write_bytes(b"damaged")
    report = build(tmp_path / "w", source)
    assert (report.unchanged, report.embedded) == (False, 0)
    assert len(Workspace(tmp_path / "w").parts().vectors) == 20


def test_an_unneeded_build_leaves_nothing_behind(tmp_path: Path, encoder: HashedEncoder) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(20))
    build(tmp_path / "w", source)
    assert build(tmp_path / "w", source).unchanged
    assert not (tmp_path / "w" / "index" / "staging").exists()


def test_other_weights_under_the_same_name_are_noticed(
    tmp_path: Path, encoder: HashedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path / "w", write_corpus(tmp_path / "c.jsonl", texts(20)))
    folder = Workspace(tmp_path / "w").generations.current()
    assert folder is not None
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace(encoder.info.revision, "0" * 64), encoding="utf-8")
    workspace = Workspace(tmp_path / "w")
    trace = workspace.pipeline(workspace.settings.override("rerank", enabled=False)).run(Query("number 13"))
    dense = trace.ranking("dense")
    assert dense is not None
    assert dense.status.startswith("failed:the index was built with other weights")
    assert trace.kept


def test_a_damaged_manifest_is_one_clear_line(tmp_path: Path, encoder: HashedEncoder) -> None:
    build(tmp_path / "w", write_corpus(tmp_path / "c.jsonl", texts(20)))
    folder = Workspace(tmp_path / "w").generations.current()
    assert folder is not None
    (folder / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(WorkspaceError, match=r"manifest\.json: cannot be read"):
        Manifest.read(folder)


def test_a_workspace_is_found_upward(tmp_path: Path, encoder: HashedEncoder) -> None:
    build(tmp_path / "w", write_corpus(tmp_path / "c.jsonl", texts(20)))
    below = tmp_path / "w" / "a" / "b"
    below.mkdir(parents=True)
    assert find_workspace(start=below).folder == tmp_path / "w"
    assert find_workspace(start=tmp_path).sample
    with pytest.raises(WorkspaceError, match="no such folder"):
        find_workspace(tmp_path / "absent")


def test_a_workspace_without_an_index_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "rankscope.toml").touch()
    with pytest.raises(IndexMissing, match="rankscope index SOURCE"):
        list(find_workspace(tmp_path).prepare())


def test_killed_twenty_times_the_old_index_answers_and_the_new_one_resumes(
    tmp_path: Path, encoder: HashedEncoder
) -> None:
    folder = tmp_path / "w"
    old = write_corpus(tmp_path / "old.jsonl", texts(30))
    build(folder, old)
    new = write_corpus(tmp_path / "new.jsonl", texts(1500, "two"))
    command = [sys.executable, "-m", "tests.engine.index_until_killed", str(new), str(folder)]
    chance = random.Random(20)
    finished = 0
    for _ in range(20):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.6))
            process.kill()
            finished += "embedded" in process.stdout.read()
        workspace = Workspace(folder)
        assert workspace.document_count in (30, 1500)
        found = workspace.parts().bm25.search(["version"], 5)[0]
        assert len(found) == 5
        workspace.close()
    report = build(folder, new)
    assert report.documents == 1500
    assert report.unchanged or report.embedded < 1500
    parts = Workspace(folder).parts()
    assert (len(parts.documents), len(parts.bm25), len(parts.vectors)) == (1500, 1500, 1500)
    leftovers = {path.name for path in (folder / "index").iterdir()}
    assert not {name for name in leftovers if name == "CURRENT.new"}
    assert len([name for name in leftovers if name.startswith("gen-")]) == 1
    parts.close()


def test_vectors_go_in_block_by_block_and_can_be_stopped_between(
    tmp_path: Path, encoder: HashedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rankscope.engine.indexing._VECTOR_BATCH", 100)
    source = write_corpus(tmp_path / "c.jsonl", texts(250))
    seen: list[int] = []
    stopping = IndexBuild(Workspace(tmp_path / "w"), source).iter_progress(lambda: 200 in seen)
    with pytest.raises(Cancelled):
        seen.extend(step.done for step in stopping if step.stage == "vectors")
    assert seen == [0, 100, 200]
    assert Workspace(tmp_path / "w").generations.current() is None
    done = list(IndexBuild(Workspace(tmp_path / "w"), source).iter_progress())
    assert [step.done for step in done if step.stage == "vectors"] == [0, 100, 200, 250]
    workspace = Workspace(tmp_path / "w")
    assert len(workspace.parts().vectors) == 250
    workspace.close()


def folder_of_texts(path: Path) -> Path:
    path.mkdir()
    sentences = [f"Sentence {number} says that valve {number} is closed by hand." for number in range(60)]
    (path / "a.txt").write_text(" ".join(sentences), encoding="utf-8")
    return path


def test_an_index_that_was_cut_otherwise_than_the_settings_say_is_refused(
    tmp_path: Path, encoder: HashedEncoder
) -> None:
    source = folder_of_texts(tmp_path / "docs")
    build(tmp_path / "w", source)
    (tmp_path / "w" / "rankscope.toml").write_text("[chunking]\ntokens = 64\n", encoding="utf-8")
    with pytest.raises(IndexMismatch, match=r"passages of 200 tokens .* the settings say 64"):
        Workspace(tmp_path / "w").parts()
    assert not build(tmp_path / "w", source).unchanged
    workspace = Workspace(tmp_path / "w")
    trace = workspace.pipeline(workspace.settings.override("rerank", enabled=False)).run(Query("valve 7"))
    assert trace.pipeline.settings["chunking"] == {"tokens": 64, "overlap": 0}
    workspace.close()


def test_records_are_not_cut_so_that_their_index_serves_any_chunking(
    tmp_path: Path, encoder: HashedEncoder
) -> None:
    build(tmp_path / "w", write_corpus(tmp_path / "c.jsonl", texts(8)))
    (tmp_path / "w" / "rankscope.toml").write_text("[chunking]\ntokens = 64\n", encoding="utf-8")
    workspace = Workspace(tmp_path / "w")
    trace = workspace.pipeline(workspace.settings.override("rerank", enabled=False)).run(Query("topic 3"))
    assert trace.pipeline.settings["chunking"]["tokens"] == 200
    workspace.close()


def test_another_number_type_of_the_encoder_is_another_index(tmp_path: Path, encoder: HashedEncoder) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(8))
    build(tmp_path / "w", source)
    toml = tmp_path / "w" / "rankscope.toml"
    toml.write_text('[models]\nprecision = "fp32"\n', encoding="utf-8")
    assert build(tmp_path / "w", source).unchanged
    toml.write_text('[models]\nprecision = "bf16"\n', encoding="utf-8")
    assert not build(tmp_path / "w", source).unchanged


def test_vectors_of_a_shorter_input_are_not_taken_for_those_of_a_longer(
    tmp_path: Path, encoder: HashedEncoder
) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(8))
    build(tmp_path / "w", source)
    encoder.info = replace(encoder.info, max_length=128)
    (tmp_path / "w" / "rankscope.toml").write_text('[models]\nprecision = "bf16"\n', encoding="utf-8")
    assert build(tmp_path / "w", source).embedded == 8


def test_a_document_store_of_another_version_is_built_anew(tmp_path: Path, encoder: HashedEncoder) -> None:
    source = write_corpus(tmp_path / "c.jsonl", texts(8))
    build(tmp_path / "w", source)
    folder = Workspace(tmp_path / "w").generations.current()
    assert folder is not None
    with closing(sqlite3.connect(folder / "documents.db")) as database:
        database.execute("PRAGMA user_version = 1")
    assert not build(tmp_path / "w", source).unchanged
