"""Platt scaling, calibration error and the reliability table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.training.calibration import (
    PlattScale,
    calibration_error,
    cross_fitted,
    fit_platt,
    reliability,
    reliability_lines,
)


def test_a_known_scale_is_found_again() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 3, 40_000)
    relevant = rng.random(40_000) < PlattScale(0.7, -1.2).probabilities(logits)
    found = fit_platt(logits, relevant)
    assert found.slope == pytest.approx(0.7, abs=0.03)
    assert found.offset == pytest.approx(-1.2, abs=0.05)
    assert calibration_error(found.probabilities(logits), relevant) < 0.01


def test_separable_scores_give_a_finite_scale() -> None:
    found = fit_platt([-2.0, -1.0, 1.0, 2.0], [False, False, True, True])
    assert 0 < found.slope < 100


def test_scores_that_say_nothing_give_the_smoothed_share() -> None:
    found = fit_platt([0.0] * 10, [True] * 2 + [False] * 8)
    target = (2 * (2 + 1) / (2 + 2) + 8 * 1 / (8 + 2)) / 10
    assert found.probabilities([0.0])[0] == pytest.approx(target)


def test_reversed_scores_give_a_negative_slope() -> None:
    assert fit_platt([3.0, 2.0, 1.0, 0.0], [False, False, False, True]).slope < 0


def test_one_sided_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="relevant and not relevant"):
        fit_platt([1.0, 2.0], [True, True])


def test_the_error_is_the_weighted_mean_distance() -> None:
    said, was = [0.95, 0.95, 0.15, 0.15], [True, False, False, False]
    assert calibration_error(said, was) == pytest.approx((2 * abs(0.95 - 0.5) + 2 * abs(0.15 - 0.0)) / 4)


def test_one_belongs_to_the_last_bin() -> None:
    (row,) = reliability([1.0, 0.9], [True, True])
    assert (row.low, row.high, row.count) == (0.9, 1.0, 2)


def test_a_half_is_measured_by_the_other_halfs_scale() -> None:
    logits = [2.0, -2.0, 1.0, -1.0, 3.0, -3.0, 0.5, -0.5]
    relevant = [True, False] * 4
    said = cross_fitted(logits, relevant, [0, 0, 1, 1, 2, 2, 3, 3])
    scale = fit_platt([2.0, -2.0, 3.0, -3.0], [True, False, True, False])
    assert said[2:4] == pytest.approx(scale.probabilities([1.0, -1.0]))


def test_the_table_marks_what_was_said_and_fills_what_was_so() -> None:
    line = reliability_lines(reliability([0.75] * 4, [True, True, False, False]))[1]
    assert "0.7 - 0.8" in line
    assert line.endswith("██████████·····|····")


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_bins_hold_every_pair_once_and_the_error_is_a_share(pairs: list[tuple[float, bool]]) -> None:
    said, was = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert sum(row.count for row in reliability(said, was)) == len(pairs)
    assert 0 <= calibration_error(said, was) <= 1
