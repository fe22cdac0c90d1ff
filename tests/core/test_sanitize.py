"""Sanitized text holds nothing that a terminal obeys, keeps its length, and keeps honest text as it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.core.sanitize import MAX_MARKS, cell_width, one_line, pad, visible

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ZERO_WIDTH = "\u00ad\u034f\u115f\u1160\u180e\u200b\u2060\u2061\u2062\u2063\u2064\u3164\ufeff\uffa0"
EVERYTHING = st.characters(codec=None)
NASTY = st.sampled_from(
    [chr(code) for code in range(0xA0)]
    + list(BIDI + ZERO_WIDTH)
    + ["\u200c", "\u200d", "\ufe0f", "\ufe0e", "\ufe00", "\U000e0100", "\U000e0041", "\u2028", "\u2029"]
    + ["\ud800", "\udfff", "\uffff", "\ufdd0", "\U0010ffff", "\u0301", "\u20e3", "\u0903", "क", "ی", "漢"]
    + ["👩", "🔥", "❤", "🏽", "1", "a", " ", "␛", "⇦", "…", "◌"]
)
hostile_text = st.text(alphabet=st.one_of(EVERYTHING, NASTY, NASTY), max_size=60)


def is_obeyed(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in BIDI or char in ZERO_WIDTH


@given(hostile_text)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert not [char for char in visible(text) if is_obeyed(char)]


@given(hostile_text)
def test_with_newlines_kept_only_they_are_left(text: str) -> None:
    shown = visible(text, keep_newlines=True)
    assert {char for char in shown if is_obeyed(char)} <= {"\n"}
    assert [i for i, char in enumerate(shown) if char == "\n"] == [
        i for i, char in enumerate(text) if char == "\n"
    ]


@given(hostile_text, st.booleans())
def test_length_is_kept_and_a_second_pass_changes_nothing(text: str, keep: bool) -> None:
    shown = visible(text, keep_newlines=keep)
    assert len(shown) == len(text)
    assert visible(shown, keep_newlines=keep) == shown


@given(hostile_text)
def test_what_is_shown_can_be_encoded(text: str) -> None:
    assert visible(text).encode("utf-8").decode("utf-8") == visible(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ibuprofen oral suspension, 10 mg/kg – “per dose” … [/b] [@click=app.quit]",
        "漢字とかな 한국어",
        "naïve café, Zürich",
        "cafe\u0301",
        "שָׁלוֹם עֲלֵיכֶם",
        "می\u200cخواهم",
        "क्\u200dष",
        "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 👍🏽 1\ufe0f\u20e3 🇩🇪",
        "葛\U000e0100城市",
    ],
)
def test_honest_text_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b]8;;http://x\x07", "␛[31mred␛]8;;http://x␇"),
        ("a\0b\x7fc", "a␀b␡c"),
        ("\x9b31m", "␦31m"),
        ("a\r\nb\tc", "a␍␊b c"),
        ("user\u202egnp.exe\u202c", "user⇦gnp.exe⇩"),
        ("pass\u200bword", "pass␣word"),
        ("so\u00adft", "so␦ft"),
        ("hi\U000e0041\U000e0042", "hi␦␦"),
        ("\ud800x\uffff", "�x�"),
        ("a\u2028b", "a␤b"),
        ("a\u200db", "a␦b"),
        ("a\ufe0f\ufe0f", "a␦␦"),
        ("❤\ufe0f\ufe0f", "❤\ufe0f␦"),
        ("\u0301a", "◌a"),
    ],
)
def test_hostile_text_becomes_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_stack_of_marks_is_limited() -> None:
    assert visible("a" + "\u0301" * 9) == "a" + "\u0301" * MAX_MARKS + "◌" + "\u0301" * MAX_MARKS


def test_newlines_are_kept_on_request_and_windows_ends_are_quiet() -> None:
    assert visible("a\r\nb\rc\n", keep_newlines=True) == "a \nb␍c\n"


@given(hostile_text, st.integers(min_value=0, max_value=30))
def test_one_line_fits_its_width(text: str, width: int) -> None:
    shown = one_line(text, width)
    assert cell_width(shown) <= width
    assert not [char for char in shown if is_obeyed(char)]
    assert one_line(shown, width) == shown
    assert cell_width(pad(text, width)) == width
    assert cell_width(pad(text, width, right=True)) == width


def test_one_line_cuts_between_cells() -> None:
    assert one_line("a\n\n  b\tc") == "a b c"
    assert one_line("漢字かな", 8) == "漢字かな"
    assert one_line("漢字かな", 7) == "漢字か…"
    assert one_line("漢字かな", 6) == "漢字…"
    assert one_line("abc def", 5) == "abc…"
    assert one_line("x" * 100_000, 3) == "xx…"
    assert one_line(" " * 100_000 + "x", 3) == "…"


def test_pad_aligns_by_cells() -> None:
    assert pad("漢", 4) == "漢  "
    assert pad("1", 3, right=True) == "  1"
