"""Checks of parsed JSON, each raising a TraceError that names the value's path and what was expected."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from rankscope.core.scales import ScoreScale
from rankscope.errors import TraceError

__all__ = [
    "LARGEST",
    "finite",
    "key_path",
    "list_at",
    "mapping_at",
    "number_at",
    "optional_text_at",
    "scale_at",
    "shown",
    "table_at",
    "text_at",
    "texts_at",
    "whole_at",
]

LARGEST = 2**53
"""Whole numbers beyond this do not survive every JSON reader."""
_SCALES: dict[str, ScoreScale] = {scale.value: scale for scale in ScoreScale}


def shown(value: Any) -> str:
    """A value as an error message quotes it: short, escaped, or the word missing."""
    return "missing" if value is None else f"{value!r:.60}"


def key_path(name: str) -> str:
    """A key as a path spells it: bare where it is a word, quoted and escaped otherwise."""
    return name if name.isidentifier() else f"[{name!r:.60}]"


def table_at(data: Any, where: str, known: Collection[str]) -> Mapping[str, Any]:
    """``data`` as an object that has only ``known`` keys; a key that would be lost is an error."""
    if not isinstance(data, dict):
        raise TraceError(f"{where or 'the trace'} is {shown(data)}, expected an object.")
    for key in data:
        if key not in known:
            name = f"{where}.{key_path(key)}" if where else key_path(key)
            raise TraceError(f"{name} is not a known key.", remedy=f"Known: {', '.join(sorted(known))}.")
    return data


def text_at(table: Mapping[str, Any], key: str, prefix: str, default: str | None = None) -> str:
    """The text under ``key``; required unless a default is given."""
    value = table.get(key, default)
    if not isinstance(value, str):
        raise TraceError(f"{prefix}{key} is {shown(value)}, expected text.")
    return value


def optional_text_at(table: Mapping[str, Any], key: str, prefix: str) -> str | None:
    """The text under ``key``, None where it is null or absent."""
    return None if table.get(key) is None else text_at(table, key, prefix)


def list_at(table: Mapping[str, Any], key: str, prefix: str, *, required: bool = False) -> list[Any]:
    """The list under ``key``, empty where it is absent and not required."""
    value = table.get(key) if required else table.get(key, [])
    if not isinstance(value, list):
        raise TraceError(f"{prefix}{key} is {shown(value)}, expected a list.")
    return value


def texts_at(table: Mapping[str, Any], key: str, prefix: str) -> tuple[str, ...]:
    """The list of texts under ``key``, empty where it is absent."""
    values = list_at(table, key, prefix)
    for place, value in enumerate(values):
        if not isinstance(value, str):
            raise TraceError(f"{prefix}{key}[{place}] is {shown(value)}, expected text.")
    return tuple(values)


def mapping_at(table: Mapping[str, Any], key: str, prefix: str) -> dict[str, Any]:
    """The object under ``key``, empty where it is absent."""
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise TraceError(f"{prefix}{key} is {shown(value)}, expected an object.")
    return value


def whole_at(table: Mapping[str, Any], key: str, prefix: str, least: int = 0) -> int | None:
    """The whole number under ``key``, None where it is null or absent."""
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST:
        raise TraceError(f"{prefix}{key} is {shown(value)}, expected a whole number from {least}.")
    return value


def number_at(table: Mapping[str, Any], key: str, prefix: str) -> float | None:
    """The finite number under ``key``, None where it is null or absent."""
    value = table.get(key)
    return None if value is None else finite(value, f"{prefix}{key}", "a finite number")


def finite(value: Any, where: str, expected: str) -> float:
    """``value`` as a finite float; booleans are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TraceError(f"{where} is {shown(value)}, expected {expected}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise TraceError(f"{where} is {shown(value)}, expected {expected}.")
    return number


def scale_at(table: Mapping[str, Any], prefix: str) -> ScoreScale:
    """The score scale under ``score_scale``, which is required."""
    value = table.get("score_scale")
    scale = _SCALES.get(value) if isinstance(value, str) else None
    if scale is None:
        raise TraceError(
            f"{prefix}score_scale is {shown(value)}, expected one of {', '.join(_SCALES)}.",
            remedy="Write unknown where the source did not say.",
        )
    return scale
