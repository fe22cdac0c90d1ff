"""Filters on metadata as people type them."""

from __future__ import annotations

from collections.abc import Iterable

from rankscope.errors import SettingsError

__all__ = ["parse_filters"]


def parse_filters(parts: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping. Raises SettingsError for any other, and for a key given twice."""
    filters: dict[str, str] = {}
    for part in parts:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or not value:
            raise SettingsError(f"the filter {part.strip()!r:.80} is not KEY=VALUE, such as year=2024.")
        if key in filters:
            raise SettingsError(f"the filter names {key!r:.80} twice; give each key once.")
        filters[key] = value
    return filters
