"""Why dense retrieval places a document where it does: cosine, exact rank, the query's nearest sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankscope.core.protocols import Encoder
from rankscope.stages.dense.faiss_index import FaissIndex

__all__ = ["DenseExplanation", "explain"]

_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class DenseExplanation:
    """One document against one query."""

    cosine: float
    rank: int
    """Exact: one more than the documents with a higher cosine (of equal ones, those of a lower row)."""
    of: int
    """Documents that the rank counts: all that pass the query's filters."""
    approximate: bool
    """Whether searches go through a graph, so that a list may show another rank or miss the document."""
    found_at: int | None
    """Its rank in the list that a search gives at the depth asked for; None where that misses it."""
    sentences: tuple[float, ...]
    """Cosine of each sentence by itself with the query. The document's vector is not their mean."""

    @property
    def nearest(self) -> int | None:
        """Which sentence is nearest to the query; None without sentences."""
        return max(range(len(self.sentences)), key=self.sentences.__getitem__, default=None)


def explain(
    encoder: Encoder,
    index: FaissIndex,
    query: str,
    row: int,
    sentences: Sequence[str],
    *,
    depth: int,
    allowed: np.ndarray | None = None,
) -> DenseExplanation:
    """Compare one row with all others (those in ``allowed``, sorted row numbers, where given).

    Raises IndexError for a row outside the index.
    """
    if not 0 <= row < len(index):
        raise IndexError(f"row {row} is outside the index of {len(index)} vectors")
    vector = encoder.encode_query(query)
    rows = np.arange(len(index), dtype=np.int64) if allowed is None else np.asarray(allowed, dtype=np.int64)
    cosine = float(index.vectors(np.array([row]))[0] @ vector)
    ahead = 0
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        cosines = index.vectors(block) @ vector
        # The same vector in another block may differ in the last digit: near ties go by row, as in a search.
        close = np.abs(cosines - cosine) <= 1e-6
        ahead += int(np.count_nonzero((cosines > cosine) & ~close) + np.count_nonzero(close & (block < row)))
    found, _ = index.search(vector, depth, allowed)
    places = np.flatnonzero(found == row)
    near = encoder.encode_documents(sentences) @ vector if sentences else np.empty(0, dtype=np.float32)
    return DenseExplanation(
        cosine=cosine,
        rank=ahead + 1,
        of=len(rows),
        approximate=index.approximate,
        found_at=int(places[0]) + 1 if len(places) else None,
        sentences=tuple(float(value) for value in near),
    )
