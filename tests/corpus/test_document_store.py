"""The document store: exact round trips, rows by id, filters."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankscope.core.documents import Document
from rankscope.corpus.document_store import DocumentStore
from rankscope.errors import CorpusError, WorkspaceError

TEXT = st.text(st.characters(), max_size=30)  # surrogates and NUL included
DOCUMENTS = st.lists(
    st.builds(Document, doc_id=TEXT, text=TEXT, title=TEXT, metadata=st.dictionaries(TEXT, TEXT, max_size=2)),
    unique_by=lambda document: document.doc_id,
    max_size=12,
)


def sealed(folder: Path, documents: list[Document]) -> DocumentStore:
    path = folder / "documents.db"
    path.unlink(missing_ok=True)
    with DocumentStore.create(path) as store:
        store.insert(documents)
        store.seal()
    return DocumentStore.open(path)


@given(DOCUMENTS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_comes_back_as_it_was(tmp_path: Path, documents: list[Document]) -> None:
    with sealed(tmp_path, documents) as store:
        assert store.fetch([document.doc_id for document in documents]) == {
            document.doc_id: document for document in documents
        }
        ids = sorted(document.doc_id for document in documents)
        assert store.ids_of(range(len(documents))) == ids
        assert [document.doc_id for document in store.documents()] == ids
        assert [row[1] for row in store.fingerprint_rows()] == store.content_hashes()
        for document in documents:
            for key, value in document.metadata.items():
                rows = store.rows_matching({key: value})
                assert rows is not None
                assert ids.index(document.doc_id) in rows.tolist()


def test_filters_are_met_together_and_compare_as_text(tmp_path: Path) -> None:
    documents = [
        Document("a", "x", metadata={"tenant": "t1", "year": 2023, "tags": ["p", "q"]}),
        Document("b", "x", metadata={"tenant": "t1", "year": 2024, "draft": True}),
        Document("c", "x", metadata={"tenant": "t2", "year": 2023}),
    ]
    with sealed(tmp_path, documents) as store:

        def matching(**filters: str) -> list[int]:
            rows = store.rows_matching(filters)
            assert rows is not None
            return rows.tolist()

        assert store.rows_matching({}) is None
        assert matching(tenant="t1") == [0, 1]
        assert matching(tenant="t1", year="2023") == [0]
        assert matching(tags="q") == [0]
        assert matching(draft="true") == [1]
        assert matching(tenant="t3") == []
        assert store.metadata_keys() == ["draft", "tags", "tenant", "year"]
        assert store.metadata_values("tenant") == ["t1", "t2"]


def test_more_documents_than_one_batch(tmp_path: Path) -> None:
    documents = [Document(f"{place:05}", f"text {place}") for place in range(1201)]
    with sealed(tmp_path, documents) as store:
        assert len(store) == 1201
        assert store.texts_of([1200, 3]) == ["text 1200", "text 3"]
        assert len(store.fetch([document.doc_id for document in documents])) == 1201


def test_an_id_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    with DocumentStore.create(tmp_path / "d.db") as store:
        store.insert([Document("a", "x")])
        with pytest.raises(CorpusError, match="'a' stands twice"):
            store.insert([Document("a", "y")])


def test_unknown_ids_are_absent(tmp_path: Path) -> None:
    with sealed(tmp_path, [Document("a", "x")]) as store:
        assert store.fetch(["zzz"]) == {}


def test_the_file_is_private_and_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    sealed(tmp_path, [Document("a", "x")]).close()
    assert stat.S_IMODE((tmp_path / "documents.db").stat().st_mode) == 0o600
    (tmp_path / "other.db").write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    with pytest.raises(WorkspaceError, match=r"other\.db"):
        DocumentStore.open(tmp_path / "other.db")
    with pytest.raises(FileNotFoundError):
        DocumentStore.open(tmp_path / "absent.db")
