"""The records of a log by its mapping: unpacked from the document, decoded, and grouped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rankscope.tracing.formats.literals import parse_literal
from rankscope.tracing.formats.mapping.expressions import compile_expression
from rankscope.tracing.formats.mapping.model import SourceMap
from rankscope.tracing.formats.records import RAW_LIMIT, Record, read_json
from rankscope.tracing.formats.tables import read_csv, read_parquet, read_sqlite

__all__ = ["LogRecord", "decode_paths", "group_records", "log_records", "raw_records", "unpack"]

_PREFIXED = re.compile(r"^[^{\[]{1,400}?(\{.*\})\s*$", re.DOTALL)
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:?\d\d)?")


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A record, and how many of the file's records it is made of."""

    line: int
    value: Any
    raw: str
    error: str = ""
    records: int = 1

    @property
    def blank(self) -> bool:
        """A line without anything on it."""
        return not self.error and self.value is None and not self.raw.strip()


def raw_records(path: Path, source: SourceMap) -> Iterator[Record]:
    """The file's records before anything is decoded."""
    if source.kind == "csv":
        return read_csv(path, source.delimiter or None)
    if source.kind == "parquet":
        return read_parquet(path)
    if source.kind == "sqlite":
        return read_sqlite(path, source.table, source.sql)
    return map(_without_prefix, read_json(path))


def _without_prefix(record: Record) -> Record:
    """A log line's JSON behind its time and level, which become ``_time`` and ``_prefix``."""
    if not record.error:
        return record
    match = _PREFIXED.match(record.raw)
    if match is None:
        return record
    try:
        value = json.loads(match.group(1))
    except (ValueError, RecursionError):
        return record
    prefix = record.raw[: match.start(1)].strip()
    stamp = _STAMP.match(prefix.lstrip("[("))
    told = {"_prefix": prefix, **({"_time": stamp.group().strip()} if stamp else {})}
    return Record(record.line, {**told, **value} if isinstance(value, dict) else value, record.raw)


def log_records(path: Path, source: SourceMap) -> Iterator[LogRecord]:
    """The records that expressions see."""
    records = unpack(raw_records(path, source), source.records)
    decoded = (_decoded(record, source.decode) for record in records)
    return group_records(decoded, source.group_by) if source.group_by else decoded


def unpack(records: Iterable[Record], expression: str) -> Iterator[LogRecord]:
    """The records inside documents; a document without any is an error."""
    for record in records:
        if not expression or record.error or record.value is None:
            yield LogRecord(record.line, record.value, record.raw, record.error)
            continue
        found = compile_expression(expression)(record.value)
        if isinstance(found, dict):
            found = [_keyed(key, value) for key, value in found.items()]
        if not isinstance(found, list):
            yield LogRecord(record.line, None, record.raw, f"no list of records under {expression}")
            continue
        for value in found:
            raw = json.dumps(value, ensure_ascii=False)[:RAW_LIMIT]
            yield LogRecord(record.line, value, raw)


def _keyed(key: str, value: Any) -> dict[str, Any]:
    return {"_key": key, **value} if isinstance(value, dict) else {"_key": key, "_value": value}


def _decoded(record: LogRecord, paths: tuple[str, ...]) -> LogRecord:
    if not paths or record.error or not isinstance(record.value, dict):
        return record
    return replace(record, value=decode_paths(record.value, paths))


def decode_paths(value: dict[str, Any], paths: tuple[str, ...]) -> dict[str, Any]:
    """The record with the text under each path replaced by what it spells."""
    for path in paths:
        steps = re.findall(r'"(?:[^"\\]|\\.)*"|\[\]|[^.\[\]]+', path)
        names = [json.loads(step) if step.startswith('"') else step for step in steps]
        value = _decode(value, names)
    return value


def _decode(value: Any, steps: list[str]) -> Any:
    if not steps:
        return parse_literal(value) if isinstance(value, str) else value
    if steps[0] == "[]":
        return [_decode(item, steps[1:]) for item in value] if isinstance(value, list) else value
    if isinstance(value, dict) and steps[0] in value:
        return {**value, steps[0]: _decode(value[steps[0]], steps[1:])}
    return value


def group_records(records: Iterable[LogRecord], group_by: tuple[str, ...]) -> Iterator[LogRecord]:
    """Rows with equal keys as one record, in order of their first row; broken rows at once."""
    getters = [compile_expression(text) for text in group_by]
    groups: dict[str, list[LogRecord]] = {}
    for record in records:
        if record.error or not isinstance(record.value, dict):
            yield record
            continue
        key = [getter(record.value) for getter in getters]
        if all(part in (None, "") for part in key):
            names = ", ".join(group_by)
            yield replace(record, value=None, error=f"nothing to group it by: {names} is empty")
            continue
        groups.setdefault(json.dumps(key, sort_keys=True), []).append(record)
    for rows in groups.values():
        first = rows[0]
        value = {**first.value, "rows": [row.value for row in rows]}
        raw = "\n".join(row.raw for row in rows)[:RAW_LIMIT]
        yield LogRecord(first.line, value, raw, records=len(rows))
