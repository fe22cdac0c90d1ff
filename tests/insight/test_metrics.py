"""Measures: formulas, agreement with an independent computation, what is left out, what is a problem."""

from __future__ import annotations

from math import log2

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankscope.errors import UsageError
from rankscope.insight.judgments import Judgments
from rankscope.insight.metrics import evaluate, measure_names, measure_run
from tests.insight.scripted_traces import trace

GRADES = Judgments({"q": {"a": 3, "b": 1, "c": 0, "z": 2}})


def value(order: list[str], measure: str, judgments: Judgments = GRADES) -> float:
    return measure_run({"q": order}, judgments, [measure])[measure]["q"]


def test_ndcg_is_linear_gain_over_the_logarithm_of_the_rank() -> None:
    ideal = 3 / log2(2) + 2 / log2(3) + 1 / log2(4)
    assert value(["c", "a", "x", "b"], "nDCG@10") == pytest.approx((3 / log2(3) + 1 / log2(5)) / ideal)
    assert value(["c", "a", "x", "b"], "nDCG@5") == pytest.approx((3 / log2(3) + 1 / log2(5)) / ideal)
    assert value(["x", "y", "c", "v", "w", "a"], "nDCG@5") == 0.0


@pytest.mark.parametrize(
    ("order", "measure", "expected"),
    [
        (["c", "a", "x", "b"], "recall@2", 1 / 3),
        (["c", "a", "x", "b"], "recall@50", 2 / 3),
        (["c", "a", "x", "b"], "P@2", 1 / 2),
        (["c", "a", "x", "b"], "P@10", 2 / 10),
        (["c", "a", "x", "b"], "MRR@10", 1 / 2),
        (["x"] + [f"n{i}" for i in range(9)] + ["a"], "MRR@10", 0.0),
        (["c", "a", "x", "b"], "judged@3", 2 / 3),
        (["a", "b"], "judged@10", 2 / 2),
        (["a", "b"], "best@1", 1.0),
        (["z", "a"], "best@1", 0.0),
        (["z", "a"], "best@2", 1.0),
        (["x", "a", "b"], "judged_first", 1.0),
        (["x", "z", "a"], "judged_first", 0.0),
        (["x", "c", "a"], "judged_first", 0.0),
        (["x", "y"], "judged_first", 0.0),
    ],
)
def test_measures_by_hand(order: list[str], measure: str, expected: float) -> None:
    assert value(order, measure) == pytest.approx(expected)


def test_a_document_that_stands_twice_counts_once() -> None:
    assert value(["c", "c", "a"], "MRR@10") == 1 / 2


def test_the_lowest_relevant_grade_can_be_raised() -> None:
    strict = Judgments(GRADES.grades, relevant_from=2)
    assert value(["b", "a"], "MRR@10", strict) == 1 / 2
    assert value(["b", "a"], "recall@10", strict) == 1 / 2


def test_negative_grades_count_as_zero() -> None:
    spam = Judgments({"q": {"a": 1, "s": -2}})
    assert value(["s", "a"], "nDCG@10", spam) == pytest.approx((1 / log2(3)) / (1 / log2(2)))
    assert value(["s", "a"], "judged@10", spam) == 1.0


def test_queries_without_a_relevant_document_are_left_out_and_absent_ones_score_zero() -> None:
    judgments = Judgments({"yes": {"a": 1}, "no": {"a": 0}, "lost": {"a": 1}, "empty": {"a": 1}})
    values = measure_run({"yes": ["a"], "no": ["a"], "empty": []}, judgments, measure_names())
    for name, known in values.items():
        assert set(known) == {"yes", "lost", "empty"}, name
        assert (known["lost"], known["empty"]) == (0.0, 0.0)


def test_nothing_answerable_gives_no_values() -> None:
    assert measure_run({"q": ["a"]}, Judgments({"q": {"a": 0}}), ["nDCG@10"]) == {"nDCG@10": {}}


@pytest.mark.parametrize("name", ["nDCG@0", "P@0", "AP@-1", "recall@-1", "nDCG@10 ", "foo", "1", ""])
def test_an_unknown_measure_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="unknown measure"):
        value(["a"], name)


def test_measures_as_ir_measures_writes_them() -> None:
    judgments = Judgments({"q": {"a": 1, "b": 2}})
    values = measure_run({"q": ["x", "a", "b"]}, judgments, ["AP", "AP(rel=2)@100", "nDCG", "Rprec"])
    assert values["AP"]["q"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert values["AP(rel=2)@100"]["q"] == pytest.approx(1 / 3)
    assert values["Rprec"]["q"] == pytest.approx(1 / 2)


doc_ids = st.sampled_from([f"d{number}" for number in range(12)])


@settings(max_examples=60, deadline=None)
@given(
    runs=st.dictionaries(st.sampled_from("pqr"), st.lists(doc_ids, unique=True, max_size=12), min_size=1),
    grades=st.dictionaries(
        st.sampled_from("pqr"), st.dictionaries(doc_ids, st.integers(0, 3), min_size=1), min_size=1
    ),
    cutoff=st.integers(1, 12),
)
def test_measures_equal_an_independent_computation(
    runs: dict[str, list[str]], grades: dict[str, dict[str, int]], cutoff: int
) -> None:
    judgments = Judgments(grades)
    names = [f"recall@{cutoff}", f"P@{cutoff}", f"nDCG@{cutoff}", f"MRR@{cutoff}", f"best@{cutoff}"]
    names.append("judged_first")
    values = measure_run(runs, judgments, names)
    for query_id, known in grades.items():
        if not any(known.values()):
            assert all(query_id not in values[name] for name in names)
            continue
        gains = [known.get(doc_id, 0) for doc_id in runs.get(query_id, [])[:cutoff]]
        ideal = sorted(known.values(), reverse=True)[:cutoff]

        def dcg(of: list[int]) -> float:
            return sum(gain / log2(rank + 1) for rank, gain in enumerate(of, start=1))

        relevant = sum(grade > 0 for grade in known.values())
        first = next((rank for rank, gain in enumerate(gains, start=1) if gain), None)
        expected = [
            sum(gain > 0 for gain in gains) / relevant,
            sum(gain > 0 for gain in gains) / cutoff,
            dcg(gains) / dcg(ideal),
            1 / first if first else 0.0,
            float(max(known.values()) in gains),
            float(
                [known[key] for key in runs.get(query_id, []) if key in known][:1] == [max(known.values())]
            ),
        ]
        assert [values[name][query_id] for name in names] == pytest.approx(expected)


def test_measures_equal_ir_measures_asked_directly() -> None:
    run = {"p": {"a": 9.0, "b": 8.5, "c": 1.0}, "q": {"c": 2.0, "a": 1.0}}
    qrels = {"p": {"a": 0, "b": 2, "c": 1}, "q": {"a": 3, "c": 0}}
    wanted = {"nDCG@5": ir_measures.nDCG @ 5, "MRR@10": ir_measures.RR @ 10, "recall@2": ir_measures.R @ 2}
    direct = ir_measures.calc_aggregate(list(wanted.values()), qrels, run)
    ours = measure_run({key: list(scores) for key, scores in run.items()}, Judgments(qrels), list(wanted))
    for name, measure in wanted.items():
        assert sum(ours[name].values()) / 2 == pytest.approx(direct[measure])


BOTH = {"bm25": ["x", "a"], "dense": ["b"], "fusion": ["x", "a", "b"], "rerank": ["a", "b", "x"]}


def test_every_stage_is_a_run_and_the_order_counts_where_scores_tie() -> None:
    result = evaluate([trace("q", BOTH)], GRADES, ["MRR@10", "recall@50"], strata={"q": "short"})
    assert result.stages == ("bm25", "dense", "fusion", "rerank")
    assert [result.column(stage, "MRR@10") for stage in result.stages] == [[1 / 2], [1.0], [1 / 2], [1.0]]
    assert result.column("fusion", "recall@50") == result.column("rerank", "recall@50") == [2 / 3]
    assert (result.strata, result.problems, result.stood_fused) == (("short",), (), 0)


@pytest.mark.parametrize(
    ("grades", "values"),
    [
        ({"a": 2, "x": 0}, (0.0, 1.0)),
        ({"a": 2, "b": 1}, (1.0, 1.0)),
        ({"n": 2, "x": 0}, (0.0, 0.0)),
        # The rival was judged, and not retrieved: nothing could have come ahead of a.
        ({"a": 2, "n": 0}, None),
        ({"a": 2, "b": 2}, None),
        ({"m": 2, "n": 0}, None),
    ],
)
def test_judged_first_is_of_queries_whose_candidates_hold_a_rival(
    grades: dict[str, int], values: tuple[float, float] | None
) -> None:
    stages = {**BOTH, "bm25": ["n", *BOTH["bm25"]]}
    result = evaluate([trace("q", stages)], Judgments({"q": grades}), ["judged_first", "MRR@10"])
    assert result.unrivalled == (values is None)
    columns = [result.column(stage, "judged_first") for stage in ("fusion", "rerank")]
    assert columns == ([[], []] if values is None else [[value] for value in values])
    # The same queries at every stage.
    assert {len(result.column(stage, "judged_first")) for stage in result.stages} == {int(values is not None)}
    assert len(result.column("rerank", "MRR@10")) == 1


def test_unjudged_queries_are_left_out_and_no_answer_ones_have_no_values() -> None:
    judgments = Judgments({"q": {"a": 1}, "none": {"a": 0}})
    traces = [trace("q", BOTH), trace("none", BOTH, decision="refuse"), trace("unjudged", BOTH)]
    result = evaluate(traces, judgments, ["MRR@10"])
    assert [(item.query_id, item.answerable, item.decision) for item in result.queries] == [
        ("q", True, "answer"),
        ("none", False, "refuse"),
    ]
    assert result.queries[1].values == {}
    assert result.column("rerank", "MRR@10") == [1.0]


def test_where_the_reranker_was_skipped_the_fused_order_stands() -> None:
    skipped = trace("q", {**BOTH, "rerank": []}, statuses={"rerank": "skipped:few"})
    without = trace("p", {key: BOTH[key] for key in ("bm25", "fusion")})
    judgments = Judgments({"q": {"a": 1}, "p": {"x": 1}})
    result = evaluate([skipped, without], judgments, ["MRR@10"])
    assert result.column("rerank", "MRR@10") == result.column("fusion", "MRR@10") == [1 / 2, 1.0]
    assert (result.stood_fused, result.problems) == (2, ())


def test_without_a_reranker_there_is_no_rerank_stage() -> None:
    result = evaluate([trace("q", {"bm25": ["a"], "fusion": ["a"]})], GRADES, ["MRR@10"])
    assert (result.stages, result.stood_fused) == (("bm25", "fusion"), 0)


@pytest.mark.parametrize(
    ("reranked", "complaint"),
    [
        (["a", "b"], "1 is missing after it and 0 are new"),
        (["a", "b", "x", "n"], "0 are missing after it and 1"),
    ],
)
def test_recall_that_changes_by_reranking_is_a_problem(reranked: list[str], complaint: str) -> None:
    result = evaluate([trace("q", {**BOTH, "rerank": reranked})], GRADES, ["MRR@10"])
    assert len(result.problems) == 1
    assert "query 'q': reranking must not change recall" in result.problems[0]
    assert complaint in result.problems[0]


@pytest.mark.parametrize("status", ["failed:out of memory", "partial"])
def test_a_stage_that_did_not_finish_is_a_problem(status: str) -> None:
    result = evaluate([trace("q", BOTH, statuses={"rerank": status})], GRADES, ["MRR@10"])
    assert result.problems == (f"query 'q': stage rerank is {status}",)
    assert result.column("rerank", "MRR@10") == result.column("fusion", "MRR@10")


def test_two_traces_of_one_query_are_refused() -> None:
    with pytest.raises(UsageError, match="two traces answer the query 'q'"):
        evaluate([trace("q", BOTH), trace("q", BOTH)], GRADES, ["MRR@10"])
