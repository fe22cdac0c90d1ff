"""The one sort: score descending, then id; ranks from 1; no NaN."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.ordering import rank_by_score
from rankscope.errors import TraceError

SCORES = st.dictionaries(st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False), max_size=40)


@given(SCORES, st.integers(1, 50))
def test_order_is_total_and_cut_at_depth(scores: dict[str, float], depth: int) -> None:
    hits = rank_by_score(scores.items(), depth=depth)
    assert [hit.rank for hit in hits] == list(range(1, min(depth, len(scores)) + 1))
    expected = sorted(scores, key=lambda doc_id: (-scores[doc_id], doc_id))
    assert [hit.doc_id for hit in hits] == expected[:depth]


@given(SCORES)
def test_order_does_not_depend_on_the_order_of_arrival(scores: dict[str, float]) -> None:
    assert rank_by_score(scores.items()) == rank_by_score(reversed(scores.items()))


def test_ties_are_broken_by_document_id() -> None:
    hits = rank_by_score([("b", 1.0), ("a", 1.0), ("c", 2.0)])
    assert [hit.doc_id for hit in hits] == ["c", "a", "b"]


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_has_no_order_is_refused(score: float) -> None:
    with pytest.raises(TraceError, match=r"'x' is .*finite"):
        rank_by_score([("x", score)])
