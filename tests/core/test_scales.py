"""Score scales and the two squashing functions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.scales import ScoreScale, logit, sigmoid


@given(st.floats(-25, 25))
def test_logit_undoes_sigmoid(value: float) -> None:
    assert logit(sigmoid(value)) == pytest.approx(value, abs=1e-4)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_sigmoid_is_a_probability_for_every_finite_input(value: float) -> None:
    assert ScoreScale.PROBABILITY.contains(sigmoid(value))


def test_sigmoid_is_the_formula() -> None:
    assert sigmoid(0.7) == pytest.approx(1 / (1 + math.exp(-0.7)))


@pytest.mark.parametrize(
    ("scale", "inside", "outside"),
    [
        (ScoreScale.PROBABILITY, 1.0, 1.01),
        (ScoreScale.COSINE, -1.0, -1.1),
        (ScoreScale.RRF, 2 / 61, -0.01),
    ],
)
def test_bounds_of_scales(scale: ScoreScale, inside: float, outside: float) -> None:
    assert scale.contains(inside)
    assert not scale.contains(outside)


def test_open_scales_contain_any_finite_score() -> None:
    assert all(scale.contains(-1e9) for scale in (ScoreScale.BM25, ScoreScale.LOGIT, ScoreScale.UNKNOWN))
