"""Why BM25 gives a document its score: what each query term contributes, and what it is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankscope.stages.bm25.okapi import Bm25Index

__all__ = ["Bm25Explanation", "TermShare", "explain"]


@dataclass(frozen=True, slots=True)
class TermShare:
    """One distinct query term: ``share = query_count * idf * saturated_frequency``."""

    term: str
    query_count: int
    """How often the query repeats the term; each time counts."""
    document_frequency: int
    """Documents of the corpus that hold the term; 0 when it matches nothing anywhere."""
    idf: float
    """Rarity: ln((N - df + 0.5) / (df + 0.5)), floored as rank_bm25 does; 0 for a term of no document."""
    term_frequency: int
    """Occurrences in this document."""
    saturated_frequency: float
    """``tf * (k1 + 1) / (tf + k1 * length_factor)``: below k1 + 1 however often the term occurs."""
    share: float
    """What the term adds to the score, on the BM25 scale."""


@dataclass(frozen=True, slots=True)
class Bm25Explanation:
    """A document's BM25 score, taken apart; the shares add up to ``score``."""

    row: int
    score: float
    length: int
    """Terms in the document."""
    average_length: float
    length_factor: float
    """``1 - b + b * length / average_length``: above 1 for a document longer than average, which costs."""
    terms: tuple[TermShare, ...]
    """In the order of the query."""


def explain(index: Bm25Index, tokens: Sequence[str], row: int) -> Bm25Explanation:
    """Take apart the score of one document. Raises IndexError for a row outside the corpus."""
    if not 0 <= row < len(index):
        raise IndexError(f"row {row} is outside the corpus of {len(index)} documents")
    b = index.parameters.b
    length = int(index.postings.lengths[row])
    factor = 1 - b + b * length / index.average_length if index.average_length else 1.0
    shares = tuple(_share(index, term, count, row, factor) for term, count in Counter(tokens).items())
    score = sum(share.share for share in shares)
    return Bm25Explanation(row, score, length, index.average_length, factor, shares)


def _share(index: Bm25Index, term: str, query_count: int, row: int, length_factor: float) -> TermShare:
    number = index.postings.vocabulary.find(term)
    if number is None:
        return TermShare(term, query_count, 0, 0.0, 0, 0.0, 0.0)
    span = index.postings.span(number)
    rows = index.postings.rows[span]
    place = int(np.searchsorted(rows, row))
    held = place < len(rows) and int(rows[place]) == row
    frequency = int(index.postings.frequencies[span][place]) if held else 0
    k1 = index.parameters.k1
    saturated = frequency * (k1 + 1) / (frequency + k1 * length_factor) if held else 0.0
    idf = float(index.idf[number])
    share = query_count * idf * saturated
    return TermShare(term, query_count, len(rows), idf, frequency, saturated, share)
