"""Damaged exports: each is refused, or its spans give traces or reasons; nothing raises anything else."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from rankscope.errors import InputError
from rankscope.tracing.formats.native import dumps
from rankscope.tracing.otlp.body import JSON, PROTOBUF, read_spans
from rankscope.tracing.otlp.waiting import WaitingSpans
from tests.tracing.formats.mutate import mutated_lines
from tests.tracing.formats.reading import FIXTURES
from tests.tracing.otlp.spans import as_json, as_protobuf, request

NOW = datetime(2026, 1, 31, tzinfo=UTC)
KEYS = ("", ".", "..", "retrieval.documents.99999999999.document.id", "input.value", "reranker.top_k")
KINDS = ("openinference.span.kind", "gen_ai.operation.name")


def _joined(body: bytes, media: str) -> bool:
    """Whether the body was taken; its traces can be written."""
    try:
        posted = read_spans(body, media)
    except InputError:
        return False
    waiting = WaitingSpans()
    waiting.add(posted.spans, 0.0)
    for joined in [due.join() for due in waiting.drain(NOW)]:
        assert joined.traces or joined.useless
        for trace in joined.traces:
            dumps(trace)
    return True


def test_damaged_json() -> None:
    lines = [as_json(request()).decode(), as_json(request()[:2]).decode()]
    lines.append((FIXTURES / "openinference_otlp.json").read_text(encoding="utf-8").replace("\n", " "))
    taken = [
        _joined(line.encode("utf-8", "surrogatepass"), JSON) for line in mutated_lines(lines, 600, seed=4)
    ]
    assert 100 < sum(taken) < 600


def test_odd_values_in_protobuf() -> None:
    chance = random.Random(5)
    whole = as_protobuf(request())
    for _ in range(300):
        message = ExportTraceServiceRequest.FromString(whole)
        for span in message.resource_spans[0].scope_spans[0].spans:
            for pair in span.attributes:
                if chance.random() < 0.2:
                    pair.value.CopyFrom(_value(chance))
                if chance.random() < 0.1:
                    pair.key = chance.choice((*KEYS, *KINDS))
            if chance.random() < 0.2:
                span.start_time_unix_nano = chance.choice((0, 1, 2**64 - 1))
            if chance.random() < 0.2:
                span.parent_span_id = chance.choice((b"", bytes(8), span.span_id, b"x" * 300))
        assert _joined(message.SerializeToString(), PROTOBUF)


def _value(chance: random.Random) -> AnyValue:
    value = AnyValue()
    kind = chance.randrange(7)
    if kind == 0:
        value.double_value = chance.choice((float("nan"), float("inf"), -1e308))
    elif kind == 1:
        value.int_value = chance.choice((-(2**63), 2**63 - 1))
    elif kind == 2:
        value.bool_value = True
    elif kind == 3:
        value.array_value.values.add().string_value = "[{"
    elif kind == 4:
        value.kvlist_value.values.add(key="a.b").value.int_value = 1
    elif kind == 5:
        value.bytes_value = b"\xff"
    return value
