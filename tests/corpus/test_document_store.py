"""The document store: exact round trips, rows by id, filters."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
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
        assert store.rows_of(ids) == {doc_id: row for row, doc_id in enumerate(ids)}
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


def test_a_whole_number_that_pandas_made_a_float_is_found_as_written(tmp_path: Path) -> None:
    documents = [
        Document("a", "x", metadata={"year": 2024.0, "price": 9.5}),
        Document("b", "x", metadata={"year": 2024}),
        Document("c", "x", metadata={"year": 2023.0, "big": 1e300}),
    ]
    with sealed(tmp_path, documents) as store:

        def matching(**filters: str) -> list[int]:
            rows = store.rows_matching(filters)
            assert rows is not None
            return rows.tolist()

        assert matching(year="2024") == [0, 1]
        assert matching(year="2024.0") == [0]
        assert matching(price="9.5") == [0]
        assert matching(big="1e+300") == [2]


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


def test_an_id_that_stands_twice_within_a_batch_is_named(tmp_path: Path) -> None:
    with DocumentStore.create(tmp_path / "d.db") as store:
        with pytest.raises(CorpusError, match="'b' stands twice"):
            store.insert([Document("a", "x"), Document("b", "x"), Document("b", "y")])
        store.insert([Document("a", "x")])
        store.seal()
        assert [document.doc_id for document in store.documents()] == ["a"]


def test_an_unsealed_store_is_not_opened(tmp_path: Path) -> None:
    with DocumentStore.create(tmp_path / "d.db") as store:
        store.insert([Document("a", "x")])
    with pytest.raises(WorkspaceError, match="it is unfinished"):
        DocumentStore.open(tmp_path / "d.db")


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "d.db").write_text("mine")
    with pytest.raises(FileExistsError):
        DocumentStore.create(tmp_path / "d.db")
    assert (tmp_path / "d.db").read_text() == "mine"


def test_rows_outside_the_corpus_are_refused(tmp_path: Path) -> None:
    with sealed(tmp_path, [Document("a", "x")]) as store:
        for rows in ([1], [0, -1]):
            with pytest.raises(IndexError, match="outside the corpus of 1 documents"):
                store.ids_of(rows)
            with pytest.raises(IndexError):
                store.texts_of(rows)
        assert store.rows_of(["zzz", "a"]) == {"a": 0}


def test_a_sealed_store_cannot_be_written(tmp_path: Path) -> None:
    with (
        sealed(tmp_path, [Document("a", "x")]) as store,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        store.insert([Document("b", "x")])


def test_a_long_value_is_met_exactly(tmp_path: Path) -> None:
    one, other = "x" * 5000 + "1", "x" * 5000 + "2"
    documents = [Document("a", "t", metadata={"html": one}), Document("b", "t", metadata={"html": other})]
    with sealed(tmp_path, documents) as store:
        rows = store.rows_matching({"html": other})
        assert rows is not None
        assert rows.tolist() == [1]


def test_streaming_starts_anywhere_and_leaves_the_store_usable(tmp_path: Path) -> None:
    documents = [Document(f"{place:04}", "x") for place in range(1100)]
    with sealed(tmp_path, documents) as store:
        assert [document.doc_id for document in store.documents(1098)] == ["1098", "1099"]
        for row, document in enumerate(store.documents()):
            if row % 400 == 0:
                assert store.ids_of([row]) == [document.doc_id]
        for row, (doc_id, _, _) in enumerate(store.fingerprint_rows()):
            if row % 400 == 0:
                assert store.fetch([doc_id])[doc_id].text == "x"


@pytest.mark.parametrize(
    ("fragment", "found"),
    [
        ("STUCK PIPE", ["a", "b"]),
        ("100%", ["c"]),
        ("a_b", ["c"]),
        ("é", ["c"]),
        ("\0after", ["d"]),
        ("\ud800", ["d"]),
        ("id-e", ["id-e"]),
        ("x" * 60_000, []),
        ("nowhere", []),
    ],
)
def test_a_fragment_is_found_in_id_title_and_text(tmp_path: Path, fragment: str, found: list[str]) -> None:
    documents = [
        Document("a", "A stuck pipe."),
        Document("b", "Something", title="Stuck pipe"),
        Document("c", "100% of a_b in é"),
        Document("d", "before\0after \ud800"),
        Document("id-e", "x?"),
    ]
    with sealed(tmp_path, documents) as store:
        assert store.find(fragment) == found


def test_several_threads_read_at_once(tmp_path: Path) -> None:
    documents = [
        Document(f"{place:04}", f"text {place}", metadata={"part": place % 3}) for place in range(900)
    ]
    with sealed(tmp_path, documents) as store:

        def read(seed: int) -> bool:
            rows = [(seed * 37 + step * 11) % 900 for step in range(50)]
            fetched = store.fetch(store.ids_of(rows))
            matching = store.rows_matching({"part": str(seed % 3)})
            streamed = sum(1 for _ in store.documents())
            return (
                [fetched[f"{row:04}"].text for row in rows] == [f"text {row}" for row in rows]
                and matching is not None
                and matching.tolist() == list(range(seed % 3, 900, 3))
                and streamed == 900
            )

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(read, range(24)))
