"""OpenInference spans: Phoenix JSON and Parquet, OTLP, flat and nested; joined into one trace a request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rankscope.core.scales import ScoreScale
from rankscope.tracing.formats.openinference import OpenInference
from tests.tracing.formats.reading import FIXTURES, pairs, read, traces, write_lines

LINES = (FIXTURES / "openinference.jsonl").read_text(encoding="utf-8").splitlines()


def test_retriever_and_reranker_of_one_trace_are_one_trace() -> None:
    found, rejected, ignored = read(OpenInference(), FIXTURES / "openinference.jsonl")
    first = found[0]
    assert rejected == []
    assert [item.reason for item in ignored] == ["not a retrieval or rerank span"] * 2
    assert first.query.text == "dose for children"
    assert first.origin == "import:openinference"
    assert [ranking.stage for ranking in first.rankings] == ["dense", "rerank"]
    assert pairs(first.before) == [("a", 0.82), ("b", 0.81), ("c", 0.44)]
    assert pairs(first.after) == [("b", 7.5), ("a", 1.25)]
    assert [ranking.ms for ranking in first.rankings] == [50.0, 250.0]
    assert first.ranking("rerank").score_scale is ScoreScale.UNKNOWN  # type: ignore[union-attr]
    assert first.pipeline.models["cross_encoder"].name == "example/cross-encoder"
    assert first.top_k == 2
    assert first.documents["b"].text.startswith("Children")
    assert first.documents["b"].metadata == {"page": 2}
    assert first.created_at.isoformat() == "2026-01-31T12:00:00.010000+00:00"


def test_retrievers_inside_a_retriever_come_before_it_and_keep_their_own_time() -> None:
    ensemble = traces(OpenInference(), FIXTURES / "openinference.jsonl")[1]
    assert [ranking.stage for ranking in ensemble.rankings] == ["bm25", "dense", "fusion"]
    assert pairs(ensemble.ranking("fusion")) == [("d", 0.03), ("e", 0.02)]
    # 100 ms in all, of which the two inner ones took from 10 to 40 ms.
    assert ensemble.ranking("fusion").ms == pytest.approx(100.0 - 30.0)  # type: ignore[union-attr]


def test_repeated_ids_and_a_failed_reranker_stay_visible() -> None:
    failed = traces(OpenInference(), FIXTURES / "openinference.jsonl")[2]
    assert pairs(failed.before) == [("c", 0.9), ("c", 0.8), ("a", 0.1)]
    assert failed.ranking("rerank").status == "failed:503 Service Unavailable"  # type: ignore[union-attr]
    assert failed.after is None
    note = failed.attributes["import"]
    assert note["repeated_ids"] == {"retrieval": 1}
    assert any("repeats an id" in line for line in note["notes"])


def test_nested_attributes_without_ids_are_joined_by_content() -> None:
    (trace,) = traces(OpenInference(), FIXTURES / "openinference_nested.json")
    assert pairs(trace.before) == [("a", 0.82), ("b", 0.81)]
    assert pairs(trace.after) == [("b", 0.9), ("a", 0.2)]
    assert [ranking.stage for ranking in trace.rankings] == ["retrieval", "rerank"]


def test_an_otlp_envelope_gives_the_same_trace_as_the_spans() -> None:
    (wrapped,) = traces(OpenInference(), FIXTURES / "openinference_otlp.json")
    plain = traces(OpenInference(), FIXTURES / "openinference.jsonl")[0]
    assert [pairs(ranking) for ranking in wrapped.rankings] == [pairs(ranking) for ranking in plain.rankings]
    assert wrapped.documents == plain.documents


def _row(line: str) -> dict[str, Any]:
    """A span as Phoenix's data frame has it: one column an attribute, documents as a list."""
    span = json.loads(line)
    attributes = span.pop("attributes")
    context = span.pop("context")
    row = {**span, **{f"context.{key}": value for key, value in context.items()}}
    row.pop("events")
    for prefix in ("retrieval.documents", "reranker.input_documents", "reranker.output_documents"):
        places = sorted(
            {key[len(prefix) + 1 :].split(".")[0] for key in attributes if key.startswith(prefix)}
        )
        documents = [
            {
                key.split(f"{prefix}.{place}.")[1]: attributes[key]
                for key in attributes
                if f"{prefix}.{place}." in key
            }
            for place in places
        ]
        row[f"attributes.{prefix}"] = documents or None
    for key, value in attributes.items():
        if "documents" not in key:
            row[f"attributes.{key}"] = value
    return row


def test_the_parquet_export_gives_the_same_traces(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "spans.parquet"
    rows = [_row(line) for line in LINES]
    names = sorted({name for row in rows for name in row})
    parquet.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), path)
    from_parquet = traces(OpenInference(), path)
    from_json = traces(OpenInference(), FIXTURES / "openinference.jsonl")
    assert [[pairs(r) for r in trace.rankings] for trace in from_parquet] == [
        [pairs(r) for r in trace.rankings] for trace in from_json
    ]
    assert [trace.documents for trace in from_parquet] == [trace.documents for trace in from_json]


def _span(number: int, kind: str, query: str, ids: str, start: int, **more: Any) -> dict[str, Any]:
    key = "retrieval.documents" if kind == "RETRIEVER" else "reranker.output_documents"
    attributes = {"openinference.span.kind": kind, "input.value": query}
    attributes |= {f"{key}.{place}.document.id": doc_id for place, doc_id in enumerate(ids)}
    if kind == "RERANKER":
        attributes |= {f"reranker.input_documents.{p}.document.id": d for p, d in enumerate(sorted(ids))}
    return {
        "name": more.pop("name", "step"),
        "context": {"trace_id": "aa", "span_id": f"{number:x}"},
        "parent_id": more.pop("parent", None),
        "start_time": f"2026-01-01T00:00:{start:02}Z",
        "end_time": f"2026-01-01T00:00:{start + 1:02}Z",
        "attributes": attributes | more,
    }


def test_two_requests_of_one_trace_id_are_two_traces(tmp_path: Path) -> None:
    spans = [
        _span(1, "RETRIEVER", "first", "ab", 1),
        _span(2, "RERANKER", "first", "ba", 3),
        _span(3, "RETRIEVER", "second", "cd", 5),
        _span(4, "RERANKER", "second", "dc", 7),
        # The same question again, after the first was reranked: a request of its own.
        _span(5, "RETRIEVER", "first", "ab", 9),
    ]
    found = traces(OpenInference(), write_lines(tmp_path / "s.jsonl", spans[::-1]))
    assert [trace.query.text for trace in found] == ["first", "second", "first"]
    assert [len(trace.rankings) for trace in found] == [2, 2, 1]
    assert len({trace.trace_id for trace in found}) == 3


def test_a_shell_around_a_retriever_is_not_a_stage(tmp_path: Path) -> None:
    spans = [
        _span(1, "RETRIEVER", "q", "ab", 1, name="VectorIndexRetriever.retrieve"),
        _span(2, "RETRIEVER", '{"query_bundle": {"query_str": "q"}}', "", 1, name="_retrieve", parent="1"),
    ]
    (trace,) = traces(OpenInference(), write_lines(tmp_path / "s.jsonl", spans))
    assert [ranking.stage for ranking in trace.rankings] == ["dense"]


def test_a_retriever_that_reranks_what_is_inside_it_is_the_reranker(tmp_path: Path) -> None:
    spans = [
        _span(1, "RETRIEVER", "q", "ba", 1, name="ContextualCompressionRetriever"),
        _span(2, "RETRIEVER", "q", "abc", 1, name="VectorStoreRetriever", parent="1"),
    ]
    (trace,) = traces(OpenInference(), write_lines(tmp_path / "s.jsonl", spans))
    assert [(r.stage, r.doc_ids) for r in trace.rankings] == [
        ("dense", ("a", "b", "c")),
        ("rerank", ("b", "a")),
    ]


def test_a_reranker_given_another_list_shows_that_list(tmp_path: Path) -> None:
    spans = [_span(1, "RETRIEVER", "q", "abc", 1), _span(2, "RERANKER", "q", "ba", 3)]
    (trace,) = traces(OpenInference(), write_lines(tmp_path / "s.jsonl", spans))
    assert [ranking.stage for ranking in trace.rankings] == ["retrieval", "candidates", "rerank"]
    assert trace.before is not None
    assert trace.before.doc_ids == ("a", "b")


def test_a_span_that_was_sent_twice_is_one_stage(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "s.jsonl", [LINES[1], LINES[1]])
    found, _, ignored = read(OpenInference(), path)
    assert [len(trace.rankings) for trace in found] == [1]
    assert [(item.line, item.reason) for item in ignored] == [(2, "a span that was sent before")]


def test_broken_lines_and_spans_are_rejected_with_their_number(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "s.jsonl", [LINES[1], '{"name": ', "[]", '{"name": "x", "attributes": {}}', ""]
    )
    found, rejected, ignored = read(OpenInference(), path)
    assert len(found) == 1
    assert [(item.line, item.reason.split(":")[0]) for item in rejected] == [
        (2, "not valid JSON"),
        (3, "not a record of openinference"),
        (4, "a span without trace_id or span_id"),
    ]
    assert [item.line for item in ignored] == [5]


def test_the_same_spans_get_the_same_id_wherever_they_lie(tmp_path: Path) -> None:
    moved = write_lines(tmp_path / "elsewhere.jsonl", LINES[::-1])
    first = {trace.trace_id for trace in traces(OpenInference(), FIXTURES / "openinference.jsonl")}
    assert {trace.trace_id for trace in traces(OpenInference(), moved)} == first


def test_spans_recorded_from_a_haystack_pipeline() -> None:
    # Recorded by tests/instrumented/haystack_app.py: an embedding retriever's input names no query, and the
    # joiner is a span without documents.
    (trace,) = traces(OpenInference(), FIXTURES / "haystack_spans.jsonl")
    assert trace.query.text == "how long are idempotency keys kept"
    assert [ranking.stage for ranking in trace.rankings] == ["bm25", "dense", "candidates", "rerank"]
    assert trace.pipeline.models["cross_encoder"].name == "rankscope-ce-small"
    before = {doc_id: rank for rank, (doc_id, _) in enumerate(pairs(trace.before), start=1)}
    after = [(doc_id, before[doc_id]) for doc_id, _ in pairs(trace.after)]
    assert after == [
        ("idem-payouts-01", 4),
        ("idem-sandbox-01", 2),
        ("idem-postmortem-01", 1),
        ("auth-v2-01", 3),
        ("auth-v21-01", 5),
    ]
    assert trace.documents["idem-payouts-01"].text.startswith("Not with the same merchant_reference")


def test_spans_recorded_from_a_llama_index_query_engine() -> None:
    # Recorded by tests/instrumented/llama_index_app.py: `retrieve` holds the documents, `_retrieve` inside it
    # only their text form, and the reranker's inputs carry the retriever's scores.
    (trace,) = traces(OpenInference(), FIXTURES / "llama_index_spans.jsonl")
    assert trace.query.text == "how long are idempotency keys kept"
    assert [ranking.stage for ranking in trace.rankings] == ["dense", "rerank"]
    assert {role: info.name for role, info in trace.pipeline.models.items()} == {
        "bi_encoder": "all-MiniLM-L6-v2",
        "cross_encoder": "rankscope-ce-small",
    }
    before = [doc_id for doc_id, _ in pairs(trace.before)]
    assert [(doc_id, before.index(doc_id) + 1) for doc_id, _ in pairs(trace.after)] == [
        ("idem-sandbox-01", 3),
        ("idem-payouts-01", 5),
        ("idem-postmortem-01", 2),
        ("auth-v2-01", 1),
        ("auth-v21-01", 4),
    ]
    assert trace.top_k == 5
