"""Two pipelines on the same queries: agreement with scipy, who won where, and one-sided judgments."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from scipy import stats

from rankscope.core.trace import ModelInfo, PipelineInfo, Trace
from rankscope.errors import UsageError
from rankscope.insight.ab import CONDENSED, compare
from rankscope.insight.judgments import Judgments
from rankscope.insight.whole_documents import parent_id
from tests.insight.scripted_traces import trace


def side(orders: Mapping[str, Sequence[str]], name: str, ms: float = 1.0) -> list[Trace]:
    return [
        replace(trace(key, {"fusion": ids}, ms=ms), trace_id=f"{name}-{key}") for key, ids in orders.items()
    ]


def shuffled_sides(count: int = 30) -> tuple[list[Trace], list[Trace], Judgments]:
    draw = random.Random(4)
    docs = [f"d{number}" for number in range(12)]
    a = {f"q{number}": draw.sample(docs, 10) for number in range(count)}
    b = {f"q{number}": draw.sample(docs, 10) for number in range(count)}
    grades = {f"q{number}": {doc: draw.choice((0, 0, 1, 2)) for doc in docs} for number in range(count)}
    for known in grades.values():
        known["d0"] = 1
    return side(a, "a"), side(b, "b"), Judgments(grades)


def test_differences_and_tests_agree_with_scipy() -> None:
    a, b, judgments = shuffled_sides()
    found = compare(a, b, judgments)
    row = next(item for item in found.rows if item.name == "nDCG@10")
    old = [query.a for query in found.queries]
    new = [query.b for query in found.queries]
    assert row.difference.value == pytest.approx(sum(new) / 30 - sum(old) / 30)
    assert row.t_p_value == pytest.approx(stats.ttest_rel(new, old).pvalue)
    direct = stats.permutation_test(
        (new, old), lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples", vectorized=True
    )
    assert row.p_value == pytest.approx(direct.pvalue, abs=0.02)
    interval = stats.bootstrap(
        ([y - x for x, y in zip(old, new, strict=True)],), lambda v, axis: v.mean(axis=axis), vectorized=True
    ).confidence_interval
    assert row.difference.low == pytest.approx(interval.low, abs=0.01)
    assert row.difference.high == pytest.approx(interval.high, abs=0.01)


def test_queries_stand_by_size_of_difference_with_both_traces() -> None:
    judgments = Judgments({key: {"r": 1} for key in ("q1", "q2", "q3", "only")})
    a = side({"q1": ["r", "x"], "q2": ["x", "r"], "q3": ["r"], "only": ["r"]}, "a")
    b = side({"q1": ["x", "y", "r"], "q2": ["r", "x"], "q3": ["r"]}, "b")
    found = compare(a, b, judgments, measure="MRR@10", names=("old", "new"))
    assert [(query.query_id, query.difference) for query in found.queries] == [
        ("q1", pytest.approx(1 / 3 - 1)),
        ("q2", 1 - 1 / 2),
        ("q3", 0.0),
    ]
    assert (found.queries[0].trace_a, found.queries[0].trace_b) == ("a-q1", "b-q1")
    assert (found.won, found.lost, found.tied, found.only_a, found.only_b) == (1, 1, 1, 1, 0)
    assert (found.a.name, found.b.name, found.a.median_ms) == ("old", "new", 1.0)
    assert any("its interval holds 0" in said for said in found.statements)


def test_judgments_pooled_from_one_side_are_pointed_out() -> None:
    keys = [f"q{number}" for number in range(20)]
    a = side({key: ["r", "j1", "j2", "j3"] for key in keys}, "a")
    b = side({key: ["n1", "r", "n2", "n3"] for key in keys}, "b")
    one_sided = Judgments({key: {"r": 1, "j1": 0, "j2": 0, "j3": 0} for key in keys})
    found = compare(a, b, one_sided)
    assert (found.a.judged.value, found.b.judged.value) == (1.0, 1 / 4)
    assert found.b.unjudged_new == 60
    assert found.statements[0].startswith("The judgments look pooled from A alone: 100% of A's top 10")
    assert "leans against B: judge the 60 documents" in found.statements[0]
    condensed = next(row for row in found.rows if row.name == CONDENSED)
    assert condensed.difference.value == 0.0  # on judged documents r is first on both sides
    even = Judgments({key: dict.fromkeys(("r", "j1", "j2", "j3", "n1", "n2", "n3"), 1) for key in keys})
    assert compare(a, b, even).statements[0] == "100% of A's top 10 and 100% of B's are judged."


def test_passages_count_as_their_documents_where_the_cutting_differs() -> None:
    judgments = Judgments({"q1": {"guide.md#2": 2, "guide.md#1": 0}})
    a = side({"q1": ["other.md#1", "guide.md#2"]}, "a")
    b = side({"q1": ["guide.md#7", "guide.md#8", "other.md#1"]}, "b")
    found = compare(a, b, judgments, measure="MRR@10", by_document=True)
    assert (found.queries[0].a, found.queries[0].b) == (1 / 2, 1.0)
    assert parent_id("issue#12") == "issue"
    assert parent_id("C#") == "C#"
    assert parent_id("#3") == "#3"


def test_what_differs_between_the_pipelines_is_listed() -> None:
    info = PipelineInfo(
        "one", settings={"retrieval": {"candidates": 50}}, models={"cross_encoder": ModelInfo("m")}
    )
    other = replace(info, settings={"retrieval": {"candidates": 20}})
    a, b, judgments = shuffled_sides(3)
    found = compare(
        [replace(item, pipeline=info) for item in a],
        [replace(item, pipeline=other) for item in b],
        judgments,
    )
    assert found.changed_settings == {"retrieval.candidates": (50, 20)}


def test_sides_without_a_common_query_are_refused() -> None:
    judgments = Judgments({"q1": {"r": 1}, "q2": {"r": 1}})
    with pytest.raises(UsageError, match="no answerable query in common"):
        compare(side({"q1": ["r"]}, "a"), side({"q2": ["r"]}, "b"), judgments)
