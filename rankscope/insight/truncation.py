"""Which part of a passage the cross-encoder saw: the truncation lens, as character ranges of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Seen", "lens"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A range of the text, ``text[start:end]``, and what became of it."""

    start: int
    end: int
    kind: Literal["scored", "read", "cut"]
    """``scored`` is the window whose score counts, ``read`` another window, ``cut`` in no window."""
    tokens: int


def lens(
    text: str,
    tokens: Sequence[tuple[int, int]],
    windows: Sequence[tuple[int, int]],
    winner: int | None = None,
) -> tuple[Seen, ...]:
    """Divide a text into what was scored, read and cut; the ranges are in order and cover all of it.

    ``tokens`` are the half-open character ranges of its tokens, ``windows`` half-open ranges of token
    numbers, ``winner`` the place of the window whose score counts (from 0; the only one when None).
    White space and what the tokenizer leaves out goes with the token before it.
    """
    if not text:
        return ()
    if not tokens:
        return (Seen(0, len(text), "cut", 0),)
    best = windows[winner if winner is not None else 0] if windows else (0, 0)
    kinds: list[Literal["scored", "read", "cut"]] = []
    for number in range(len(tokens)):
        if best[0] <= number < best[1]:
            kinds.append("scored")
        else:
            kinds.append("read" if any(first <= number < last for first, last in windows) else "cut")
    parts: list[Seen] = []
    first = 0
    for number in range(1, len(tokens) + 1):
        if number < len(tokens) and kinds[number] == kinds[first]:
            continue
        start = tokens[first][0] if first else 0
        end = tokens[number][0] if number < len(tokens) else len(text)
        parts.append(Seen(start, end, kinds[first], number - first))
        first = number
    return tuple(parts)
