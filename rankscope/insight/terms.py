"""What each query term gives a document's BM25 score, ready to be shown: the terms tab's data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rankscope.core.counting import counted

if TYPE_CHECKING:
    from rankscope.stages.bm25.explain import Bm25Explanation, TermShare

__all__ = ["TermRow", "term_rows", "term_summary"]


@dataclass(frozen=True, slots=True)
class TermRow:
    """One distinct query term; the parts of all rows add up to 1 where the score is above 0."""

    term: str
    idf: float
    document_frequency: int
    term_frequency: int
    share: float
    """What the term adds, on the BM25 scale."""
    part: float
    """That as a part of the score."""
    note: str
    """What is odd about it; empty when nothing is."""


def term_rows(explanation: Bm25Explanation) -> tuple[TermRow, ...]:
    """The terms that give most first; those that give nothing last, in the order of the query."""
    score = explanation.score
    rows = [
        TermRow(
            term=share.term,
            idf=share.idf,
            document_frequency=share.document_frequency,
            term_frequency=share.term_frequency,
            share=share.share,
            part=share.share / score if score > 0 else 0.0,
            note=_note(share),
        )
        for share in explanation.terms
    ]
    return tuple(sorted(rows, key=lambda row: -row.share))


def _note(share: TermShare) -> str:
    if share.document_frequency == 0:
        return "in no document of the corpus"
    if share.term_frequency == 0:
        return "not in this document"
    if share.idf <= 0:
        return "so common that it counts for nothing"
    if share.query_count > 1:
        return f"asked for {share.query_count} times"
    return ""


def term_summary(explanation: Bm25Explanation) -> str:
    """One sentence: what carries the score, what matches nothing, and what the length does to it."""
    rows = term_rows(explanation)
    giving = [row for row in rows if row.share > 0]
    if not giving:
        said = ["No query term is in this document."]
    else:
        first = giving[0]
        of = f"of {counted(len(rows), 'term')}"
        matching = counted(len(giving), f"{of} matches", f"{of} match")
        said = [f"{matching}; {first.term} gives {first.part:.0%} of the score."]
    unknown = [row.term for row in rows if row.document_frequency == 0]
    if unknown:
        said.append(f"In no document of the corpus: {_some(unknown)}.")
    ratio = explanation.length / explanation.average_length if explanation.average_length else 1.0
    if giving and ratio >= 1.25:
        said.append(f"The document is {ratio:.1f} times as long as the average, which costs it.")
    elif giving and ratio <= 0.8:
        said.append(f"The document has {ratio:.0%} of the average length, which helps it.")
    return " ".join(said)


def _some(terms: Sequence[str], most: int = 5) -> str:
    more = f" and {len(terms) - most} more" if len(terms) > most else ""
    return ", ".join(terms[:most]) + more
