"""RS401 to RS403: what the reranker's milliseconds bought."""

from __future__ import annotations

from dataclasses import replace

from rankscope.config import Settings
from rankscope.insight.findings import examine, select_rules
from tests.insight.findings.scripted_traces import found, outcome, ranking, trace_of

BEFORE = ranking("fusion", "rrf", "abcdefgh")


def test_rs401_the_top_stayed_as_it_was() -> None:
    trace = trace_of(BEFORE, ranking("rerank", "logit", "abchgfed", ms=214.4), top_k=3)
    assert found("RS401", trace).message == "reranking left the top 3 as they were: 214 ms bought nothing"
    assert outcome("RS401", replace(trace, top_k=4)) == "passed"
    assert outcome("RS401", trace_of(BEFORE, ranking("rerank", "logit", "bacdefgh"), top_k=2)) == "passed"
    assert "no complete" in str(outcome("RS401", trace_of(BEFORE)))


def test_rs402_names_the_stage_and_the_query() -> None:
    settings = Settings().override("budget", rerank_ms=100, total_ms=150)
    slow = trace_of(replace(BEFORE, ms=1.0), ranking("rerank", "logit", "ab", ms=160.0))
    report = examine(slow, settings=settings, rules=select_rules("RS402"))
    assert [finding.message for finding in report.findings] == [
        "rerank took 160.0 ms, 1.6 times its budget of 100 ms",
        "the whole query took 161.0 ms, 1.1 times its budget of 150 ms",
    ]
    assert outcome("RS402", trace_of(replace(BEFORE, ms=1.0))) == "passed"
    assert outcome("RS402", trace_of(BEFORE)) == "no stage was timed"


def test_rs402_a_stage_without_a_budget_counts_in_the_total() -> None:
    trace = trace_of(ranking("splade", "unknown", "ab", ms=501.0))
    assert found("RS402", trace).message.startswith("the whole query")


def test_rs403_the_deep_candidates_were_not_needed() -> None:
    trace = trace_of(BEFORE, ranking("rerank", "logit", "dachgfeb"), top_k=2)
    assert "the first 4 of 8 candidates: a depth of 4" in found("RS403", trace).message
    assert outcome("RS403", trace_of(BEFORE, ranking("rerank", "logit", "eachgfdb"), top_k=2)) == "passed"
    assert "no more than K" in str(outcome("RS403", replace(trace, top_k=8)))
    strange = trace_of(BEFORE, ranking("rerank", "logit", "xa"), top_k=2)
    assert "not in the list" in str(outcome("RS403", strange))
