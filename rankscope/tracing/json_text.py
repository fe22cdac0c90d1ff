"""JSON text and time stamps as traces write them: compact, lossless, safe to print."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rankscope.errors import TraceError

__all__ = ["format_time", "parse_time", "to_json_text"]

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
# What a terminal obeys, what deceives, and what UTF-8 cannot hold. JSON leaves these raw.
_ESCAPED = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)


def to_json_text(value: Any, name: str = "value") -> str:
    """``value`` as one line of JSON that UTF-8 can encode and a terminal can show.

    Controls, bidi and zero-width characters and lone surrogates are written as ``\\u`` escapes, so the
    same value comes back. Raises TraceError that names the key, below ``name``, which JSON cannot hold.
    """
    try:
        line = _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise TraceError(_complaint(value, name) or f"{name} cannot be written as JSON: {error}.") from error
    return line if line.isascii() else _ESCAPED.sub(_escape, line)


def _escape(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1]


def _complaint(value: Any, path: str, depth: int = 0) -> str:
    """The first thing in ``value`` that JSON cannot hold, as a sentence; empty when there is none."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{path} is {value}, expected a finite number."
    if value is None or isinstance(value, str | int | float):
        return ""
    if depth > 200:
        return f"{path} is nested too deeply for JSON."
    if isinstance(value, dict):
        parts = [
            (f"{path}.{key}" if isinstance(key, str) else path, key, item) for key, item in value.items()
        ]
        for inner, key, item in parts:
            if not isinstance(key, str):
                return f"{path} has the key {key!r:.60}, expected text."
            if found := _complaint(item, inner, depth + 1):
                return found
        return ""
    if isinstance(value, list | tuple):
        complaints = (_complaint(item, f"{path}[{place}]", depth + 1) for place, item in enumerate(value))
        return next(filter(None, complaints), "")
    kind = "a mapping that is not a dict" if isinstance(value, Mapping) else f"a {type(value).__name__}"
    return f"{path} is {kind}, expected text, numbers, lists or dicts."


def format_time(moment: datetime, *, fixed: bool = False) -> str:
    """RFC 3339 in UTC, to the millisecond, or the microsecond where there are any.

    ``fixed`` always writes six digits, so that the text sorts like the time.
    """
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    short = utc.microsecond % 1000 == 0 and not fixed
    return utc.isoformat(timespec="milliseconds" if short else "microseconds") + "Z"


def parse_time(text: str) -> datetime:
    """The moment an RFC 3339 text names, in UTC. Raises ValueError for other text or a missing zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is out of range") from error
