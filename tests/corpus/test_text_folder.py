"""A folder of Markdown and text to passages."""

from __future__ import annotations

from pathlib import Path

import pytest

from rankscope.config import ChunkingSettings
from rankscope.core.documents import Document
from rankscope.corpus.loader import LoadOptions, load
from rankscope.errors import CorpusError


def words(text: str) -> int:
    return len(text.split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "guide").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "hidden.md").write_text("hidden")
    (tmp_path / "guide" / "install.md").write_text(
        "---\nproduct: Acme\n---\n# Guide\n\n## Install\nRun it. Then restart.\n\n## Later\n",
        encoding="utf-8",
    )
    (tmp_path / "notes.txt").write_text("First # not a heading.\r\nSecond.", encoding="utf-8-sig", newline="")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    return tmp_path


def test_passages_are_named_by_file_and_place_and_titled_by_headings(folder: Path) -> None:
    loading = load(folder)
    shared = {"product": "Acme", "path": "guide/install.md"}
    assert loading.format == "text"
    assert list(loading) == [
        Document("guide/install.md#1", "Run it. Then restart.", "Guide > Install", shared),
        Document("guide/install.md#2", "Later", "Guide", shared),
        Document("notes.txt#1", "First # not a heading.\r\nSecond.", "notes", {"path": "notes.txt"}),
    ]
    assert loading.notes == [f"{folder}: files of other kinds are left out: 1 .png."]


def test_the_front_matters_title_heads_every_passage(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: Manual\n---\nHello.\n## Use\nGo.\n")
    assert [document.title for document in load(tmp_path)] == ["Manual", "Manual > Use"]
    (tmp_path / "a.md").write_text("---\ntitle: Manual\n---\n# Manual\n## Use\nGo.\n")
    assert [document.title for document in load(tmp_path)] == ["Manual > Use"]


def test_long_files_are_cut_to_the_budget_and_numbered_through(tmp_path: Path) -> None:
    text = "# A\n" + "One two three four five. " * 8 + "\n# B\nSix seven.\n"
    (tmp_path / "a.md").write_text(text)
    options = LoadOptions(chunking=ChunkingSettings(tokens=16, overlap=0), count_tokens=words)
    documents = list(load(tmp_path, options))
    assert [document.doc_id for document in documents] == [f"a.md#{number}" for number in range(1, 5)]
    assert [words(document.text) for document in documents] == [15, 15, 10, 2]
    assert documents[-1].title == "B"


def test_cut_sentences_are_noted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word " * 40)
    options = LoadOptions(chunking=ChunkingSettings(tokens=16, overlap=0), count_tokens=words)
    loading = load(tmp_path, options)
    assert len(list(loading)) == 3
    assert loading.notes == [f"{tmp_path}: sentences and code blocks longer than 16 tokens, cut: 1."]


def test_ids_do_not_depend_on_other_files(folder: Path) -> None:
    before = {document.doc_id for document in load(folder)}
    (folder / "a.md").write_text("New.")
    assert {document.doc_id for document in load(folder)} == before | {"a.md#1"}


def test_a_single_file_is_a_source(folder: Path) -> None:
    assert [document.doc_id for document in load(folder / "notes.txt")] == ["notes.txt#1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"b\.md: the file holds no text.*--skip-bad"),
        (b"\n \n", r"b\.md: the file holds no text"),
        (b"fine\nalso fine\ncaf\xe9\n", r"b\.md:3: not valid UTF-8: byte 4 of the line is 0xe9"),
    ],
)
def test_a_bad_file_is_named_or_left_out_on_request(folder: Path, content: bytes, message: str) -> None:
    (folder / "b.md").write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        list(load(folder))
    loading = load(folder, LoadOptions(skip_bad=True))
    assert len(list(loading)) == 3
    assert loading.skipped == 1


def test_a_link_that_leads_in_a_circle_is_passed_over(folder: Path) -> None:
    (folder / "guide" / "loop").symlink_to(folder, target_is_directory=True)
    assert len(list(load(folder))) == 3
