"""A request body to spans, and answers to bodies: OTLP's protobuf and JSON encodings.

The protocol is https://opentelemetry.io/docs/specs/otlp/#otlphttp; messages come from opentelemetry-proto.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rankscope.errors import InputError, UsageError
from rankscope.tracing.formats.spans import BrokenSpan, Span, spans_of

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

__all__ = [
    "JSON",
    "PROTOBUF",
    "Posted",
    "error_answer",
    "gunzip",
    "read_spans",
    "require_packages",
    "success",
]

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
_STRICT = {"trace": 32, "span": 16}
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Posted:
    """What a body held: the spans that can be used, and why others cannot."""

    spans: tuple[Span, ...]
    rejected: tuple[str, ...] = ()
    """One reason for each span that is left out."""


def require_packages() -> None:
    """Raise UsageError with the line to run where the packages of the protocol are not installed."""
    try:
        import google.rpc.status_pb2  # noqa: F401 - tried, not used here
        import opentelemetry.proto.collector.trace.v1.trace_service_pb2  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(
            f"listening needs the OpenTelemetry protocol's packages; {error.name} is not installed.",
            remedy="Run `pip install 'rankscope[otlp]'`.",
        ) from error


def gunzip(body: bytes, limit: int) -> bytes:
    """Uncompress a gzip body of one or several members, at most ``limit`` bytes of it.

    Raises InputError where it is not gzip or ends early, OverflowError where it would grow beyond the limit.
    """
    parts: list[bytes] = []
    room = limit
    while body:
        member = zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(body, room + 1)
        except zlib.error as error:
            raise InputError(f"the body is not valid gzip: {error}.") from error
        room -= len(part)
        if room < 0:
            raise OverflowError
        if not member.eof:
            raise InputError("the gzip body ends early.")
        parts.append(part)
        body = member.unused_data
    if not parts:
        raise InputError("the gzip body is empty.")
    return b"".join(parts)


def read_spans(body: bytes, media_type: str) -> Posted:
    """The spans of an ExportTraceServiceRequest. Raises InputError where the body is none."""
    try:
        records = _from_json(body) if media_type == JSON else _from_protobuf(body)
    except RecursionError as error:
        raise InputError("the body is nested too deeply.") from error
    spans: list[Span] = []
    rejected: list[str] = []
    for item in records:
        if isinstance(item, BrokenSpan):
            rejected.append(item.reason)
        elif reason := _unfit(item):
            rejected.append(reason)
        else:
            no_parent = item.parent_id is not None and not item.parent_id.strip("0")
            spans.append(replace(item, parent_id=None) if no_parent else item)
    return Posted(tuple(spans), tuple(rejected))


def _unfit(span: Span) -> str:
    """Why the protocol takes this span as invalid; its ids are 16 and 8 bytes, not all zero."""
    for what, value in (("trace", span.trace_id), ("span", span.span_id)):
        if len(value) != _STRICT[what] or not set(value) <= _HEX or not value.strip("0"):
            return f"a span whose {what} id is not {_STRICT[what] // 2} bytes as hex, or all zero"
    return ""


def _from_json(body: bytes) -> list[Span | BrokenSpan]:
    from rankscope.tracing.formats.records import parse_json

    try:
        value = parse_json(body.decode("utf-8"))
    except ValueError as error:
        raise InputError(f"the body is not valid JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InputError("the body is not a JSON object.")
    resources = value.get("resourceSpans", [])
    if not isinstance(resources, list):
        raise InputError("resourceSpans is not a list.")
    return spans_of({"resourceSpans": resources}) or []


def _from_protobuf(body: bytes) -> list[Span | BrokenSpan]:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest()
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise InputError("the body is no ExportTraceServiceRequest in protobuf.") from error
    resources = [
        {
            "resource": {"attributes": _table(resource.resource.attributes)},
            "scopeSpans": [
                {"spans": [_span_record(span) for span in scope.spans]} for scope in resource.scope_spans
            ],
        }
        for resource in message.resource_spans
    ]
    # The same reader as for OTLP JSON, so that both encodings of a span give the same trace.
    return spans_of({"resourceSpans": resources}) or []


def _span_record(span: SpanMessage) -> dict[str, Any]:
    """A span as OTLP JSON has it, with plain values for attributes."""
    return {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "name": span.name,
        "startTimeUnixNano": span.start_time_unix_nano or None,
        "endTimeUnixNano": span.end_time_unix_nano or None,
        "attributes": _table(span.attributes),
        "status": {"code": span.status.code, "message": span.status.message},
        "events": [{"attributes": _table(event.attributes)} for event in span.events],
    }


def _table(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _table(value.kvlist_value.values)
    if kind == "bytes_value":
        import base64

        return base64.b64encode(value.bytes_value).decode("ascii")
    return getattr(value, kind)


def success(posted: Posted, media_type: str) -> bytes:
    """An ExportTraceServiceResponse; a partial success says how many spans were left out and why."""
    from google.protobuf.json_format import MessageToJson
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    message = ExportTraceServiceResponse()
    if posted.rejected:
        message.partial_success.rejected_spans = len(posted.rejected)
        message.partial_success.error_message = "; ".join(sorted(set(posted.rejected))[:5])
    return MessageToJson(message).encode() if media_type == JSON else message.SerializeToString()


def error_answer(code: int, message: str, media_type: str) -> bytes:
    """A google.rpc.Status with a canonical code (3 is INVALID_ARGUMENT, 14 UNAVAILABLE)."""
    from google.protobuf.json_format import MessageToJson
    from google.rpc.status_pb2 import Status

    status = Status(code=code, message=message)
    return MessageToJson(status).encode() if media_type == JSON else status.SerializeToString()
