"""A mapping: which part of a log record is the query, what the candidates are, what scores mean."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from rankscope.config import parse_toml
from rankscope.core.scales import ScoreScale
from rankscope.errors import UsageError
from rankscope.tracing.formats.mapping.expressions import compile_expression

__all__ = ["LogMapping", "SourceMap", "StageMap", "TraceMap", "dump_mapping", "load_mapping"]

Layout = Literal["list", "columns", "object"]


@dataclass(frozen=True, slots=True)
class SourceMap:
    """How the file falls into records."""

    kind: str = "json"
    """``json`` (also lines), ``csv``, ``parquet`` or ``sqlite``."""
    records: str = ""
    """Where the records are inside a JSON document; an object's values get their key as ``_key``."""
    delimiter: str = ""
    table: str = ""
    sql: str = ""
    """A SELECT in place of a table."""
    decode: tuple[str, ...] = ()
    """Fields whose text is a structure: JSON, or a Python literal. ``a.b``; ``a[].b`` inside lists."""
    group_by: tuple[str, ...] = ()
    """Rows with equal values here are one trace; it has the first row's fields, and all rows in ``rows``."""


@dataclass(frozen=True, slots=True)
class TraceMap:
    """What belongs to the whole trace; every field is an expression on the record."""

    query: str = ""
    query_id: str = ""
    time: str = ""
    error: str = ""
    top_k: str = ""
    floor: str = ""
    filters: str = ""
    kept: str = ""
    refused: str = ""
    """Whether nothing was good enough to answer with."""
    answered: str = ""
    """The same the other way round."""
    bi_encoder: str = ""
    cross_encoder: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StageMap:
    """One stage's list; expressions below ``candidates`` are on a candidate."""

    name: str
    candidates: str = ""
    layout: Layout = "list"
    """``list``: an element a candidate. ``object``: a key a candidate, as ``key`` and ``value``. ``columns``:
    no ``candidates``; each field gives a list, and equal places belong together."""
    id: str = ""
    text: str = ""
    title: str = ""
    metadata: str = ""
    score: str = ""
    rank: str = ""
    scale: str = "unknown"
    distance: str = ""
    """Where the score is a distance, lower is better: ``cosine`` (1 - d is the cosine), ``other`` (-d)."""
    order: Literal["list", "score", "rank"] = "list"
    only_found: bool = False
    """Leave out candidates without this stage's score and rank: another stage of the same list found them."""
    split: str = ""
    """With ``columns``: the sign that parts text into a list."""
    ms: str = ""
    ms_unit: Literal["ms", "s", "us", "ns"] = "ms"


@dataclass(frozen=True, slots=True)
class LogMapping:
    """A whole mapping, as a TOML file holds it."""

    source: SourceMap = field(default_factory=SourceMap)
    trace: TraceMap = field(default_factory=TraceMap)
    stages: tuple[StageMap, ...] = ()


_STAGE_FREE = ("name", "layout", "scale", "distance", "order", "only_found", "split", "ms_unit")
_CHOICES = {
    "layout": ("list", "columns", "object"),
    "order": ("list", "score", "rank"),
    "distance": ("", "cosine", "other"),
    "ms_unit": ("ms", "s", "us", "ns"),
    "scale": tuple(scale.value for scale in ScoreScale),
    "kind": ("json", "csv", "parquet", "sqlite"),
}


def load_mapping(path: Path) -> LogMapping:
    """The mapping in a TOML file. Raises UsageError that names the key and what was expected."""
    try:
        data = parse_toml(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}.") from error
    try:
        return _mapping(data)
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", remedy=error.remedy) from error


def _mapping(data: dict[str, Any]) -> LogMapping:
    _known(data, "", ("source", "trace", "stage"))
    source, trace = data.get("source", {}), dict(data.get("trace", {}))
    stages = data.get("stage", [])
    if not isinstance(stages, list) or not stages:
        raise UsageError("no [[stage]] is given.", remedy="Each list of candidates needs one.")
    attributes = trace.pop("attributes", {})
    if not isinstance(attributes, dict):
        raise UsageError("trace.attributes is not a table.")
    source = _checked(SourceMap, source, "source")
    trace = _checked(TraceMap, trace, "trace")
    trace["attributes"] = {
        key: _expression(text, f"trace.attributes.{key}") for key, text in attributes.items()
    }
    for name, text in trace.items():
        if name != "attributes":
            _expression(text, f"trace.{name}")
    for name in ("decode", "group_by"):
        source[name] = tuple(source.get(name, ()))
    for text in (source.get("records", ""), *source["group_by"]):
        _expression(text, "source")
    mapping = LogMapping(SourceMap(**source), TraceMap(**trace), tuple(map(_stage, stages)))
    names = [stage.name for stage in mapping.stages]
    if len(set(names)) != len(names):
        raise UsageError(f"two stages have one name: {', '.join(names)}.")
    return mapping


def _stage(data: Any) -> StageMap:
    table = _checked(StageMap, data, "stage")
    if not table.get("name"):
        raise UsageError("a [[stage]] has no name.")
    where = f"stage {table['name']!r:.40}"
    for name, text in table.items():
        if name not in _STAGE_FREE:
            _expression(text, f"{where}: {name}")
    if table.get("layout") == "columns":
        if not any(table.get(name) for name in ("id", "text")):
            raise UsageError(f"{where}: columns need id or text.")
    elif not table.get("candidates"):
        raise UsageError(f"{where}: candidates is missing.", remedy="Give the expression for its list.")
    return StageMap(**table)


def _known(table: Any, where: str, names: tuple[str, ...]) -> None:
    if not isinstance(table, dict):
        raise UsageError(f"{where or 'the mapping'} is not a table.")
    for key in table:
        if key not in names:
            prefix = f"{where}." if where else ""
            raise UsageError(f"{prefix}{key} is not a known key.", remedy=f"Known: {', '.join(names)}.")


def _checked(kind: type, table: Any, where: str) -> dict[str, Any]:
    """The table with every key known and of the right kind."""
    wanted = {item.name: str(item.type) for item in fields(kind)}
    _known(table, where, tuple(wanted))
    for key, value in table.items():
        declared = wanted[key]
        if declared.startswith("tuple"):
            good = isinstance(value, list) and all(isinstance(item, str) for item in value)
        elif declared == "bool":
            good = isinstance(value, bool)
        else:
            good = isinstance(value, str) and value in _CHOICES.get(key, (value,))
        if not good:
            expected = ", ".join(
                filter(None, _CHOICES.get(key, ("text" if declared == "str" else declared,)))
            )
            raise UsageError(f"{where}.{key} is {value!r:.60}, expected {expected}.")
    return dict(table)


def _expression(text: Any, where: str) -> str:
    if not isinstance(text, str):
        raise UsageError(f"{where} is {text!r:.60}, expected a JMESPath expression as text.")
    if text:
        try:
            compile_expression(text)
        except UsageError as error:
            raise UsageError(f"{where}: {error.message}") from error
    return text


def dump_mapping(mapping: LogMapping, comments: tuple[str, ...] = ()) -> str:
    """The mapping as TOML, only what differs from the defaults; ``comments`` stand on top."""
    lines = [f"# {line}" for comment in comments for line in comment.splitlines()]
    lines += ["", "[source]", *_pairs(mapping.source)]
    lines += ["", "[trace]", *_pairs(mapping.trace)]
    if mapping.trace.attributes:
        lines += ["", "[trace.attributes]"]
        lines += [f"{_key(key)} = {_text(text)}" for key, text in mapping.trace.attributes.items()]
    for stage in mapping.stages:
        lines += ["", "[[stage]]", *_pairs(stage)]
    return "\n".join(lines).lstrip("\n") + "\n"


def _pairs(part: Any) -> list[str]:
    lines = []
    for item in fields(part):
        value = getattr(part, item.name)
        if isinstance(value, dict) or (value == item.default and item.name not in ("kind", "name", "order")):
            continue
        if isinstance(value, bool):
            lines.append(f"{item.name} = {str(value).lower()}")
        elif isinstance(value, tuple):
            lines.append(f"{item.name} = [{', '.join(map(_text, value))}]")
        else:
            lines.append(f"{item.name} = {_text(value)}")
    return lines


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else _text(name)


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
