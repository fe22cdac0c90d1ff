"""Embeddings by content hash, in SQLite: what makes indexing resumable and re-indexing cheap.

A vector is committed as soon as its batch is encoded, so a killed build continues where it stopped, and
a corpus in which one document changed embeds one document. Vectors of different models never meet:
the model's identity is part of the key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["VectorCache"]

_BATCH = 500  # stays below SQLite's limit on bound parameters in every build


class VectorCache:
    """Stored float32 vectors of one model. One thread, one writer: the index build holds the lock."""

    def __init__(self, path: Path, model: str, dimension: int) -> None:
        self.dimension = dimension
        self._model = model
        path.touch(mode=0o600, exist_ok=True)
        self._connection = sqlite3.connect(path)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS vectors (model TEXT, content_hash TEXT, vector BLOB NOT NULL,"
            " tokens_cut INTEGER NOT NULL,"
            " PRIMARY KEY (model, content_hash)) WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def missing(self, content_hashes: Iterable[str]) -> set[str]:
        """Those of ``content_hashes`` that have no vector yet."""
        known = {
            row[0]
            for row in self._connection.execute(
                "SELECT content_hash FROM vectors WHERE model = ?", (self._model,)
            )
        }
        return {item for item in content_hashes if item not in known}

    def put(self, content_hashes: Sequence[str], vectors: NDArray, tokens_cut: Sequence[int]) -> None:
        """Commit one batch; ``vectors`` has shape ``(len(content_hashes), dimension)``.

        ``tokens_cut`` says how many tokens at the end of each text the model did not read.
        """
        rows = [
            (self._model, content_hash, np.ascontiguousarray(vector, dtype="<f4").tobytes(), cut)
            for content_hash, vector, cut in zip(content_hashes, vectors, tokens_cut, strict=True)
        ]
        with self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)

    def tokens_cut(self, content_hashes: Iterable[str]) -> list[int]:
        """Tokens that the model did not read of each text, in the order asked for."""
        known = dict(
            self._connection.execute(
                "SELECT content_hash, tokens_cut FROM vectors WHERE model = ?", (self._model,)
            )
        )
        return [known[content_hash] for content_hash in content_hashes]

    def get(self, content_hashes: Sequence[str]) -> NDArray:
        """Vectors in the order asked for, float32 of shape ``(len(content_hashes), dimension)``.

        Raises KeyError for a hash that has no vector.
        """
        result = np.empty((len(content_hashes), self.dimension), dtype=np.float32)
        for start in range(0, len(content_hashes), _BATCH):
            part = content_hashes[start : start + _BATCH]
            marks = ",".join("?" * len(part))
            found = dict(
                self._connection.execute(
                    f"SELECT content_hash, vector FROM vectors WHERE model = ? AND content_hash IN ({marks})",  # noqa: S608
                    (self._model, *part),
                )
            )
            for offset, content_hash in enumerate(part, start=start):
                result[offset] = np.frombuffer(found[content_hash], dtype="<f4")
        return result

    def keep_only(self, content_hashes: Iterable[str]) -> int:
        """Drop this model's vectors of content that is no longer in the corpus; says how many."""
        wanted = set(content_hashes)
        stale = [
            (self._model, row[0])
            for row in self._connection.execute(
                "SELECT content_hash FROM vectors WHERE model = ?", (self._model,)
            )
            if row[0] not in wanted
        ]
        with self._connection:
            self._connection.executemany("DELETE FROM vectors WHERE model = ? AND content_hash = ?", stale)
        return len(stale)
