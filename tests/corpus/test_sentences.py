"""Where sentences end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankscope.corpus.sentences import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end].strip() for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ('He said "Stop." Then left.', ['He said "Stop."', "Then left."]),
        ("Dose: 2.5 mg. Repeat.", ["Dose: 2.5 mg.", "Repeat."]),
        ("See Dr. Smith, e.g. at 9 a.m. on Monday.", ["See Dr. Smith, e.g. at 9 a.m. on Monday."]),
        ("J. R. Tolkien wrote it. Read it.", ["J. R. Tolkien wrote it.", "Read it."]),
        ("See Fig. 3 and cl. 9.2.1 first. Then stop.", ["See Fig. 3 and cl. 9.2.1 first.", "Then stop."]),
        ("The answer is no. Then stop.", ["The answer is no.", "Then stop."]),
        ("Open the app. Tap it.", ["Open the app.", "Tap it."]),
        ("made by Yahoo! and others. End.", ["made by Yahoo! and others.", "End."]),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ("a heading\n\nA paragraph", ["a heading", "A paragraph"]),
        ("Steps:\n- one\n- two\n1. three", ["Steps:", "- one", "- two", "1. three"]),
        ("1. First do this. 2. Then that.", ["1. First do this.", "2. Then that."]),
        ("今天下雨。明天呢？「好。」走吧", ["今天下雨。", "明天呢？", "「好。」", "走吧"]),
        ("ما هذا؟ هذا كتاب. نعم", ["ما هذا؟", "هذا كتاب.", "نعم"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
        ("", []),
        ("   ", [""]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(alphabet=st.one_of(st.sampled_from(".!?。 \n\"')(-*1aA"), st.characters())))
def test_the_spans_cover_the_text(text: str) -> None:
    spans = sentence_spans(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(start < end for start, end in spans)
