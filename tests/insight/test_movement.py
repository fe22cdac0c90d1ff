"""Moves, overlap, RBO and tau: against the formulas, and against scipy."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rankscope.core.scales import ScoreScale
from rankscope.core.trace import Hit, Ranking
from rankscope.insight.movement import (
    absence,
    compare,
    kendall_tau,
    moves_between,
    overlap_at,
    rank_biased_overlap,
)


def ranking(ids: str, *, depth: int | None = None) -> Ranking:
    hits = tuple(Hit(doc_id, rank, -float(rank)) for rank, doc_id in enumerate(ids, start=1))
    return Ranking("fusion", ScoreScale.RRF, hits, depth=depth)


permutations = st.permutations("abcdefgh")


def test_moves_say_up_down_same_new_and_gone() -> None:
    moves = moves_between(ranking("abcd"), ranking("cabx"))
    assert [(move.doc_id, move.kind, move.places) for move in moves] == [
        ("c", "up", 2),
        ("a", "down", -1),
        ("b", "down", -1),
        ("x", "new", 0),
        ("d", "gone", 0),
    ]
    assert (moves[3].before, moves[4].after) == (None, None)


def test_absence_is_not_a_rank() -> None:
    assert absence(ranking("abc", depth=3)) == "not in top 3"
    assert absence(ranking("abc")) == "not in top 3"
    assert absence(ranking("abc", depth=100)) == "not among the 3 found"
    assert absence(ranking("")) == "list is empty"


def test_compare_names_who_entered_and_left_the_top() -> None:
    movement = compare(ranking("abcde"), ranking("eabcd"), top_k=2)
    assert movement.entered == ("e",)
    assert movement.left == ("b",)
    assert movement.top_changed
    assert movement.overlap == 1 / 2
    assert movement.tau == pytest.approx((6 - 4) / 10)
    assert movement.largest_rise is not None
    assert (movement.largest_rise.doc_id, movement.largest_rise.places) == ("e", 4)
    assert movement.largest_fall is not None
    assert movement.largest_fall.places == -1


def test_a_list_compared_with_itself_has_not_moved() -> None:
    movement = compare(ranking("abc"), ranking("abc"))
    assert (movement.overlap, movement.tau, movement.top_changed) == (1.0, 1.0, False)
    assert movement.rbo == pytest.approx(1.0)
    assert movement.largest_rise is None
    assert movement.largest_fall is None


def test_overlap_of_short_lists_counts_what_is_there() -> None:
    assert overlap_at("ab", "ba", 10) == 1.0
    assert overlap_at("abc", "a", 10) == 1 / 3
    assert overlap_at("", "", 10) == 1.0
    assert overlap_at("", "a", 10) == 0.0


def test_rbo_by_hand() -> None:
    # X_1 = 0, X_2 = 2, X_3 = 3 for abc and bac.
    p = 0.8
    expected = (1 - p) / p * (0 / 1 * p + 2 / 2 * p**2 + 3 / 3 * p**3) + 3 / 3 * p**3
    assert rank_biased_overlap("abc", "bac", p=p) == pytest.approx(expected)


def test_rbo_of_uneven_lists_by_hand() -> None:
    # s = 2, l = 4; X_1 = 1, X_2 = 1, X_3 = 2, X_4 = 2 for "ab" and "acbd"; X_s = 1.
    p = 0.9
    sums = 1 / 1 * p + 1 / 2 * p**2 + (2 / 3 + 1 * 1 / (2 * 3)) * p**3 + (2 / 4 + 1 * 2 / (2 * 4)) * p**4
    expected = (1 - p) / p * sums + ((2 - 1) / 4 + 1 / 2) * p**4
    assert rank_biased_overlap("ab", "acbd", p=p) == pytest.approx(expected)
    assert rank_biased_overlap("acbd", "ab", p=p) == pytest.approx(expected)


def test_rbo_of_empty_and_disjoint_lists() -> None:
    assert rank_biased_overlap("", "") == 1.0
    assert rank_biased_overlap("", "a") == 0.0
    assert rank_biased_overlap("abc", "xyz") == 0.0


@settings(deadline=None)
@given(permutations, permutations, st.integers(0, 8), st.floats(0.05, 0.99))
def test_rbo_is_symmetric_and_bounded(first: list[str], second: list[str], cut: int, p: float) -> None:
    value = rank_biased_overlap(first, second[:cut], p=p)
    assert value == pytest.approx(rank_biased_overlap(second[:cut], first, p=p))
    assert -1e-12 <= value <= 1 + 1e-12


@settings(deadline=None)
@given(permutations, permutations)
def test_rbo_is_the_series_continued_with_its_last_agreement(first: list[str], second: list[str]) -> None:
    """Equation 30: for even lists, agreement beyond the end is held at its last value."""
    p, n = 0.9, 8
    agreement = [len(set(first[:d]) & set(second[:d])) / d for d in range(1, n + 1)]
    series = sum(agreement[min(d, n) - 1] * p ** (d - 1) for d in range(1, 400))
    assert rank_biased_overlap(first, second, p=p) == pytest.approx((1 - p) * series, abs=1e-9)


values = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=60)


@settings(deadline=None)
@given(values)
def test_tau_is_scipys_tau_b(pairs: list[tuple[int, int]]) -> None:
    x, y = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    ours = kendall_tau(x, y)
    theirs = float(stats.kendalltau(x, y).statistic)
    if ours is None:
        assert math.isnan(theirs)
    else:
        assert ours == pytest.approx(theirs, abs=1e-12)


def test_tau_of_opposite_orders() -> None:
    assert kendall_tau([1, 2, 3], [3, 2, 1]) == -1.0
    assert kendall_tau([1], [1]) is None
    assert kendall_tau([], []) is None
    assert kendall_tau([1, 1, 1], [1, 2, 3]) is None
