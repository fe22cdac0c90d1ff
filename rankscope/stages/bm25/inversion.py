"""Inversion: documents in, one at a time; postings out, term by term.

Sort-based inversion in blocks (Witten, Moffat and Bell, "Managing Gigabytes", chapter 5): each block of
postings is sorted by term on its own and then laid into its place in the result, so that the memory needed
beyond the result is eight bytes a posting, and shrinks while the result grows.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankscope.stages.bm25.vocabulary import Vocabulary, encode_term

__all__ = ["Inversion", "Postings"]

_BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class Postings:
    """Which documents hold which term, and how often.

    Term ``t`` of the vocabulary occurs ``frequencies[i]`` times in document ``rows[i]`` for every ``i`` in
    ``starts[t]..starts[t + 1]``; rows ascend within a term.
    """

    vocabulary: Vocabulary
    starts: NDArray[np.int64]
    """Shape ``(terms + 1,)``."""
    rows: NDArray[np.int32]
    """Shape ``(postings,)``."""
    frequencies: NDArray[np.unsignedinteger]
    """Shape ``(postings,)``, in the narrowest unsigned type that holds the largest."""
    lengths: NDArray[np.int32]
    """Tokens of each document, shape ``(documents,)``."""

    def span(self, number: int) -> slice:
        """Where the postings of a term, by its number, lie in ``rows`` and ``frequencies``."""
        return slice(int(self.starts[number]), int(self.starts[number + 1]))


@dataclass(frozen=True, slots=True)
class _Block:
    """Postings of consecutive documents, as they came."""

    terms: NDArray[np.int32]
    frequencies: NDArray[np.int32]
    first_row: int
    distinct: NDArray[np.int32]
    """How many of the postings belong to each document."""


class Inversion:
    """Collects token lists; :meth:`finish` turns them into postings. Rows follow the order of adding."""

    def __init__(self, block: int = _BLOCK) -> None:
        self._block_size = block
        self._seen: defaultdict[str, int] = defaultdict()
        self._seen.default_factory = self._seen.__len__  # a new term gets the next number
        self._lengths = array("i")
        self._blocks: list[_Block] = []
        self._open_block()

    def _open_block(self) -> None:
        self._first_row = len(self._lengths)
        self._terms, self._frequencies, self._distinct = array("i"), array("i"), array("i")

    def _close_block(self) -> None:
        terms, frequencies, distinct = (
            np.array(values, dtype=np.int32) for values in (self._terms, self._frequencies, self._distinct)
        )
        self._blocks.append(_Block(terms, frequencies, self._first_row, distinct))
        self._open_block()

    def add(self, tokens: Sequence[str]) -> None:
        """Add the next document."""
        counts = Counter(tokens)
        self._lengths.append(len(tokens))
        self._distinct.append(len(counts))
        self._terms.extend(map(self._seen.__getitem__, counts))
        self._frequencies.extend(counts.values())
        if len(self._terms) >= self._block_size:
            self._close_block()

    def finish(self) -> Postings:
        """The postings of everything that was added; the collector must not be used afterwards."""
        self._close_block()
        vocabulary, number_of = self._sorted_vocabulary()
        document_frequency = np.zeros(len(vocabulary), dtype=np.int64)
        for block in self._blocks:
            document_frequency += np.bincount(number_of[block.terms], minlength=len(vocabulary))
        starts = np.zeros(len(vocabulary) + 1, dtype=np.int64)
        np.cumsum(document_frequency, out=starts[1:])
        largest = max(int(block.frequencies.max(initial=0)) for block in self._blocks)
        rows = np.empty(starts[-1], dtype=np.int32)
        frequencies = np.empty(starts[-1], dtype=np.min_scalar_type(largest))
        cursor = starts[:-1].copy()
        self._blocks.reverse()
        while self._blocks:
            _place(self._blocks.pop(), number_of, cursor, rows, frequencies)
        lengths = np.array(self._lengths, dtype=np.int32)
        return Postings(vocabulary, starts, rows, frequencies, lengths)

    def _sorted_vocabulary(self) -> tuple[Vocabulary, NDArray[np.int64]]:
        """The vocabulary in byte order, and each term's number in it by its number of first sight."""
        encoded = [encode_term(term) for term in self._seen]
        self._seen.clear()
        order = sorted(range(len(encoded)), key=encoded.__getitem__)
        number_of = np.empty(len(order), dtype=np.int64)
        number_of[order] = np.arange(len(order))
        return Vocabulary.of(encoded[place] for place in order), number_of


def _place(
    block: _Block,
    number_of: NDArray[np.int64],
    cursor: NDArray[np.int64],
    rows: NDArray[np.int32],
    frequencies: NDArray[np.unsignedinteger],
) -> None:
    """Lay one block into the result; ``cursor``, where each term's next posting goes, moves on."""
    last_row = block.first_row + len(block.distinct)
    owners = np.repeat(np.arange(block.first_row, last_row, dtype=np.int32), block.distinct)
    numbers = number_of[block.terms]
    order = np.argsort(numbers, kind="stable")
    grouped = numbers[order]
    group_sizes = np.bincount(grouped, minlength=len(cursor))
    first_of_group = np.cumsum(group_sizes) - group_sizes
    places = cursor[grouped] + np.arange(len(grouped)) - first_of_group[grouped]
    rows[places] = owners[order]
    frequencies[places] = block.frequencies[order]
    cursor += group_sizes
