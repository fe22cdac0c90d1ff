"""Passages that say the right thing of another subject, some of which still mention the right one.

A passage that has all words of a query but one, or that names its subject in passing, is what a lexical
match cannot tell from the answer. Here the rarest word that the query and its answer share is replaced in
the answer by one that a neighbour of the answer is about. Made from the training texts alone.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

__all__ = ["rare_words", "subject_swap"]

_WORD = re.compile(r"[^\W\d_][\w.+-]{2,}\w")
_RARE = 0.05
"""Share of the passages up to which a word can be what one of them is about."""
_ABOUT = 2
"""Times that a neighbour names what it is about, at least."""


def rare_words(texts: Collection[str]) -> dict[str, int]:
    """Words, lower case, that stand in few of the texts, and in how many."""
    counts = Counter(word for text in texts for word in set(_words(text)))
    most = max(2.0, _RARE * len(texts))
    return {word: count for word, count in counts.items() if count <= most}


def subject_swap(
    query: str, answer: str, neighbours: Sequence[str], rare: Mapping[str, int], rng: random.Random
) -> str | None:
    """``answer`` about another subject; None where query and answer share none, or no neighbour has another.

    Where the answer names its subject twice or more, half the time its last mention stays.
    """
    asked, told = set(_words(query)), Counter(_words(answer))
    shared = sorted(asked & told.keys() & rare.keys())
    if not shared:
        return None
    subject = min(shared, key=lambda word: (rare[word], word))
    others = sorted(
        word
        for neighbour in neighbours
        for word, count in Counter(_words(neighbour)).items()
        if count >= _ABOUT and word in rare and word not in told and word not in asked
    )
    if not others:
        return None
    other = rng.choice(others)
    places = list(re.finditer(rf"(?<!\w){re.escape(subject)}(?!\w)", answer, re.IGNORECASE))
    kept = places[-1].start() if len(places) > 1 and rng.random() < 1 / 2 else -1
    pieces, end = [], 0
    for place in places:
        if place.start() != kept:
            pieces += [answer[end : place.start()], other.capitalize() if place[0][0].isupper() else other]
            end = place.end()
    changed = "".join([*pieces, answer[end:]])
    return None if changed == answer else changed


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
