"""A sorted vocabulary in two flat arrays, searched where it lies.

Terms are held as one run of UTF-8 bytes in byte order (which is code-point order) with the offset at which
each begins. Nothing is unpacked on loading, so a memory-mapped vocabulary of millions of terms opens at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Vocabulary", "encode_term"]


def encode_term(term: str) -> bytes:
    """UTF-8 of a term; a lone surrogate, which a JSON escape can produce, is encoded like any code point."""
    return term.encode("utf-8", "surrogatepass")


class Vocabulary:
    """Terms numbered ``0..n-1`` in code-point order."""

    def __init__(self, text: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        self.text = text
        self.offsets = offsets
        self._bytes = text.data
        self._starts = offsets.data

    @classmethod
    def of(cls, encoded_terms: Iterable[bytes]) -> Vocabulary:
        """Pack terms that are already encoded, distinct and in byte order."""
        terms = list(encoded_terms)
        offsets = np.zeros(len(terms) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, terms), dtype=np.int64, count=len(terms)), out=offsets[1:])
        return cls(np.frombuffer(b"".join(terms), dtype=np.uint8), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def find(self, term: str) -> int | None:
        """Number of a term, or None when it is not in the vocabulary."""
        wanted = encode_term(term)
        number = bisect_left(range(len(self)), wanted, key=self._encoded)
        return number if number < len(self) and self._encoded(number) == wanted else None

    def term(self, number: int) -> str:
        """The term with this number."""
        return self._encoded(number).decode("utf-8", "surrogatepass")

    def _encoded(self, number: int) -> bytes:
        return self._bytes[self._starts[number] : self._starts[number + 1]].tobytes()
