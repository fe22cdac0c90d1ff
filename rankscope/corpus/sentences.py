"""Sentence ends in running text, in any script that marks them.

Rules, not a model: a full stop, question or exclamation mark ends a sentence where white space and no
lower-case letter follows, unless it belongs to an abbreviation or an initial; Chinese, Japanese, Devanagari,
Khmer, Burmese and Ethiopic marks end one by themselves; so do a blank line and the start of a list item or
table row.
"""

from __future__ import annotations

import re

__all__ = ["sentence_spans"]

_TITLES = """
al approx ca cf co corp dept dr eg esp gen gov hon ie inc jr lt ltd messrs mr mrs ms prof rep rev sen sgt sr
st viz vs
"""
_NUMBERED = """
abs app apr art arts aug ch chap cl col dec eq eqs ext feb fig figs fn jan jul jun mar no nos nov nr oct op p
para paras pg pp pt pts ref refs sch sec secs sep sept subsec tab tel v ver vol vols
"""
_ABBREVIATIONS = frozenset(_TITLES.split())
_BEFORE_NUMBERS = frozenset(_NUMBERED.split())
_END = re.compile(
    r"""
      (?P<break>\n[ \t\r]*\n\s*)
    | (?P<item>\n(?=[ \t]*(?:[-*+•|]|\d{1,3}[.)])[ \t]))
    | (?P<mark>(?:(?P<stop>\.)|[!?؟۔…]|\.{2,})(?P<closing>[!?.…)\]"'”’»*_]*)\s+)
    | [。！？｡।॥។။።]+[」』）〉》”’"')]*\s*
    """,
    re.VERBOSE,
)
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘«]*\Z")
_LOOK_BACK = 40


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Half-open ranges that cover the whole text, each a sentence with the white space after it."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match["mark"] and not _ends_sentence(text, start, match):
            continue
        if text[start : match.end()].strip():
            spans.append((start, match.end()))
            start = match.end()
    if start < len(text):
        if text[start:].strip() or not spans:
            spans.append((start, len(text)))
        else:
            spans[-1] = (spans[-1][0], len(text))
    return spans


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether a mark with white space after it ends a sentence."""
    following = text[match.end() : match.end() + 1]
    if following.islower():
        return False
    if not match["stop"] or match["closing"]:
        return True
    word = _WORD_BEFORE.search(text, max(start, match.start() - _LOOK_BACK), match.start())
    before = word.group() if word else ""
    if before.isdecimal():  # the number of a list item, at the start of its line
        return bool(text[start : match.start() - len(before)].strip())
    if len(before) == 1:  # an initial
        return not before.isupper()
    if "." in before and all(len(part) <= 1 for part in before.split(".")):  # e.g, U.S
        return False
    short = before.lower().strip(".")
    return short not in _ABBREVIATIONS and not (short in _BEFORE_NUMBERS and following.isdecimal())
