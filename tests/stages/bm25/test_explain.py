"""The shares of an explanation are the formula's and add up to the score."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.stages.bm25.explain import explain
from rankscope.stages.bm25.okapi import Bm25Index

CORPUS = [["stuck", "pipe", "pipe"], ["mud", "weight"], ["mud"], ["bit", "depth", "log", "run"], ["well"]]


def test_each_part_is_the_one_in_the_formula() -> None:
    explanation = explain(Bm25Index.build(CORPUS), ["pipe", "mud", "nowhere", "pipe"], 0)
    average = (3 + 2 + 1 + 4 + 1) / 5
    factor = 1 - 0.75 + 0.75 * 3 / average
    pipe, mud, nowhere = explanation.terms
    assert (explanation.length, explanation.average_length) == (3, average)
    assert explanation.length_factor == pytest.approx(factor)
    assert pipe.idf == pytest.approx(log(5 - 1 + 0.5) - log(1 + 0.5))
    assert pipe.saturated_frequency == pytest.approx(2 * 2.5 / (2 + 1.5 * factor))
    assert (pipe.query_count, pipe.document_frequency, pipe.term_frequency) == (2, 1, 2)
    assert pipe.share == pytest.approx(2 * pipe.idf * pipe.saturated_frequency)
    assert (mud.document_frequency, mud.term_frequency, mud.share) == (2, 0, 0.0)
    assert mud.idf == pytest.approx(log(5 - 2 + 0.5) - log(2 + 0.5))
    assert (nowhere.document_frequency, nowhere.idf, nowhere.share) == (0, 0.0, 0.0)


@given(
    st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), min_size=1, max_size=9),
    st.lists(st.sampled_from("abcxyz"), max_size=6),
    st.data(),
)
def test_the_shares_add_up_to_the_score(
    corpus: list[list[str]], query: list[str], data: st.DataObject
) -> None:
    index = Bm25Index.build(corpus)
    row = data.draw(st.integers(0, len(corpus) - 1))
    explanation = explain(index, query, row)
    assert sum(term.share for term in explanation.terms) == pytest.approx(index.scores(query)[row], abs=1e-9)
    assert explanation.score == pytest.approx(index.scores(query)[row], abs=1e-9)
    assert [term.term for term in explanation.terms] == list(dict.fromkeys(query))


@pytest.mark.parametrize("row", [-1, 5])
def test_a_row_outside_the_corpus_is_refused(row: int) -> None:
    with pytest.raises(IndexError, match="outside the corpus of 5 documents"):
        explain(Bm25Index.build(CORPUS), ["pipe"], row)
