"""Columns give back the text that was put in, and hold plain text wherever they can."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given

from rankscope.tracing.columns import from_column, to_column
from tests.tracing.strategies import hostile_text


@given(hostile_text(40))
def test_text_comes_back_from_sqlite(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    (stored,) = connection.execute("SELECT ?", (to_column(text),)).fetchone()
    connection.close()
    assert from_column(stored) == text


@pytest.mark.parametrize("text", ["plain", "漢字", "a\0b", "\x1b[31m", "json:", "json:x"])
def test_what_utf8_can_hold_is_stored_as_it_is(text: str) -> None:
    assert to_column(text) == text


def test_lone_surrogates_are_escaped_so_that_any_tool_can_read_them() -> None:
    assert to_column("caf\udce9") == r'json:"caf\udce9"'


@pytest.mark.parametrize("stored", ['json:"', 'json:"a', 'json:"a"b'])
def test_text_of_other_tools_that_looks_escaped_is_left(stored: str) -> None:
    assert from_column(stored) == stored
