"""RS201 to RS203: what was cut, what is there twice, what breaks a sentence."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from rankscope.core.documents import Document, Query
from rankscope.core.trace import ModelInfo, PipelineInfo, Trace
from rankscope.insight.findings.rs202_near_duplicates import shingles
from rankscope.insight.findings.rs203_broken_sentence import breaks_of
from tests.insight.findings.scripted_traces import found, outcome, prose, ranking, trace_of, with_hits


def reranked(**texts: str) -> Trace:
    documents = {doc_id: Document(doc_id, text) for doc_id, text in texts.items()}
    return trace_of(ranking("rerank", "logit", "".join(texts)), documents=documents)


def with_details(trace: Trace, **details: dict[str, float]) -> Trace:
    assert trace.after is not None
    return with_hits(
        trace, "rerank", [replace(hit, details=details.get(hit.doc_id, {})) for hit in trace.after.hits]
    )


def test_rs201_recorded_cuts_and_the_share_that_was_lost() -> None:
    trace = with_details(reranked(a="x", b="y"), a={"tokens": 400, "tokens_cut": 100}, b={"tokens_cut": 0})
    finding = found("RS201", trace)
    assert (finding.severity, finding.doc_ids) == ("warning", ("a",))
    assert "100 tokens, 25%" in finding.message
    little = with_details(reranked(a="x"), a={"tokens": 500, "tokens_cut": 5})
    assert found("RS201", little).severity == "info"
    unknown = with_details(reranked(a="x"), a={"tokens_cut": 5})
    assert found("RS201", unknown).severity == "warning"
    one = with_details(reranked(a="x"), a={"tokens": 500, "tokens_cut": 1})
    assert "did not see the end of 1 passage: a; most of a: 1 token, 0%" in found("RS201", one).message


def test_rs201_nothing_was_cut() -> None:
    trace = with_details(reranked(a="x"), a={"tokens": 300, "tokens_cut": 0})
    assert outcome("RS201", trace) == "passed"


def test_rs201_without_counts_says_what_lengths_prove() -> None:
    models = {"cross_encoder": ModelInfo("ce", max_length=64)}
    base = replace(reranked(a="w " * 100), pipeline=PipelineInfo(models=models), query=Query("two words"))
    room = 64 - 3 - 2
    assert f"at least {100 - room} tokens" in found("RS201", base).message
    short = replace(base, documents={"a": Document("a", "a short text")})
    assert outcome("RS201", short) == "passed"
    between = replace(base, documents={"a": Document("a", "antidisestablishmentarianism " * 20)})
    assert "do not settle" in str(outcome("RS201", between))
    assert "neither" in str(outcome("RS201", reranked(a="x")))
    assert "no document was scored" in str(outcome("RS201", trace_of(ranking("bm25", "bm25", "ab"))))


def test_rs202_near_duplicates_name_what_they_repeat() -> None:
    text = prose(random.Random(1))
    revised = text.replace(text.split()[30], "another", 1)
    trace = reranked(a=text, b=prose(random.Random(2)), c=revised)
    finding = found("RS202", trace)
    assert (finding.severity, finding.doc_ids) == ("info", ("c",))
    assert "1 of the top 3 repeats a document above it: c repeats a" in finding.message
    crowded = found("RS202", reranked(a=text, b=text, c=revised))
    assert (crowded.severity, crowded.doc_ids) == ("warning", ("b", "c"))
    assert "2 of the top 3 repeat a document above them" in crowded.message


def test_rs202_looks_at_the_top_k_only() -> None:
    text = prose(random.Random(1))
    trace = replace(reranked(a=text, b=prose(random.Random(2)), c=text), top_k=2)
    assert outcome("RS202", trace) == "passed"
    assert "fewer than two" in str(outcome("RS202", replace(trace, documents={})))


def test_rs202_an_id_that_stands_twice_repeats_itself() -> None:
    hits = ranking("rerank", "logit", "ab").hits
    doubled = replace(hits[0], rank=3, score=0.5)
    trace = reranked(a=prose(random.Random(1)), b=prose(random.Random(2)))
    trace = trace.with_ranking(replace(ranking("rerank", "logit", "ab"), hits=(*hits, doubled)))
    assert found("RS202", trace).doc_ids == ("a",)


def test_rs202_similarity_is_jaccards_over_word_triples() -> None:
    assert shingles("One two, THREE four") == {("one", "two", "three"), ("two", "three", "four")}
    assert shingles("one two") == {("one", "two")}
    assert shingles("!?") == {("!?",)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The pump stops. Press reset and wait until it", "ends inside a sentence"),
        ("and then it starts again. Press reset.", "starts inside a sentence"),
        (", which is why. Press reset and then", "starts and ends inside a sentence"),
        ("The pump stops. Press reset.", ""),
        ("v2 uses keys. Press reset.", ""),
        ("npm-install fails. See below:", ""),
        ("It stops (see the manual.)", ""),
        ("ポンプが止まります。リセットを押してください。", ""),
        ("The pump stops. Press reset.\n\nSee also", ""),
        ("", ""),
    ],
)
def test_rs203_where_a_text_breaks_off(text: str, expected: str) -> None:
    assert breaks_of(text) == expected


def test_rs203_broken_passages_in_the_top_k() -> None:
    whole = prose(random.Random(3))
    finding = found("RS203", reranked(a=whole, b=whole[:-1] + " and it"))
    assert (finding.severity, finding.doc_ids) == ("warning", ("b",))
    assert finding.message.startswith("1 of 2 passages breaks a sentence: b; b ends")
    many = {chr(97 + place): prose(random.Random(place)) for place in range(9)}
    assert found("RS203", reranked(**many, z=whole[:-1] + " and it")).severity == "info"
    assert outcome("RS203", reranked(a=whole)) == "passed"


def test_rs203_titles_and_labels_are_no_prose() -> None:
    assert "is prose" in str(outcome("RS203", reranked(a="Blue kettle, 1.7 l", b="red kettle")))
