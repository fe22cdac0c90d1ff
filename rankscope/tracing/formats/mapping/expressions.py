"""JMESPath as mappings use it: compiled once, wrong ones refused with the place, plain names fast."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from rankscope.errors import UsageError

__all__ = ["Getter", "compile_expression", "path_expression"]

Getter = Callable[[Any], Any]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(maxsize=512)
def compile_expression(text: str) -> Getter:
    """A function from a record to the value the expression finds; None where it finds nothing.

    Raises UsageError for an expression that JMESPath does not know. A function of the expression that does
    not fit the value (``length`` of a number) finds nothing.
    """
    if _NAME.fullmatch(text):
        return lambda value: value.get(text) if isinstance(value, dict) else None
    if text == "@":
        return lambda value: value
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        compiled = jmespath.compile(text)
    except JMESPathError as error:
        first = str(error).splitlines()[0]
        raise UsageError(f"{text!r:.80} is not a JMESPath expression: {first}") from error

    def search(value: Any) -> Any:
        try:
            return compiled.search(value)
        except (JMESPathError, TypeError):
            return None

    return search


def path_expression(tokens: tuple[str | int, ...]) -> str:
    """The expression for a path of keys and list places: ``("a b", 0, "c")`` gives ``"a b"[0].c``."""
    if not tokens:
        return "@"
    text = ""
    for token in tokens:
        if isinstance(token, int):
            text += f"[{token}]"
            continue
        name = token if _NAME.fullmatch(token) else json.dumps(token, ensure_ascii=False)
        text += f".{name}" if text else name
    return text
