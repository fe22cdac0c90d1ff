"""The figures of the faithfulness measure: a ratio of means with its interval, and lines that say it."""

from __future__ import annotations

import math

import pytest

from rankscope.bench.faithfulness import AttributionFigures, attribution_lines, ratio_with_interval


def test_the_ratio_is_of_the_means_and_lies_in_its_interval() -> None:
    falls = [(1.0 + number / 10, 0.5) for number in range(20)]
    ratio, low, high = ratio_with_interval(falls, seed=1)
    assert ratio == pytest.approx(sum(fall for fall, _ in falls) / (0.5 * 20))
    assert low < ratio < high
    assert ratio_with_interval(falls, seed=1) == (ratio, low, high)


def test_equal_pairs_leave_no_doubt() -> None:
    assert ratio_with_interval([(1.0, 0.5)] * 10, seed=1) == (2.0, 2.0, 2.0)


def test_random_words_that_take_nothing_off() -> None:
    assert ratio_with_interval([(1.0, 0.0)] * 3, seed=1) == (math.inf, math.inf, math.inf)


def test_the_lines_hold_the_figures() -> None:
    found = AttributionFigures(100, 1.2, 0.05, 24.0, 17.0, 75.0, 0.11, 0.004, 200, 900.0, 300.0)
    text = "\n".join(attribution_lines(found))
    assert "24.0 times (95% interval 17.0 to 75.0)" in text
    assert "200 words takes 900 ms" in text
