"""The truncation lens: ranges in order that cover the text, each with what became of it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rankscope.insight.truncation import Seen, lens
from rankscope.stages.rerank.windows import plan_windows

TEXT = "one two  three four five"
TOKENS = [(0, 3), (4, 7), (9, 14), (15, 19), (20, 24)]


def test_the_end_that_was_cut() -> None:
    parts = lens(TEXT, TOKENS, [(0, 3)])
    assert parts == (Seen(0, 15, "scored", 3), Seen(15, 24, "cut", 2))
    assert TEXT[parts[1].start :] == "four five"


def test_the_window_that_won_and_the_others() -> None:
    parts = lens(TEXT, TOKENS, [(0, 2), (1, 3), (2, 4)], winner=1)
    assert [(TEXT[part.start : part.end], part.kind) for part in parts] == [
        ("one ", "read"),
        ("two  three ", "scored"),
        ("four ", "read"),
        ("five", "cut"),
    ]


def test_texts_without_tokens_were_not_seen() -> None:
    assert lens("", [], []) == ()
    assert lens("\u200b", [], []) == (Seen(0, 1, "cut", 0),)
    assert lens(TEXT, TOKENS, []) == (Seen(0, 24, "cut", 5),)


@settings(deadline=None)
@given(
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=60),
    st.integers(2, 20),
    st.integers(1, 4),
    st.data(),
)
def test_ranges_cover_the_text_and_count_what_the_plan_cut(
    words: list[str], size: int, most: int, data: st.DataObject
) -> None:
    text, tokens = " ".join(words), []
    for word in words:
        start = tokens[-1][1] + 1 if tokens else 0
        tokens.append((start, start + len(word)))
    plan = plan_windows(len(tokens), size, most)
    winner = data.draw(st.integers(0, len(plan.spans) - 1))
    parts = lens(text, tokens, plan.spans, winner)
    assert "".join(text[part.start : part.end] for part in parts) == text
    assert sum(part.tokens for part in parts) == len(tokens)
    assert sum(part.tokens for part in parts if part.kind == "cut") == plan.cut
    first, last = plan.spans[winner]
    assert sum(part.tokens for part in parts if part.kind == "scored") == last - first
