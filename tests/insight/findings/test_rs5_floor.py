"""RS501 to RS504: the floor, its scale, its passport, and what it drops."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Floor, PipelineInfo
from tests.insight.findings.scripted_traces import MODEL, found, outcome, ranking, trace_of

FLOOR = Floor(0.4, ScoreScale.PROBABILITY)
AFTER = ranking("rerank", "probability", {"a": 0.9, "b": 0.4, "c": 0.31})
MADE_BY = PipelineInfo(models={"cross_encoder": MODEL})
TRACE = trace_of(ranking("fusion", "rrf", "cba"), AFTER, floor=FLOOR, pipeline=MADE_BY)


def test_rs501_nothing_clears_and_by_how_much() -> None:
    finding = found("RS501", replace(TRACE, floor=Floor(0.95, ScoreScale.PROBABILITY)))
    assert finding.message == "nothing clears the floor 0.95: the best, a, has 0.9, 0.05 short: refuse"
    assert finding.doc_ids == ("a",)
    assert outcome("RS501", TRACE) == "passed"
    assert outcome("RS501", replace(TRACE, floor=Floor(0.9, ScoreScale.PROBABILITY))) == "passed"
    for floor in (None, Floor(0.4, ScoreScale.LOGIT)):
        assert "no floor on the scale" in str(outcome("RS501", replace(TRACE, floor=floor)))


def test_rs502_a_floor_of_another_scale() -> None:
    trace = replace(TRACE, floor=Floor(0.4, ScoreScale.LOGIT))
    finding = found("RS502", trace)
    assert finding.severity == "error"
    assert (
        "on the logit scale, but the rerank scores that stand are on the probability scale" in finding.message
    )
    assert outcome("RS502", TRACE) == "passed"
    assert outcome("RS502", replace(TRACE, floor=None)) == "no floor is set"


def test_rs502_is_a_warning_where_reranking_was_skipped() -> None:
    skipped = ranking("rerank", "probability", "", status="skipped:3 candidates are no more than K=10")
    assert found("RS502", TRACE.with_ranking(skipped)).severity == "warning"
    failed = ranking("rerank", "probability", "", status="failed:HTTP 503")
    assert found("RS502", TRACE.with_ranking(failed)).severity == "error"


def test_rs502_cannot_judge_an_unknown_scale() -> None:
    unknown = TRACE.with_ranking(ranking("rerank", "unknown", {"a": 0.9}))
    assert "not known" in str(outcome("RS502", unknown))


@pytest.mark.parametrize(
    ("change", "severity", "words"),
    [
        ({"name": "old"}, "error", "name old, now ce"),
        ({"revision": "r0"}, "error", "revision r0, now r1"),
        ({"activation": "identity"}, "error", "activation identity, now sigmoid"),
        ({"max_length": 256}, "error", "max length 256, now 512"),
        ({"dtype": "bf16"}, "warning", "dtype bf16, now fp32"),
    ],
)
def test_rs503_a_passport_of_another_model(change: dict[str, object], severity: str, words: str) -> None:
    finding = found("RS503", TRACE, passport=replace(MODEL, **change))  # type: ignore[arg-type]
    assert finding.severity == severity
    assert words in finding.message


def test_rs503_compares_only_what_both_state() -> None:
    assert outcome("RS503", TRACE, passport=MODEL) == "passed"
    assert outcome("RS503", TRACE, passport=replace(MODEL, revision="", dtype="")) == "passed"
    assert outcome("RS503", TRACE) == "the floor has no passport"
    assert outcome("RS503", replace(TRACE, floor=None), passport=MODEL) == "no floor is set"
    assert "not recorded" in str(outcome("RS503", replace(TRACE, pipeline=PipelineInfo()), passport=MODEL))


def test_rs503_reads_a_passport_that_the_trace_carries() -> None:
    trace = replace(TRACE, attributes={"floor_passport": {"name": "ce", "max_length": 128}})
    assert found("RS503", trace).message.endswith("max length 128, now 512")
    assert (
        outcome("RS503", replace(TRACE, attributes={"floor_passport": "ce"})) == "the floor has no passport"
    )


def test_rs504_a_relevant_document_below_the_floor() -> None:
    finding = found("RS504", TRACE, relevant=frozenset("ac"))
    assert (finding.severity, finding.doc_ids) == ("warning", ("c",))
    assert "c 0.31 (0.09 short)" in finding.message
    assert found("RS504", TRACE, relevant=frozenset("c")).severity == "error"
    assert outcome("RS504", TRACE, relevant=frozenset("ab")) == "passed"
    assert outcome("RS504", TRACE) == "this query is not judged"
    assert "no floor" in str(outcome("RS504", replace(TRACE, floor=None), relevant=frozenset("c")))


def test_rs504_leaves_what_k_cuts_to_k() -> None:
    assert outcome("RS504", replace(TRACE, top_k=2), relevant=frozenset("c")) == "passed"
