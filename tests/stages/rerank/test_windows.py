"""Windows over long passages."""

from hypothesis import given
from hypothesis import strategies as st

from rankscope.stages.rerank.windows import plan_windows


def test_a_short_passage_is_one_window():
    assert plan_windows(100, 100, 8).spans == ((0, 100),)
    assert plan_windows(0, 100, 8).spans == ((0, 0),)


def test_neighbours_share_a_quarter_and_the_last_ends_with_the_passage():
    assert plan_windows(200, 100, 8).spans == ((0, 100), (75, 175), (100, 200))


def test_a_cap_cuts_the_end_and_says_how_much():
    plan = plan_windows(1000, 100, 2)
    assert plan.spans == ((0, 100), (75, 175))
    assert plan.cut == 1000 - 175


@given(
    st.integers(min_value=0, max_value=5000),
    st.integers(min_value=1, max_value=600),
    st.integers(min_value=1, max_value=20),
)
def test_every_token_is_in_a_window_or_counted_as_cut(length, size, most):
    plan = plan_windows(length, size, most)
    assert 1 <= len(plan.spans) <= most
    covered = {token for start, end in plan.spans for token in range(start, end)}
    assert covered == set(range(length - plan.cut))
    assert all(end - start == min(size, length) for start, end in plan.spans)
    assert (plan.cut == 0) or len(plan.spans) == most
