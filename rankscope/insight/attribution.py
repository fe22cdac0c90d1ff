"""Which sentences and words move a cross-encoder's score: occlusion, from coarse to fine.

A part is left out and what remains is scored again; its effect is by how much the score falls. First every
sentence of the passage, then every word of the query, then the words of the sentences that matter most. A
word is left out wherever the passage holds it: a model that still finds it once hardly misses it.
Function words are passed over. Occlusion after Zeiler and Fergus (ECCV 2014); for text Li, Monroe and
Jurafsky, "Understanding Neural Networks through Representation Erasure" (arXiv 1612.08220).

Pure: what scores is a callable, best on a scale without ends (logits), where effects do not flatten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rankscope.corpus.sentences import sentence_spans
from rankscope.stages.bm25.tokenizer import chunk_pattern, tokenize, unspaced_letters

__all__ = [
    "MOST_WORDS",
    "Attribution",
    "Part",
    "Passage",
    "Score",
    "attribute",
    "without",
    "word_key",
    "words_of",
]

Span = tuple[int, int]
Score = Callable[[str, Sequence[str]], Iterator[Sequence[float]]]
"""Scores of texts against a query, in chunks as they come, in the order given."""

MOST_WORDS = 36
"""Words of a passage that are left out in turn: those of the sentences that matter most."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text to explain. Its first ``heading`` characters (a title) are a part by themselves."""

    text: str
    heading: int = 0
    start: int = 0
    """Where it begins in the document, of which the model may see a part only."""


@dataclass(frozen=True, slots=True)
class Part:
    """A sentence, or a word wherever it stands, and what it does to the score."""

    text: str
    """As it stands at its first place."""
    spans: tuple[Span, ...]
    effect: float | None = None
    """By how much the score falls without it (negative: it rises); None where that is not known (yet)."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What is known so far of one passage and one query."""

    query: str
    text: str
    base: float | None = None
    """The score of the whole passage."""
    sentences: tuple[Part, ...] = ()
    query_words: tuple[Part, ...] = ()
    words: tuple[Part, ...] = ()
    """Distinct content words in the order of the text; those that were not left out have no effect."""
    done: int = 0
    total: int = 0
    heading: int = 0
    """Characters of the title that begins the text."""
    start: int = 0
    """Where the text begins in the document: what stands before it the model did not see."""

    @property
    def finished(self) -> bool:
        """Whether everything that was planned has been scored."""
        return self.done == self.total

    def strongest(self, count: int) -> tuple[Part, ...]:
        """The words that hold the score up most, strongest first."""
        known = [part for part in self.words if part.effect is not None and part.effect > 0]
        return tuple(sorted(known, key=lambda part: -(part.effect or 0.0))[:count])


def without(text: str, parts: Sequence[Part]) -> str:
    """The text without these parts."""
    kept, start = [], 0
    for first, last in sorted(span for part in parts for span in part.spans):
        kept.append(text[start:first])
        start = max(start, last)
    return "".join(kept) + text[start:]


def word_key(text: str) -> tuple[str, ...]:
    """What makes two words one: singular and plural, capitals and small letters are not told apart."""
    return tuple(tokenize(text))


def words_of(text: str) -> tuple[Part, ...]:
    """The distinct content words of a text, in order."""
    places: dict[tuple[str, ...], list[Span]] = {}
    for chunk in chunk_pattern(text).finditer(text):
        for start, end in _pieces(chunk.group()):
            first, last = chunk.start() + start, chunk.start() + end
            if key := word_key(text[first:last]):
                places.setdefault(key, []).append((first, last))
    return tuple(Part(text[spans[0][0] : spans[0][1]], tuple(spans)) for spans in places.values())


def _pieces(chunk: str) -> list[Span]:
    """A word whole; a run of a script without spaces in pairs of characters, which are about its words."""
    if unspaced_letters(chunk) is None:
        return [(0, len(chunk))]
    return [(start, min(start + 2, len(chunk))) for start in range(0, len(chunk), 2)]


def sentences_of(passage: Passage) -> tuple[Part, ...]:
    """The heading, then the sentences of the rest."""
    text, heading = passage.text, passage.heading
    spans = [(heading + start, heading + end) for start, end in sentence_spans(text[heading:])]
    if text[:heading].strip():
        spans.insert(0, (0, heading))
    return tuple(Part(text[start:end], ((start, end),)) for start, end in spans if text[start:end].strip())


def attribute(
    score: Score, query: str, passages: Sequence[Passage], *, most_words: int = MOST_WORDS
) -> Iterator[tuple[Attribution, ...]]:
    """Explain passages side by side; each step yields all that is known so far, the last one everything.

    Passages share their batches, and a word that one of them is tried without is tried in each that holds it.
    """
    run = _Run(query, passages, most_words)
    yield tuple(run.known)
    whole = [_Trial(place, "base") for place in range(len(passages))]
    yield from run.fill(score, [*whole, *run.sentences()])
    for number, part in enumerate(run.query_words):
        yield from run.fill_query(score, number, part)
    yield from run.fill(score, run.chosen_words())


@dataclass(frozen=True, slots=True)
class _Trial:
    """One text to score: a passage whole, or without one of its parts."""

    place: int
    """Which passage."""
    kind: Literal["base", "sentences", "query_words", "words"]
    number: int = 0
    """Which of the parts of this kind."""


class _Run:
    """The attributions under way."""

    def __init__(self, query: str, passages: Sequence[Passage], most_words: int) -> None:
        self.query = query
        self.most_words = most_words
        words = words_of(query)
        # Without its only word the query would ask for nothing.
        self.query_words = words if len(words) > 1 else ()
        self.known = [self._planned(passage, words) for passage in passages]

    def _planned(self, passage: Passage, query_words: tuple[Part, ...]) -> Attribution:
        sentences, words = sentences_of(passage), words_of(passage.text)
        total = 1 + (len(sentences) if len(sentences) > 1 else 0)
        total += len(self.query_words) + min(len(words), self.most_words)
        return Attribution(
            query=self.query,
            text=passage.text,
            sentences=sentences,
            query_words=query_words,
            words=words,
            total=total,
            heading=passage.heading,
            start=passage.start,
        )

    def sentences(self) -> list[_Trial]:
        """Every sentence of every passage that has more than one."""
        return [
            _Trial(place, "sentences", number)
            for place, known in enumerate(self.known)
            if len(known.sentences) > 1
            for number in range(len(known.sentences))
        ]

    def chosen_words(self) -> list[_Trial]:
        """The words of the sentences that matter most, and the same words in the other passages."""
        chosen = [_by_importance(known)[: self.most_words] for known in self.known]
        wanted = {
            word_key(known.words[number].text)
            for known, numbers in zip(self.known, chosen, strict=True)
            for number in numbers
        }
        plan: list[_Trial] = []
        for place, known in enumerate(self.known):
            shared = (number for number, part in enumerate(known.words) if word_key(part.text) in wanted)
            numbers = list(dict.fromkeys((*chosen[place], *shared)))
            more = len(numbers) - len(chosen[place])
            self.known[place] = replace(known, total=known.total + more)
            plan += [_Trial(place, "words", number) for number in numbers]
        return plan

    def fill(self, score: Score, plan: Sequence[_Trial]) -> Iterator[tuple[Attribution, ...]]:
        """Score what is planned against the query, and report after each chunk."""
        yield from self._learn(score(self.query, [self._text(trial) for trial in plan]), plan)

    def fill_query(self, score: Score, number: int, part: Part) -> Iterator[tuple[Attribution, ...]]:
        """Score all passages, whole, against the query without one of its words."""
        plan = [_Trial(place, "query_words", number) for place in range(len(self.known))]
        texts = [known.text for known in self.known]
        yield from self._learn(score(without(self.query, [part]), texts), plan)

    def _text(self, trial: _Trial) -> str:
        known = self.known[trial.place]
        if trial.kind == "base":
            return known.text
        parts = known.sentences if trial.kind == "sentences" else known.words
        return without(known.text, [parts[trial.number]])

    def _learn(
        self, chunks: Iterator[Sequence[float]], plan: Sequence[_Trial]
    ) -> Iterator[tuple[Attribution, ...]]:
        start = 0
        for chunk in chunks:
            for trial, value in zip(plan[start:], chunk, strict=False):
                known = self.known[trial.place]
                self.known[trial.place] = _with_score(known, trial, value)
            start += len(chunk)
            yield tuple(self.known)


def _with_score(known: Attribution, trial: _Trial, value: float) -> Attribution:
    done = known.done + 1
    if known.base is None or trial.kind == "base":
        return replace(known, base=value, done=done)
    effect = known.base - value
    if trial.kind == "sentences":
        return replace(known, sentences=_filled(known.sentences, trial.number, effect), done=done)
    if trial.kind == "words":
        return replace(known, words=_filled(known.words, trial.number, effect), done=done)
    return replace(known, query_words=_filled(known.query_words, trial.number, effect), done=done)


def _filled(parts: tuple[Part, ...], number: int, effect: float) -> tuple[Part, ...]:
    return (*parts[:number], replace(parts[number], effect=effect), *parts[number + 1 :])


def _by_importance(known: Attribution) -> list[int]:
    """Numbers of the words: those of the query first, then those of the sentence with the largest effect."""
    asked = {word_key(part.text) for part in known.query_words}
    order = dict.fromkeys(n for n, part in enumerate(known.words) if word_key(part.text) in asked)
    ranked = sorted(known.sentences, key=lambda part: -abs(part.effect or 0.0))
    for (start, end), *_ in (part.spans for part in ranked):
        for number, part in enumerate(known.words):
            if any(start <= first < end for first, _ in part.spans):
                order.setdefault(number)
    return list(order)
