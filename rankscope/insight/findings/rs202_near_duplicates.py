"""RS202: near-duplicates take places in the top K."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from functools import lru_cache

from rankscope.core.counting import counted
from rankscope.core.documents import Document
from rankscope.core.trace import Finding, Severity
from rankscope.insight.findings.evidence import Evidence
from rankscope.insight.findings.rule import NotApplicable, Outcome, Rule, named

__all__ = ["RULE", "redundant_in", "shingles"]

_WORD = re.compile(r"\w+")
SHINGLE = 3


def check(evidence: Evidence) -> Outcome:
    """Compare the texts of the top K pairwise; an id that stands twice is a duplicate of itself."""
    documents = evidence.top_documents
    if len(documents) < 2:
        return NotApplicable("fewer than two documents of the top K have their text recorded")
    redundant = redundant_in(documents, evidence.settings.duplicate_similarity)
    if not redundant:
        return ()
    severity: Severity = "warning" if len(redundant) >= evidence.settings.duplicates else "info"
    pairs = [f"{copy} repeats {original}" if copy != original else copy for copy, original in redundant]
    of = f"of the top {len(evidence.top)}"
    text = counted(len(redundant), f"{of} repeats a document above it", f"{of} repeat a document above them")
    text += f": {named(pairs, 2)}"
    return (Finding("RS202", severity, text, tuple(copy for copy, _ in redundant)),)


def redundant_in(documents: Sequence[Document], similarity: float) -> list[tuple[str, str]]:
    """Documents that nearly repeat one above them, each with the first such one.

    Texts whose vocabularies agree less than half as much as is asked of the triples are told apart by those.
    """
    words = [vocabulary(document.text) for document in documents]
    found: list[tuple[str, str]] = []
    for lower in range(1, len(documents)):
        for upper in range(lower):
            if _jaccard_at_least(words[lower], words[upper], similarity / 2) and _jaccard_at_least(
                shingles(documents[lower].text), shingles(documents[upper].text), similarity
            ):
                found.append((documents[lower].doc_id, documents[upper].doc_id))
                break
    return found


def _jaccard_at_least(first: Set[object], second: Set[object], least: float) -> bool:
    """Whether the sets share that part of their union; the ratio of their sizes bounds it."""
    small, large = sorted((len(first), len(second)))
    if small < least * large:
        return False
    shared = len(first & second)
    return shared >= least * (small + large - shared)


@lru_cache(maxsize=2048)
def vocabulary(text: str) -> frozenset[str]:
    """The words of a text, split at white space; remembered, for many traces hold the same passage."""
    return frozenset(text.lower().split())


@lru_cache(maxsize=256)
def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """The word triples of a text, case folded; a text shorter than that is one shingle."""
    words = _WORD.findall(text.lower())
    if len(words) < SHINGLE:
        return frozenset({tuple(words) or (text.strip(),)})
    return frozenset(zip(words, words[1:], words[2:], strict=False))


RULE = Rule(
    code="RS202",
    name="near-duplicates",
    severity="warning",
    summary="near-duplicates crowd the top K",
    explanation=(
        "Copies and revisions of one passage score alike and take several of the K places, so that the "
        "reader "
        "gets one fact several times and other documents are pushed out. Similarity is Jaccard's over word "
        "triples (Broder, 1997)."
    ),
    remedy=(
        "Remove duplicates when indexing, keep one revision of a document, or drop near-duplicates between "
        "reranking and the cut at K."
    ),
    needs="the texts of at least two documents of the top K",
    check=check,
)
