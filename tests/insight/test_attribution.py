"""Occlusion against scorers whose arithmetic is known: effects are exact, batches shared, parts apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from rankscope.insight.attribution import Attribution, Passage, attribute, without, words_of
from rankscope.insight.preference import WordGap, prefer
from rankscope.stages.bm25.tokenizer import tokenize

WEIGHTS = {"ibuprofen": 2.0, "child": 1.5, "adult": -1.0, "dose": 0.25}


class Counter:
    """Adds the weights of the terms that text and query share with the table; keeps what it was asked."""

    def __init__(self, chunk: int = 4) -> None:
        self.chunk = chunk
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def value(self, query: str, text: str) -> float:
        asked = 1.0 if "child" in tokenize(query) else 0.5
        return asked * sum(WEIGHTS.get(term, 0.0) for term in set(tokenize(text)))

    def __call__(self, query: str, texts: Sequence[str]) -> Iterator[Sequence[float]]:
        self.asked.append((query, tuple(texts)))
        for start in range(0, len(texts), self.chunk):
            yield [self.value(query, text) for text in texts[start : start + self.chunk]]


CHILD = Passage("Ibuprofen sheet\nA child gets a dose by weight. Ask the nurse. Another child waits.", 16)
ADULT = Passage("Ibuprofen tablets. An adult takes one dose. Water helps.")
QUERY = "ibuprofen child"


def explained(*passages: Passage, most_words: int = 40) -> tuple[Attribution, ...]:
    return tuple(attribute(Counter(), QUERY, passages, most_words=most_words))[-1]


def effects(known: Attribution, kind: str) -> dict[str, float | None]:
    return {part.text.strip(): part.effect for part in getattr(known, kind)}


def test_effects_are_what_the_score_loses() -> None:
    (known,) = explained(CHILD)
    assert known.base == 2.0 + 1.5 + 0.25
    assert effects(known, "sentences") == {
        "Ibuprofen sheet": 2.0,
        "A child gets a dose by weight.": 0.25,  # the other child holds the word up
        "Ask the nurse.": 0.0,
        "Another child waits.": 0.0,
    }
    words = effects(known, "words")
    assert (words["Ibuprofen"], words["child"], words["dose"], words["nurse"]) == (2.0, 1.5, 0.25, 0.0)
    assert effects(known, "query_words") == {"ibuprofen": 0.0, "child": 3.75 - 3.75 * 0.5}
    assert known.finished
    assert [part.text for part in known.strongest(2)] == ["Ibuprofen", "child"]


def test_a_word_is_left_out_wherever_it_stands() -> None:
    child = next(part for part in words_of(CHILD.text) if part.text == "child")
    assert len(child.spans) == 2
    assert "child" not in without(CHILD.text, [child])


def test_function_words_are_passed_over_and_a_plural_is_the_same_word() -> None:
    assert [part.text for part in words_of("The doses of a dose, in THE DOSE")] == ["doses"]
    assert len(words_of("The doses of a dose, in THE DOSE")[0].spans) == 3
    assert [part.text for part in words_of("小児の用量")] == ["小児", "の用", "量"]


def test_the_sentences_that_matter_most_go_first_when_there_are_too_many_words() -> None:
    (known,) = explained(CHILD, most_words=4)
    tried = [part.text for part in known.words if part.effect is not None]
    assert tried == ["Ibuprofen", "sheet", "child", "gets"]  # asked for; then by the sentence's effect
    assert known.finished


def test_two_passages_share_their_batches_and_their_words() -> None:
    scorer = Counter(chunk=100)
    steps = list(attribute(scorer, QUERY, [CHILD, ADULT], most_words=2))
    assert len(scorer.asked) == 1 + 1 + 2  # whole and without sentences; words; a query word each
    first, second = steps[-1]
    assert first.finished
    assert second.finished
    tried = [{part.text for part in known.words if part.effect is not None} for known in (first, second)]
    assert tried == [{"Ibuprofen", "child"}, {"Ibuprofen", "tablets"}]


def test_results_come_in_as_they_are_scored() -> None:
    steps = [states[0] for states in attribute(Counter(chunk=1), QUERY, [CHILD])]
    assert [known.done for known in steps] == list(range(steps[-1].total + 1))
    assert steps[0].base is None
    assert all(len(known.words) == len(steps[0].words) for known in steps)


def test_nothing_is_left_to_leave_out() -> None:
    (known,) = tuple(attribute(Counter(), "child", [Passage("child")]))[-1]
    assert known.finished
    assert effects(known, "sentences") == {"child": None}
    assert effects(known, "query_words") == {"child": None}
    assert effects(known, "words") == {"child": 1.5}
    (empty,) = tuple(attribute(Counter(), "", [Passage("")]))[-1]
    assert empty.finished


@given(st.text(max_size=60), st.integers(0, 5))
def test_any_text_is_taken_apart_and_put_together(text: str, heading: int) -> None:
    (known,) = tuple(attribute(Counter(), "child dose", [Passage(text, min(heading, len(text)))]))[-1]
    assert known.finished
    for part in (*known.sentences, *known.words):
        assert all(0 <= start < end <= len(text) for start, end in part.spans)
        rest = without(text, [part])
        assert len(rest) == len(text) - sum(end - start for start, end in part.spans)
    assert without(text, known.words) == without(text, tuple(reversed(known.words)))


def test_what_speaks_for_one_of_two() -> None:
    found = prefer(*explained(CHILD, ADULT))
    assert found.difference == (2.0 + 1.5 + 0.25) - (2.0 - 1.0 + 0.25)
    assert found.words[:2] == (WordGap("child", 1.5, None), WordGap("adult", None, -1.0))
    assert [gap.gap for gap in found.words[:2]] == [1.5, 1.0]
    assert WordGap("Ibuprofen", 2.0, 2.0) in found.words
    assert {gap.word: gap.gap for gap in found.query_words} == {
        "child": 3.75 / 2 - 1.25 / 2,
        "ibuprofen": 0.0,
    }


def test_what_is_not_known_yet_is_left_out() -> None:
    first, second = next(iter(attribute(Counter(), QUERY, [CHILD, ADULT])))
    found = prefer(first, second)
    assert (found.difference, found.words, found.query_words) == (None, (), ())
