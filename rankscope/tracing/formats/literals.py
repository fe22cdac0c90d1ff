"""Structures written into text: JSON, Python literals as ``str()`` writes them, numpy lists."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any

from rankscope.tracing.formats.values import plain

__all__ = ["looks_structured", "parse_literal"]

_LONGEST = 4_000_000
# nan, inf and constructor calls around plain values, as str() of a mapping writes them.
_NAN = re.compile(r"(?<=[\[\s:,(])(nan|NaN|-?inf)(?=[\s,\]})])")
_CALL = re.compile(r"(?:np\.|numpy\.)?(?:float32|float64|int32|int64|UUID|Decimal|array)\(([^()]*)\)")
_NUMPY_GAP = re.compile(r"""(['"])\s*\n?\s+(?=['"])""")


def looks_structured(text: str) -> bool:
    """Whether the text begins and ends like a list or a mapping."""
    stripped = text.strip()
    return len(stripped) >= 2 and stripped[0] + stripped[-1] in ("[]", "{}", "()")


def parse_literal(text: str) -> Any:
    """The list or mapping that a text spells, as plain JSON values; the text itself where it spells none."""
    if not looks_structured(text) or len(text) > _LONGEST:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    for attempt in (_gaps_closed(text), _NAN.sub("None", _CALL.sub(r"\1", text))):
        try:
            with warnings.catch_warnings():
                # A backslash in scraped text is no mistake of ours.
                warnings.simplefilter("ignore", SyntaxWarning)
                warnings.simplefilter("ignore", DeprecationWarning)
                value = ast.literal_eval(attempt.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
        return plain(value)
    return text


def _gaps_closed(text: str) -> str:
    """Commas between the quoted items of a numpy list: Python would read ``'a' 'b'`` as one text."""
    stripped = text.strip()
    if stripped.startswith(("['", '["')) and _NUMPY_GAP.search(stripped):
        return _NUMPY_GAP.sub(r"\1, ", stripped)
    return text
