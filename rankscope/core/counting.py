"""A count in a sentence: the noun, and a verb behind it, agree with the number."""

from __future__ import annotations

__all__ = ["counted"]


def counted(count: int, one: str, many: str = "") -> str:
    """``1 trace``, ``1,204 traces``; with ``trace was`` and ``traces were`` also the verb.

    ``many`` is what follows any number but 1; without it, ``one`` and an s.
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
