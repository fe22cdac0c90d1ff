"""The documents of an index, in SQLite: texts stay on disk, rows are numbered by document id.

Rows run ``0..n-1`` in ascending order of document id (by code point), so a tie broken by row is a tie broken
by id. Text is stored as UTF-8 bytes with lone surrogates passed through: any Python string, with NUL and
all, comes back as it was, and bytes sort by code point. Metadata has a side table, so a filter is a lookup.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rankscope.core.documents import Document
from rankscope.core.filter_text import filter_text
from rankscope.errors import CorpusError, WorkspaceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DocumentStore"]

# Documents lie in the order in which they came; short columns first, for a row is read up to the last one
# asked for. `positions` numbers them by id when the store is sealed.
_SCHEMA = """
CREATE TABLE documents (number INTEGER PRIMARY KEY, doc_id BLOB NOT NULL UNIQUE, content_hash TEXT NOT NULL,
                        metadata TEXT NOT NULL, title BLOB NOT NULL, text BLOB NOT NULL);
CREATE TABLE positions (position INTEGER PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE metadata (key BLOB NOT NULL, value BLOB NOT NULL, position INTEGER NOT NULL,
                       PRIMARY KEY (key, value, position)) WITHOUT ROWID;
"""
_SEALED = 2  # PRAGMA user_version of a finished store of this schema
_BATCH = 500  # stays below SQLite's limit on bound parameters in every build
_LONGEST_VALUE = 256
_DIGEST = b"\xff"  # no UTF-8 begins so: a value that is kept as its digest cannot be taken for another
_LONGEST_PATTERN = 1000  # SQLite refuses patterns above 50,000 bytes
_KEPT_FILTERS = 32
_FIELDS = "doc_id, title, text, metadata"
_ROWS = "positions JOIN documents USING (number)"


class DocumentStore:
    """Implements ``core.protocols.DocumentSource``. Safe to read from several threads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._count: int | None = None
        self._filters: OrderedDict[tuple[str, str], NDArray[np.int64]] = OrderedDict()

    @classmethod
    def create(cls, path: Path) -> Self:
        """A new, empty store, mode 0600. Fill it with :meth:`insert`, then :meth:`seal` it."""
        path.touch(mode=0o600, exist_ok=False)
        connection = sqlite3.connect(path, check_same_thread=False)
        # A build that dies is thrown away whole, and a finished one is synced before it is used.
        connection.execute("PRAGMA journal_mode=MEMORY")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-65536")  # KiB
        connection.executescript(_SCHEMA)
        return cls(connection)

    @classmethod
    def open(cls, path: Path) -> Self:
        """A sealed store, read-only. Raises FileNotFoundError, or WorkspaceError for another kind of file."""
        if not path.is_file():
            raise FileNotFoundError(path)
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != _SEALED:
                raise sqlite3.DatabaseError("it is unfinished, or of another version")
        except sqlite3.DatabaseError as error:
            connection.close()
            raise WorkspaceError(
                f"{path}: cannot be used: {error}.", remedy="Run `rankscope index` again."
            ) from error
        return cls(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._connection.close()

    def insert(self, documents: Iterable[Document]) -> None:
        """Add documents in one transaction. Raises CorpusError when an id is there already."""
        rows = [
            (
                _encode(document.doc_id),
                document.content_hash,
                json.dumps(dict(document.metadata), sort_keys=True, default=str),
                _encode(document.title),
                _encode(document.text),
            )
            for document in documents
        ]
        try:
            with self._lock, self._connection:
                self._connection.executemany(
                    "INSERT INTO documents (doc_id, content_hash, metadata, title, text)"
                    " VALUES (?, ?, ?, ?, ?)",
                    rows,
                )
        except sqlite3.IntegrityError as error:
            raise CorpusError(
                f"the id {self._first_repeated([row[0] for row in rows])!r} stands twice.",
                remedy="Give each document an id of its own.",
            ) from error

    def _first_repeated(self, doc_ids: Sequence[bytes]) -> str:
        seen = {row[0] for row in self._in_batches("doc_id", doc_ids, "doc_id", "documents")}
        for doc_id in doc_ids:
            if doc_id in seen:
                return _decode(doc_id)
            seen.add(doc_id)
        raise AssertionError("no id of the batch is repeated")

    def seal(self) -> None:
        """Number the rows by document id and index the metadata; nothing can be added afterwards."""
        with self._lock, self._connection:
            self._connection.execute(
                "INSERT INTO positions SELECT row_number() OVER (ORDER BY doc_id) - 1, number FROM documents"
            )
            self._connection.executemany(
                "INSERT OR IGNORE INTO metadata VALUES (?, ?, ?)",
                (
                    (_encode(key), _filter_value(value), position)
                    for position, text in self._connection.execute(f"SELECT position, metadata FROM {_ROWS}")  # noqa: S608
                    for key, value in _filterable(json.loads(text))
                ),
            )
            self._connection.execute(f"PRAGMA user_version={_SEALED}")

    def __len__(self) -> int:
        if self._count is None:
            with self._lock:
                last = self._connection.execute("SELECT max(position) FROM positions").fetchone()[0]
            self._count = 0 if last is None else last + 1
        return self._count

    def fetch(self, doc_ids: Sequence[str]) -> dict[str, Document]:
        """The documents with these ids, in the order asked for; unknown ids are absent."""
        found: dict[str, Document] = {}
        encoded = [_encode(doc_id) for doc_id in doc_ids]
        for row in self._in_batches("doc_id", encoded, _FIELDS, "documents"):
            document = _document(row)
            found[document.doc_id] = document
        return {doc_id: found[doc_id] for doc_id in doc_ids if doc_id in found}

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        """Document ids of these rows, in the order asked for. Raises IndexError for an unknown row."""
        found = self._by_position(rows, "position, doc_id")
        return [_decode(found[row][1]) for row in self._checked(rows, found)]

    def rows_of(self, doc_ids: Sequence[str]) -> dict[str, int]:
        """Row of each of these ids; unknown ids are absent."""
        encoded = [_encode(doc_id) for doc_id in doc_ids]
        found = dict(self._in_batches("doc_id", encoded, "doc_id, position", _ROWS))
        return {doc_id: found[raw] for doc_id, raw in zip(doc_ids, encoded, strict=True) if raw in found}

    def texts_of(self, rows: Sequence[int]) -> list[str]:
        """What the models read of these rows (title and text), in the order asked for."""
        found = self._by_position(rows, f"position, {_FIELDS}")
        return [_document(found[row][1:]).searchable for row in self._checked(rows, found)]

    def documents(self, start_row: int = 0) -> Iterator[Document]:
        """Every document from a row on, in row order, streamed."""
        return map(_document, self._in_row_order(_FIELDS, start_row))

    def content_hashes(self) -> list[str]:
        """Content hash of every document in row order."""
        return [row[0] for row in self._in_row_order("content_hash")]

    def fingerprint_rows(self) -> Iterator[tuple[str, str, str]]:
        """``(doc_id, content_hash, metadata)`` of every document in row order."""
        for doc_id, content_hash, metadata in self._in_row_order("doc_id, content_hash, metadata"):
            yield _decode(doc_id), content_hash, metadata

    def rows_matching(self, filters: Mapping[str, str]) -> NDArray[np.int64] | None:
        """Sorted int64 rows whose metadata meets every filter; None without a filter.

        Values are compared as text, true and false as JSON writes them; a list meets a filter when one of
        its items does.
        """
        import numpy as np

        result: NDArray[np.int64] | None = None
        for key, value in filters.items():
            matching = self._rows_with(key, str(value))
            result = matching if result is None else np.intersect1d(result, matching, assume_unique=True)
        return result

    def _rows_with(self, key: str, value: str) -> NDArray[np.int64]:
        """Rows that meet one filter; the last few answers are kept."""
        import numpy as np

        with self._lock:
            if (key, value) in self._filters:
                self._filters.move_to_end((key, value))
                return self._filters[key, value]
            rows = self._connection.execute(
                "SELECT position FROM metadata WHERE key = ? AND value = ? ORDER BY position",
                (_encode(key), _filter_value(value)),
            ).fetchall()
            matching = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
            matching.flags.writeable = False
            self._filters[key, value] = matching
            if len(self._filters) > _KEPT_FILTERS:
                self._filters.popitem(last=False)
            return matching

    def find(self, fragment: str, limit: int = 20) -> list[str]:
        """Ids of the first documents that hold a fragment of text in id, title or text, by reading them all.

        Letter case matters outside ASCII.
        """
        tests = " OR ".join(
            f"instr({column}, :raw) OR CAST({column} AS TEXT) LIKE :like ESCAPE '\\'"
            for column in ("doc_id", "title", "text")
        )
        query = f"SELECT doc_id FROM {_ROWS} WHERE {tests} ORDER BY position LIMIT :limit"  # noqa: S608  # names of ours
        with self._lock:
            rows = self._connection.execute(
                query,
                {"raw": _encode(fragment), "like": _like_pattern(fragment), "limit": limit},
            ).fetchall()
        return [_decode(row[0]) for row in rows]

    def _in_row_order(self, columns: str, start_row: int = 0) -> Iterator[tuple[Any, ...]]:
        """Columns of every row, in batches: the lock is free while the caller works on one."""
        query = f"SELECT {columns} FROM {_ROWS} WHERE position >= ? AND position < ? ORDER BY position"  # noqa: S608
        for start in range(start_row, len(self), _BATCH):
            with self._lock:
                batch = self._connection.execute(query, (start, start + _BATCH)).fetchall()
            yield from batch

    def _by_position(self, rows: Sequence[int], columns: str) -> dict[int, tuple[Any, ...]]:
        wanted = [int(row) for row in rows]
        return {row[0]: row for row in self._in_batches("position", wanted, columns, _ROWS)}

    def _checked(self, rows: Sequence[int], found: Mapping[int, Any]) -> Sequence[int]:
        unknown = next((row for row in rows if row not in found), None)
        if unknown is not None:
            raise IndexError(f"row {unknown} is outside the corpus of {len(self)} documents")
        return rows

    def _in_batches(
        self, column: str, values: Sequence[Any], columns: str, table: str
    ) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(values), _BATCH):
            part = values[start : start + _BATCH]
            marks = ",".join("?" * len(part))
            query = f"SELECT {columns} FROM {table} WHERE {column} IN ({marks})"  # noqa: S608  # names of ours
            with self._lock:
                rows = self._connection.execute(query, part).fetchall()
            yield from rows


def _document(row: Sequence[Any]) -> Document:
    return Document(_decode(row[0]), _decode(row[2]), _decode(row[1]), json.loads(row[3]))


def _filterable(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys and values as text; each item of a list counts, nested mappings do not."""
    for key, value in metadata.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str | int | float):
                yield key, filter_text(item)
                if isinstance(item, float):
                    yield key, str(item)


def _filter_value(value: str) -> bytes:
    """What stands for a value in the side table: itself, or a digest where it is a text of its own."""
    raw = _encode(value)
    return raw if len(raw) <= _LONGEST_VALUE else _DIGEST + hashlib.sha256(raw).digest()


def _like_pattern(fragment: str) -> str | None:
    """A pattern that finds a fragment in either letter case; None for one that LIKE cannot hold."""
    if len(fragment) > _LONGEST_PATTERN or re.search("[\0\ud800-\udfff]", fragment):
        return None
    return "%" + re.sub(r"([\\%_])", r"\\\1", fragment) + "%"


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
