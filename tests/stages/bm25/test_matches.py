"""Where a text holds query terms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.stages.bm25.matches import matching_spans
from rankscope.stages.bm25.tokenizer import tokenize


@pytest.mark.parametrize(
    ("text", "query", "marked"),
    [
        ("Ibuprofen doses, for children's fever", "dose child children", ["doses", "children's"]),
        ("see ERR-4012.", "ERR-4012", ["ERR-4012"]),
        ("see ERR-4012.", "4012", ["4012"]),
        ("call delete_account()", "account", ["account"]),
        ("set getUserName here", "user", ["getUserName"]),
        ("naïve Café", "cafe", ["Café"]),
        ("東京都の水", "京都", ["京都"]),
        ("東京都の水", "水", ["水"]),
        ("เรียนภาษาไทย", "ภาษา", ["ภาษา"]),
        ("e-mail", "email", ["e-mail"]),
        ("\x1b[31mred\x1b[0m dose", "dose", ["dose"]),
        ("nothing here", "elsewhere", []),
    ],
)
def test_the_words_of_the_query_are_found(text: str, query: str, marked: list[str]) -> None:
    assert [text[start:end] for start, end in matching_spans(text, tokenize(query))] == marked


@given(st.text(), st.text())
def test_spans_lie_in_order_inside_the_text(text: str, query: str) -> None:
    end_before = -1
    for start, end in matching_spans(text, tokenize(query)):
        assert end_before <= start < end <= len(text)
        end_before = end


@given(st.text(alphabet="abcé東京-_.' 12ภา"), st.text(alphabet="abcé東京-_.' 12ภา"))
def test_a_text_that_shares_terms_with_the_query_is_marked(text: str, query: str) -> None:
    terms = tokenize(query)
    assert bool(matching_spans(text, terms)) == bool(set(terms) & set(tokenize(text)))
