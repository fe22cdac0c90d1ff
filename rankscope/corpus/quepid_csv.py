"""Ratings as Quepid exports and imports them: CSV with a query, a document and a rating a row.

Its exports differ in what else they hold and in how the columns are spelt (``query``, ``Query Text``,
``docid``, ``Doc ID`` ...), so columns are found by name, whatever their case and spaces.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

from rankscope.core.grades import GRADES, GRADES_SAID
from rankscope.errors import CorpusError

__all__ = ["read_quepid", "write_quepid"]

_NAMES = {
    "query": ("query", "querytext"),
    "document": ("docid", "documentid", "doc"),
    "rating": ("rating", "grade", "judgement", "judgment"),
}
_EXPECTED = "expected a header with query, docid and rating."


def read_quepid(path: Path) -> tuple[dict[str, dict[str, int]], int]:
    """Grades by query text and document, and how many rows have no rating yet.

    Raises CorpusError for a file without these columns, a row without query or document, a rating that is
    no whole number, or a document with two ratings for one query.
    """
    grades: dict[str, dict[str, int]] = {}
    unrated = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            columns = _columns(next(rows, []), path)
            for row in rows:
                if not any(cell.strip() for cell in row):
                    continue
                rating = _rating(row, columns, path, rows.line_num)
                query, doc_id = (_cell(row, columns[name]) for name in ("query", "document"))
                if not query or not doc_id:
                    raise CorpusError("the query or the document is empty.", path=path, line=rows.line_num)
                if rating is None:
                    unrated += 1
                    continue
                known = grades.setdefault(query, {})
                if known.setdefault(doc_id, rating) != rating:
                    raise CorpusError(
                        f"document {doc_id!r:.80} has rating {rating} for {query!r:.80}, but {known[doc_id]} "
                        "further up.",
                        path=path,
                        line=rows.line_num,
                    )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"cannot be read as CSV: {error}.", path=path) from error
    if not grades:
        raise CorpusError("no ratings found.", path=path, remedy="Expected at least one.")
    return grades, unrated


def write_quepid(grades: Mapping[str, Mapping[str, int]], file: TextIO) -> int:
    """Write ``query,docid,rating``; returns how many rows."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["query", "docid", "rating"])
    rows: Iterable[tuple[str, str, int]] = (
        (query, doc_id, grade) for query, known in grades.items() for doc_id, grade in known.items()
    )
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    return count


def _columns(header: list[str], path: Path) -> dict[str, int]:
    plain = ["".join(char for char in cell.casefold() if char.isalnum()) for cell in header]
    found = {}
    for name, spellings in _NAMES.items():
        place = next((plain.index(spelling) for spelling in spellings if spelling in plain), None)
        if place is None:
            raise CorpusError(f"there is no column for the {name}; {_EXPECTED}", path=path, line=1)
        found[name] = place
    return found


def _cell(row: list[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _rating(row: list[str], columns: Mapping[str, int], path: Path, line: int) -> int | None:
    """A whole number, also as ``3.0``; None where there is none yet."""
    text = _cell(row, columns["rating"])
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0.5
    if not number.is_integer():
        raise CorpusError(f"the rating is {text!r:.40}, expected a whole number.", path=path, line=line)
    if int(number) not in GRADES:
        raise CorpusError(
            f"the rating is {text:.40}, expected a whole number {GRADES_SAID}.", path=path, line=line
        )
    return int(number)
