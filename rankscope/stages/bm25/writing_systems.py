"""Unicode for the tokenizer: one spelling for equal text, and which characters make up a word.

Python's ``\\w`` leaves out combining marks, without which words of Devanagari, Thai or vowelled Arabic fall
apart, and it takes a whole Chinese sentence for one word. The classes here put both right.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache

__all__ = ["CONTINUOUS_ASIAN", "EMOJI", "UNSPACED_ALPHABETS", "combining_marks", "fold", "normalize"]

CONTINUOUS_ASIAN = (
    r"\u1100-\u11ff\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u3131-\u318e"
    r"\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Han, kana, bopomofo and Hangul, as the inside of a character class."""
UNSPACED_ALPHABETS = r"\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u109f\u1780-\u17d3"
"""Thai, Lao, Burmese and Khmer letters and signs, written without spaces between words."""
EMOJI = r"\u2600-\u27bf\U0001f300-\U0001faff"

_INVISIBLE = re.compile("[\u00ad\u0640\u200c-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")
_FRACTION = re.compile("([\u00bc-\u00be\u2150-\u215f])")
_PUNCTUATION = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u2010": "-", "\u2011": "-"})
_OPTIONAL_MARKS = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670\u06d6-\u06ed]+"
)
_LETTERS = str.maketrans(
    {
        "ı": "i",
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "æ": "ae",
        "œ": "oe",
        "ى": "ي",
        "ة": "ه",
        "ی": "ي",
        "ک": "ك",
    }
)


def normalize(text: str) -> str:
    """NFKC, without soft hyphens, joiners, bidi controls and the like, which nobody types into a query.

    A vulgar fraction is set apart first: NFKC alone would turn 6½ into the number 61 over 2.
    """
    text = _INVISIBLE.sub("", text)
    text = unicodedata.normalize("NFKC", _FRACTION.sub(r" \1 ", text))
    return text.translate(_PUNCTUATION)


def fold(word: str) -> str:
    """Casefold, drop optional marks, and spell variant letters and digits one way.

    Accents, Hebrew points and Arabic vowel signs are dropped because queries are often typed without
    them; marks that make another letter (Devanagari vowels, Japanese voicing) stay.
    """
    word = _OPTIONAL_MARKS.sub("", unicodedata.normalize("NFD", word.casefold())).translate(_LETTERS)
    word = unicodedata.normalize("NFC", word)
    if any(letter.isdecimal() and not letter.isascii() for letter in word):
        word = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in word)
    return word


@cache
def combining_marks() -> str:
    """Every combining mark of the two planes that hold living scripts, as the inside of a character class."""
    marks = [
        point for point in range(min(0x20000, sys.maxunicode)) if unicodedata.category(chr(point))[0] == "M"
    ]
    runs: list[list[int]] = []
    for point in marks:
        if runs and runs[-1][1] == point - 1:
            runs[-1][1] = point
        else:
            runs.append([point, point])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in runs)
