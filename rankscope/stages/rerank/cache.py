"""Scores that were given before, on disk: the same query and passage are not scored twice by one model.

The key is a hash of the model's identity and reading (weights, number format, length, activation, windows),
RankScope's version, the normalized query, and the passage's title and text. So a score never crosses
models or settings; what has changed in any of these is a miss. The file may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rankscope import __version__
from rankscope.core.cancellation import never
from rankscope.core.documents import Document
from rankscope.core.protocols import Reranker, ScoredPair
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import ModelInfo

__all__ = ["ReusingReranker", "ScoreCache", "normalized_query"]

_AT_ONCE = 500  # placeholders of one statement
_TABLE = """
    CREATE TABLE IF NOT EXISTS scores (
        number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, score REAL NOT NULL, details TEXT NOT NULL
    )
"""


def normalized_query(text: str) -> str:
    """The query in Unicode's composed form, white space runs as one space: what is scored and looked up."""
    return " ".join(unicodedata.normalize("NFC", text).split())


class ScoreCache:
    """Scores by key in one SQLite file of at most ``megabytes``; the oldest go first.

    Safe to share between threads, and the file between processes. A file that is damaged is begun anew;
    one that cannot be read or written counts as empty: scoring must not fail for want of a cache.
    """

    def __init__(self, path: Path, megabytes: int) -> None:
        self.path = path
        self._limit = megabytes * 1024 * 1024
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._unusable = False

    def find(self, keys: Sequence[bytes]) -> dict[bytes, tuple[float, dict[str, float]]]:
        """What is known of these keys: score and details."""
        found: dict[bytes, tuple[float, dict[str, float]]] = {}
        with self._lock, self._forgiving():
            connection = self._opened()
            for start in range(0, len(keys) if connection else 0, _AT_ONCE):
                part = list(keys[start : start + _AT_ONCE])
                marks = ",".join("?" * len(part))
                sql = f"SELECT key, score, details FROM scores WHERE key IN ({marks})"  # noqa: S608
                assert connection is not None
                for key, score, details in connection.execute(sql, part):
                    found[key] = (score, json.loads(details))
        return found

    def keep(self, rows: Sequence[tuple[bytes, ScoredPair]]) -> None:
        """Store scores; they outlive a kill of this process from here on."""
        with self._lock, self._forgiving():
            connection = self._opened()
            if connection is None:
                return
            values = [(key, pair.score, _details_text(pair)) for key, pair in rows]
            with connection:
                sql = "INSERT OR IGNORE INTO scores (key, score, details) VALUES (?, ?, ?)"
                connection.executemany(sql, values)
                self._make_room(connection)

    def close(self) -> None:
        """Release the file. It is opened again when it is used again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @property
    def count(self) -> int:
        """How many scores are kept."""
        with self._lock, self._forgiving():
            connection = self._opened()
            if connection is not None:
                return int(connection.execute("SELECT count(*) FROM scores").fetchone()[0])
        return 0

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Drop the oldest tenth where the file has grown beyond its limit."""
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        if (pages - free) * size <= self._limit:
            return
        connection.execute(
            "DELETE FROM scores WHERE number <= "
            "(SELECT min(number) + (max(number) - min(number)) / 10 FROM scores)"
        )

    @contextlib.contextmanager
    def _forgiving(self) -> Iterator[None]:
        """A damaged file is begun anew the next time; one that cannot be used is left alone."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            damaged = not isinstance(error, sqlite3.OperationalError)
            if damaged and not self._unusable:
                for suffix in ("", "-wal", "-shm"):
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            self._unusable = self._unusable or not damaged
        except (OSError, ValueError):
            self._unusable = True

    def _opened(self) -> sqlite3.Connection | None:
        if self._connection is None and not self._unusable:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(self.path, timeout=2.0, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_TABLE)
        return self._connection


def _details_text(pair: ScoredPair) -> str:
    """The pair's details but for ``cached``, which says how this one scoring went."""
    return json.dumps({name: value for name, value in pair.details.items() if name != "cached"})


class ReusingReranker:
    """A reranker that looks a pair up before it scores it. Implements ``core.protocols.Reranker``.

    ``reading`` is what of its settings the model's identity does not say. Details of a pair that was
    looked up have ``reused`` 1, of others 0.
    """

    def __init__(self, inner: Reranker, cache: ScoreCache, reading: str) -> None:
        self.inner = inner
        self.cache = cache
        self._reading = reading

    @property
    def info(self) -> ModelInfo:
        """Identity of the model."""
        return self.inner.info

    @property
    def score_scale(self) -> ScoreScale:
        """Scale of the scores."""
        return self.inner.score_scale

    def score(
        self, query: str, candidates: Sequence[Document], *, cancelled: Callable[[], bool] = never
    ) -> Iterator[list[ScoredPair]]:
        """Known scores at once, then the others as the model gives them; each chunk is kept at once."""
        asked = normalized_query(query)
        keys = self._keys(asked, candidates)
        known = self.cache.find(keys)
        found = [
            ScoredPair(place, known[key][0], {**known[key][1], "reused": 1.0})
            for place, key in enumerate(keys)
            if key in known
        ]
        if found:
            yield found
        missing = [place for place, key in enumerate(keys) if key not in known]
        if not missing or cancelled():
            return
        for chunk in self.inner.score(asked, [candidates[place] for place in missing], cancelled=cancelled):
            self.cache.keep([(keys[missing[pair.index]], pair) for pair in chunk])
            yield [
                replace(pair, index=missing[pair.index], details={**pair.details, "reused": 0.0})
                for pair in chunk
            ]

    def reading(self, query: str, document: Document) -> Any:
        """What the model reads of a passage beside a query, where the reranker can say it."""
        inner: Any = self.inner
        return inner.reading(query, document)

    def _keys(self, query: str, candidates: Sequence[Document]) -> list[bytes]:
        info = self.inner.info
        model = [__version__, info.name, info.revision, info.dtype, info.max_length, info.activation]
        basis = json.dumps([*model, self._reading, query]).encode("ascii")
        start = hashlib.sha256(len(basis).to_bytes(8, "big") + basis)
        keys = []
        for document in candidates:
            digest = start.copy()
            digest.update(document.content_hash.encode("ascii"))
            keys.append(digest.digest()[:20])
        return keys
