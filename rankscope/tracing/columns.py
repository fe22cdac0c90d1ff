"""Text in SQLite columns: as it is wherever UTF-8 can hold it, else as ``json:"..."``.

A lone surrogate cannot be stored in a text column. Such text (and, so that nothing is ambiguous, text that
itself starts with ``json:"``) is written as JSON with escapes; any SQL tool can read the column, and the
store gives back exactly what was put in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

__all__ = ["from_column", "to_column", "to_columns"]

_MARK = 'json:"'


def to_column(text: str) -> str:
    """The text as a column holds it."""
    if text.startswith(_MARK):
        return "json:" + json.dumps(text)
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return "json:" + json.dumps(text)
    return text


def to_columns(texts: Sequence[str]) -> Sequence[str]:
    """:func:`to_column` of each, checked together where all is plain ASCII, as ids mostly are."""
    joined = "\0".join(texts)
    return texts if joined.isascii() and _MARK not in joined else list(map(to_column, texts))


def from_column(stored: str) -> str:
    """The text that :func:`to_column` was given. Text that merely looks escaped is returned as it is."""
    if not stored.startswith(_MARK):
        return stored
    try:
        text = json.loads(stored[len("json:") :])
    except ValueError:  # written by another tool
        return stored
    return text if isinstance(text, str) else stored
