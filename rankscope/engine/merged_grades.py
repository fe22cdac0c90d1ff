"""Grades of files and of the store, merged in one way for every command that measures with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["RESCALED", "Grades", "Merged", "highest_grade", "lowest_relevant", "merge_grades"]

Grades = Mapping[str, Mapping[str, int]]
"""Grades by document, by query."""

RESCALED = "grade 1 of the file counts as 2, since the judgments stored here are graded"
"""Said wherever :func:`merge_grades` did so."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Grades by query as the files name it, the store's above theirs."""

    grades: dict[str, dict[str, int]]
    rescaled: bool
    """Whether the files said only relevant or not, and their 1 became 2 beside grades of which 1 is less."""


def lowest_relevant(marked: bool) -> int:
    """The lowest grade that is relevant; ``marked`` says that documents are marked as borderline, grade 1."""
    return 2 if marked else 1


def merge_grades(files: Grades, stored: Grades, texts: Mapping[str, str], *, marked: bool) -> Merged:
    """The files' grades and the store's of the same queries, on one scale.

    ``texts`` (by query id) tells which text and id are one query; what was stored under its text stands
    above what was stored under its id. ``marked`` says that the store holds documents marked as borderline.
    """
    rescaled = (marked or highest_grade(stored) > 1) and highest_grade(files) == 1
    grades = {
        query_id: {doc_id: 2 * grade if rescaled and grade > 0 else grade for doc_id, grade in known.items()}
        for query_id, known in files.items()
    }
    for query_id in {**files, **texts}:
        for key in dict.fromkeys((query_id, texts.get(query_id, query_id))):
            if key in stored:
                grades.setdefault(query_id, {}).update(stored[key])
    return Merged(grades, rescaled)


def highest_grade(grades: Grades) -> int:
    """The highest of all; 0 where there is none."""
    return max((grade for known in grades.values() for grade in known.values()), default=0)
