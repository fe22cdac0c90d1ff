"""Summaries and reports: means, lifts, strata, refusal rates, the mean over collections, JSON."""

from __future__ import annotations

import json

import pytest

from rankscope.insight.judgments import Judgments
from rankscope.insight.metrics import Evaluation, evaluate
from rankscope.insight.report import describe_collection, mean_of_collections, report_to_json
from rankscope.insight.significance import paired_bootstrap, wilson
from rankscope.insight.summary import summarize
from tests.insight.scripted_traces import trace

MEASURES = ["recall@50", "MRR@10"]
JUDGMENTS = Judgments({**{f"q{place}": {"a": 1} for place in range(6)}, "n1": {"a": 0}, "n2": {"a": 0}})
STRATA = {
    **{f"q{place}": "even" if place % 2 == 0 else "odd" for place in range(6)},
    "n1": "none",
    "n2": "none",
}
TRACES = [
    *(
        trace(
            f"q{place}",
            {
                "bm25": ["x", "a"],
                "fusion": ["x", "y", "a"],
                "rerank": ["a", "x", "y"] if place < 4 else ["x", "y", "a"],
            },
            decision="refuse" if place == 5 else "answer",
            ms=float(place),
        )
        for place in range(6)
    ),
    trace("n1", {"bm25": ["x"], "fusion": ["x"], "rerank": ["x"]}, decision="refuse"),
    trace("n2", {"bm25": ["x"], "fusion": ["x"], "rerank": ["x"]}, decision="answer"),
]


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate(TRACES, JUDGMENTS, MEASURES, strata=STRATA)


def test_means_and_lift_over_all_queries(evaluation: Evaluation) -> None:
    summary = summarize(evaluation)
    assert (summary.answerable, summary.no_answer) == (6, 2)
    assert summary.means["fusion"]["MRR@10"].value == pytest.approx(1 / 3)
    assert summary.means["rerank"]["MRR@10"].value == pytest.approx((4 * 1 + 2 / 3) / 6)
    lift = summary.lifts["MRR@10"]
    assert (lift.won, lift.lost, lift.tied) == (4, 0, 2)
    assert lift.interval == paired_bootstrap([1 / 3] * 6, [1.0] * 4 + [1 / 3] * 2)
    # Four changes, all up: two of the sixteen sign patterns are as far from zero.
    assert lift.p_value == pytest.approx(2 / 2**4)
    assert "recall@50" not in summary.lifts


def test_a_share_of_the_queries_has_the_interval_of_a_share() -> None:
    summary = summarize(evaluate(TRACES, JUDGMENTS, ["best@1", "judged_first"]))
    assert summary.means["rerank"]["best@1"] == wilson(4, 6)
    assert "judged_first" not in summary.means["fusion"]


def rivals(*queries: str) -> Judgments:
    """The judgments, and in these queries x as a rival of a."""
    known = {
        key: {"x": 0, **grades} if key in queries else grades for key, grades in JUDGMENTS.grades.items()
    }
    return Judgments(known)


def test_queries_without_a_rival_count_neither_as_won_nor_at_all() -> None:
    evaluation = evaluate(TRACES, rivals("q2", "q3", "q4"), ["MRR@10", "judged_first"])
    summary = summarize(evaluation)
    assert summary.means["fusion"]["judged_first"] == wilson(0, 3)
    assert summary.means["rerank"]["judged_first"] == wilson(2, 3)
    lift = summary.lifts["judged_first"]
    assert (lift.won, lift.lost, lift.tied, lift.interval.n) == (2, 0, 1, 3)
    assert lift.interval.value == pytest.approx(2 / 3)
    assert summary.lifts["MRR@10"].interval.n == 6
    assert evaluation.unrivalled == 3
    report = describe_collection("c", evaluation, TRACES)
    queries = json.loads(json.dumps(report_to_json([report], None, {})))["collections"][0]["queries"]
    assert [query["id"] for query in queries if "judged_first" in query["values"].get("rerank", {})] == [
        "q2",
        "q3",
        "q4",
    ]


def test_of_a_measure_that_says_nothing_of_a_collection_there_is_no_mean() -> None:
    measures = ["MRR@10", "judged_first"]
    some = describe_collection("some", evaluate(TRACES, rivals("q2"), measures), TRACES)
    none = describe_collection("none", evaluate(TRACES, JUDGMENTS, measures), TRACES)
    for reports in ([some, none], [none, some]):
        mean = mean_of_collections(reports)
        assert mean is not None
        assert {name for values in mean.means.values() for name in values} == {"MRR@10"}
        assert set(mean.lifts) == {"MRR@10"}
    both = mean_of_collections([some, some])
    assert both is not None
    assert both.means["rerank"]["judged_first"] == 1.0


def test_refusal_rates_are_kept_apart(evaluation: Evaluation) -> None:
    summary = summarize(evaluation)
    assert summary.refused_no_answer == wilson(1, 2)
    assert summary.refused_answerable == wilson(1, 6)


def test_a_stratum_of_its_own(evaluation: Evaluation) -> None:
    odd = summarize(evaluation, stratum="odd")
    assert (odd.answerable, odd.lifts["MRR@10"].interval.value) == (3, pytest.approx((2 / 3 + 2 / 3 + 0) / 3))
    none = summarize(evaluation, stratum="none")
    assert (none.answerable, none.means, none.lifts, none.refused_answerable) == (0, {}, {}, None)


def test_a_report_has_strata_times_and_counts() -> None:
    evaluation = evaluate(TRACES, JUDGMENTS, MEASURES, strata=STRATA)
    report = describe_collection("c", evaluation, TRACES, by_stratum=True, counts={"unjudged": 3})
    assert [summary.stratum for summary in report.strata] == ["even", "odd", "none"]
    assert report.median_ms == dict.fromkeys(("bm25", "fusion", "rerank"), (1.0 + 2.0) / 2)


def test_the_mean_over_collections_is_unweighted() -> None:
    one = describe_collection("one", evaluate(TRACES, JUDGMENTS, MEASURES), TRACES)
    few = TRACES[4:6]
    two = describe_collection("two", evaluate(few, JUDGMENTS, MEASURES), few)
    mean = mean_of_collections([one, two])
    assert mean is not None
    assert mean.means["rerank"]["MRR@10"] == pytest.approx(((4 + 2 / 3) / 6 + 1 / 3) / 2)
    assert mean.lifts["MRR@10"].value == pytest.approx((4 * (2 / 3) / 6 + 0) / 2)
    assert mean_of_collections([one]) is None


def test_without_a_reranker_there_is_no_lift() -> None:
    plain = [trace("q0", {"bm25": ["a"], "fusion": ["a"]}), trace("q1", {"bm25": ["x"], "fusion": ["x"]})]
    evaluation = evaluate(plain, JUDGMENTS, MEASURES)
    assert summarize(evaluation).lifts == {}
    report = describe_collection("c", evaluation, plain)
    mean = mean_of_collections([report, report])
    assert mean is not None
    assert mean.lifts == {}


def test_the_json_form_is_plain_json_and_keeps_every_query(evaluation: Evaluation) -> None:
    report = describe_collection("c", evaluation, TRACES, by_stratum=True)
    data = json.loads(json.dumps(report_to_json([report], None, {"measure": "MRR@10"}), allow_nan=False))
    assert data["schema"] == "rankscope.eval/1"
    assert data["mean"] is None
    collection = data["collections"][0]
    assert [query["id"] for query in collection["queries"]] == [item.query.query_id for item in TRACES]
    assert collection["queries"][0]["values"]["rerank"] == {"recall@50": 1.0, "MRR@10": 1.0}
    assert collection["overall"]["lifts"]["MRR@10"]["won"] == 4
    assert [item["stratum"] for item in collection["strata"]] == ["even", "odd", "none"]
