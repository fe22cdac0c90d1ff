"""Platt scaling."""

from __future__ import annotations

import numpy as np
import pytest

from rankscope.insight.reliability import calibration_error
from rankscope.training.calibration import PlattScale, cross_fitted, fit_platt


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


def test_a_half_is_measured_by_the_other_halfs_scale() -> None:
    logits = [2.0, -2.0, 1.0, -1.0, 3.0, -3.0, 0.5, -0.5]
    relevant = [True, False] * 4
    said = cross_fitted(logits, relevant, [0, 0, 1, 1, 2, 2, 3, 3])
    scale = fit_platt([2.0, -2.0, 3.0, -3.0], [True, False, True, False])
    assert said[2:4] == pytest.approx(scale.probabilities([1.0, -1.0]))
