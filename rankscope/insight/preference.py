"""Why the cross-encoder scores one document above another: two attributions, word by word.

A word that one of the passages does not hold takes nothing away there, so its effect counts as zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from rankscope.insight.attribution import Attribution, Part, word_key

__all__ = ["Preference", "WordGap", "prefer"]


@dataclass(frozen=True, slots=True)
class WordGap:
    """What one word does for the first document and for the second."""

    word: str
    first: float | None
    """Its effect on the first score; None where that passage does not hold it."""
    second: float | None

    @property
    def gap(self) -> float:
        """How much it speaks for the first document (negative: for the second)."""
        return (self.first or 0.0) - (self.second or 0.0)


@dataclass(frozen=True, slots=True)
class Preference:
    """The difference of two scores and what carries it; the largest gap first."""

    difference: float | None
    """First score less second; None until both are known."""
    query_words: tuple[WordGap, ...]
    """What the score loses in each document when the query does not hold the word."""
    words: tuple[WordGap, ...]
    """What each document's score loses without the word; those that both were tried without, or one holds."""


def prefer(first: Attribution, second: Attribution) -> Preference:
    """Set two attributions to the same query, made side by side, against each other."""
    difference = None
    if first.base is not None and second.base is not None:
        difference = first.base - second.base
    return Preference(
        difference,
        _sorted(_gaps(first.query_words, second.query_words)),
        _sorted(_gaps(first.words, second.words)),
    )


def _gaps(first: tuple[Part, ...], second: tuple[Part, ...]) -> list[WordGap]:
    """Words whose effects are known wherever they stand."""
    theirs = {word_key(part.text): part for part in second}
    ours = {word_key(part.text): part for part in first}
    gaps = []
    for key in dict.fromkeys((*ours, *theirs)):
        one, other = ours.get(key), theirs.get(key)
        if any(part is not None and part.effect is None for part in (one, other)):
            continue
        named = one or other
        assert named is not None
        gaps.append(WordGap(named.text, _effect(one), _effect(other)))
    return gaps


def _effect(part: Part | None) -> float | None:
    return None if part is None else part.effect


def _sorted(gaps: list[WordGap]) -> tuple[WordGap, ...]:
    return tuple(sorted(gaps, key=lambda word: -abs(word.gap)))
