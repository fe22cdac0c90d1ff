"""The documents of an index, in SQLite: texts stay on disk, rows are numbered by document id.

Rows run ``0..n-1`` in ascending order of document id (by code point), so a tie broken by row is a tie
broken by id. Text is stored as UTF-8 bytes with lone surrogates passed through, so that any Python string
comes back as it was. Metadata has a side table of its own, so a filter is a lookup and not a scan.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rankscope.core.documents import Document
from rankscope.errors import CorpusError, WorkspaceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DocumentStore"]

_SCHEMA = """
CREATE TABLE incoming (doc_id BLOB PRIMARY KEY, title BLOB NOT NULL, text BLOB NOT NULL,
                       metadata TEXT NOT NULL, content_hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (position INTEGER PRIMARY KEY, doc_id BLOB NOT NULL UNIQUE, title BLOB NOT NULL,
                        text BLOB NOT NULL, metadata TEXT NOT NULL, content_hash TEXT NOT NULL);
CREATE TABLE metadata (key BLOB NOT NULL, value BLOB NOT NULL, position INTEGER NOT NULL,
                       PRIMARY KEY (key, value, position)) WITHOUT ROWID;
"""
_BATCH = 500  # stays below SQLite's limit on bound parameters in every build


class DocumentStore:
    """Implements ``core.protocols.DocumentSource``. Safe to read from several threads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._count: int | None = None

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new, empty store. Fill it with :meth:`insert`, then :meth:`seal` it."""
        path.touch(mode=0o600, exist_ok=False)
        connection = sqlite3.connect(path, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=MEMORY")  # a build that dies is thrown away whole
        connection.executescript(_SCHEMA)
        return cls(connection)

    @classmethod
    def open(cls, path: Path) -> Self:
        """A sealed store, read-only. Raises FileNotFoundError, or WorkspaceError for another kind of file."""
        if not path.is_file():
            raise FileNotFoundError(path)
        uri = f"{path.resolve().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        store = cls(connection)
        try:
            len(store)
        except sqlite3.DatabaseError as error:
            connection.close()
            raise WorkspaceError(f"{path}: {error}.", remedy="Run `rankscope index` again.") from error
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def insert(self, documents: Iterable[Document]) -> None:
        """Add documents in one transaction. Raises CorpusError when an id is there already."""
        rows = [
            (
                _encode(document.doc_id),
                _encode(document.title),
                _encode(document.text),
                json.dumps(dict(document.metadata), sort_keys=True, default=str),
                document.content_hash,
            )
            for document in documents
        ]
        with self._lock, self._connection:
            for row in rows:
                try:
                    self._connection.execute("INSERT INTO incoming VALUES (?, ?, ?, ?, ?)", row)
                except sqlite3.IntegrityError as error:
                    raise CorpusError(
                        f"the id {_decode(row[0])!r} stands twice.",
                        remedy="Give each document an id of its own.",
                    ) from error

    def seal(self) -> None:
        """Number the rows by document id and index the metadata. UTF-8 bytes sort by code point."""
        with self._lock, self._connection:
            self._connection.execute(
                "INSERT INTO documents SELECT row_number() OVER (ORDER BY doc_id) - 1, doc_id, title, text,"
                " metadata, content_hash FROM incoming"
            )
            self._connection.execute("DROP TABLE incoming")
            everything = self._connection.execute("SELECT position, metadata FROM documents")
            self._connection.executemany(
                "INSERT OR IGNORE INTO metadata VALUES (?, ?, ?)",
                (
                    (_encode(key), _encode(value), position)
                    for position, text in everything
                    for key, value in _filterable(json.loads(text))
                ),
            )
        self._connection.execute("PRAGMA journal_mode=DELETE")

    def __len__(self) -> int:
        if self._count is None:
            with self._lock:
                self._count = int(self._connection.execute("SELECT count(*) FROM documents").fetchone()[0])
        return self._count

    def fetch(self, doc_ids: Sequence[str]) -> dict[str, Document]:
        """The documents with these ids, in the order asked for; unknown ids are absent."""
        found: dict[str, Document] = {}
        for row in self._in_batches("doc_id", [_encode(doc_id) for doc_id in doc_ids], _COLUMNS):
            document = _document(row)
            found[document.doc_id] = document
        return {doc_id: found[doc_id] for doc_id in doc_ids if doc_id in found}

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        """Document ids of these rows, in the order asked for."""
        wanted = [int(row) for row in rows]
        known = {row[0]: _decode(row[1]) for row in self._in_batches("position", wanted, "position, doc_id")}
        return [known[row] for row in wanted]

    def texts_of(self, rows: Sequence[int]) -> list[str]:
        """What the models read of these rows (title and text), in the order asked for."""
        wanted = [int(row) for row in rows]
        columns = f"position, {_COLUMNS}"
        known = {
            row[0]: _document(row[1:]).searchable for row in self._in_batches("position", wanted, columns)
        }
        return [known[row] for row in wanted]

    def documents(self) -> Iterator[Document]:
        """Every document in row order, streamed."""
        for start in range(0, len(self), _BATCH):
            with self._lock:
                batch = self._connection.execute(
                    f"SELECT {_COLUMNS} FROM documents WHERE position >= ? ORDER BY position LIMIT ?",  # noqa: S608
                    (start, _BATCH),
                ).fetchall()
            yield from map(_document, batch)

    def content_hashes(self) -> list[str]:
        """Content hash of every document in row order."""
        with self._lock:
            rows = self._connection.execute("SELECT content_hash FROM documents ORDER BY position")
            return [row[0] for row in rows]

    def fingerprint_rows(self) -> Iterator[tuple[str, str, str]]:
        """``(doc_id, content_hash, metadata)`` of every document in row order."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT doc_id, content_hash, metadata FROM documents ORDER BY position"
            )
            for doc_id, content_hash, metadata in rows:
                yield _decode(doc_id), content_hash, metadata

    def rows_matching(self, filters: Mapping[str, str]) -> NDArray | None:
        """Sorted int64 rows whose metadata equals every filter (compared as text); None without a filter."""
        import numpy as np

        if not filters:
            return None
        result: NDArray | None = None
        for key, value in filters.items():
            with self._lock:
                rows = self._connection.execute(
                    "SELECT position FROM metadata WHERE key = ? AND value = ? ORDER BY position",
                    (_encode(key), _encode(str(value))),
                ).fetchall()
            matching = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
            result = matching if result is None else np.intersect1d(result, matching, assume_unique=True)
        return result

    def metadata_values(self, key: str, limit: int = 50) -> list[str]:
        """The values that a metadata key takes, most frequent first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT value FROM metadata WHERE key = ?"
                " GROUP BY value ORDER BY count(*) DESC, value LIMIT ?",
                (_encode(key), limit),
            )
            return [_decode(row[0]) for row in rows]

    def metadata_keys(self) -> list[str]:
        """The metadata keys that can be filtered on."""
        with self._lock:
            rows = self._connection.execute("SELECT DISTINCT key FROM metadata ORDER BY key")
            return [_decode(row[0]) for row in rows]

    def _in_batches(self, column: str, values: Sequence[Any], columns: str) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(values), _BATCH):
            part = values[start : start + _BATCH]
            marks = ",".join("?" * len(part))
            query = f"SELECT {columns} FROM documents WHERE {column} IN ({marks})"  # noqa: S608  # names of ours
            with self._lock:
                rows = self._connection.execute(query, part).fetchall()
            yield from rows


_COLUMNS = "doc_id, title, text, metadata"


def _document(row: Sequence[Any]) -> Document:
    return Document(_decode(row[0]), _decode(row[2]), _decode(row[1]), json.loads(row[3]))


def _filterable(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys and values as text; each item of a list counts, nested mappings do not."""
    for key, value in metadata.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, bool):
                yield key, str(item).lower()
            elif isinstance(item, str | int | float):
                yield key, str(item)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
