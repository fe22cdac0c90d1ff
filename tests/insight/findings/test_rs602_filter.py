"""RS602: was the query's filter obeyed?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rankscope.core.documents import Document, Query
from rankscope.core.trace import Trace
from rankscope.recorder import Recorder
from rankscope.tracing.store import TraceStore
from tests.insight.findings.scripted_traces import found, outcome, ranking, trace_of

FUSED = ranking("fusion", "rrf", ["a", "b", "c", "d"])


def asked(filters: dict[str, str], *, kept: tuple[str, ...] = ("a", "b"), **metadata: Any) -> Trace:
    """A trace with this filter; a keyword is the metadata of a document, or the value of its tenant."""
    documents = {
        doc_id: Document(doc_id, "text", metadata=value if isinstance(value, dict) else {"tenant": value})
        for doc_id, value in metadata.items()
    }
    query = Query("which one", filters)
    return trace_of(FUSED, query=query, documents=documents, kept=kept, decision="answer", top_k=2)


def test_a_document_of_another_tenant_that_was_shown_is_an_error() -> None:
    finding = found("RS602", asked({"tenant": "x"}, a="x", b="y\x1b", c="z"))
    assert (finding.severity, finding.doc_ids) == ("error", ("b",))
    assert finding.message == ("1 of 2 documents shown does not meet the filter tenant=x: b (tenant=y\x1b)")


def test_a_filter_applied_after_retrieval_is_a_warning() -> None:
    finding = found("RS602", asked({"tenant": "x"}, a="x", b="x", c="y", d="z"))
    assert (finding.severity, finding.doc_ids) == ("warning", ("c", "d"))
    assert "retrieval ran without the filter tenant=x: 2 of 4 candidates" in finding.message


def test_a_refusal_has_shown_nothing() -> None:
    refusal = replace(asked({"tenant": "x"}, a="x", b="y", kept=()), decision="refuse")
    assert found("RS602", refusal).severity == "warning"


def test_without_a_decision_the_top_was_shown() -> None:
    undecided = replace(asked({"tenant": "x"}, a="y", b="x", kept=()), decision=None)
    assert found("RS602", undecided).severity == "error"


def test_what_was_kept_was_shown_with_or_without_a_decision() -> None:
    kept = replace(asked({"tenant": "x"}, a="x", b="y", kept=("a",)), decision=None)
    assert found("RS602", kept).severity == "warning"
    other = replace(asked({"tenant": "x"}, a="x", b="x", c="y", kept=("c",)), decision=None)
    assert (found("RS602", other).severity, found("RS602", other).doc_ids) == ("error", ("c",))


def test_a_document_without_the_field_is_a_warning_of_its_own() -> None:
    finding = found("RS602", asked({"tenant": "x"}, a="x", b={"year": 2024}))
    assert (finding.severity, finding.doc_ids) == ("warning", ("b",))
    assert "has no value to meet the filter tenant=x with: b" in finding.message


@pytest.mark.parametrize(
    ("filters", "value"),
    [
        ({"year": "2024"}, {"year": 2024.0}),
        ({"public": "true"}, {"public": True}),
        ({"tenant": "x"}, {"tenant": ["w", "x"]}),
    ],
)
def test_values_meet_a_filter_as_the_index_compares_them(
    filters: dict[str, str], value: dict[str, Any]
) -> None:
    assert outcome("RS602", asked(filters, a=value, b=value)) == "passed"
    assert found("RS602", asked(filters, a=value, b=dict.fromkeys(value, "other"))).severity == "error"


@pytest.mark.parametrize(
    "attributes", [{"tenant": "x"}, {"service.tenant": "x"}, {"metadata": {"request": {"Tenant": "x"}}}]
)
def test_the_tenant_of_a_request_is_held_against_its_results(attributes: dict[str, Any]) -> None:
    trace = replace(asked({}, a="x", b="y"), attributes=attributes)
    finding = found("RS602", trace)
    assert (finding.severity, finding.doc_ids) == ("error", ("b",))
    assert "does not meet the request's tenant=x: b (tenant=y)" in finding.message
    assert outcome("RS602", replace(trace, documents={"a": trace.documents["a"]})) == "passed"


@pytest.mark.parametrize(
    "attributes",
    [
        {"resource": {"tenant": "gcp-prod"}, "tenant": "x"},
        {"tenant": "x", "resource.tenant": "gcp-prod"},
        {"resource.labels": {"tenant": "gcp-prod"}, "request": {"tenant": "x"}},
        {"a": {"tenant": "x"}, "b.tenant": "x"},
    ],
)
def test_of_several_tenants_the_shallowest_is_that_of_the_request(attributes: dict[str, Any]) -> None:
    assert outcome("RS602", replace(asked({}, a="x", b="x"), attributes=attributes)) == "passed"
    assert found("RS602", replace(asked({}, a="x", b="y"), attributes=attributes)).doc_ids == ("b",)


def test_which_of_several_tenants_at_one_depth_is_meant_is_not_guessed() -> None:
    trace = replace(asked({}, a="x"), attributes={"service.tenant": "gcp-prod", "request": {"tenant": "x"}})
    assert outcome("RS602", trace) == "the request names several values of tenant"


@pytest.mark.parametrize("name", ["account", "workspace", "account_id"])
def test_a_name_that_infrastructure_uses_too_is_no_party(name: str) -> None:
    trace = replace(asked({}, a={name: "acme"}), attributes={f"cloud.{name}": "terraform-1"})
    assert outcome("RS602", trace) == "the query has no filter"


def test_an_attribute_that_only_shares_a_name_is_no_filter() -> None:
    trace = replace(asked({}, a={"year": 2023}, b={"year": 2024}), attributes={"year": 2024})
    assert outcome("RS602", trace) == "the query has no filter"


def test_a_filter_stands_above_the_attributes() -> None:
    trace = replace(asked({"tenant": "x"}, a="x", b="x"), attributes={"tenant": "support"})
    assert outcome("RS602", trace) == "passed"


def test_what_is_not_recorded_is_not_held_against_the_trace() -> None:
    assert outcome("RS602", asked({}, a="x")) == "the query has no filter"
    assert outcome("RS602", asked({"limit": "5"}, a="x")) == "no document of the trace has the metadata limit"
    assert outcome("RS602", asked({"tenant": "x"}, a="x", b={})) == "passed"


@pytest.mark.parametrize(
    ("wanted", "values", "others"),
    [
        (True, [True, "true"], [False]),
        (2024.0, [2024, 2024.0, "2024"], [2023, 2024.5]),
        (["acme", "beta"], ["acme", "beta", ["gamma", "beta"]], ["gamma"]),
        ({2023, 2024.0}, [2023, 2024], [2022]),
        ("1.0", ["1.0"], ["2.0"]),
    ],
)
def test_filters_mean_what_the_service_handed_to_the_recorder(
    tmp_path: Path, wanted: Any, values: list[Any], others: list[Any]
) -> None:
    met = recorded(tmp_path / "met.db", wanted, values)
    assert outcome("RS602", met) == "passed"
    finding = found("RS602", recorded(tmp_path / "not.db", wanted, [*values, *others]))
    assert finding.severity == "error"
    assert len(finding.doc_ids) == len(others)


@pytest.mark.parametrize("wanted", [[], {"$gte": 2020}, {"$in": [2020]}])
def test_a_filter_that_names_no_value_is_not_held_against_results(tmp_path: Path, wanted: Any) -> None:
    trace = recorded(tmp_path / "t.db", wanted, [2021])
    assert outcome("RS602", trace) == "the query's filter names no value that metadata could be held against"
    assert outcome("RS602", recorded(tmp_path / "none.db", None, [2021])) == "the query has no filter"


def recorded(path: Path, wanted: Any, values: list[Any]) -> Trace:
    """A stored request that showed a document of each value of the field that it filters by."""
    ids = [str(place) for place in range(len(values))]
    with Recorder(path) as recorder:
        recorder.record(
            "which one",
            {"bm25": ids},
            documents={
                key: {"text": "t", "metadata": {"field": value}}
                for key, value in zip(ids, values, strict=True)
            },
            filters={"field": wanted},
            decision="answer",
            kept=ids,
            top_k=len(ids),
        )
    with TraceStore(path) as store:
        (trace,) = store.iter_traces()
    return trace
