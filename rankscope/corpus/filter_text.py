"""How a metadata value is spelled in a filter, so that ``year=2024`` finds what a file calls 2024.0."""

from __future__ import annotations

__all__ = ["filter_text"]


def filter_text(value: str | float | bool) -> str:
    """Text as it is, ``true`` and ``false``, and whole numbers without a point.

    A column of whole numbers in which one is missing is read as floats by pandas and others.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
