"""Formats are found by how a file starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from rankscope.errors import InputError, UsageError
from rankscope.tracing.formats.native import dumps
from rankscope.tracing.formats.registry import format_names, importer_named, sniff
from tests.tracing.formats.reading import FIXTURES, pairs, traces, write_lines
from tests.tracing.make import make_trace

EXPECTED = {
    "openinference.jsonl": "openinference",
    "openinference_nested.json": "openinference",
    "openinference_otlp.json": "openinference",
    "otel_genai.jsonl": "otel-genai",
    "langfuse.jsonl": "langfuse",
    "langsmith.jsonl": "langsmith",
    "run_from_0.trec": "trec",
    "run_from_1.trec": "trec",
    "ranx.json": "ranx",
    "beir_results.json": "beir",
    "rankllm.jsonl": "rankllm",
}


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items())
def test_each_format_is_recognised(name: str, expected: str) -> None:
    found = sniff(FIXTURES / name)
    assert found is not None
    assert found.name == expected


@pytest.mark.parametrize("name", ["nested_sources.jsonl", "cell.csv", "rows.csv", "distances.jsonl"])
def test_other_logs_are_taken_for_none_of_them(name: str) -> None:
    assert sniff(FIXTURES / "logs" / name) is None


def test_native_files_are_recognised_and_read_line_by_line(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [dumps(make_trace(1)), dumps(make_trace(2))])
    found = sniff(path)
    assert found is not None
    assert [trace.trace_id for trace in traces(found, path)] == ["trace-000001", "trace-000002"]


def test_records_longer_than_most_and_envelopes_longer_than_what_is_looked_at(tmp_path: Path) -> None:
    candidate = {"docid": "d", "score": 1.0, "doc": {"text": "word " * 2000}}
    row = {"query": {"text": "q", "qid": "1"}, "candidates": [candidate] * 100}
    found = sniff(write_lines(tmp_path / "long.jsonl", [row] * 3))
    assert found is not None
    assert found.name == "rankllm"
    text = (FIXTURES / "openinference_otlp.json").read_text(encoding="utf-8")
    found = sniff(write_lines(tmp_path / "o.json", [text.rstrip()[:-1] + " " * 5_000_000 + "}"]))
    assert found is not None
    assert found.name == "openinference"


def test_a_table_of_metrics_is_no_run(tmp_path: Path) -> None:
    table = {"hybrid": {"precision": 0.5, "recall": 0.25}, "dense": {"precision": 0.75, "recall": 0.5}}
    assert sniff(write_lines(tmp_path / "m.json", [table])) is None


def test_a_few_broken_lines_do_not_hide_the_format(tmp_path: Path) -> None:
    lines = (FIXTURES / "rankllm.jsonl").read_text(encoding="utf-8").splitlines()
    found = sniff(write_lines(tmp_path / "x.log", ["oops {", *lines, "}"]))
    assert found is not None
    assert found.name == "rankllm"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="openinference, otel-genai"):
        importer_named("phoenix")
    assert "native" in format_names()


def test_empty_files_and_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n \n", encoding="utf-8")
    with pytest.raises(InputError, match="empty"):
        sniff(tmp_path / "empty.jsonl")
    with pytest.raises(InputError, match="folder"):
        sniff(tmp_path)


def test_trulens_events_are_spans_in_a_table(tmp_path: Path) -> None:
    attributes = (
        "{'ai.observability.span_type': 'retrieval', 'ai.observability.retrieval.query_text': 'what?', "
        "'ai.observability.retrieval.retrieved_contexts': \"['first text', 'second text']\"}"
    )
    quoted = attributes.replace('"', '""')
    path = tmp_path / "events.csv"
    path.write_text(
        ",record,event_id,record_attributes,start_timestamp,timestamp,trace\n"
        f"0,\"{{'name': 'FAISS.search', 'status': 'OK'}}\",1,\"{quoted}\",2026-01-01 00:00:00,"
        "2026-01-01 00:00:01,\"{'trace_id': '12', 'parent_id': '', 'span_id': '34'}\"\n",
        encoding="utf-8",
    )
    found = sniff(path)
    assert found is not None
    assert found.name == "trulens"
    (trace,) = traces(found, path)
    assert trace.query.text == "what?"
    assert [trace.documents[doc_id].text for doc_id, _ in pairs(trace.rankings[0])] == [
        "first text",
        "second text",
    ]
    assert trace.rankings[0].ms == 1000.0
