"""Hostile text to visible glyphs, for display only: what is stored is never changed.

Documents, queries and imported traces may hold escape sequences, bidirectional overrides, zero-width
characters and other code points that move the cursor, reorder a line or hide text. :func:`visible` gives
each of them a glyph of its own place, so the reader sees that something is there and the terminal sees
only printable characters.

The guarantee: one code point in, one code point out. ``len(visible(text)) == len(text)``, so offsets into
the text (highlights, token spans) stay right; and ``visible(visible(text)) == visible(text)``.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["cell_width", "one_line", "pad", "visible"]

HIDDEN = "␦"
"""Stands for an invisible character that has no control picture of its own."""
UNDECODABLE = "�"
"""Stands for a lone surrogate or a noncharacter."""
STRAY_MARK = "◌"
"""Stands for a combining mark without a base, or beyond the limit of a stack."""
MAX_MARKS = 4
"""Most combining marks on one base; pointed Hebrew needs four."""

_GLYPHS: dict[str, str] = {
    **{chr(code): chr(0x2400 + code) for code in range(0x20)},
    "\t": " ",
    "\x7f": "␡",
    "\x85": "␤",
    "\u2028": "␤",
    "\u2029": "␤",
    # Left-to-right and right-to-left marks, embeddings, overrides and isolates, and what ends them.
    **dict.fromkeys("\u200e\u202a\u202d\u2066", "⇨"),
    **dict.fromkeys("\u200f\u061c\u202b\u202e\u2067", "⇦"),
    **dict.fromkeys("\u2068\u202c\u2069", "⇩"),
    "\u200b": "␣",
}
# Default_Ignorable_Code_Point of Unicode where the category alone (Cf) does not tell, and blank braille.
_INVISIBLE = frozenset(
    map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2065, 0x2800, 0x3164, 0xFFA0))
)
# Format characters that have a shape: Arabic, Syriac and Kaithi number and abbreviation signs.
_SHAPED_FORMATS = frozenset(
    map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD))
)
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_PLAIN_RANGES = (
    r"\x20-\x7e\xa1-\xac\xae-\u02ff\u0370-\u0482\u2010-\u2027\u3041-\u3096\u4e00-\u9fff\uac00-\ud7a3"
)
_PLAIN = re.compile(f"[{_PLAIN_RANGES}]*")
_PLAIN_LINES = re.compile(f"[{_PLAIN_RANGES}\n]*")


def visible(text: str, *, keep_newlines: bool = False) -> str:
    """Text that is safe to print: every control, bidi, invisible or undecodable character as a glyph.

    C0 and DEL become their control pictures (ESC is ``␛``), a tab one space, other C1 and hidden
    characters ``␦``, bidi controls ``⇨ ⇦ ⇩``, line separators ``␤``, a zero-width space ``␣``, lone
    surrogates and noncharacters ``�``, combining marks past the fourth ``◌``. CJK, emoji (with joiners,
    skin tones and variation selectors) and joiners inside Arabic and Indic words stay. With
    ``keep_newlines`` a line feed stays, and a carriage return right before it becomes a space.
    Length and offsets are kept.
    """
    plain = _PLAIN_LINES if keep_newlines else _PLAIN
    if plain.fullmatch(text):
        return text
    shown: list[str] = []
    marks = 0
    for place, char in enumerate(text):
        if char == "\n" and keep_newlines:
            glyph = char
        elif char == "\r" and keep_newlines and text[place + 1 : place + 2] == "\n":
            glyph = " "
        elif " " <= char <= "~":
            glyph = char
        else:
            before = shown[-1] if shown else ""
            glyph = _glyph(char, before, text[place + 1 : place + 2], marks)
        marks = marks + 1 if _is_mark(glyph) else 0
        shown.append(glyph)
    return "".join(shown)


def _glyph(char: str, before: str, after: str, marks: int) -> str:
    """What stands for one character beyond printable ASCII; ``before`` is what was shown last."""
    known = _GLYPHS.get(char)
    if known is not None:
        return known
    code = ord(char)
    if _is_selector(code):
        return char if _selects(code, before) else HIDDEN
    if char in (_ZWJ, _ZWNJ):
        return char if _joins(char, before, after) else HIDDEN
    if char in _INVISIBLE or 0xFFF0 <= code <= 0xFFF8 or 0xE0000 <= code <= 0xE0FFF:
        return HIDDEN
    if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF:
        return UNDECODABLE
    category = unicodedata.category(char)
    if category == "Cs":
        return UNDECODABLE
    if category == "Cc" or (category == "Cf" and char not in _SHAPED_FORMATS):
        return HIDDEN
    if category in ("Mn", "Me") and (marks >= MAX_MARKS or before in ("", "\n")):
        return STRAY_MARK
    return char


def _is_mark(char: str) -> bool:
    return char > "\u02ff" and unicodedata.category(char) in ("Mn", "Me")


def _is_selector(code: int) -> bool:
    return 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF


def _selects(code: int, before: str) -> bool:
    """Whether a variation selector follows a character that it can select a form of."""
    if before in "0123456789#*":  # keycaps; also the empty string, at the start
        return bool(before) and code in (0xFE0E, 0xFE0F)
    if before in _GLYPHS.values() or before in (HIDDEN, UNDECODABLE, STRAY_MARK):
        return False
    category = unicodedata.category(before)
    if code in (0xFE0E, 0xFE0F):
        return category in ("So", "Sm", "Po", "Sk") and ord(before) > 0x7F
    return category in ("Lo", "Sm")


def _joins(char: str, before: str, after: str) -> bool:
    """Whether a joiner stands inside an emoji sequence or a word of a script that uses joiners."""
    if not before or not after:
        return False
    if _uses_joiners(before) and _uses_joiners(after) and unicodedata.category(after) != "Mn":
        return True
    return char == _ZWJ and (_is_emoji(before) or before == "\ufe0f") and _is_emoji(after)


def _uses_joiners(char: str) -> bool:
    """A letter or mark of Arabic, Syriac or an Indic script."""
    return "\u0620" <= char <= "\u109f" and unicodedata.category(char) in ("Lo", "Lm", "Mc", "Mn")


def _is_emoji(char: str) -> bool:
    return "\U0001f300" <= char <= "\U0001faff" or "\u2600" <= char <= "\u27bf" or char in "♀♂⬛↔↕"


def cell_width(text: str) -> int:
    """Terminal cells that sanitized text takes: 2 for East Asian wide characters, 0 for marks."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(char: str) -> int:
    if " " <= char <= "~":
        return 1
    if unicodedata.category(char) in ("Mn", "Me") or char in (_ZWJ, _ZWNJ):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def one_line(text: str, width: int | None = None) -> str:
    """Visible text on one line, white space runs as one space, cut to ``width`` cells with an ellipsis.

    Offsets are not kept here; use :func:`visible` where they matter.
    """
    if width is not None:
        # Nothing past this many characters can still be shown, unless white space or marks crowd it out.
        text = text[: max(4096, 16 * width)] + ("…" if len(text) > max(4096, 16 * width) else "")
    shown = visible(re.sub(r"[ \t\r\n\u2028\u2029]+", " ", text).strip(" "))
    if width is None or cell_width(shown) <= width:
        return shown
    if width < 1:
        return ""
    room = width - 1
    end = 0
    for char in shown:
        room -= _cells(char)
        if room < 0:
            break
        end += 1
    return shown[:end].rstrip(" ") + "…"


def pad(text: str, width: int, *, right: bool = False) -> str:
    """:func:`one_line` filled with spaces to exactly ``width`` cells; ``right`` aligns to the right."""
    shown = one_line(text, width)
    space = " " * (width - cell_width(shown))
    return space + shown if right else shown + space
