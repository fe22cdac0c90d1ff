"""The held-out part shares no document with the training part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.errors import InputError
from rankscope.training.examples import Example, Passage
from rankscope.training.split import components, folds_by_document, split_by_document


def example(query_id: str, positive: str, *negatives: str) -> Example:
    """One positive, some negatives; the text plays no part here."""
    passages = (Passage(positive, "", 1), *(Passage(doc_id, "", 0) for doc_id in negatives))
    return Example(query_id, query_id, passages)


def test_queries_hang_together_through_a_chain_of_documents() -> None:
    judged = {
        "a": frozenset({"1", "2"}),
        "b": frozenset({"2", "3"}),
        "c": frozenset({"4"}),
        "d": frozenset({"3"}),
    }
    assert components(judged) == [frozenset("abd"), frozenset("c")]


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.lists(st.integers(0, 60), max_size=6)), min_size=8, max_size=30
    ),
    st.integers(0, 50),
)
def test_no_document_stands_on_both_sides(rows: list[tuple[int, list[int]]], seed: int) -> None:
    examples = [
        example(f"q{place}", str(positive), *sorted({str(x) for x in others} - {str(positive)}))
        for place, (positive, others) in enumerate(rows)
    ]
    judged = {item.query_id: frozenset({item.passages[0].doc_id}) for item in examples}
    try:
        split = split_by_document(examples, judged, 0.25, seed)
    except InputError:
        return
    sides = [{doc for item in part for doc in item.doc_ids} for part in (split.train, split.held_out)]
    assert not sides[0] & sides[1]
    kept = len(split.train) + len(split.held_out)
    assert kept + split.dropped_queries == len(examples)
    passages = sum(len(item.passages) for item in (*split.train, *split.held_out))
    assert passages <= sum(len(item.passages) for item in examples) - split.dropped_negatives
    assert all(item.trainable for item in (*split.train, *split.held_out))
    assert split == split_by_document(examples, judged, 0.25, seed)


def test_about_the_wanted_share_is_held_out() -> None:
    examples = [example(f"q{n}", f"p{n}", f"n{n}a", f"n{n}b") for n in range(40)]
    judged = {item.query_id: item.doc_ids for item in examples}
    split = split_by_document(examples, judged, 0.25, 7)
    assert len(split.held_out) == 40 * 0.25
    assert split.dropped_negatives == split.dropped_queries == 0


def test_queries_that_all_hang_together_are_refused() -> None:
    examples = [example(f"q{n}", "same", f"n{n}") for n in range(10)]
    with pytest.raises(InputError, match="hang together in 1 groups"):
        split_by_document(examples, {item.query_id: frozenset({"same"}) for item in examples}, 0.25, 1)


def test_every_query_is_held_out_in_one_fold_and_its_documents_with_it() -> None:
    examples = [example(f"q{n}", f"p{n // 2}", "everywhere", f"n{n}") for n in range(24)]
    judged = {item.query_id: frozenset({item.passages[0].doc_id}) for item in examples}
    splits = folds_by_document(examples, judged, 3, 5)
    held = [item.query_id for split in splits for item in split.held_out]
    assert len(held) == len(set(held)) >= len(examples) - sum(split.dropped_queries for split in splits)
    assert {len(split.held_out) + split.dropped_queries >= 24 / 3 for split in splits} == {True}
    for split in splits:
        sides = [{doc for item in part for doc in item.doc_ids} for part in (split.train, split.held_out)]
        assert not sides[0] & sides[1]
    where = ["everywhere" in {doc for item in split.held_out for doc in item.doc_ids} for split in splits]
    assert where.count(True) == 1


def test_more_folds_than_groups_are_refused() -> None:
    examples = [example(f"q{n}", f"p{n % 2}", f"n{n}") for n in range(10)]
    judged = {item.query_id: frozenset({item.passages[0].doc_id}) for item in examples}
    with pytest.raises(InputError, match="hang together in 2 groups"):
        folds_by_document(examples, judged, 3, 1)
