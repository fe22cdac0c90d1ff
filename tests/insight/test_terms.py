"""The terms tab: shares add up to rank_bm25's score, and what matches nothing is said."""

from __future__ import annotations

import pytest
from rank_bm25 import BM25Okapi

from rankscope.insight.terms import term_rows, term_summary
from rankscope.stages.bm25.explain import Bm25Explanation, TermShare, explain
from rankscope.stages.bm25.okapi import Bm25Index

CORPUS = [
    ["pump", "seal", "leaks", "oil", "pump"],
    ["replace", "the", "seal", "of", "the", "valve"],
    ["the", "valve", "sticks"],
    [
        "drain",
        "oil",
        "before",
        "the",
        "winter",
        "of",
        "the",
        "first",
        "year",
        "and",
        "again",
        "after",
        "the",
        "second",
    ],
    ["the", "catalogue", "of", "spare", "parts"],
    ["who", "to", "call"],
]
QUERY = ["pump", "oil", "xylophone", "the"]


def explained(row: int) -> Bm25Explanation:
    return explain(Bm25Index.build(CORPUS), QUERY, row)


@pytest.mark.parametrize("row", range(len(CORPUS)))
def test_rows_add_up_to_the_score_of_rank_bm25(row: int) -> None:
    score = float(BM25Okapi(CORPUS).get_scores(QUERY)[row])
    rows = term_rows(explained(row))
    assert sum(item.share for item in rows) == pytest.approx(score, abs=1e-9)
    if score > 0:
        assert sum(item.part for item in rows) == pytest.approx(1.0)


def test_the_term_that_gives_most_stands_first_and_the_odd_ones_are_noted() -> None:
    rows = term_rows(explained(0))
    assert [item.term for item in rows[:2]] == ["pump", "oil"]
    notes = {item.term: item.note for item in rows}
    assert notes["xylophone"] == "in no document of the corpus"
    assert notes["the"] == "not in this document"
    assert notes["pump"] == ""


def test_the_summary_says_what_carries_the_score_and_what_the_length_does() -> None:
    assert term_summary(explained(0)).startswith("2 of 4 terms match; pump gives ")
    assert "In no document of the corpus: xylophone." in term_summary(explained(0))
    assert "times as long as the average, which costs it." in term_summary(explained(3))
    assert "of the average length, which helps it." in term_summary(explained(2))
    assert term_summary(explained(5)).startswith("No query term is in this document.")


def test_a_term_asked_for_twice_and_one_that_is_everywhere() -> None:
    twice = TermShare("pump", 2, 1, 1.2, 1, 1.0, 2.4)
    everywhere = TermShare("the", 1, 9, 0.0, 3, 1.5, 0.0)
    rows = term_rows(Bm25Explanation(0, 2.4, 10, 10.0, 1.0, (everywhere, twice)))
    assert [(item.term, item.note) for item in rows] == [
        ("pump", "asked for 2 times"),
        ("the", "so common that it counts for nothing"),
    ]
