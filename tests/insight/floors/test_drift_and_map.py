from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from rankscope.errors import InputError
from rankscope.insight.floors import best_f1
from rankscope.insight.floors.drift import drift, psi, remember_scores, remembered_scores
from rankscope.insight.floors.quantile_map import carry_over, mapped
from tests.insight.floors.scored_traces import observed


def test_unchanged_scores_are_stable_and_moved_ones_are_not() -> None:
    draw = np.random.default_rng(0)
    before = draw.beta(5, 2, 400)
    same = drift(before, draw.beta(5, 2, 300))
    assert same.verdict == "stable"
    assert same.ks == pytest.approx(stats.ks_2samp(before, before).statistic, abs=0.15)
    moved = drift(before, draw.beta(3, 3, 300))
    assert moved.verdict == "look again"
    assert "300 queries since, 400 before" in moved.line
    a_little = drift(draw.beta(5, 2, 4000), draw.beta(4.3, 2.1, 4000))
    assert a_little.verdict in ("stable", "some change")
    few = drift(before, before[:49])
    assert (few.verdict, few.ks, few.psi) == ("too few", None, None)
    assert "too few queries to tell (49 queries since, 400 before" in few.line


def test_false_alarms_are_rare() -> None:
    draw = np.random.default_rng(3)
    alarms = sum(drift(draw.random(60), draw.random(60)).verdict != "stable" for _ in range(200))
    assert alarms <= 8  # p below 0.01: 2 expected


def test_psi_is_the_sum_over_bins() -> None:
    before = np.arange(100.0)
    since = np.concatenate((np.arange(50.0), np.arange(50.0)))
    tenths = np.array([10.5] * 10) / 105
    halves = np.array([20.5] * 5 + [0.5] * 5) / 105
    assert psi(before, since) == pytest.approx(((halves - tenths) * np.log(halves / tenths)).sum())
    assert psi(before, before) == 0
    assert np.isfinite(psi(np.zeros(50), np.ones(50)))


def test_the_scores_a_floor_was_set_on_are_remembered() -> None:
    group = observed({f"q{i}": [i / 3000, 0.0] for i in range(3000)} | {"none": []})
    kept = json.loads(json.dumps(remember_scores(group)))
    values, count = remembered_scores(kept)
    assert (len(values), count) == (1000, 3000)
    assert np.quantile(values, [0, 0.5, 1]) == pytest.approx([0, 0.5, 1], abs=0.001)
    few, _ = remembered_scores(remember_scores(observed({"a": [0.123456789]})))
    assert few.tolist() == [0.1234568]
    assert remembered_scores({})[1] == 0


def test_a_monotone_change_of_scale_carries_over_exactly() -> None:
    draw = np.random.default_rng(1)
    old = draw.normal(size=2000)
    new = 1 / (1 + np.exp(-3 * old))
    found = carry_over(0.7, old, new, np.repeat(np.arange(100), 20), resamples=50)
    assert found.disagreement.value == 0
    assert found.value == pytest.approx(1 / (1 + np.exp(-2.1)), abs=0.01)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    assert found.kept_share == (old >= 0.7).mean() == (new >= found.value).mean()


def test_its_error_is_that_of_the_decisions() -> None:
    draw = np.random.default_rng(2)
    truth = draw.normal(size=3000)
    relevant = truth > 1
    old, new = truth + draw.normal(0, 0.4, 3000), 2 * truth + draw.normal(0, 0.8, 3000)
    queries = np.repeat(np.arange(150), 20)
    floor = best_f1.fit(old, relevant, np.ones(3000))
    afresh = best_f1.fit(new, relevant, np.ones(3000))
    assert floor is not None
    assert afresh is not None
    found = carry_over(floor, old, new, queries, resamples=50)
    assert found.disagreement.value == pytest.approx(((old >= floor) != (new >= found.value)).mean())
    lost = f1_score(relevant, new >= afresh) - f1_score(relevant, new >= found.value)
    assert lost <= 0.03
    assert found.as_json()["disagreement"]["n"] == 3000


def test_a_floor_beyond_all_pairs_stays_beyond() -> None:
    old, new = np.arange(100.0), np.arange(100.0) * 2
    assert mapped(-5, old, new) == 0
    assert mapped(500, old, new) > 198
    found = carry_over(500, old, new, np.arange(100), resamples=20)
    assert "all or none" in found.warning
    with pytest.raises(InputError, match="10 pairs of 10 queries: too few"):
        carry_over(1, old[:10], new[:10], np.arange(10))
    with pytest.raises(InputError, match="do not match"):
        carry_over(1, old, new[:10], np.arange(10))
