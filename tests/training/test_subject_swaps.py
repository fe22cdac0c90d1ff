"""Answers about another subject."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from rankscope.training.subject_swaps import rare_words, subject_swap

ANSWER = "Ibuprofen for children: the dose goes by weight. Ibuprofen is given with food."
NEIGHBOUR = "Paracetamol for children: the dose goes by weight. Paracetamol needs no food."
CORPUS = [
    ANSWER,
    NEIGHBOUR,
    *(f"The dose of syrup {number} for children goes by weight and food." for number in range(60)),
]
RARE = rare_words(CORPUS)
QUERY = "ibuprofen dose for children"


def swapped(seed: int) -> str:
    changed = subject_swap(QUERY, ANSWER, [NEIGHBOUR], RARE, random.Random(seed))
    assert changed is not None
    return changed


def test_the_rarest_shared_word_gives_way_to_what_a_neighbour_is_about() -> None:
    found = {swapped(seed) for seed in range(30)}
    assert found == {
        ANSWER.replace("Ibuprofen", "Paracetamol"),
        ANSWER.replace("Ibuprofen", "Paracetamol", 1),
    }


def test_a_frequent_word_is_no_subject() -> None:
    assert subject_swap("dose for children", ANSWER, [NEIGHBOUR], RARE, random.Random(1)) is None


def test_a_neighbour_that_names_a_word_once_is_not_about_it() -> None:
    once = "Paracetamol for children"
    assert subject_swap(QUERY, ANSWER, [once], RARE, random.Random(1)) is None


def test_nothing_known_gives_none() -> None:
    assert subject_swap("", "", [], {}, random.Random(1)) is None


@given(st.text(), st.text(), st.lists(st.text(), max_size=3), st.integers())
def test_a_swap_is_never_the_answer_itself(query: str, answer: str, neighbours: list[str], seed: int) -> None:
    rare = rare_words([answer, *neighbours])
    assert subject_swap(query, answer, neighbours, rare, random.Random(seed)) != answer
