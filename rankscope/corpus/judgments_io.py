"""Query sets and judgments from files: BEIR ``queries.jsonl`` and ``qrels/test.tsv``, TREC topics and qrels.

Reading is strict: the first bad line ends it with file, line and what was expected.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rankscope.core.counting import counted
from rankscope.core.documents import Query
from rankscope.core.filter_text import filter_text
from rankscope.core.grades import GRADES, GRADES_SAID
from rankscope.corpus.lines import open_bytes
from rankscope.errors import CorpusError

__all__ = ["JudgedQuery", "beir_query_files", "read_qrels", "read_queries"]

_QUERY_KEYS = 'expected {"_id": "...", "text": "..."} and optionally "stratum" and "filters".'


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query of a query set; ``stratum`` names the kind of query, empty where the file has none."""

    query: Query
    stratum: str = ""

    @property
    def query_id(self) -> str:
        """Its id, which every query of a set has."""
        assert self.query.query_id is not None
        return self.query.query_id


def beir_query_files(folder: Path) -> tuple[Path, Path] | None:
    """``queries.jsonl`` and ``qrels/test.tsv`` of a BEIR folder, or both as ``.gz``; None without either."""
    queries = _plain_or_packed(folder / "queries.jsonl")
    qrels = _plain_or_packed(folder / "qrels" / "test.tsv")
    return (queries, qrels) if queries is not None and qrels is not None else None


def _plain_or_packed(path: Path) -> Path | None:
    packed = path.with_name(f"{path.name}.gz")
    return next((found for found in (path, packed) if found.is_file()), None)


def read_queries(path: Path) -> list[JudgedQuery]:
    """Queries in file order: ``.jsonl`` as in BEIR, anything else as lines of id, tab, text; gzip or not.

    Raises CorpusError for a line that is not one, an empty text, or an id that stands twice.
    """
    name = path.name.lower().removesuffix(".gz")
    read = _query_of_json if name.endswith(".jsonl") else _query_of_tsv
    queries: list[JudgedQuery] = []
    seen: dict[str, int] = {}
    for number, line in _lines(path):
        item = read(line, path, number)
        first = seen.setdefault(item.query_id, number)
        if first != number:
            raise CorpusError(
                f"the query id {item.query_id!r} stands on line {first} already.", path=path, line=number
            )
        if not item.query.text.strip():
            raise CorpusError(f"the text of query {item.query_id!r} is empty.", path=path, line=number)
        queries.append(item)
    if not queries:
        raise CorpusError("no queries found.", path=path, remedy="Expected at least one.")
    return queries


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Grades by query id and document id, in file order.

    A line is ``query document grade`` (BEIR, with or without its header) or ``query iteration document
    grade`` (TREC), in columns parted by tabs, else by spaces. Raises CorpusError for any other line, a
    grade that is not a whole number of a usual size (negative ones are read as they are), or a document that
    is given two different grades for one query.
    """
    grades: dict[str, dict[str, int]] = {}
    places: dict[tuple[str, str], int] = {}
    for number, line in _lines(path):
        columns = line.split("\t") if "\t" in line else line.split()
        columns = [column.strip() for column in columns]
        if number == 1 and columns == ["query-id", "corpus-id", "score"]:
            continue
        query_id, doc_id, grade = _judgment(columns, path, number)
        known = grades.setdefault(query_id, {})
        if known.setdefault(doc_id, grade) != grade:
            raise CorpusError(
                f"document {doc_id!r} has grade {grade} for query {query_id!r}, "
                f"but {known[doc_id]} on line {places[query_id, doc_id]}.",
                path=path,
                line=number,
            )
        places.setdefault((query_id, doc_id), number)
    if not grades:
        raise CorpusError("no judgments found.", path=path, remedy="Expected at least one.")
    return grades


def _judgment(columns: list[str], path: Path, number: int) -> tuple[str, str, int]:
    if len(columns) == 3:
        query_id, doc_id, text = columns
    elif len(columns) == 4:
        query_id, _, doc_id, text = columns
    else:
        raise CorpusError(
            f"{counted(len(columns), 'column')}, expected 3 (query, document, grade) or 4 (TREC qrels).",
            path=path,
            line=number,
        )
    if not query_id or not doc_id:
        raise CorpusError("the query id or the document id is empty.", path=path, line=number)
    try:
        grade = int(text)
    except ValueError:  # also for thousands of digits
        raise CorpusError(
            f"the grade is {text!r:.40}, expected a whole number such as 0, 1, 2 or 3.",
            path=path,
            line=number,
        ) from None
    if grade not in GRADES:
        raise CorpusError(
            f"the grade is {text:.40}, expected a whole number {GRADES_SAID}.", path=path, line=number
        )
    return query_id, doc_id, grade


def _query_of_json(line: str, path: Path, number: int) -> JudgedQuery:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"not valid JSON: {error}; {_QUERY_KEYS}", path=path, line=number) from error
    if not isinstance(record, dict):
        raise CorpusError(f"not an object; {_QUERY_KEYS}", path=path, line=number)
    texts: dict[str, str] = {}
    for key, required in (("_id", True), ("text", True), ("stratum", False)):
        value = record.get(key, None if required else "")
        if not isinstance(value, str) or (required and not value):
            fault = "is missing" if value is None else f"is {json.dumps(value)[:60]}, expected text"
            raise CorpusError(f"{key!r} {fault}; {_QUERY_KEYS}", path=path, line=number)
        texts[key] = value
    filters = _filters(record.get("filters", {}), path, number)
    return JudgedQuery(Query(texts["text"], filters=filters, query_id=texts["_id"]), texts["stratum"])


def _filters(value: Any, path: Path, number: int) -> dict[str, str]:
    """Equality filters as text, written as the index writes metadata (``true`` for a truth value)."""
    if not isinstance(value, dict):
        raise CorpusError(
            f'\'filters\' is {json.dumps(value)[:60]}, expected an object such as {{"tenant": "acme"}}.',
            path=path,
            line=number,
        )
    for key, wanted in value.items():
        if not isinstance(wanted, str | int | float):
            raise CorpusError(
                f"filter {key!r} is {json.dumps(wanted)[:60]}, expected text or a number.",
                path=path,
                line=number,
            )
    return {key: filter_text(wanted) for key, wanted in value.items()}


def _query_of_tsv(line: str, path: Path, number: int) -> JudgedQuery:
    query_id, tab, text = line.partition("\t")
    if not tab or not query_id.strip():
        raise CorpusError("expected a query id, a tab and the text of the query.", path=path, line=number)
    return JudgedQuery(Query(text.strip(), query_id=query_id.strip()))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a plain or packed file, without their ends and the mark; blank ones are left out."""
    with open_bytes(path) as file:
        for number, raw in enumerate(file, start=1):
            try:
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise CorpusError(f"not valid UTF-8: {error}.", path=path, line=number) from error
            if text.strip():
                yield number, text.rstrip("\r\n")
