"""The native format keeps every trace whole, and says what is wrong with a line that is not one."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankscope.core.documents import Document, Query
from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking, Trace
from rankscope.errors import TraceError
from rankscope.tracing.formats.native import SCHEMA, dumps, from_json, iter_file, json_schema, loads, to_json
from tests.tracing.strategies import json_values, traces

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def plain_trace() -> Trace:
    return Trace(
        trace_id="t1",
        created_at=datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC),
        origin="live",
        query=Query("ibuprofen dosage", filters={"tenant": "acme"}),
        rankings=(
            Ranking("bm25", ScoreScale.BM25, (Hit("a", 1, 12.5), Hit("b", 3, None)), ms=0.8, depth=100),
            Ranking("rerank", ScoreScale.PROBABILITY, (), status="skipped:off"),
        ),
        documents={"a": Document("a", "text", "title", {"year": 2024})},
    )


def changed(path: str, value: Any) -> dict[str, Any]:
    """The plain trace as JSON with the value at a path such as ``rankings.0.stage`` replaced."""
    data = json.loads(dumps(plain_trace()))
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    target = data
    for key in parents:
        target = target[key]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return data


@settings(max_examples=30)
@given(traces())
def test_a_trace_comes_back_from_a_line(trace: Trace) -> None:
    line = dumps(trace)
    assert loads(line) == trace
    assert loads(line.encode("utf-8")) == trace


@settings(max_examples=30)
@given(traces())
def test_a_line_is_one_printable_line(trace: Trace) -> None:
    assert not [char for char in dumps(trace) if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]


@settings(max_examples=30)
@given(traces())
def test_a_trace_fits_the_schema(trace: Trace) -> None:
    VALIDATOR.validate(json.loads(dumps(trace)))


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["properties"]["schema"] == {"const": SCHEMA}


def test_what_is_empty_is_left_out_and_what_the_contract_names_is_there() -> None:
    data = to_json(replace(plain_trace(), documents={}))
    contract = "schema id created_at origin parent_id query pipeline rankings floor top_k kept decision"
    assert " ".join(data) == f"{contract} findings documents"
    assert data["created_at"] == "2026-01-31T12:00:00.123Z"
    assert data["query"] == {"text": "ibuprofen dosage", "filters": {"tenant": "acme"}}
    assert data["rankings"][0]["hits"][1] == {"doc_id": "b", "rank": 3, "score": None}


def test_microseconds_are_kept() -> None:
    moment = datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)
    assert to_json(replace(plain_trace(), created_at=moment))["created_at"] == "2026-01-31T12:00:00.123456Z"


def test_the_least_that_makes_a_trace() -> None:
    data = {
        "schema": SCHEMA,
        "id": "x",
        "created_at": "2026-01-31T14:00:00+02:00",
        "origin": "import:mine",
        "query": {"text": "q"},
        "rankings": [
            {"stage": "search", "score_scale": "unknown", "hits": [{"doc_id": "d", "rank": 1, "score": 7}]}
        ],
    }
    VALIDATOR.validate(data)
    trace = from_json(data)
    assert trace.created_at == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert trace.rankings[0].hits == (Hit("d", 1, 7.0),)


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("schema", "other/2", "schema is 'other/2', expected 'rankscope.trace/1'"),
        ("id", ..., "id is missing, expected text"),
        ("id", "", "id is empty"),
        ("created_at", "yesterday", "created_at is 'yesterday', expected a time"),
        ("created_at", "2026-01-31T12:00:00", "created_at is '2026-01-31T12:00:00', expected a time"),
        ("created_at", "0001-01-01T00:00:00+09:00", "created_at is"),
        ("query", None, "query is missing, expected an object"),
        ("query.text", 5, "query.text is 5, expected text"),
        ("query.filters", {"a b": 1}, "query.filters.['a b'] is 1, expected text"),
        ("rankings", {}, "rankings is {}, expected a list"),
        ("rankings.0.stage", ..., "rankings[0].stage is missing"),
        (
            "rankings.0.score_scale",
            "percent",
            "rankings[0].score_scale is 'percent', expected one of bm25, cosine",
        ),
        ("rankings.0.status", "fine", "rankings[0].status is 'fine', expected ok, partial"),
        ("rankings.0.hits.0.rank", 0, "rankings[0].hits[0].rank is 0, expected a whole number from 1"),
        ("rankings.0.hits.0.rank", 4, "rankings[0]: stage 'bm25': rank 3 of document 'b' follows rank 4"),
        ("rankings.0.hits.0.rank", True, "rankings[0].hits[0].rank is True"),
        ("rankings.0.hits.0.rank", 10**30, "rankings[0].hits[0].rank is 1000"),
        ("rankings.0.hits.0.score", "high", "rankings[0].hits[0].score is 'high', expected a finite number"),
        ("rankings.0.hits.0.score", 10**400, "rankings[0].hits[0].score is 1000"),
        ("rankings.0.hits.0.score", ..., "rankings[0].hits[0].score is missing"),
        ("rankings.0.hits.0.doc_id", None, "rankings[0].hits[0].doc_id is missing"),
        ("rankings.0.hits.0.note", "x", "rankings[0].hits[0].note is not a known key"),
        (
            "rankings.0.hits.0.details",
            {"logit": "x"},
            "rankings[0].hits[0].details.logit is 'x', expected a finite",
        ),
        (
            "rankings.0.details",
            {"cached": []},
            "rankings[0].details.cached is [], expected text or a finite number",
        ),
        ("rankings.1.stage", "bm25", "names a stage twice"),
        ("floor", {"score_scale": "rrf"}, "floor.value is missing"),
        ("floor", {"value": 0.4, "score_scale": None}, "floor.score_scale is missing"),
        ("top_k", -1, "top_k is -1, expected a whole number from 0"),
        ("kept", ["a", 1], "kept[1] is 1, expected text"),
        ("decision", "maybe", "decision is 'maybe', expected 'answer', 'refuse' or null"),
        ("findings", [{"code": "RS101", "severity": "bad"}], "findings[0].severity is 'bad'"),
        ("documents", {"a/1": {"title": "x"}}, "documents.['a/1'].text is missing, expected text"),
        (
            "pipeline",
            {"models": {"bi": {"name": "m", "max_length": 1.5}}},
            "pipeline.models.bi.max_length is 1.5",
        ),
        ("surprise", 1, "surprise is not a known key"),
    ],
)
def test_a_wrong_key_is_named(path: str, value: Any, complaint: str) -> None:
    with pytest.raises(TraceError) as caught:
        from_json(changed(path, value))
    assert caught.value.message.startswith(complaint) or complaint in caught.value.message
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@given(
    json_values,
    st.sampled_from(["query", "rankings", "rankings.0", "rankings.0.hits.0", "floor", "documents.a"]),
)
def test_any_value_in_any_place_is_read_or_refused_with_one_line(value: Any, path: str) -> None:
    message = ""
    try:
        from_json(changed(path, value))
    except TraceError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[1]",
        "null",
        '{"schema": NaN}',
        '"' + "x" * 10,
        "[" * 100_000,
        b"\xff\xfe",
        '{"score": 1' + "0" * 9999,
    ],
)
def test_a_line_that_is_no_trace_is_one_clear_error(line: str | bytes) -> None:
    with pytest.raises(TraceError) as caught:
        loads(line, path="traces.jsonl", line_number=7)
    assert str(caught.value).startswith("traces.jsonl:7: ")
    assert "\n" not in str(caught.value)


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    first, second = plain_trace(), replace(plain_trace(), trace_id="t2", query=Query("a\u2028b\x85c"))
    path.write_text(f"{dumps(first)}\n\n{dumps(second)}\n", encoding="utf-8", newline="")
    assert list(iter_file(path)) == [first, second]
    path.write_text(f"{dumps(first)}\n\n{{}}\n", encoding="utf-8")
    with pytest.raises(TraceError, match=r"traces.jsonl:3: schema is missing"):
        list(iter_file(path))


@pytest.mark.parametrize(
    ("attributes", "complaint"),
    [
        ({"when": datetime(2026, 1, 1, tzinfo=UTC)}, "trace.attributes.when is a datetime"),
        ({"a": [1.0, float("nan")]}, "trace.attributes.a[1] is nan, expected a finite number"),
        ({"a": {1: {object}}}, "trace.attributes.a has the key 1, expected text"),
        ({"a": MappingProxyType({})}, "trace.attributes.a is a mapping that is not a dict"),
    ],
)
def test_what_json_cannot_hold_is_named(attributes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TraceError) as caught:
        dumps(replace(plain_trace(), attributes=attributes))
    assert caught.value.message.startswith(complaint)


def test_a_document_under_anothers_id_is_refused() -> None:
    with pytest.raises(TraceError, match="holds document 'b'"):
        dumps(replace(plain_trace(), documents={"a": Document("b", "text")}))
