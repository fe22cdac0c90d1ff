from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, precision_recall_curve

from rankscope.errors import UsageError
from rankscope.insight.floors import best_f1 as f1_module
from rankscope.insight.floors import conformal as conformal_module
from rankscope.insight.floors import null_floor as null_module
from rankscope.insight.floors import target_answer_rate as answer_module
from rankscope.insight.floors.best_f1 import best_f1
from rankscope.insight.floors.borderline import borderline
from rankscope.insight.floors.conformal import conformal, relevant_scores
from rankscope.insight.floors.crossfit import held_out
from rankscope.insight.floors.null_floor import null_floor
from rankscope.insight.floors.proportion_bounds import lower_bound
from rankscope.insight.floors.sampling import Pairs, folds, judged_pairs, latest, sample
from rankscope.insight.floors.suggest import METHODS, suggest
from rankscope.insight.floors.target_answer_rate import target_answer_rate
from rankscope.insight.floors.target_precision import target_precision
from rankscope.insight.floors.whatif import whatif
from tests.insight.floors.scored_traces import observed, random_judged


@pytest.mark.parametrize("bound", ["wilson", "clopper-pearson"])
def test_bounds_are_those_of_scipy(bound: str) -> None:
    name = {"wilson": "wilson", "clopper-pearson": "exact"}[bound]
    trials = np.array([1, 5, 20, 20, 200])
    successes = np.array([1, 0, 20, 13, 190])
    expected = [
        stats.binomtest(int(k), int(n), alternative="greater").proportion_ci(0.95, method=name).low
        for k, n in zip(successes, trials, strict=True)
    ]
    np.testing.assert_allclose(lower_bound(successes, trials, bound), expected, atol=1e-12)  # type: ignore[arg-type]
    assert lower_bound(np.array([0]), np.array([0]), bound).tolist() == [0.0]  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
def test_best_f1_is_the_best_of_scikit_learns_curve(seed: int) -> None:
    group = random_judged(seed)
    found = best_f1(group, resamples=20)
    precision, recall, _ = precision_recall_curve(group.relevant, group.scores)
    best = (2 * precision * recall / np.maximum(precision + recall, 1e-12)).max()
    assert found.value is not None
    assert f1_score(group.relevant, group.scores >= found.value) == pytest.approx(best)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.high


def test_held_out_figures_are_of_floors_that_the_query_did_not_shape() -> None:
    group = random_judged(3)
    pairs = judged_pairs(group)
    fold = folds(pairs.queries)[pairs.query]
    kept = np.zeros(len(pairs.scores), dtype=bool)
    for number in range(5):
        others = fold != number
        floor = f1_module.fit(pairs.scores[others], pairs.relevant[others], np.ones(int(others.sum())))
        kept[fold == number] = pairs.scores[fold == number] >= floor
    found = held_out(pairs, f1_module.fit, resamples=50)
    hits = int((kept & pairs.relevant).sum())
    assert found["precision"].value == pytest.approx(hits / kept.sum())
    assert found["recall"].value == pytest.approx(hits / pairs.relevant.sum())
    assert found["f1"].value == pytest.approx(f1_score(pairs.relevant, kept))
    assert found["f1"].n == pairs.queries


def test_labels_without_meaning_show_in_the_held_out_figures() -> None:
    draw = np.random.default_rng(5)
    pairs = Pairs(draw.random(600), draw.random(600) < 0.1, np.repeat(np.arange(60), 10))

    def memorize(scores: np.ndarray, relevant: np.ndarray, _: np.ndarray) -> float:
        return float(scores[relevant].max())  # perfect precision where it was fitted

    assert held_out(pairs, memorize, resamples=20)["recall"].value < 0.1


def test_target_precision_is_the_lowest_floor_that_reaches_it() -> None:
    group = random_judged(8, 200)
    found = target_precision(group, 0.8, resamples=20)
    assert found.value is not None

    def bound_at(floor: float) -> float:
        kept = group.scores >= floor
        hits = int((kept & group.relevant).sum())
        test = stats.binomtest(hits, int(kept.sum()), alternative="greater")
        return float(test.proportion_ci(0.95, method="wilson").low)

    assert bound_at(found.value) >= 0.8
    assert all(bound_at(floor) < 0.8 for floor in np.unique(group.scores[group.scores < found.value]))
    assert found.held_out["precision"].high is not None
    assert found.held_out["precision"].high > 0.8
    exact = target_precision(group, 0.8, bound="clopper-pearson", resamples=20)
    assert exact.value is not None
    assert exact.value >= found.value  # the exact bound asks for more


def test_an_unreachable_target_gives_no_number() -> None:
    found = target_precision(random_judged(1), 0.9999, resamples=5)
    assert found.value is None
    assert "no floor has a precision whose lower bound reaches 0.9999" in found.warning
    with pytest.raises(UsageError, match=r"the target precision is 1\.5"):
        target_precision(random_judged(1), 1.5)


def test_target_answer_rate_is_the_highest_floor_that_reaches_it() -> None:
    draw = np.random.default_rng(2)
    tops = draw.random(150)
    floor = answer_module.fit(tops, 0.8)
    assert floor is not None

    def bound_at(value: float) -> float:
        test = stats.binomtest(int((tops >= value).sum()), 150, alternative="greater")
        return float(test.proportion_ci(0.95, method="wilson").low)

    assert bound_at(floor) >= 0.8
    assert all(bound_at(value) < 0.8 for value in tops[tops > floor][np.argsort(tops[tops > floor])][1:])
    group = observed({f"q{i}": [float(top)] for i, top in enumerate(tops)})
    found = target_answer_rate(group, 0.8, resamples=20)
    assert found.value == floor
    assert "too few queries are judged" in found.warning
    rate = whatif(group, floor).answer_rate
    assert rate is not None
    assert rate.value >= 0.8
    assert target_answer_rate(group, 0.999).value is None


def test_answerable_queries_decide_the_answer_rate_where_there_are_enough() -> None:
    rows = {f"q{i}": [0.9 - i / 100] for i in range(30)} | {f"n{i}": [0.05] for i in range(30)}
    grades = {f"q{i}": {1: 1} for i in range(30)} | {f"n{i}": {1: 0} for i in range(30)}
    found = target_answer_rate(observed(rows, grades), 0.8, resamples=20)
    assert found.queries == 30
    assert found.warning == ""
    assert found.parameters["over"] == "answerable queries"


def test_the_conformal_bound_holds_over_a_thousand_draws() -> None:
    draw = np.random.default_rng(9)
    for count, loss in ((39, 0.1), (60, 0.05), (200, 0.2)):
        missed = [
            stats.beta(5, 2).cdf(conformal_module.fit(draw.beta(5, 2, count), loss)) for _ in range(1000)
        ]
        # The mean of 1000 exact miss rates: its own standard error is known.
        error = np.std(missed) / math.sqrt(1000)
        expected = math.floor(loss * (count + 1) + 1e-9) / (count + 1)
        assert np.mean(missed) <= loss + 3 * error
        assert np.mean(missed) == pytest.approx(expected, abs=4 * error)


def test_conformal_takes_the_best_or_every_relevant_document() -> None:
    rows = {f"q{i}": [0.9, 0.5 + i / 100, 0.2] for i in range(25)}
    grades = {f"q{i}": {2: 1, 3: 1, 1: 0} for i in range(25)}
    group = observed(rows, grades)
    assert sorted(relevant_scores(group)) == pytest.approx([0.5 + i / 100 for i in range(25)])
    assert relevant_scores(group, every=True).tolist() == [0.2] * 25
    found = conformal(group, 0.1, resamples=20)
    assert found.value == pytest.approx(0.5 + 1 / 100)  # floor(0.1 * 26) = 2: the second smallest
    assert "only 25 queries" in found.warning
    few = conformal(group, 0.01)
    assert few.value is None
    assert "99 are the least" in few.warning


def test_the_null_floor_bounds_false_answers_over_a_thousand_draws() -> None:
    draw = np.random.default_rng(4)
    for count, rate in ((30, 0.1), (99, 0.05)):
        answered = [stats.norm.sf(null_module.fit(draw.normal(size=count), rate)) for _ in range(1000)]
        assert np.mean(answered) <= rate + 3 * np.std(answered) / math.sqrt(1000)
        assert np.mean(answered) >= rate / 2


def test_the_null_floor_reads_queries_without_an_answer() -> None:
    rows = {f"n{i}": [i / 100] for i in range(30)} | {f"q{i}": [0.9] for i in range(5)}
    grades = {f"n{i}": {1: 0} for i in range(30)} | {f"q{i}": {1: 1} for i in range(5)}
    found = null_floor(observed(rows, grades), 0.1, resamples=20)
    # ceil(0.9 * 31) = 28: above the 28th smallest, 0.27, half-way to the next.
    assert found.value == pytest.approx(0.275)
    assert found.queries == 30
    assert null_module.fit(np.array([0.0] * 30), 0.1) == np.nextafter(0.0, 1)


def test_borderline_is_the_mean_with_students_interval() -> None:
    draw = np.random.default_rng(3)
    scores = draw.normal(0.4, 0.1, 35).clip(0, 1)
    rows = {f"q{i}": [0.95, float(score), 0.01] for i, score in enumerate(scores)}
    grades = {f"q{i}": {1: 3, 2: 1, 3: 0} for i in range(35)}
    found = borderline(observed(rows, grades))
    expected = stats.t.interval(0.95, 34, loc=scores.mean(), scale=stats.sem(scores))
    assert found.value == pytest.approx(scores.mean())
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.warning == ""
    part = borderline(observed(dict(list(rows.items())[:25]), grades))
    assert "only 25 queries: 30 to 50 are recommended" in part.warning


def test_ten_observations_are_refused_by_every_method() -> None:
    rows = {f"q{i}": [0.9 - i / 20] for i in range(10)}
    grades = {f"q{i}": {1: i % 3} for i in range(10)}
    found = suggest(observed(rows, grades))
    assert [suggestion.method for suggestion in found] == list(METHODS)
    for suggestion in found:
        assert (suggestion.value, suggestion.low, suggestion.high) == (None, None, None)
        assert "too few" in suggestion.warning or "least" in suggestion.warning
        assert suggestion.as_json()["value"] is None


def test_one_query_is_too_few_and_no_method_says_one_queries() -> None:
    found = suggest(observed({"q": [0.9, 0.2]}, {"q": {1: 2, 2: 0}}))
    because = {suggestion.method: suggestion.warning for suggestion in found}
    assert because["best-f1"].startswith("1 judged query is too few, ")
    assert because["target-answer-rate"].startswith("1 query is too few, ")
    assert not [words for words in because.values() if "1 queries" in words or "1 judged queries" in words]


def test_one_kind_of_judgment_alone_is_refused() -> None:
    rows = {f"q{i}": [0.9, 0.1] for i in range(40)}
    only_relevant = best_f1(observed(rows, {name: {1: 1} for name in rows}))
    assert only_relevant.warning.startswith("0 documents are judged not relevant")
    assert best_f1(observed(rows, {name: {1: 0} for name in rows})).warning.startswith("0 relevant")
    with pytest.raises(UsageError, match="unknown method 'guess'"):
        suggest(observed(rows), ["guess"])


def test_a_query_that_was_asked_twice_counts_once() -> None:
    from rankscope.insight.floors.gather import gather
    from tests.insight.floors.scored_traces import scored_trace

    old = scored_trace("a", [0.2], number=0)
    new = scored_trace("a", [0.8], number=1, trace_id="t-again")
    (group,) = gather([new, old, scored_trace("b", [0.5])]).groups
    assert group.query_count == 2
    assert latest(group).trace_ids == ["t-again", "t-b"]


def test_thinning_keeps_whole_queries() -> None:
    pairs = Pairs(np.arange(1000.0), np.zeros(1000, dtype=bool), np.repeat(np.arange(100), 10))
    part = sample(pairs, 300)
    assert 100 <= len(part.scores) <= 500
    assert set(np.bincount(part.query)) == {10}
    assert sample(pairs, 1000) is pairs
