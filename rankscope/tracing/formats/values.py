"""Values of foreign records as RankScope needs them: numbers, ids, moments, texts. Nothing is guessed."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

__all__ = ["as_id", "as_mapping", "as_moment", "as_number", "as_rank", "as_text", "plain"]

_LARGEST = 2**53
_ZONES = {"UTC": "Z", "GMT": "Z", "EST": "-05:00", "EDT": "-04:00", "CST": "-06:00", "CDT": "-05:00"}
_ZONES |= {
    "MST": "-07:00",
    "MDT": "-06:00",
    "PST": "-08:00",
    "PDT": "-07:00",
    "CET": "+01:00",
    "CEST": "+02:00",
}
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))


def as_number(value: Any) -> float | None:
    """A finite number, also from text such as ``"0.87"``; None for anything else, NaN included."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, list) and len(value) == 1:
        return as_number(value[0])
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_rank(value: Any) -> int | None:
    """A whole number from 0, also from text or a whole float; None for anything else."""
    if isinstance(value, str) and value.strip().startswith("#"):
        value = value.strip()[1:]
    number = as_number(value)
    if number is None or number != int(number) or not 0 <= number <= _LARGEST:
        return None
    return int(number)


def as_id(value: Any) -> str | None:
    """A document or query id as text; None for null, empty text and NaN."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        # A column of whole numbers with a gap in it comes out of data frames as floats.
        return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)
    if isinstance(value, dict | list):
        return json.dumps(plain(value), ensure_ascii=False, sort_keys=True)
    return str(value)


def as_text(value: Any) -> str:
    """Text as it is; numbers written out; lists of text joined; empty for what is none of these."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, float) and math.isnan(value):
        return ""
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        parts = [item if isinstance(item, str) else _text_part(item) for item in value]
        return "\n".join(part for part in parts if part)
    return ""


def _text_part(item: Any) -> str:
    """The text of one part of a chat message's content."""
    return as_text(item.get("text")) if isinstance(item, dict) else ""


def as_mapping(value: Any) -> dict[str, Any]:
    """A mapping, also from its JSON text; empty for anything else."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return plain(value) if isinstance(value, dict) else {}


def as_moment(value: Any) -> datetime | None:
    """A moment in UTC from ISO 8601 or mail text, or from a count of s, ms, µs or ns since 1970.

    A time without a zone is taken as UTC. None where the value is none of these.
    """
    if isinstance(value, datetime):
        return _utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    number = as_number(value)
    if number is not None:
        return _since_epoch(number)
    if not isinstance(value, str) or not value.strip():
        return None
    text = value.strip().replace(",", ".", 1) if value[:4].isdigit() else value.strip()
    stamp, _, zone = text.rpartition(" ")
    if zone in _ZONES:
        text = f"{stamp}{_ZONES[zone]}"
    try:
        return _utc(datetime.fromisoformat(text))
    except ValueError:
        pass
    try:
        return _utc(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _since_epoch(number: float) -> datetime | None:
    for least, per_second in _UNITS:
        if number >= least:
            try:
                return datetime.fromtimestamp(number / per_second, UTC)
            except (ValueError, OverflowError, OSError):
                return None
    return None


def _utc(moment: datetime) -> datetime | None:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON can hold it: keys as text, moments as ISO text, bytes decoded, NaN as text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth > 60:
        return repr(value)
    if isinstance(value, dict):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
