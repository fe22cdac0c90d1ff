"""Pairs files: one JSON object a line, ``{"query", "positive"[, "negatives", "source", "licence"]}``."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rankscope.core.documents import Query
from rankscope.corpus.judgments_io import JudgedQuery
from rankscope.corpus.lines import read_lines
from rankscope.errors import CorpusError

__all__ = ["PairsFile", "read_pairs"]

_KEYS = 'expected {"query": "...", "positive": "..."} and optionally "negatives", "source" and "licence".'


@dataclass(slots=True)
class PairsFile:
    """A pairs file as queries, passages and grades. Equal texts are one query, or one passage."""

    queries: dict[str, JudgedQuery] = field(default_factory=dict)
    passages: dict[str, str] = field(default_factory=dict)
    grades: dict[str, dict[str, int]] = field(default_factory=dict)
    origins: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Pairs by source and licence, empty where a line does not name them."""


def read_pairs(path: Path) -> PairsFile:
    """Read a pairs file, plain or gzip. Raises CorpusError at the first line that is not a pair.

    A passage that is positive and negative for one query is an error: which of them is meant is not ours
    to say.
    """
    pairs = PairsFile()
    for line in read_lines(path):
        if line.error is not None:
            raise line.error
        if line.text.strip():
            _add(pairs, _record(line.text, path, line.number), path, line.number)
    if not pairs.queries:
        raise CorpusError("no pairs found.", path=path, remedy=f"Line by line {_KEYS}")
    return pairs


def _add(pairs: PairsFile, record: dict[str, Any], path: Path, number: int) -> None:
    query_id = "q-" + _digest(record["query"])
    pairs.queries.setdefault(query_id, JudgedQuery(Query(record["query"], query_id=query_id)))
    grades = pairs.grades.setdefault(query_id, {})
    for text, grade in [(record["positive"], 1), *((text, 0) for text in record["negatives"])]:
        doc_id = "p-" + _digest(text)
        pairs.passages.setdefault(doc_id, text)
        if grades.setdefault(doc_id, grade) != grade:
            raise CorpusError(
                f"a passage is positive and negative for the query {record['query'][:40]!r}.",
                path=path,
                line=number,
                remedy="Leave it out of the negatives.",
            )
    pairs.origins[record["source"], record["licence"]] += 1


def _record(text: str, path: Path, number: int) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"not valid JSON: {error}; {_KEYS}", path=path, line=number) from error
    if not isinstance(given, dict):
        raise CorpusError(f"not an object; {_KEYS}", path=path, line=number)
    record: dict[str, Any] = {}
    for key, needed in (("query", True), ("positive", True), ("source", False), ("licence", False)):
        value = given.get(key, None if needed else "")
        if not isinstance(value, str) or (needed and not value.strip()):
            raise CorpusError(f"{key!r} is not a text; {_KEYS}", path=path, line=number)
        record[key] = value
    negatives = given.get("negatives", [])
    if not isinstance(negatives, list) or not all(isinstance(x, str) and x.strip() for x in negatives):
        raise CorpusError(f"'negatives' is not a list of texts; {_KEYS}", path=path, line=number)
    record["negatives"] = negatives
    return record


def _digest(text: str) -> str:
    return hashlib.sha256(text.strip().encode("utf-8", "surrogatepass")).hexdigest()[:24]
