"""Bodies of OTLP exports, in protobuf and JSON."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from rankscope.errors import InputError
from rankscope.tracing.formats.openinference import OpenInference
from rankscope.tracing.otlp.body import JSON, PROTOBUF, Posted, error_answer, gunzip, read_spans, success
from rankscope.tracing.otlp.waiting import WaitingSpans
from tests.tracing.formats.reading import FIXTURES, traces
from tests.tracing.otlp.spans import START, as_json, as_protobuf, request


def test_both_encodings_give_the_same_spans() -> None:
    one, other = read_spans(as_protobuf(request()), PROTOBUF), read_spans(as_json(request()), JSON)
    assert one == other
    assert one.rejected == ()
    assert [span.name for span in one.spans] == ["vector search", "rerank", "request"]
    assert [span.ms for span in one.spans] == [19.0, 60.0, 100.0]
    assert one.spans[0].parent_id == one.spans[2].span_id
    assert one.spans[2].parent_id is None
    assert one.spans[0].attributes["retrieval.documents.1.document.score"] == 1.0 / 2


def test_an_export_recorded_on_the_wire_gives_the_trace_of_the_file() -> None:
    # The same run of tests/instrumented/haystack_app.py wrote the file and sent this body.
    body = gunzip((FIXTURES / "haystack_export.pb.gz").read_bytes(), 1_000_000)
    posted = read_spans(body, PROTOBUF)
    waiting = WaitingSpans()
    waiting.add(posted.spans, 0.0)
    (due,) = waiting.ready(1.0, posted.spans[0].start)
    joined = due.join()
    (trace,) = joined.traces
    (from_file,) = traces(OpenInference(), FIXTURES / "haystack_spans.jsonl")
    assert trace.trace_id == from_file.trace_id
    assert trace.query == from_file.query
    assert trace.documents == from_file.documents
    assert [item.hits for item in trace.rankings] == [item.hits for item in from_file.rankings]


def test_the_service_is_noted_where_it_has_a_name() -> None:
    for name, noted in (("search-api", {"service": "search-api"}), ("unknown_service:python", {})):
        message = ExportTraceServiceRequest.FromString(as_protobuf(request()))
        message.resource_spans[0].resource.attributes.add(key="service.name").value.string_value = name
        in_json = json.loads(as_json(request()))
        in_json["resourceSpans"][0]["resource"] = {
            "attributes": [{"key": "service.name", "value": {"stringValue": name}}]
        }
        for body, media in ((message.SerializeToString(), PROTOBUF), (json.dumps(in_json).encode(), JSON)):
            waiting = WaitingSpans()
            waiting.add(read_spans(body, media).spans, 0.0, {"received": "otlp"})
            (due,) = waiting.drain(datetime.now(UTC))
            joined = due.join()
            expected = {"received": "otlp", "trace_id": f"{1:032x}", **noted}
            assert joined.traces[0].attributes["import"].items() >= expected.items()
            assert ("service" in joined.traces[0].attributes["import"]) is bool(noted)


def test_every_kind_of_attribute_value() -> None:
    message = ExportTraceServiceRequest()
    span = message.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    span.parent_span_id = bytes(8)
    span.start_time_unix_nano, span.end_time_unix_nano = START, START + 5
    for key, kind, value in (
        ("a", "int_value", -3),
        ("b", "bool_value", True),
        ("c", "bytes_value", b"\x00"),
    ):
        setattr(span.attributes.add(key=key).value, kind, value)
    inner = span.attributes.add(key="d").value.kvlist_value.values.add(key="e").value.array_value.values
    inner.add().double_value = 0.5
    inner.add()
    span.status.code, span.status.message = 2, "no"
    (found,) = read_spans(message.SerializeToString(), PROTOBUF).spans
    assert found.attributes == {"a": -3, "b": True, "c": "AA==", "d.e": [0.5, None]}
    assert (found.failed, found.message, found.parent_id) == (True, "no", None)
    assert found.ms == 5 / 1e6


@pytest.mark.parametrize(
    ("body", "media", "says"),
    [
        (b"{", JSON, "not valid JSON"),
        (b"[]", JSON, "not a JSON object"),
        (b'{"resourceSpans": {}}', JSON, "resourceSpans is not a list"),
        (b"\xff", JSON, "not valid JSON"),
        (b"[" * 100_000, JSON, "nested too deeply"),
        (b"\xff\xff\xff", PROTOBUF, "no ExportTraceServiceRequest"),
    ],
)
def test_a_body_that_is_no_export(body: bytes, media: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_spans(body, media)


def test_spans_without_proper_ids_are_left_out_one_by_one() -> None:
    good, bad, zero = request()
    bad["traceId"], zero["spanId"] = "12", "0" * 16
    posted = read_spans(as_json([good, bad, zero]), JSON)
    assert [span.name for span in posted.spans] == ["vector search"]
    assert len(posted.rejected) == 2
    assert "trace id is not 16 bytes" in posted.rejected[0]
    assert "span id is not 8 bytes" in posted.rejected[1]


def test_an_empty_export_is_fine() -> None:
    assert read_spans(b"", PROTOBUF) == Posted(())
    assert read_spans(b"{}", JSON) == Posted(())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for media in (JSON, PROTOBUF):
        try:
            posted = read_spans(body, media)
        except InputError:
            continue
        assert all(len(span.trace_id) == 32 for span in posted.spans)


def test_gzip_is_bounded_and_whole() -> None:
    body = bytes(100_000)
    packed = gzip.compress(body)
    assert gunzip(packed, 100_000) == body
    assert gunzip(gzip.compress(b"a") + gzip.compress(b"b"), 2) == b"ab"
    with pytest.raises(OverflowError):
        gunzip(packed, 99_999)
    with pytest.raises(OverflowError):
        gunzip(gzip.compress(b"a") + gzip.compress(b"b"), 1)
    for broken in (packed[:-9], b"plain", packed + b"rest", b""):
        with pytest.raises(InputError):
            gunzip(broken, 200_000)


def test_answers_in_both_encodings() -> None:
    assert success(Posted(()), PROTOBUF) == b""
    assert json.loads(success(Posted(()), JSON)) == {}
    partial = Posted((), ("why", "why", "also"))
    answer = ExportTraceServiceResponse.FromString(success(partial, PROTOBUF))
    assert answer.partial_success.rejected_spans == 3
    assert answer.partial_success.error_message == "also; why"
    # 64-bit numbers are text in protobuf's JSON.
    assert json.loads(success(partial, JSON)) == {
        "partialSuccess": {"rejectedSpans": "3", "errorMessage": "also; why"}
    }
    assert Status.FromString(error_answer(3, "no", PROTOBUF)) == Status(code=3, message="no")
    assert json.loads(error_answer(3, "no", JSON)) == {"code": 3, "message": "no"}
