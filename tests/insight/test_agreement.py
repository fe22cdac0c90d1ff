from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.insight.agreement import agreement, agreements


def grades(values: list[int]) -> dict[str, dict[str, int]]:
    return {"q": {f"d{number}": grade for number, grade in enumerate(values)}}


def test_kappa_is_what_agreement_adds_to_chance() -> None:
    """Cohen's formula by hand: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no."""
    one = [1] * 25 + [0] * 25
    two = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    found = agreement("ann", grades(one), "ben", grades(two))
    seen = (20 + 15) / 50
    chance = (25 / 50) * (30 / 50) + (25 / 50) * (20 / 50)
    assert found.kappa == pytest.approx((seen - chance) / (1 - chance))
    assert found.weighted_kappa == pytest.approx(found.kappa)
    assert (found.pairs, found.queries, found.equal, found.share) == (50, 1, 35, 35 / 50)
    assert found.counts == {(0, 0): 15, (0, 1): 10, (1, 0): 5, (1, 1): 20}


def test_quadratic_weights_punish_by_the_distance_of_grades() -> None:
    """A grade that nobody gave still counts as distance: weights are (i - j) squared."""
    one, two = [0, 0, 1, 3, 3, 1], [0, 1, 1, 3, 0, 3]
    found = agreement("ann", grades(one), "ben", grades(two))
    count = len(one)
    seen = sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) / count
    chance = sum((a - b) ** 2 for a in one for b in two) / count**2
    assert found.weighted_kappa == pytest.approx(1 - seen / chance)


def test_only_what_both_judged_counts() -> None:
    one = {"q": {"a": 1, "b": 0}, "p": {"a": 3}}
    two = {"q": {"a": 0, "c": 2}, "r": {"a": 3}}
    found = agreement("ann", one, "ben", two)
    assert (found.pairs, found.queries, found.counts) == (1, 1, {(1, 0): 1})
    nothing = agreement("ann", one, "ben", {})
    assert (nothing.pairs, nothing.kappa, nothing.share) == (0, None, None)


def test_kappa_of_judges_who_know_one_grade_is_unknown() -> None:
    found = agreement("ann", grades([2, 2, 2]), "ben", grades([2, 2, 2]))
    assert (found.kappa, found.weighted_kappa, found.share) == (None, None, 1.0)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=30))
def test_full_agreement_is_one(values: list[int]) -> None:
    found = agreement("ann", grades(values), "ben", grades(values))
    expected = 1.0 if len(set(values)) > 1 else None
    assert found.kappa == expected
    assert found.weighted_kappa == expected


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_agreement_is_the_same_from_both_sides(pairs: list[tuple[int, int]]) -> None:
    one, two = (grades(list(side)) for side in zip(*pairs, strict=True))
    there, back = agreement("a", one, "b", two), agreement("b", two, "a", one)
    assert (there.kappa is None) == (back.kappa is None)
    if there.kappa is not None and back.kappa is not None:
        assert math.isclose(there.kappa, back.kappa, abs_tol=1e-12)
        assert there.kappa <= 1


def test_every_two_judges_with_pairs_are_compared() -> None:
    judges = {
        "ann": grades([1, 0, 2]),
        "ben": grades([1, 0]),
        "cem": {"p": {"a": 1}},
        "dee": grades([1, 1, 2]),
    }
    found = agreements(judges)
    assert [(item.one, item.other, item.pairs) for item in found] == [
        ("ann", "dee", 3),
        ("ann", "ben", 2),
        ("ben", "dee", 2),
    ]
