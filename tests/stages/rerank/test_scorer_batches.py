"""Batches of like length."""

from hypothesis import given
from hypothesis import strategies as st

from rankscope.stages.rerank.scorer import padded_batches


def test_a_much_shorter_row_starts_a_new_batch():
    assert padded_batches([100, 100, 100, 100, 10], 10_000) == [[0, 1, 2, 3], [4]]


@given(
    st.lists(st.integers(min_value=0, max_value=600), max_size=60), st.integers(min_value=1, max_value=3000)
)
def test_every_row_is_in_one_batch_within_the_budget(lengths, budget):
    batches = padded_batches(lengths, budget)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[row] for row in batch) * len(batch) <= budget
