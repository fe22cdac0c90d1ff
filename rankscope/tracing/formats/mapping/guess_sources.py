"""The ways in which a file may fall into records, before anything is known about them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rankscope.errors import InputError
from rankscope.tracing.formats.head import Head
from rankscope.tracing.formats.mapping.expressions import path_expression
from rankscope.tracing.formats.mapping.model import SourceMap
from rankscope.tracing.formats.records import read_json
from rankscope.tracing.formats.tables import csv_delimiter, sqlite_tables

__all__ = ["sources_of"]


def sources_of(path: Path) -> Iterator[SourceMap]:
    """Candidate sources. Raises InputError for an empty file or a folder."""
    if path.is_dir():
        raise InputError("is a folder, expected a file.", path=path)
    head = Head(path)
    if not head.start.strip():
        raise InputError("the file is empty.", path=path)
    if head.start.startswith(b"SQLite format 3\0"):
        yield from _sqlite(path)
    elif head.start.startswith(b"PAR1"):
        yield SourceMap(kind="parquet")
    elif head.records:
        yield SourceMap(kind="json")
        yield from _inside(path)
    elif head.suffix in (".csv", ".tsv", ".txt", ".log", "") or _columns(head) > 1:
        if any("{" in line for line in head.lines) and _columns(head) < 2:
            yield SourceMap(kind="json")
        else:
            yield SourceMap(kind="csv", delimiter=csv_delimiter(path))
    else:
        yield SourceMap(kind="json")


def _columns(head: Head) -> int:
    first = head.lines[0] if head.lines else ""
    return max(first.count(sign) for sign in ",;\t|") + 1


def _inside(path: Path) -> Iterator[SourceMap]:
    """Lists of objects, and objects by key, inside the first documents of a JSON file."""
    seen: set[str] = set()
    for record in islice(read_json(path), 3):
        for expression in _record_lists(record.value, (), 0):
            if expression not in seen:
                seen.add(expression)
                yield SourceMap(kind="json", records=expression)


def _record_lists(value: Any, tokens: tuple[str | int, ...], depth: int, above: str = "") -> Iterator[str]:
    if depth > 4 or not isinstance(value, dict):
        return
    here = above
    tables = [item for item in value.values() if isinstance(item, dict | list)]
    if len(value) >= 2 and len(tables) == len(value) and _alike(list(value.values())):
        yield _joined(here, tokens) or "@"
    for key, inner in value.items():
        path = (*tokens, str(key))
        if isinstance(inner, dict):
            yield from _record_lists(inner, path, depth + 1, above)
        elif isinstance(inner, list) and any(isinstance(item, dict) for item in inner):
            whole = f"{_joined(above, path)}[]"
            yield whole
            first = next(item for item in inner if isinstance(item, dict))
            yield from _record_lists(first, (), depth + 1, whole)


def _joined(above: str, tokens: tuple[str | int, ...]) -> str:
    if not tokens:
        return above
    return f"{above}.{path_expression(tokens)}" if above else path_expression(tokens)


def _alike(values: list[Any]) -> bool:
    """Whether values look like records of one kind: lists, or mappings with shared keys."""
    if all(isinstance(value, list) for value in values):
        return all(value and isinstance(value[0], dict | list) for value in values if value)
    if not all(isinstance(value, dict) for value in values):
        return False
    shared = set.intersection(*(set(value) for value in values))
    return len(shared) >= 2


def _sqlite(path: Path) -> Iterator[SourceMap]:
    """Each table, and each table joined to those whose key it holds."""
    tables = sqlite_tables(path)
    for name in tables:
        yield SourceMap(kind="sqlite", table=name)
    for name, columns in tables.items():
        for other, others in tables.items():
            if other == name:
                continue
            link = _link(columns, other, others)
            if link is not None:
                yield SourceMap(kind="sqlite", sql=_join(name, columns, other, others, link))


def _link(columns: list[str], other: str, others: list[str]) -> tuple[str, str] | None:
    """The columns by which rows of ``name`` point at rows of ``other``: ``query_id`` at ``queries.id``."""
    stems = _singulars(other.lower())
    for column in columns:
        low = column.lower()
        if not low.endswith("id") or low == "id":
            continue
        if column in others and "id" not in (item.lower() for item in others):
            return column, column
        root = low.removesuffix("id").rstrip("_")
        if root and any(stem == root or root in stem.split("_") for stem in stems):
            key = next((item for item in others if item.lower() in ("id", low)), None)
            if key is not None:
                return column, key
    return None


def _singulars(name: str) -> list[str]:
    """What a table of many may call one of them: ``searches`` gives search, searche."""
    stems = [name, name.removesuffix("s")]
    if name.endswith("es"):
        stems.append(name[:-2])
    if name.endswith("ies"):
        stems.append(name[:-3] + "y")
    return stems


def _join(name: str, columns: list[str], other: str, others: list[str], link: tuple[str, str]) -> str:
    """A SELECT of the rows of both, those of ``other`` that nothing points at included (a query that failed).

    The key comes from ``other``; a name that both have gets that table's name in front.
    """
    parts = [f"b.{_quoted(link[1])} AS {_quoted(link[0])}"]
    parts += [f"a.{_quoted(column)}" for column in columns if column != link[0]]
    for column in others:
        if column != link[1]:
            alias = column if column not in columns else f"{_singulars(other)[-1]}_{column}"
            parts.append(f"b.{_quoted(column)} AS {_quoted(alias)}")
    condition = f"a.{_quoted(link[0])} = b.{_quoted(link[1])}"
    selected = ", ".join(parts)
    return f"SELECT {selected} FROM {_quoted(other)} b LEFT JOIN {_quoted(name)} a ON {condition}"  # noqa: S608


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
