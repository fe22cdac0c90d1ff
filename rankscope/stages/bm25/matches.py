"""Where a text holds the terms of a query, for marking them on the screen."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from rankscope.stages.bm25.tokenizer import chunk_pattern, tokenize, unspaced_letters
from rankscope.stages.bm25.writing_systems import normalize

__all__ = ["matching_spans"]

_PIECE = re.compile("[^_.'&\u2019\u2010\u2011-]+")


def matching_spans(text: str, terms: Collection[str]) -> list[tuple[int, int]]:
    """Half-open character ranges of ``text`` that give one of ``terms``, in order and apart.

    An identifier is marked whole when the whole was asked for, else only its pieces that were: with the
    term ``account`` only that half of ``delete_account`` is marked.
    """
    wanted = frozenset(terms)
    spans: list[tuple[int, int]] = []
    for chunk in chunk_pattern(text).finditer(text):
        for first, last in _inside(chunk.group(), wanted):
            start, end = chunk.start() + first, chunk.start() + last
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
    return spans


def _inside(chunk: str, wanted: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Ranges within one chunk, in order of their start; those of overlapping n-grams overlap."""
    given = tokenize(chunk)
    if wanted.isdisjoint(given):
        return
    unspaced = unspaced_letters(chunk)
    if unspaced is not None and len(unspaced[0]) >= min(unspaced[1]):
        yield from _grams(*unspaced, wanted)
        return
    pieces = [] if given[0] in wanted else [piece.span() for piece in _PIECE.finditer(chunk)]
    marked = [(start, end) for start, end in pieces if not wanted.isdisjoint(tokenize(chunk[start:end]))]
    yield from marked or [(0, len(chunk))]


def _grams(letters: list[str], sizes: tuple[int, ...], wanted: frozenset[str]) -> Iterator[tuple[int, int]]:
    begin = 0
    for place, letter in enumerate(letters):
        for size in sizes:
            gram = "".join(letters[place : place + size])
            if place + size <= len(letters) and normalize(gram) in wanted:
                yield begin, begin + len(gram)
        begin += len(letter)
