"""Text to BM25 terms: identifiers, inflection, writing systems, hostile input."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.stages.bm25.plural import singular
from rankscope.stages.bm25.stop_words import STOP_WORDS
from rankscope.stages.bm25.tokenizer import tokenize
from rankscope.stages.bm25.writing_systems import combining_marks


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("ERR-4012", ["err-4012", "err4012", "err", "4012"]),
        ("A10G", ["a10g", "10"]),
        ("RSA-2023-0117", ["rsa-2023-0117", "rsa20230117", "rsa", "2023", "0117"]),
        ("v2.1", ["v2.1", "2.1", "v2"]),
        ("v2.1.3", ["v2.1.3", "2.1.3", "2.1", "v2"]),
        ("cl. 9.2.1", ["cl", "9.2.1", "9.2"]),
        ("max_retry_count", ["max_retry_count", "max", "retry", "count"]),
        ("__init__", ["init"]),
        ("getUserName", ["getusername", "get", "user", "name"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("os.path.join", ["os.path.join", "os", "path", "join"]),
        ("500mg", ["500mg", "500", "mg"]),
        ("1,000,000", ["1000000"]),
        ("C++ or C#", ["c++", "c#"]),
        ("2024-01-31", ["2024-01-31", "20240131", "2024", "01", "31"]),
    ],
)
def test_identifiers_are_kept_whole_and_in_parts(text: str, terms: list[str]) -> None:
    assert tokenize(text) == terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ERR-4012", "err4012"),
        ("ERR-4012", "ERR 4012"),
        ("version 2.1", "v2.1"),
        ("e-mail", "email"),
        ("the doses for children's fever", "dose fever"),
        ("naïve café", "naive cafe"),
        ("STRASSE", "Straße"),
        ("٢٠٢٣", "2023"),
        ("خَيْرُ", "خير"),
        ("ＥＲＲ－４０１２", "err-4012"),
        ("co\u00adoperate", "cooperate"),
        ("O’Reilly", "O'Reilly"),
        ("U.S.A.", "USA"),
    ],
)
def test_spellings_of_one_thing_share_a_term(one: str, other: str) -> None:
    assert set(tokenize(one)) & set(tokenize(other))


def test_function_words_are_left_out_and_negations_kept() -> None:
    assert tokenize("this is not without the risk") == ["not", "without", "risk"]
    assert {"no", "not", "without", "can", "must"}.isdisjoint(STOP_WORDS)
    assert tokenize("who is it") == []


@pytest.mark.parametrize(
    ("plural", "word"),
    [
        ("bodies", "body"),
        ("ties", "tie"),
        ("classes", "class"),
        ("batches", "batch"),
        ("caches", "cache"),
        ("doses", "dose"),
        ("analysis", "analysis"),
        ("status", "status"),
        ("access", "access"),
        ("gas", "gas"),
        ("x86s", "x86s"),
        ("dose", "dose"),
    ],
)
def test_only_the_plural_ending_is_removed(plural: str, word: str) -> None:
    assert singular(plural) == word


def test_chinese_gives_characters_and_bigrams() -> None:
    assert tokenize("東京都") == ["東", "京", "都", "東京", "京都"]
    assert tokenize("用Python3写") == ["用", "python3", "python", "写"]


def test_a_word_inside_unspaced_thai_shares_terms_with_its_sentence() -> None:
    assert set(tokenize("ยา")) <= set(tokenize("ภาษาไทยยา"))
    assert set(tokenize("ภาษา")) <= set(tokenize("เรียนภาษาไทย"))


def test_devanagari_words_stay_whole() -> None:
    assert tokenize("हिन्दी में") == ["हिन्दी", "में"]


def test_a_fraction_does_not_run_into_its_number() -> None:
    assert "61" not in tokenize("6½")


def test_every_combining_mark_of_the_interpreter_is_known() -> None:
    import re

    pattern = re.compile(f"[{combining_marks()}]")
    points = [chr(point) for point in range(0x20000)]
    assert [c for c in points if bool(pattern.match(c)) != (unicodedata.category(c)[0] == "M")] == []


@given(st.text())
def test_any_text_gives_clean_terms(text: str) -> None:
    terms = tokenize(text)
    assert all(terms)
    assert not any(character.isspace() or character in "\0\x1b" for term in terms for character in term)
    assert terms == tokenize(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_composed_and_decomposed_text_give_the_same_terms(text: str) -> None:
    assert tokenize(unicodedata.normalize("NFC", text)) == tokenize(unicodedata.normalize("NFD", text))


@given(st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True)))
def test_plain_words_are_terms_one_by_one(words: list[str]) -> None:
    assert tokenize(" ".join(words)) == [term for word in words for term in tokenize(word)]
    assert len(tokenize(" ".join(words))) == sum(word not in STOP_WORDS for word in words)


def test_lone_surrogates_and_control_characters_separate_words() -> None:
    assert tokenize("one\ud800two\0three\x1b[31mfour") == ["one", "two", "three", "31mfour", "31", "mfour"]


def test_a_long_run_is_linear() -> None:
    assert len(tokenize("1." * 50_000 + "1")) < 20
    assert len(tokenize("東" * 20_000)) == 39_999
    assert sys.getsizeof(tokenize("-".join(["x1"] * 20_000))) < 1_000_000
