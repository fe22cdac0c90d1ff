"""Text to passages: whole sentences up to a budget of tokens.

Sentences, and blocks of fenced code, are kept together where they fit. One that is longer than the budget is
cut at line ends (code) or between words, and a word that is longer still between characters; how often that
was needed is counted. Nothing but white space lies outside the passages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rankscope.corpus.markdown import fenced_spans
from rankscope.corpus.sentences import sentence_spans

__all__ = ["Chunk", "ChunkedText", "chunk_text"]

_WORDS = re.compile(r"\S+\s*|\s+")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
_SMALL_TAIL = 0.25


@dataclass(frozen=True, slots=True)
class Chunk:
    """One passage: ``text`` is ``source[start:end]`` without blank lines before and white space after."""

    text: str
    start: int
    end: int
    tokens: int


@dataclass(frozen=True, slots=True)
class ChunkedText:
    """The passages of a text, in order."""

    chunks: tuple[Chunk, ...]
    split_sentences: int
    """Sentences and code blocks that were longer than the budget and had to be cut."""


@dataclass(frozen=True, slots=True)
class _Atom:
    """A stretch that is not cut any further; ``whole`` unless it is a piece of a longer sentence."""

    start: int
    end: int
    tokens: int
    whole: bool


def chunk_text(
    text: str, *, tokens: int, overlap: int = 0, count_tokens: Callable[[str], int]
) -> ChunkedText:
    """Cut a text into passages of at most ``tokens`` tokens, as ``count_tokens`` counts them.

    Each passage after the first begins with the last whole sentences of the one before, up to ``overlap``
    tokens, which must be fewer than ``tokens``. A short last passage shares its neighbour's sentences
    evenly. White space alone gives no passage.
    """
    if not 0 <= overlap < tokens:
        raise ValueError(f"overlap is {overlap}, expected 0 to {tokens - 1}")
    chunker = _Chunker(text, tokens, overlap, count_tokens)
    return ChunkedText(tuple(chunker.chunks()), chunker.split_sentences)


class _Chunker:
    def __init__(self, text: str, tokens: int, overlap: int, count_tokens: Callable[[str], int]) -> None:
        self.text = text
        self.tokens = tokens
        self.overlap = overlap
        self.count_tokens = count_tokens
        self.split_sentences = 0
        self._sizes: dict[tuple[int, int], int] = {}

    def chunks(self) -> Iterator[Chunk]:
        groups = self._packed(list(self._atoms()))
        self._even_out_tail(groups)
        for place, group in enumerate(groups):
            first, last = group[0].start, group[-1].end
            if place and self.overlap:
                first = self._with_overlap(groups[place - 1], group)
            shown = self._shown(first, last)
            if shown:
                yield Chunk(shown, first, last, self._size(first, last))

    def _atoms(self) -> Iterator[_Atom]:
        """Sentences and code blocks, and the pieces of those that are too long."""
        for start, end, is_code in _stretches(self.text):
            size = self.count_tokens(self.text[start:end])
            if size <= self.tokens:
                yield _Atom(start, end, size, whole=True)
            else:
                self.split_sentences += 1
                yield from self._pieces(start, end, size, (_LINES, _WORDS) if is_code else (_WORDS,))

    def _pieces(self, start: int, end: int, size: int, cuts: Sequence[re.Pattern[str]]) -> Iterator[_Atom]:
        if size <= self.tokens:
            yield _Atom(start, end, size, whole=False)
        elif not cuts:
            yield from self._prefixes(start, end)
        else:
            for piece in cuts[0].finditer(self.text, start, end):
                yield from self._pieces(*piece.span(), self.count_tokens(piece.group()), cuts[1:])

    def _prefixes(self, start: int, end: int) -> Iterator[_Atom]:
        """Cut between characters: the longest prefix that fits, again and again."""
        while start < end:
            fits, fails = 1, 2
            while start + fails <= end and self._size(start, start + fails) <= self.tokens:
                fits, fails = fails, fails * 2
            fails = min(fails, end - start + 1)
            while fails - fits > 1:
                middle = (fits + fails) // 2
                if self._size(start, start + middle) <= self.tokens:
                    fits = middle
                else:
                    fails = middle
            yield _Atom(start, start + fits, self._size(start, start + fits), whole=False)
            start += fits

    def _packed(self, atoms: list[_Atom]) -> list[list[_Atom]]:
        """Groups of neighbouring atoms, each filled up to the budget less what overlap may take."""
        groups: list[list[_Atom]] = []
        place = 0
        while place < len(atoms):
            last, total = place + 1, atoms[place].tokens
            while last < len(atoms) and total + atoms[last].tokens <= self.tokens - self.overlap:
                total += atoms[last].tokens
                last += 1
            # A counter whose parts do not add up may count more for the whole: give back what is too much.
            while last - place > 1 and not self._fits(atoms[place:last]):
                last -= 1
            groups.append(atoms[place:last])
            place = last
        return groups

    def _even_out_tail(self, groups: list[list[_Atom]]) -> None:
        if len(groups) < 2:
            return
        before, tail = list(groups[-2]), list(groups[-1])
        sizes = [sum(atom.tokens for atom in group) for group in (before, tail)]
        if sizes[1] >= _SMALL_TAIL * self.tokens:
            return
        while len(before) > 1 and sizes[1] + before[-1].tokens <= sum(sizes) / 2:
            moved = before.pop()
            tail.insert(0, moved)
            sizes = [sizes[0] - moved.tokens, sizes[1] + moved.tokens]
        if self._fits(tail):
            groups[-2:] = [before, tail]

    def _with_overlap(self, before: list[_Atom], group: list[_Atom]) -> int:
        """Where the passage of ``group`` starts when it repeats the last whole sentences of ``before``."""
        first = group[0].start
        for atom in reversed(before):
            repeated = self._size(atom.start, group[0].start)
            if (
                not atom.whole
                or repeated > self.overlap
                or self._size(atom.start, group[-1].end) > self.tokens
            ):
                break
            first = atom.start
        return first

    def _fits(self, atoms: list[_Atom]) -> bool:
        return self._size(atoms[0].start, atoms[-1].end) <= self.tokens

    def _size(self, start: int, end: int) -> int:
        """Tokens of a stretch as it is shown; kept, for a group is counted when packed and when cut out."""
        if (start, end) not in self._sizes:
            self._sizes[start, end] = self.count_tokens(self._shown(start, end))
        return self._sizes[start, end]

    def _shown(self, start: int, end: int) -> str:
        return _BLANK_LINES.sub("", self.text[start:end]).rstrip()


def _stretches(text: str) -> Iterator[tuple[int, int, bool]]:
    """Sentences and fenced code blocks in order, and whether a stretch is code; they cover the text."""
    place = 0
    for start, end in [*fenced_spans(text), (len(text), len(text))]:
        for first, last in sentence_spans(text[place:start]):
            yield place + first, place + last, False
        if start < end:
            yield start, end, True
        place = end
