"""Nearest neighbours by cosine, with FAISS: exact up to a size, a navigable graph (HNSW) above it.

Vectors are unit length, so the inner product is the cosine. HNSW after Malkov and Yashunin (TPAMI 2020);
its parameters trade recall for time, and ``exact=True`` searches the same stored vectors without it.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from rankscope.errors import IndexMismatch, WorkspaceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FLAT_LIMIT", "FaissIndex"]

FLAT_LIMIT = 50_000
"""Rows up to which every vector is compared: some 20 ms for 384 dimensions on one core."""
_LINKS = 32
_BUILD_BREADTH = 128
_SEARCH_BREADTH = 256
_FEW = 0.1  # a filter that lets less than this share through is searched exactly: the graph would miss


class FaissIndex:
    """Implements ``core.protocols.VectorIndex`` over rows ``0..n-1``."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: NDArray, *, flat_limit: int | None = None) -> Self:
        """Index unit vectors, float32 of shape ``(n, dimension)``; a graph above ``flat_limit`` rows."""
        index = cls.sized_for(*vectors.shape, flat_limit=flat_limit)
        index.add(vectors)
        return index

    @classmethod
    def sized_for(cls, count: int, dimension: int, *, flat_limit: int | None = None) -> Self:
        """An empty index for so many rows, to be filled by :meth:`add`."""
        faiss = _faiss()

        if count <= (FLAT_LIMIT if flat_limit is None else flat_limit):
            return cls(faiss.IndexFlatIP(dimension))
        index = faiss.IndexHNSWFlat(dimension, _LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = _BUILD_BREADTH
        return cls(index)

    def add(self, vectors: NDArray) -> None:
        """Append unit vectors as the next rows, float32 of shape ``(n, dimension)``."""
        if len(vectors):
            self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))

    def save(self, path: Path) -> None:
        """Write the index as one file in FAISS' own format."""
        faiss = _faiss()

        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path, *, mmap: bool = True) -> Self:
        """Open a saved index; ``mmap`` leaves the vectors on disk until they are read.

        Raises FileNotFoundError when there is no such file, WorkspaceError when it is damaged.
        """
        faiss = _faiss()

        path.stat()
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mmap else 0)
        except RuntimeError as error:
            raise WorkspaceError(
                f"{path}: the vector index is damaged.", remedy="Run `rankscope index` again."
            ) from error
        return cls(index)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def approximate(self) -> bool:
        """Whether searches go through the graph and may miss a neighbour."""
        return hasattr(self._index, "hnsw")

    def vectors(self, rows: NDArray) -> NDArray:
        """Stored vectors of these rows, float32 of shape ``(len(rows), dimension)``."""
        stored: NDArray = self._index.reconstruct_batch(np.asarray(rows, dtype=np.int64))
        return stored

    def search(
        self, vector: NDArray, depth: int, allowed: NDArray | None = None, *, exact: bool = False
    ) -> tuple[NDArray, NDArray]:
        """At most ``depth`` rows (int64) and cosines (float32), best first, equal cosines by row.

        ``allowed`` holds sorted int64 rows that alone may be returned. Raises IndexMismatch for a vector
        of another length.
        """
        query = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
        if query.shape[1] != self.dimension:
            raise IndexMismatch(
                f"the index holds vectors of length {self.dimension}, the query's is {query.shape[1]}.",
                remedy="Run `rankscope index` again.",
            )
        available = len(self) if allowed is None else len(allowed)
        wanted = min(depth, available)
        if wanted <= 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        width = min(wanted + 1, available)
        while True:
            rows, cosines = self._nearest(query, width, allowed, exact)
            # Equal cosines may straddle the cut; widen until all of them are in sight.
            tied_at_cut = len(rows) == width < available and cosines[-1] == cosines[wanted - 1]
            if not tied_at_cut:
                break
            width = min(width * 2, available)
        order = np.lexsort((rows, -cosines))[:wanted]
        return rows[order], np.clip(cosines[order], -1.0, 1.0)

    def _nearest(
        self, query: NDArray, width: int, allowed: NDArray | None, exact: bool
    ) -> tuple[NDArray, NDArray]:
        faiss = _faiss()

        selector = None if allowed is None else faiss.IDSelectorBitmap(_bitmap(allowed, len(self)))
        few = allowed is not None and len(allowed) < _FEW * len(self)
        if self.approximate and not exact and not few:
            breadth = max(_SEARCH_BREADTH, 2 * width)
            parameters = faiss.SearchParametersHNSW(efSearch=breadth, sel=selector)
            cosines, rows = self._index.search(query, width, params=parameters)
        else:
            flat = faiss.downcast_index(self._index.storage) if self.approximate else self._index
            parameters = None if selector is None else faiss.SearchParameters(sel=selector)
            cosines, rows = flat.search(query, width, params=parameters)
        found = rows[0] >= 0  # FAISS pads with -1 what it does not find
        return rows[0][found], cosines[0][found]


def _faiss() -> Any:
    """The library, imported on first use and untyped: its stubs lack what its Python layer adds."""
    return import_module("faiss")


def _bitmap(allowed: NDArray, count: int) -> NDArray:
    """One bit a row, least significant first, as FAISS reads it."""
    mask = np.zeros(count, dtype=bool)
    mask[np.asarray(allowed, dtype=np.int64)] = True
    packed: NDArray = np.packbits(mask, bitorder="little")
    return packed
