"""Scores that were read once, in one array beside the database, so that a million open in a moment.

A trace in the store never changes, and its ``seq`` is never given again, so what is cached under a seq and
an id stays right for ever; there is nothing to invalidate. The file may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankscope.tracing.score_rows import ScoreRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ScoreCache"]

_WORTH_WRITING = 50_000
"""Fewer new scores than this are faster read again than written."""
_NAMES = ("seqs", "digests", "offsets", "scores")

Read = Callable[[Sequence[int]], "tuple[NDArray, NDArray]"]


class ScoreCache:
    """The cached scores of the database at ``path``; an unreadable file counts as an empty one."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.name}-scores.npz")
        self._seqs, self._digests, self._offsets, self._scores = self._load()
        self._new: list[tuple[NDArray, NDArray, NDArray, NDArray]] = []

    def scores(self, rows: Sequence[ScoreRow], read: Read) -> tuple[NDArray, NDArray]:
        """Scores of the lists of ``rows`` and where each starts, as ``ScoreReader.scores`` gives them.

        ``read`` is asked for those that are not cached.
        """
        seqs = np.array([row.seq for row in rows], dtype=np.int64)
        digests = _digests([row.trace_id for row in rows])
        places = np.minimum(np.searchsorted(self._seqs, seqs), max(len(self._seqs) - 1, 0))
        cached = np.zeros(len(rows), dtype=bool)
        if len(self._seqs):
            cached = (self._seqs[places] == seqs) & (self._digests[places] == digests)
        missing = np.flatnonzero(~cached)
        fresh, starts = read([rows[number].ranking or 0 for number in missing.tolist()])
        if len(missing) == len(rows):
            self._new.append((seqs, digests, np.diff(starts), fresh))
            return fresh, starts
        lengths = np.empty(len(rows), dtype=np.int64)
        lengths[cached] = np.diff(self._offsets)[places[cached]]
        lengths[missing] = np.diff(starts)
        sources = np.empty(len(rows), dtype=np.int64)
        sources[cached] = self._offsets[:-1][places[cached]]
        sources[missing] = starts[:-1] + len(self._scores)
        if len(missing):
            self._new.append((seqs[missing], digests[missing], np.diff(starts), fresh))
        pool = np.concatenate((self._scores, fresh)) if len(fresh) else self._scores
        return _gathered(pool, sources, lengths)

    def save(self) -> None:
        """Write what was read anew, where it is worth it. A folder that cannot be written is no fault."""
        if sum(len(scores) for _, _, _, scores in self._new) < _WORTH_WRITING:
            return
        known = (self._seqs, self._digests, np.diff(self._offsets), self._scores)
        seqs, digests, lengths, scores = (
            np.concatenate(parts) for parts in zip(known, *self._new, strict=True)
        )
        starts = np.cumsum(lengths) - lengths
        # A seq that stands twice belongs to another database now: the later one counts.
        order = np.unique(seqs[::-1], return_index=True)[1]
        order = len(seqs) - 1 - order
        scores, offsets = _gathered(scores, starts[order], lengths[order])
        with contextlib.suppress(OSError):
            self._write(dict(zip(_NAMES, (seqs[order], digests[order], offsets, scores), strict=True)))
        self._new.clear()

    def _write(self, arrays: dict[str, NDArray]) -> None:
        # mkstemp makes it private; the rename makes it whole.
        handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
            Path(temporary).replace(self.path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _load(self) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                seqs, digests, offsets, scores = (stored[name] for name in _NAMES)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return _nothing()
        fits = (
            [array.dtype for array in (seqs, digests, offsets, scores)]
            == [np.int64, np.int64, np.int64, float]
            and len(seqs) == len(digests) == len(offsets) - 1
            and bool(np.all(np.diff(seqs) > 0))
            and bool(np.all(np.diff(offsets) >= 0))
            and int(offsets[0]) == 0
            and int(offsets[-1]) == len(scores)
        )
        return (seqs, digests, offsets, scores) if fits else _nothing()


def _nothing() -> tuple[NDArray, NDArray, NDArray, NDArray]:
    empty = np.zeros(0, dtype=np.int64)
    return empty, empty, np.zeros(1, dtype=np.int64), np.zeros(0)


def _gathered(pool: NDArray, starts: NDArray, lengths: NDArray) -> tuple[NDArray, NDArray]:
    """The stretches of ``pool`` that start here and are so long, one after the other."""
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    if np.array_equal(starts, offsets[:-1]) and offsets[-1] == len(pool):
        return pool, offsets
    places = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    return pool[places], offsets


def _digests(ids: Sequence[str]) -> NDArray:
    """64 bits of a hash of each id: enough to tell one database's trace from another's."""
    hashed = b"".join(
        hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest() for name in ids
    )
    return np.frombuffer(hashed, dtype=np.int64)
