"""Spans as exporters write them: Phoenix JSON, OTLP JSON, the SDK's own, and flat tables. One shape out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rankscope.tracing.formats.values import as_moment, as_text

__all__ = ["BrokenSpan", "Span", "flatten", "spans_of", "unflatten"]

_HEX = re.compile(r"(0x)?[0-9a-fA-F]+")


@dataclass(frozen=True, slots=True)
class Span:
    """One operation of one request. ``attributes`` has dotted keys, whatever the source nested."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str = ""
    start: datetime | None = None
    end: datetime | None = None
    failed: bool = False
    message: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0
    duration_ms: float | None = None
    service: str = ""
    """Name of the service that made the span, where it has one of its own."""

    @property
    def ms(self) -> float | None:
        """Wall-clock milliseconds from start to end, None where either is unknown."""
        if self.duration_ms is not None:
            return self.duration_ms
        if self.start is None or self.end is None:
            return None
        return (self.end - self.start).total_seconds() * 1000


@dataclass(frozen=True, slots=True)
class BrokenSpan:
    """Something that stands where a span should, and why it is none."""

    reason: str
    value: Any


def spans_of(record: Any, line: int = 0) -> list[Span | BrokenSpan] | None:
    """The spans that one JSON record holds: one span, an OTLP envelope, or a list under ``spans``.

    None where the record is nothing of the kind.
    """
    if not isinstance(record, dict):
        return None
    for key in ("resourceSpans", "resource_spans"):
        if isinstance(record.get(key), list):
            return list(_envelope(record[key], line))
    if isinstance(record.get("spans"), list) and "attributes" not in record:
        return [_read(item, line) for item in record["spans"]]
    has_attributes = "attributes" in record or any(key.startswith("attributes.") for key in record)
    if not has_attributes and not ("span_kind" in record and "name" in record):
        return None
    return [_read(record, line)]


def _envelope(resources: list[Any], line: int) -> Iterator[Span | BrokenSpan]:
    for resource in resources:
        table = resource if isinstance(resource, dict) else {}
        names = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans")
        scopes = next((table[name] for name in names if table.get(name) is not None), None)
        if not isinstance(scopes, list):
            yield BrokenSpan("resourceSpans holds no list of scopeSpans", resource)
            continue
        service = _service(table)
        for scope in scopes:
            found = scope.get("spans") if isinstance(scope, dict) else None
            if isinstance(found, list):
                yield from (_read(item, line, service) for item in found)
            else:
                yield BrokenSpan("scopeSpans holds no list of spans", scope)


def _service(holder: Mapping[str, Any]) -> str:
    """The service that a resource names; the name that SDKs make up themselves is none."""
    resource = holder.get("resource")
    name = as_text(_attributes(resource).get("service.name")) if isinstance(resource, dict) else ""
    return "" if name.startswith("unknown_service") else name


def _read(item: Any, line: int, service: str = "") -> Span | BrokenSpan:
    if not isinstance(item, dict):
        return BrokenSpan("a span that is not an object", item)
    try:
        return _span(item, line, service)
    except ValueError as error:
        return BrokenSpan(str(error), item)


def _span(record: Mapping[str, Any], line: int, service: str) -> Span:
    context = record.get("context")
    context = context if isinstance(context, dict) else record
    trace_id = _identifier(_first(context, record, "trace_id", "traceId", "context.trace_id"))
    span_id = _identifier(_first(context, record, "span_id", "spanId", "context.span_id"))
    if not trace_id or not span_id:
        raise ValueError("a span without trace_id or span_id")
    attributes = _attributes(record)
    failed, message = _status(record, attributes)
    kind = as_text(attributes.get("openinference.span.kind")) or as_text(record.get("span_kind"))
    start = as_moment(_first(record, record, "start_time", "startTimeUnixNano", "start_time_unix_nano"))
    end = as_moment(_first(record, record, "end_time", "endTimeUnixNano", "end_time_unix_nano"))
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_identifier(
            _first(record, record, "parent_id", "parentSpanId", "parent_span_id", "parentId")
        )
        or None,
        name=as_text(record.get("name")),
        kind=kind.upper().removeprefix("SPANKIND."),
        start=start,
        end=end,
        failed=failed,
        message=message,
        attributes=attributes,
        line=line,
        duration_ms=_nanoseconds(record),
        service=service or _service(record),
    )


def _first(one: Mapping[str, Any], other: Mapping[str, Any], *names: str) -> Any:
    """The first of these names that has a value in either mapping."""
    return next(
        (table[name] for name in names for table in (one, other) if table.get(name) is not None), None
    )


def _identifier(value: Any) -> str:
    """Trace and span ids as lower-case hex without ``0x``; decimal and other ids as they are."""
    text = "" if value is None or isinstance(value, bool | dict | list) else str(value)
    return text.lower().removeprefix("0x") if _HEX.fullmatch(text) else text


def _nanoseconds(record: Mapping[str, Any]) -> float | None:
    """A monotonic duration where the exporter wrote one, or the exact difference of two counts."""
    begin, end = record.get("startTimeUnixNano"), record.get("endTimeUnixNano")
    try:
        if begin is not None and end is not None:
            return (int(begin) - int(end)) / -1e6
        span = record.get("duration_ns")
        return None if span is None else int(span) / 1e6
    except (TypeError, ValueError, OverflowError):
        return None


def _attributes(record: Mapping[str, Any]) -> dict[str, Any]:
    raw = record.get("attributes")
    if isinstance(raw, list):
        return flatten({item["key"]: _any_value(item.get("value")) for item in raw if _is_pair(item)})
    table = flatten(raw) if isinstance(raw, dict) else {}
    for key, value in record.items():
        if key.startswith("attributes.") and value is not None:
            table.update(flatten({key.removeprefix("attributes."): value}))
    return table


def _is_pair(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("key"), str)


def _any_value(value: Any) -> Any:
    """An OTLP AnyValue as a plain value."""
    if not isinstance(value, dict):
        return value
    for name, inner in value.items():
        if name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
            return inner
        if name == "intValue":
            return int(inner) if isinstance(inner, str) and inner.lstrip("-").isdigit() else inner
        if name == "arrayValue":
            values = inner.get("values") if isinstance(inner, dict) else None
            return [_any_value(item) for item in values or []]
        if name == "kvlistValue":
            pairs = inner.get("values") if isinstance(inner, dict) else None
            return {item["key"]: _any_value(item.get("value")) for item in pairs or [] if _is_pair(item)}
    return None


def _status(record: Mapping[str, Any], attributes: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether the span failed, and what it says about it."""
    status = record.get("status")
    table = status if isinstance(status, dict) else {}
    code = _first(table, record, "status_code", "code", "status.status_code")
    code = status if code is None and isinstance(status, str) else code
    failed = code == 2 or "ERROR" in str(code).upper()
    message = as_text(_first(table, record, "message", "description", "status_message"))
    events = record.get("events")
    for event in events if isinstance(events, list) and not message else []:
        raw = event.get("attributes") if isinstance(event, dict) else None
        details = _attributes({"attributes": raw})
        message = message or as_text(details.get("exception.message"))
    return failed, message or as_text(attributes.get("exception.message"))


def flatten(table: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings and lists of mappings with dotted keys: ``a.0.b``. Other lists stay values."""
    flat: dict[str, Any] = {}
    stack: list[tuple[str, Any]] = [(str(key), value) for key, value in reversed(list(table.items()))]
    while stack:
        key, value = stack.pop()
        if isinstance(value, dict):
            stack.extend((f"{key}.{name}", inner) for name, inner in reversed(list(value.items())))
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            stack.extend((f"{key}.{place}", inner) for place, inner in reversed(list(enumerate(value))))
        else:
            flat[key] = value
    return flat


def unflatten(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """The list of mappings that stands under ``prefix``: ``prefix.{i}.rest`` gives ``{rest: value}``."""
    table: dict[int, dict[str, Any]] = {}
    start = len(prefix) + 1
    for key, value in attributes.items():
        if key.startswith(f"{prefix}."):
            place, _, rest = key[start:].partition(".")
            if place.isdigit() and len(place) < 9 and rest:
                table.setdefault(int(place), {})[rest] = value
    return [table[place] for place in sorted(table)]
