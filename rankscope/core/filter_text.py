"""How a metadata value is spelled in a filter, so that ``year=2024`` finds what a file calls 2024.0."""

from __future__ import annotations

import json
import re

__all__ = ["filter_text", "wanted_texts"]

_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
_LONGEST = 100_000
"""Characters up to which a filter is read as a list; longer ones are taken as plain text."""


def filter_text(value: str | float | bool) -> str:
    """Text as it is, ``true`` and ``false``, and whole numbers without a point.

    A column of whole numbers in which one is missing is read as floats by pandas and others.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def wanted_texts(wanted: str) -> frozenset[str]:
    """Values that meet a recorded filter: any of a list written as JSON, else the text in its spellings.

    Programs write ``2024.0`` and ``True`` where the index has ``2024`` and ``true``. Empty for what no
    value can be held against: conditions such as ``{"$gte": 2020}``, nothing, lists in another notation.
    """
    if wanted[:1] + wanted[-1:] in ("[]", "{}") and len(wanted) <= _LONGEST:
        try:
            read = json.loads(wanted)
        except (ValueError, RecursionError):
            return frozenset()
        items = read if isinstance(read, list) else []
        known = [item for item in items if isinstance(item, str | int | float)]
        return frozenset(text for item in known for text in _spellings(filter_text(item)))
    return _spellings(wanted)


def _spellings(text: str) -> frozenset[str]:
    whole = _WHOLE.fullmatch(text)
    other = whole[1] if whole else text.lower() if text in ("True", "False") else text
    return frozenset((text, other))
