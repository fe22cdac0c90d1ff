"""RS101 to RS104: is the reranker's output what a reranker puts out?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from rankscope.core.documents import Document
from rankscope.core.scales import ScoreScale, sigmoid
from rankscope.core.trace import Finding, Floor
from tests.insight.findings.scripted_traces import found, outcome, ranking, trace_of

FIVE, TEN = "abcde", "abcdefghij"


def test_rs101_an_unchanged_order_is_noticed() -> None:
    before = ranking("fusion", "rrf", TEN)
    assert found("RS101", trace_of(before, ranking("rerank", "logit", TEN))).severity == "error"
    after = ranking("rerank", "logit", {"a": 3.1, "b": 3, "c": 2, "d": 0, "e": -1})
    assert found("RS101", trace_of(ranking("fusion", "rrf", FIVE), after)).severity == "warning"


@pytest.mark.parametrize(
    ("scores", "sign"),
    [
        (dict.fromkeys(FIVE), "without scores"),
        (dict(zip(FIVE, (5, 4, 3, 2, 1), strict=True)), "with the scores that went in"),
        (dict.fromkeys(FIVE, 0.5), "all with the same score"),
    ],
)
def test_rs101_scores_give_a_fallback_away(scores: dict[str, float], sign: str) -> None:
    finding = found("RS101", trace_of(ranking("fusion", "rrf", FIVE), ranking("rerank", "unknown", scores)))
    assert finding.severity == "error"
    assert sign in finding.message


def test_rs101_says_nothing_of_another_order_or_of_few_documents() -> None:
    before = ranking("fusion", "rrf", FIVE)
    assert outcome("RS101", trace_of(before, ranking("rerank", "logit", "abced"))) == "passed"
    few = trace_of(ranking("fusion", "rrf", "abc"), ranking("rerank", "logit", "abc"))
    assert "chance" in str(outcome("RS101", few))
    assert "no complete reranked list" in str(outcome("RS101", trace_of(before)))
    stopped = ranking("rerank", "logit", FIVE, status="partial")
    assert "no complete reranked list" in str(outcome("RS101", trace_of(before, stopped)))


def test_rs102_ties_at_the_top() -> None:
    finding = found("RS102", trace_of(ranking("rerank", "probability", {"a": 0.9, "b": 0.9, "c": 0.1})))
    assert finding.doc_ids == ("a", "b")
    assert finding.severity == "warning"


def test_rs102_ties_across_the_cut() -> None:
    trace = trace_of(ranking("rerank", "logit", {"a": 3, "b": 2, "c": 2, "d": 1}), top_k=2)
    assert "cut at K=2" in found("RS102", trace).message
    assert outcome("RS102", replace(trace, top_k=3)) == "passed"


def test_rs102_ties_at_the_floor() -> None:
    scores = {"a": 0.9, "b": 0.4, "c": 0.4, "d": 0.1}
    trace = trace_of(ranking("rerank", "probability", scores), floor=Floor(0.4, ScoreScale.PROBABILITY))
    assert found("RS102", trace).doc_ids == ("b", "c")


def test_rs102_saturation() -> None:
    scores = {"a": 0.99999, "b": 0.99996, "c": 0.99992, "d": 0.5}
    assert "saturated" in found("RS102", trace_of(ranking("rerank", "probability", scores))).message
    assert outcome("RS102", trace_of(ranking("rerank", "unknown", scores))) == "passed"


def test_rs102_fused_ties_are_only_worth_an_info_and_copies_tie_by_right() -> None:
    scores = {"a": 0.03, "b": 0.03, "c": 0.01}
    assert found("RS102", trace_of(ranking("fusion", "rrf", scores))).severity == "info"
    copies = {doc_id: Document(doc_id, "The same text.") for doc_id in "ab"}
    assert outcome("RS102", trace_of(ranking("fusion", "rrf", scores), documents=copies)) == "passed"
    assert "fewer than two" in str(outcome("RS102", trace_of(ranking("rerank", "logit", "a"))))


def test_rs103_documents_that_did_not_come_back() -> None:
    before = ranking("fusion", "rrf", FIVE)
    finding = found("RS103", trace_of(before, ranking("rerank", "logit", "ab", depth=5)))
    assert (finding.severity, finding.doc_ids) == ("error", ("c", "d", "e"))
    unknown = found("RS103", trace_of(before, ranking("rerank", "logit", "ab")))
    assert unknown.severity == "warning"
    assert "not recorded" in unknown.message


def test_rs103_documents_that_were_never_given() -> None:
    trace = trace_of(ranking("fusion", "rrf", FIVE), ranking("rerank", "logit", "abcx", depth=4))
    finding = found("RS103", trace)
    assert (finding.severity, finding.doc_ids) == ("error", ("x",))


def test_rs103_failed_stopped_and_skipped() -> None:
    before = ranking("fusion", "rrf", FIVE)
    failed = found("RS103", trace_of(before, ranking("rerank", "logit", "", status="failed:HTTP 503")))
    assert failed.severity == "error"
    assert "HTTP 503" in failed.message
    stopped = found("RS103", trace_of(before, ranking("rerank", "logit", "ab", status="partial")))
    assert "2 of 5" in stopped.message
    skipped = trace_of(before, ranking("rerank", "logit", "", status="skipped:5 are no more than K"))
    assert "skipped" in str(outcome("RS103", skipped))


def test_rs103_all_came_back_or_fewer_were_asked_for() -> None:
    before = ranking("fusion", "rrf", FIVE)
    assert outcome("RS103", trace_of(before, ranking("rerank", "logit", "edcba"))) == "passed"
    assert outcome("RS103", trace_of(before, ranking("rerank", "logit", "ba", depth=2))) == "passed"


@pytest.mark.parametrize(
    ("scale", "scores", "severity", "words"),
    [
        ("probability", {"a": 3.2, "b": -1.0}, "error", "outside 0..1"),
        ("cosine", {"a": 1.4, "b": 0.2}, "error", "outside -1..1"),
        ("unknown", {"a": 0.0, "b": 0.0}, "error", "scores are 0"),
        ("unknown", {"a": 0.1, "b": 0.4, "c": 0.9}, "error", "a distance"),
        ("logit", {"a": 3.0, "b": 1.0, "c": 2.0}, "warning", "not sorted"),
        ("probability", {c: sigmoid(1 - i / 9) for i, c in enumerate(TEN)}, "error", "applied twice"),
        ("logit", {c: 1 - i / 9 for i, c in enumerate(TEN)}, "warning", "declared logits"),
    ],
)
def test_rs104_scores_that_do_not_fit(
    scale: str, scores: dict[str, float], severity: str, words: str
) -> None:
    finding = found("RS104", trace_of(ranking("rerank", scale, scores)))
    assert finding.severity == severity
    assert words in finding.message


@pytest.mark.parametrize(
    ("scale", "scores"),
    [
        ("probability", {"a": 0.7, "b": 0.6}),
        ("probability", {c: 0.72 - i / 20 for i, c in enumerate(TEN)}),
        ("logit", {c: 4.0 - i for i, c in enumerate(TEN)}),
        ("bm25", {"a": 12.0, "b": 0.0, "c": -0.4}),
        ("unknown", {"a": 0.5, "b": 0.5}),
    ],
)
def test_rs104_scores_that_fit(scale: str, scores: dict[str, float]) -> None:
    assert outcome("RS104", trace_of(ranking("rerank", scale, scores))) == "passed"


def test_rs104_needs_scores() -> None:
    assert not isinstance(
        outcome("RS104", trace_of(ranking("rerank", "unknown", dict.fromkeys("ab")))), Finding
    )
