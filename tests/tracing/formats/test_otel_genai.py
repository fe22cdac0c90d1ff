"""OpenTelemetry GenAI retrieval and rerank spans."""

from __future__ import annotations

from rankscope.tracing.formats.otel_genai import OtelGenAi
from tests.tracing.formats.reading import FIXTURES, pairs, read


def test_documents_as_json_text_and_as_structure() -> None:
    found, rejected, ignored = read(OtelGenAi(), FIXTURES / "otel_genai.jsonl")
    first, second = found
    assert rejected == []
    assert len(ignored) == 2
    assert first.query.text == "dose for children"
    assert pairs(first.before) == [("a", 0.82), ("b", 0.81)]
    assert pairs(first.after) == [("b", 0.99), ("a", 0.12)]
    assert first.pipeline.models["cross_encoder"].name == "example/ce"
    assert first.origin == "import:otel-genai"
    # The counts of nanoseconds: 31 - 1 and 90 - 40 ms.
    assert [ranking.ms for ranking in first.rankings] == [30.0, 50.0]
    assert first.rankings[0].depth == 5
    assert pairs(second.final) == [("d", 0.7)]
