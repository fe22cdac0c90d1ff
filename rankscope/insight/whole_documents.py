"""Passages taken as the documents that they were cut from, to compare systems that cut differently."""

from __future__ import annotations

from dataclasses import replace

from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.insight.judgments import Judgments

__all__ = ["document_grades", "parent_id", "whole_documents"]


def whole_documents(trace: Trace) -> Trace:
    """The trace with each list's passages replaced by their documents, each once."""
    return replace(trace, rankings=tuple(_documents_of(ranking) for ranking in trace.rankings))


def _documents_of(ranking: Ranking) -> Ranking:
    hits: dict[str, Hit] = {}
    for hit in ranking.hits:
        parent = parent_id(hit.doc_id)
        if parent not in hits:
            hits[parent] = replace(hit, doc_id=parent, rank=len(hits) + 1)
    return replace(ranking, hits=tuple(hits.values()))


def document_grades(judgments: Judgments) -> Judgments:
    """Grades of documents: the best that one of their passages has."""
    grades: dict[str, dict[str, int]] = {}
    for query_id, known in judgments.grades.items():
        best = grades.setdefault(query_id, {})
        for doc_id, grade in known.items():
            parent = parent_id(doc_id)
            best[parent] = max(grade, best.get(parent, grade))
    return replace(judgments, grades=grades)


def parent_id(doc_id: str) -> str:
    """The document of a passage: its id without the number behind the last ``#``."""
    head, mark, number = doc_id.rpartition("#")
    return head if head and mark and number.isdigit() else doc_id
