"""Chunks: nothing lost, every one within the budget, sentences and code whole where they fit."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.corpus.chunker import chunk_text
from rankscope.corpus.options import estimate_tokens

TEXTS = st.text(
    alphabet=st.one_of(st.sampled_from("abc ABC .!?。\n\n`-*1#"), st.characters(exclude_categories=["Cs"])),
    max_size=300,
)


def words(text: str) -> int:
    return len(text.split())


def grudging(text: str) -> int:
    """A counter whose parts do not add up: the whole costs more than its sentences."""
    return len(text.split()) + len(text) // 40


COUNTERS = st.sampled_from([words, len, estimate_tokens, grudging])


@given(TEXTS, st.integers(4, 60), COUNTERS)
def test_nothing_is_lost_and_every_chunk_fits(text: str, tokens: int, count: Callable[[str], int]) -> None:
    chunks = chunk_text(text, tokens=tokens, count_tokens=count).chunks
    place = 0
    for chunk in chunks:
        assert not text[place : chunk.start].strip()
        assert chunk.text.strip() == text[chunk.start : chunk.end].strip()
        assert chunk.tokens == count(chunk.text) <= tokens
        place = chunk.end
    assert not text[place:].strip()


@given(TEXTS, st.integers(4, 40), st.data(), COUNTERS)
def test_with_overlap_too(text: str, tokens: int, data: st.DataObject, count: Callable[[str], int]) -> None:
    overlap = data.draw(st.integers(0, tokens - 1))
    chunks = chunk_text(text, tokens=tokens, overlap=overlap, count_tokens=count).chunks
    end = 0
    for chunk in chunks:
        assert chunk.end > end
        assert count(text[chunk.start : end].strip()) <= overlap
        assert not text[end : max(end, chunk.start)].strip()
        assert chunk.tokens <= tokens
        end = chunk.end
    assert not text[end:].strip()


def sentence(number: int, length: int = 5) -> str:
    return " ".join([f"S{number}", *["word"] * (length - 2), "end."])


def test_sentences_are_kept_whole_where_they_fit() -> None:
    text = " ".join(sentence(number) for number in range(10))
    result = chunk_text(text, tokens=12, count_tokens=words)
    assert [chunk.tokens for chunk in result.chunks] == [10] * 5
    assert all(chunk.text.endswith("end.") and chunk.text.startswith("S") for chunk in result.chunks)
    assert result.split_sentences == 0


def test_the_overlap_is_whole_sentences_of_the_chunk_before() -> None:
    text = " ".join(sentence(number) for number in range(6))
    chunks = chunk_text(text, tokens=15, overlap=6, count_tokens=words).chunks
    assert [re.findall(r"S\d", chunk.text) for chunk in chunks] == [
        ["S0"],
        ["S0", "S1"],
        ["S1", "S2"],
        ["S2", "S3"],
        ["S3", "S4"],
        ["S4", "S5"],
    ]


def test_a_sentence_longer_than_the_budget_is_cut_between_words_and_counted() -> None:
    result = chunk_text(sentence(0, 25) + " " + sentence(1), tokens=10, count_tokens=words)
    assert result.split_sentences == 1
    assert sum(chunk.tokens for chunk in result.chunks) == 30
    assert " ".join(chunk.text for chunk in result.chunks) == sentence(0, 25) + " " + sentence(1)


def test_a_word_longer_than_the_budget_is_cut_between_characters() -> None:
    result = chunk_text("東" * 25, tokens=10, count_tokens=len)
    assert [len(chunk.text) for chunk in result.chunks] == [10, 10, 5]
    assert result.split_sentences == 1


def test_a_huge_word_does_not_take_forever() -> None:
    calls = 0

    def counted(text: str) -> int:
        nonlocal calls
        calls += 1
        return len(text)

    chunk_text("x" * 20_000, tokens=200, count_tokens=counted)
    assert calls < 20_000 / 200 * 40


def test_a_code_block_that_fits_is_not_cut() -> None:
    code = "```py\na = 1\n\nb = 2. C\n```"
    result = chunk_text(f"{sentence(0)}\n\n{code}\n\n{sentence(1)}", tokens=9, count_tokens=words)
    assert code in [chunk.text for chunk in result.chunks]


def test_a_code_block_that_does_not_fit_is_cut_at_line_ends() -> None:
    lines = [f"    call {number} ok" for number in range(8)]
    result = chunk_text("```\n" + "\n".join(lines) + "\n```", tokens=10, count_tokens=words)
    assert [line for chunk in result.chunks for line in chunk.text.split("\n")] == ["```", *lines, "```"]
    assert result.split_sentences == 1


def test_a_short_tail_shares_evenly_with_its_neighbour() -> None:
    text = " ".join(sentence(number) for number in range(9))
    assert [chunk.tokens for chunk in chunk_text(text, tokens=40, count_tokens=words).chunks] == [25, 20]


def test_white_space_alone_gives_no_chunk() -> None:
    assert chunk_text(" \n\n\t", tokens=10, count_tokens=words).chunks == ()


@pytest.mark.parametrize("overlap", [-1, 10, 11])
def test_an_overlap_that_leaves_no_room_is_refused(overlap: int) -> None:
    with pytest.raises(ValueError, match=f"overlap is {overlap}, expected 0 to 9"):
        chunk_text("x", tokens=10, overlap=overlap, count_tokens=words)


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("word", 1), ("ibuprofen", 3), ("a, b", 3), ("東京", 2)]
)
def test_the_estimate_counts_letters_in_fours(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens
