"""The gate: equal passes, a fall past the limit fails, always."""

from __future__ import annotations

import random

import pytest

from rankscope.errors import InputError
from rankscope.insight.baseline import change_since


def test_the_change_is_the_paired_mean_difference() -> None:
    change = change_since({"p": 0.9, "q": 0.5}, {"q": 0.7, "p": 0.6})
    assert change.before == pytest.approx((0.9 + 0.5) / 2)
    assert change.after == pytest.approx((0.6 + 0.7) / 2)
    assert change.interval.value == pytest.approx((-0.3 + 0.2) / 2)


def test_only_common_queries_are_compared() -> None:
    change = change_since({"p": 0.9, "gone": 0.1}, {"p": 0.9, "new": 0.0, "newer": 0.0})
    assert (change.interval.value, change.only_before, change.only_after) == (0.0, 1, 2)
    with pytest.raises(InputError, match="no answerable query in common"):
        change_since({"p": 1.0}, {"q": 1.0})


@pytest.mark.parametrize("seed", range(20))
def test_a_broken_reranker_fails_and_an_equal_one_passes(seed: int) -> None:
    chance = random.Random(seed)
    good = {f"q{place}": chance.choice([1.0, 1.0, 0.63, 0.5]) for place in range(60)}
    stored = {key: round(value, 6) for key, value in good.items()}
    broken = {key: chance.choice([0.0, 0.5, value]) for key, value in good.items()}
    assert not change_since(stored, good).exceeds(0.02)
    assert not change_since(stored, good).exceeds(0.0)
    assert change_since(stored, broken).exceeds(0.02)
    assert not change_since(broken, good).exceeds(0.0)
